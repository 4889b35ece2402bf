# The HTTP API: a route per line of `routes` in the manifest, each checked for its vendor's secret or signature by the function behind it.
locals {
  ingress = { for name, function in local.functions : name => function if length(try(function.routes, [])) > 0 }
  routes  = merge([for name, function in local.ingress : { for route in function.routes : route => name }]...)
}

resource "aws_apigatewayv2_api" "ingress" {
  name          = var.name
  description   = "Alerts and changes in."
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "ingress" {
  for_each               = local.ingress
  api_id                 = aws_apigatewayv2_api.ingress.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.function[each.key].invoke_arn
  integration_method     = "POST"
  payload_format_version = "2.0"
  # The function gives up first, and says why.
  timeout_milliseconds = (each.value.timeout_s + 1) * 1000
}

resource "aws_apigatewayv2_route" "ingress" {
  #checkov:skip=CKV_AWS_309:The vendors sign or send a secret header, which the function checks; an authorizer never sees the body that a signature covers
  for_each           = local.routes
  api_id             = aws_apigatewayv2_api.ingress.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.ingress[each.value].id}"
  authorization_type = "NONE"
}

resource "aws_lambda_permission" "ingress" {
  for_each      = local.routes
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function[each.value].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.ingress.execution_arn}/*/${replace(each.key, " ", "")}"
}

resource "aws_cloudwatch_log_group" "ingress" {
  #checkov:skip=CKV_AWS_158:AWS's key unless kms_key_arn names one; a line holds no header, query or body
  #checkov:skip=CKV_AWS_338:How long logs are kept is the deployer's: log_retention_days
  name              = "/aws/vendedlogs/apigateway/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key_arn
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.ingress.id
  name        = "$default"
  auto_deploy = true
  default_route_settings {
    # Datadog never repeats a 429: far above the rate of a storm.
    throttling_burst_limit   = 2000
    throttling_rate_limit    = 1000
    detailed_metrics_enabled = true
  }
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.ingress.arn
    # No header, no query, no path as it came: secrets travel there.
    format = jsonencode({
      request     = "$context.requestId"
      time        = "$context.requestTime"
      route       = "$context.routeKey"
      status      = "$context.status"
      from        = "$context.identity.sourceIp"
      latency_ms  = "$context.responseLatency"
      function_ms = "$context.integrationLatency"
      bytes       = "$context.responseLength"
      error       = "$context.integrationErrorMessage"
    })
  }
}
