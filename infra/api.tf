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

output "webhook_url" {
  description = "Where Datadog's webhook points."
  value       = "${aws_apigatewayv2_api.ingress.api_endpoint}/datadog"
}
