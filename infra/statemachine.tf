data "aws_caller_identity" "current" {}

locals {
  # Written out, not read from the resource: the machine needs the functions' ARNs, so the webhook cannot wait for the machine's.
  incident_arn = "arn:aws:states:${var.region}:${data.aws_caller_identity.current.account_id}:stateMachine:sitrep-incident"
  index_arn    = "arn:aws:states:${var.region}:${data.aws_caller_identity.current.account_id}:stateMachine:sitrep-index"
}

resource "aws_sfn_state_machine" "incident" {
  name     = "sitrep-incident"
  role_arn = aws_iam_role.incident.arn
  definition = templatefile("${path.module}/../statemachine/incident.asl.json", {
    for name, function in aws_lambda_function.function : name => function.arn
  })
  logging_configuration {
    log_destination        = "${aws_cloudwatch_log_group.incident.arn}:*"
    include_execution_data = false # The document quotes logs and wiki pages.
    level                  = "ERROR"
  }
  tracing_configuration {
    enabled = true
  }
  # Creating a machine that logs fails until its role may set up the delivery.
  depends_on = [aws_iam_role_policy.incident]
}

resource "aws_cloudwatch_log_group" "incident" {
  name              = "/aws/vendedlogs/states/sitrep-incident"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "incident" {
  name               = "sitrep-incident"
  assume_role_policy = data.aws_iam_policy_document.assume["states"].json
}

data "aws_iam_policy_document" "incident" {
  statement {
    actions   = ["lambda:InvokeFunction"]
    resources = [for function in aws_lambda_function.function : function.arn]
  }
  statement {
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"]
    resources = ["*"]
  }
  statement {
    actions = [
      "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
      "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "incident" {
  role   = aws_iam_role.incident.name
  policy = data.aws_iam_policy_document.incident.json
}

# The last resort: an execution that ended without a brief in the channel has its alert posted by itself.
resource "aws_cloudwatch_event_rule" "failed" {
  name        = "sitrep-incident-failed"
  description = "Investigations that ended without a brief in the channel."
  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      stateMachineArn = [aws_sfn_state_machine.incident.arn]
      status          = ["FAILED", "TIMED_OUT", "ABORTED"]
    }
  })
}

resource "aws_cloudwatch_event_target" "failed" {
  rule = aws_cloudwatch_event_rule.failed.name
  arn  = aws_lambda_function.function["brief"].arn
  input_transformer {
    input_paths = { input = "$.detail.input" }
    # Not jsonencode, which escapes the brackets. The input is a string of JSON and arrives as one.
    input_template = "{\"stage\": \"alone\", \"state\": <input>}"
  }
}

resource "aws_lambda_permission" "failed" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function["brief"].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.failed.arn
}
