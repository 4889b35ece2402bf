# The index machine, and the schedules that start it: what no webhook announces, and what one failed to.
resource "aws_sfn_state_machine" "index" {
  name     = "sitrep-index"
  role_arn = aws_iam_role.index.arn
  definition = templatefile("${path.module}/../statemachine/index.asl.json", {
    for name, function in aws_lambda_function.function : name => function.arn
  })
  logging_configuration {
    log_destination        = "${aws_cloudwatch_log_group.index.arn}:*"
    include_execution_data = false
    level                  = "ERROR"
  }
  tracing_configuration {
    enabled = true
  }
  depends_on = [aws_iam_role_policy.index]
}

resource "aws_cloudwatch_log_group" "index" {
  name              = "/aws/vendedlogs/states/sitrep-index"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "index" {
  name               = "sitrep-index-machine"
  assume_role_policy = data.aws_iam_policy_document.assume["states"].json
}

data "aws_iam_policy_document" "index" {
  statement {
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.function["index"].arn]
  }
  # A long run goes on in a fresh execution of the same machine.
  statement {
    actions   = ["states:StartExecution"]
    resources = [local.index_arn]
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

resource "aws_iam_role_policy" "index" {
  role   = aws_iam_role.index.name
  policy = data.aws_iam_policy_document.index.json
}

resource "aws_iam_role" "schedule" {
  name               = "sitrep-schedule"
  assume_role_policy = data.aws_iam_policy_document.assume["scheduler"].json
}

data "aws_iam_policy_document" "schedule" {
  statement {
    actions   = ["states:StartExecution"]
    resources = [aws_sfn_state_machine.index.arn]
  }
}

resource "aws_iam_role_policy" "schedule" {
  role   = aws_iam_role.schedule.name
  policy = data.aws_iam_policy_document.schedule.json
}

# Confluence Cloud announces nothing to an administrator's webhook: it is asked.
resource "aws_scheduler_schedule" "poll" {
  count               = contains(var.index_sources, "confluence") ? 1 : 0
  name                = "sitrep-poll-confluence"
  schedule_expression = "rate(5 minutes)"
  flexible_time_window {
    mode = "OFF"
  }
  target {
    arn      = aws_sfn_state_machine.index.arn
    role_arn = aws_iam_role.schedule.arn
    input    = jsonencode({ source = "confluence", want = "changes" })
    retry_policy {
      # The next poll looks back to the last one that ended.
      maximum_retry_attempts       = 1
      maximum_event_age_in_seconds = 300
    }
  }
}

# Once a day each source is held against what is indexed of it: deletions, lost webhooks.
resource "aws_scheduler_schedule" "reconcile" {
  for_each            = var.index_sources
  name                = "sitrep-reconcile-${substr(sha256(each.key), 0, 16)}"
  description         = each.key
  schedule_expression = "cron(17 3 * * ? *)"
  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 60
  }
  target {
    arn      = aws_sfn_state_machine.index.arn
    role_arn = aws_iam_role.schedule.arn
    input    = jsonencode({ source = each.key, want = "reconcile" })
    retry_policy {
      maximum_retry_attempts       = 3
      maximum_event_age_in_seconds = 7200
    }
  }
}
