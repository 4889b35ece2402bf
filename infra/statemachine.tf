# The machines, rendered from statemachine/, and the last resort for what happens outside them.
resource "aws_sfn_state_machine" "machine" {
  #checkov:skip=CKV_AWS_285:Errors are logged, data is not: the document quotes logs and wiki pages
  for_each   = local.machines
  name       = "${var.name}-${each.key}"
  role_arn   = aws_iam_role.role["${each.key}-machine"].arn
  definition = templatestring(local.definitions[each.key], { for name, function in aws_lambda_function.function : name => function.arn })
  logging_configuration {
    log_destination        = "${aws_cloudwatch_log_group.machine[each.key].arn}:*"
    include_execution_data = false
    level                  = "ERROR"
  }
  tracing_configuration {
    enabled = true
  }
  # Creating a machine that logs fails until its role may set up the delivery.
  depends_on = [aws_iam_role_policy.role]
}

resource "aws_cloudwatch_log_group" "machine" {
  #checkov:skip=CKV_AWS_158:AWS's key unless kms_key_arn names one; a line names states and errors, no data
  #checkov:skip=CKV_AWS_338:How long logs are kept is the deployer's: log_retention_days
  for_each          = local.machines
  name              = "/aws/vendedlogs/states/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key_arn
}

# An execution that ended without a brief in the channel has its alert posted by itself.
resource "aws_cloudwatch_event_rule" "failed" {
  name        = "${var.name}-incident-failed"
  description = "Investigations that ended without a brief in the channel."
  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      stateMachineArn = [aws_sfn_state_machine.machine["incident"].arn]
      status          = ["FAILED", "TIMED_OUT", "ABORTED"]
    }
  })
}

resource "aws_cloudwatch_event_target" "failed" {
  rule = aws_cloudwatch_event_rule.failed.name
  arn  = aws_lambda_function.function["brief"].arn
  input_transformer {
    # With the execution's ARN `brief` knows whether that execution's brief stands already, and leaves it alone.
    input_paths = { input = "$.detail.input", execution = "$.detail.executionArn" }
    # Not jsonencode, which escapes the brackets. The input is a string of JSON and arrives as one.
    input_template = "{\"stage\": \"alone\", \"state\": <input>, \"execution\": <execution>}"
  }
  retry_policy {
    maximum_retry_attempts       = 10
    maximum_event_age_in_seconds = 3600
  }
  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

resource "aws_lambda_permission" "failed" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function["brief"].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.failed.arn
}

# Only the rule above calls `brief` without waiting for it. Lambda repeats such a call after one and after two minutes.
resource "aws_lambda_function_event_invoke_config" "alone" {
  function_name                = aws_lambda_function.function["brief"].function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600
  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letters.arn
    }
  }
}
