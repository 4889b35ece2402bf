# What is made, and how it hangs together.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  secrets       = ["WEBHOOK_SECRET"]
  secret_arns   = { PINECONE_API_KEY = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ours-AbCdEf", SLACK_WEBHOOK_URL = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ours-AbCdEf" }
  settings      = { SLACK_CHANNEL = "#incidents", REDACT_NAMES = "A. Person, O'Person", GITHUB_URL = "https://github.example/api/v3" }
  index_sources = ["confluence", "github:acme/shop", "postmortems"]
}

run "functions" {
  command = plan

  assert {
    condition     = alltrue([for function in aws_lambda_function.function : function.runtime == "provided.al2023" && function.handler == "bootstrap" && function.architectures == tolist(["arm64"])])
    error_message = "A function runs elsewhere than its binary was built for."
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.function : function.tracing_config[0].mode == "Active" && function.logging_config[0].log_format == "JSON"])
    error_message = "A function is not traced, or logs text."
  }

  assert {
    condition     = alltrue([for name, function in aws_lambda_function.function : function.logging_config[0].log_group == "/aws/lambda/sitrep-${name}"]) && alltrue([for group in aws_cloudwatch_log_group.function : group.retention_in_days == 30])
    error_message = "A function logs elsewhere than where its role lets it, or for ever."
  }

  assert {
    condition     = aws_lambda_function.function["brief"].environment[0].variables == tomap({ SLACK_CHANNEL = "#incidents", SLACK_WEBHOOK_URL = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ours-AbCdEf", REDACT_NAMES = "A. Person, O'Person", LEDGER_TABLE = "sitrep-ledger", SSL_CERT_FILE = "/etc/pki/tls/certs/ca-bundle.crt" })
    error_message = "brief sees ${jsonencode(aws_lambda_function.function["brief"].environment[0].variables)}."
  }

  assert {
    condition     = [for name, function in aws_lambda_function.function : name if contains(keys(function.environment[0].variables), "GITHUB_URL")] == ["index", "retrieve"]
    error_message = "Where GitHub is, is told to others than those who ask it, or not to them."
  }

  assert {
    condition     = aws_lambda_function.function["analyze"].reserved_concurrent_executions == 20 && aws_lambda_function.function["webhook"].reserved_concurrent_executions == -1
    error_message = "The cost of a storm is not bounded, or its alerts are."
  }

  assert {
    condition     = length(aws_lambda_function.function["collect-kubernetes"].vpc_config) == 0 && length(aws_eks_access_entry.collector) == 0
    error_message = "Without a cluster something is attached to it."
  }
}

run "ingress" {
  command = apply

  assert {
    condition     = toset(keys(aws_apigatewayv2_route.ingress)) == toset(["POST /datadog", "POST /slack", "POST /index/github", "POST /index/gitlab", "POST /index/confluence"])
    error_message = "The API's routes are ${join(", ", keys(aws_apigatewayv2_route.ingress))}."
  }

  assert {
    condition     = alltrue([for integration in aws_apigatewayv2_integration.ingress : integration.timeout_milliseconds < 15000 && integration.payload_format_version == "2.0"])
    error_message = "Datadog waits fifteen seconds, and the functions read format 2.0."
  }

  assert {
    condition     = alltrue([for function, integration in aws_apigatewayv2_integration.ingress : integration.timeout_milliseconds > aws_lambda_function.function[function].timeout * 1000])
    error_message = "The API gives up before its function."
  }

  assert {
    condition     = endswith(aws_lambda_permission.ingress["POST /datadog"].source_arn, "/*/POST/datadog") && aws_lambda_permission.ingress["POST /datadog"].function_name == "sitrep-webhook"
    error_message = "The API may not call the webhook."
  }

  assert {
    condition     = aws_apigatewayv2_stage.default.default_route_settings[0].throttling_rate_limit >= 1000 && aws_apigatewayv2_stage.default.default_route_settings[0].throttling_burst_limit >= 1000
    error_message = "Datadog never repeats a 429."
  }

  assert {
    condition     = !can(regex("(?i)header|authoriz|query|body|\\$context\\.path|apikey", aws_apigatewayv2_stage.default.access_log_settings[0].format))
    error_message = "The access log holds what may be a secret."
  }
}

run "machines" {
  command = apply

  assert {
    condition     = alltrue([for name, machine in aws_sfn_state_machine.machine : machine.definition == replace(file("../statemachine/${name}.asl.json"), "/\\$\\{[a-z-]+\\}/", "arn:aws:lambda:us-east-1:123456789012:function:made") && machine.tracing_configuration[0].enabled && !machine.logging_configuration[0].include_execution_data])
    error_message = "A machine is not rendered, not traced, or its log holds people's data."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.failed.event_pattern).detail.status == ["FAILED", "TIMED_OUT", "ABORTED"]
    error_message = "An execution may end badly unseen."
  }

  assert {
    condition     = aws_cloudwatch_event_target.failed.input_transformer[0].input_template == "{\"stage\": \"alone\", \"state\": <input>, \"execution\": <execution>}" && aws_cloudwatch_event_target.failed.input_transformer[0].input_paths == tomap({ input = "$.detail.input", execution = "$.detail.executionArn" }) && aws_cloudwatch_event_target.failed.dead_letter_config[0].arn == aws_sqs_queue.dead_letters.arn && aws_lambda_permission.failed.function_name == "sitrep-brief"
    error_message = "The alert alone is not posted, replaces a brief that stands, or is lost where it cannot be posted."
  }

  assert {
    condition     = toset(keys(aws_scheduler_schedule.poll)) == toset(["confluence", "postmortems"]) && toset(keys(aws_scheduler_schedule.reconcile)) == toset(["confluence", "github:acme/shop", "postmortems"]) && alltrue([for schedule in aws_scheduler_schedule.reconcile : length(schedule.name) <= 64])
    error_message = "A source is not scheduled."
  }
}

run "what_is_kept" {
  command = apply

  assert {
    condition     = aws_dynamodb_table.ledger.ttl[0].enabled && aws_dynamodb_table.ledger.point_in_time_recovery[0].enabled && aws_dynamodb_table.ledger.deletion_protection_enabled
    error_message = "The ledger grows for ever, or cannot be brought back."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.queue.redrive_policy).deadLetterTargetArn == aws_sqs_queue.dead_letters.arn
    error_message = "What waited in vain is dropped."
  }

  # An investigation may wait for half an hour, and Lambda refuses a queue that repeats sooner than its function may take.
  assert {
    condition     = aws_sqs_queue.queue.visibility_timeout_seconds * jsondecode(aws_sqs_queue.queue.redrive_policy).maxReceiveCount > 1800 && aws_sqs_queue.queue.visibility_timeout_seconds >= aws_lambda_function.function["webhook"].timeout && aws_lambda_event_source_mapping.queue["webhook"].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "What waits is given up too soon, or what was not started is taken for done."
  }

  assert {
    condition     = keys(aws_secretsmanager_secret.secret) == ["WEBHOOK_SECRET"] && aws_secretsmanager_secret.secret["WEBHOOK_SECRET"].name == "sitrep/WEBHOOK_SECRET"
    error_message = "Secrets are not those that were named."
  }
}

run "alarms" {
  command = apply

  assert {
    condition     = length(setsubtract(["not-briefed", "dead-letters", "waiting", "cost", "failing-datadog", "failing-slack", "refused-datadog", "index-failing", "index-stale-confluence", "index-stale-github-acme-shop", "index-stale-postmortems"], keys(aws_cloudwatch_metric_alarm.alarm))) == 0
    error_message = "There are no other alarms than ${join(", ", keys(aws_cloudwatch_metric_alarm.alarm))}."
  }

  # CloudWatch's own bounds: ten metrics in one sum, one returned, and a window of a day, or of a week with periods of an hour.
  assert {
    condition = alltrue([
      for name, alarm in aws_cloudwatch_metric_alarm.alarm : length(alarm.metric_query) <= 11 && length([for query in alarm.metric_query : query if query.return_data]) == 1
      && alltrue([for metric in module.alarms.alarms[name].metrics : alarm.evaluation_periods * module.alarms.alarms[name].period_s <= (module.alarms.alarms[name].period_s < 3600 ? 1 : 7) * 24 * 3600])
    ])
    error_message = "CloudWatch takes no such alarm."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.alarm : contains(alarm.alarm_actions, aws_sns_topic.alarms.arn)])
    error_message = "An alarm rings where nobody hears it."
  }

  assert {
    condition = alltrue([
      for name, alarm in aws_cloudwatch_metric_alarm.alarm :
      alarm.treat_missing_data == (startswith(name, "index-stale-") ? "missing" : "notBreaching") && contains(alarm.insufficient_data_actions, aws_sns_topic.alarms.arn) == startswith(name, "index-stale-")
    ])
    error_message = "Silence is taken for the wrong thing."
  }

  assert {
    condition     = one([for query in aws_cloudwatch_metric_alarm.alarm["index-stale-github-acme-shop"].metric_query : query.metric[0].dimensions["Source"]]) == "github:acme/shop"
    error_message = "A source's silence is looked for under another name."
  }

  # What waits is received again and again: SQS leaves it out of the age of the oldest, and it is in flight or visible.
  assert {
    condition = (
      toset([for query in aws_cloudwatch_metric_alarm.alarm["waiting"].metric_query : query.metric[0].metric_name if !query.return_data]) == toset(["ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"])
      && aws_cloudwatch_metric_alarm.alarm["waiting"].threshold == 0 && aws_cloudwatch_metric_alarm.alarm["waiting"].evaluation_periods == 10
    )
    error_message = "Nobody hears that alerts wait."
  }

  assert {
    condition     = alltrue([for query in aws_cloudwatch_metric_alarm.alarm["failing-datadog"].metric_query : try("${query.metric[0].dimensions["Method"]} ${query.metric[0].dimensions["Resource"]}", "all of them") == "POST /datadog"])
    error_message = "Somebody else's failure rings as Datadog's."
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.numbers.dashboard_body).widgets) >= 10
    error_message = "The dashboard is empty."
  }
}

run "a_secrets_value_is_refused_as_a_setting" {
  command = plan
  variables {
    settings = { DD_API_KEY = "not here" }
  }
  expect_failures = [var.settings]
}

run "a_setting_that_nobody_reads_is_told" {
  command = plan
  variables {
    settings = { SLACK_CHANEL = "#incidents" }
  }
  expect_failures = [check.settings_are_known]
}

run "without_a_knowledge_base_nothing_is_indexed" {
  command = plan
  variables {
    secret_arns = { SLACK_WEBHOOK_URL = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ours-AbCdEf" }
  }
  expect_failures = [var.index_sources]
}

run "a_deployment_that_tells_nobody_is_refused" {
  command = plan
  variables {
    secret_arns   = {}
    index_sources = []
  }
  expect_failures = [var.secrets]
}

run "a_token_without_a_channel_tells_nobody" {
  command = plan
  variables {
    secret_arns   = { SLACK_BOT_TOKEN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ours-AbCdEf" }
    settings      = {}
    index_sources = []
  }
  expect_failures = [var.secrets]
}

run "a_shell_sees_the_deployment_and_no_secret" {
  command = apply

  assert {
    condition = length(setsubtract([
      "export AWS_REGION='us-east-1'", "export LEDGER_TABLE='sitrep-ledger'", "export CASES_BUCKET='sitrep-cases-123456789012-us-east-1'",
      "export QUEUE_URL='${aws_sqs_queue.queue.url}'", "export STATE_MACHINE_ARN='arn:aws:states:us-east-1:123456789012:stateMachine:sitrep-incident'",
      "export REDACT_NAMES='A. Person, O'\\''Person'", "export PINECONE_API_KEY='arn:aws:secretsmanager:us-east-1:123456789012:secret:ours-AbCdEf'",
      "export WEBHOOK_SECRET='${aws_secretsmanager_secret.secret["WEBHOOK_SECRET"].arn}'",
    ], split("\n", output.environment))) == 0
    error_message = "The shell sees:\n${output.environment}"
  }
}

run "a_secret_that_nobody_reads_is_told" {
  command = plan
  variables {
    secrets = ["WEBHOOK_SECRT"]
  }
  expect_failures = [check.secrets_are_known]
}

run "a_second_deployment_shares_no_name" {
  command = plan
  variables {
    name = "staging"
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.role : startswith(role.name, "staging-")]) && aws_dynamodb_table.ledger.name == "staging-ledger" && alltrue([for policy in aws_iam_role_policy.role : !strcontains(policy.policy, "sitrep")])
    error_message = "Two deployments would meet."
  }
}
