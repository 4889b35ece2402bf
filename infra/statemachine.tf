data "aws_caller_identity" "current" {}

locals {
  # Written out, not read from the resource: the machine needs the functions' ARNs, so the webhook cannot wait for the machine's.
  incident_arn = "arn:aws:states:${var.region}:${data.aws_caller_identity.current.account_id}:stateMachine:sitrep-incident"
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
