resource "aws_apigatewayv2_api" "ingress" {
  name          = "sitrep"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "webhook" {
  api_id                 = aws_apigatewayv2_api.ingress.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.function["webhook"].invoke_arn
  integration_method     = "POST"
  payload_format_version = "2.0"
  timeout_milliseconds   = 12000 # Datadog waits fifteen seconds.
}

resource "aws_apigatewayv2_route" "datadog" {
  api_id    = aws_apigatewayv2_api.ingress.id
  route_key = "POST /datadog"
  target    = "integrations/${aws_apigatewayv2_integration.webhook.id}"
}

resource "aws_apigatewayv2_integration" "index_webhook" {
  api_id                 = aws_apigatewayv2_api.ingress.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.function["index-webhook"].invoke_arn
  integration_method     = "POST"
  payload_format_version = "2.0"
  timeout_milliseconds   = 9000 # GitHub and GitLab wait ten seconds.
}

resource "aws_apigatewayv2_route" "index" {
  for_each  = toset(["github", "gitlab", "confluence"])
  api_id    = aws_apigatewayv2_api.ingress.id
  route_key = "POST /index/${each.key}"
  target    = "integrations/${aws_apigatewayv2_integration.index_webhook.id}"
}

resource "aws_lambda_permission" "index_webhook" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function["index-webhook"].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.ingress.execution_arn}/*/*/index/*"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.ingress.id
  name        = "$default"
  auto_deploy = true
  default_route_settings {
    # Datadog never repeats a 429: far above the rate of a storm.
    throttling_burst_limit = 2000
    throttling_rate_limit  = 1000
  }
}

resource "aws_lambda_permission" "webhook" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function["webhook"].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.ingress.execution_arn}/*/*/datadog"
}

output "index_webhook_urls" {
  description = "Where the webhooks of GitHub, GitLab and Confluence's automation point."
  value       = { for vendor in ["github", "gitlab", "confluence"] : vendor => "${aws_apigatewayv2_api.ingress.api_endpoint}/index/${vendor}" }
}

output "webhook_url" {
  description = "Where Datadog's webhook points."
  value       = "${aws_apigatewayv2_api.ingress.api_endpoint}/datadog"
}
