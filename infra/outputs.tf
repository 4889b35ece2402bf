output "webhook_url" {
  description = "Where Datadog's webhook points: docs/datadog-webhook.md."
  value       = "${aws_apigatewayv2_api.ingress.api_endpoint}/datadog"
}

output "index_webhook_urls" {
  description = "Where the webhooks of GitHub, GitLab and Confluence's automation point: docs/knowledge.md."
  value       = { for vendor in ["github", "gitlab", "confluence"] : vendor => "${aws_apigatewayv2_api.ingress.api_endpoint}/index/${vendor}" }
}

output "secrets_to_fill" {
  description = "Entries of Secrets Manager that wait for their values."
  value       = sort([for secret in aws_secretsmanager_secret.secret : secret.name])
}

output "machines" {
  description = "ARNs of the state machines."
  value       = { for machine in local.machines : machine => module.permissions.arns["${machine}-machine"] }
}

output "environment" {
  description = "What `sitrep doctor` and `sitrep report` need to see the deployment, as lines for a shell. A secret is its ARN, never its value."
  value = join("\n", [
    for name, value in merge(
      local.settings,
      local.secret_arns,
      { AWS_REGION = var.region, STATE_MACHINE_ARN = local.named.incident-machine, LEDGER_TABLE = local.named.ledger, QUEUE_URL = local.named.queue, CASES_BUCKET = local.named.cases },
    ) : "export ${name}='${replace(value, "'", "'\\''")}'"
  ])
}

output "dashboard" {
  description = "The numbers."
  value       = "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.numbers.dashboard_name}"
}

output "slack_url" {
  description = "Where Slack sends clicks: the request URL of the app's interactivity."
  value       = "${aws_apigatewayv2_api.ingress.api_endpoint}/slack"
}
