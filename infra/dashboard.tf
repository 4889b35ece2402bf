module "dashboard" {
  source       = "./modules/dashboard"
  name         = var.name
  region       = var.region
  api_id       = aws_apigatewayv2_api.ingress.id
  machine_arns = { for machine in local.machines : machine => module.permissions.arns["${machine}-machine"] }
  functions    = keys(local.functions)
}

resource "aws_cloudwatch_dashboard" "numbers" {
  dashboard_name = var.name
  dashboard_body = module.dashboard.body
}
