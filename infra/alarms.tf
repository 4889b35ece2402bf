# That Sitrep itself fails is told elsewhere than in its own channel.
resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:An alarm names a metric and nothing private; alarms cannot publish through AWS's own key for topics
  name = "${var.name}-alarms"
}

resource "aws_sns_topic_subscription" "email" {
  for_each  = var.alarm_emails
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

locals {
  told = concat([aws_sns_topic.alarms.arn], var.alarm_topic_arns)
}

module "alarms" {
  source          = "./modules/alarms"
  name            = var.name
  api_id          = aws_apigatewayv2_api.ingress.id
  machine_arns    = { for machine in local.machines : machine => module.permissions.arns["${machine}-machine"] }
  routes          = keys(local.routes)
  sources         = var.index_sources
  dollars_per_day = var.dollars_per_day
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each            = module.alarms.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  comparison_operator = each.value.silence ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  # Silence leads from OK to INSUFFICIENT_DATA, which is told as well. As a breach it would ring from the first apply to the first run.
  treat_missing_data        = each.value.silence ? "missing" : "notBreaching"
  alarm_actions             = local.told
  ok_actions                = local.told
  insufficient_data_actions = each.value.silence ? local.told : []

  dynamic "metric_query" {
    for_each = each.value.metrics
    content {
      id          = "m${metric_query.key}"
      return_data = length(each.value.metrics) == 1
      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.metric
        dimensions  = metric_query.value.dimensions
        period      = each.value.period_s
        stat        = metric_query.value.stat
      }
    }
  }
  dynamic "metric_query" {
    for_each = length(each.value.metrics) == 1 ? [] : [1]
    content {
      id          = "all"
      label       = each.value.description
      expression  = join(" + ", [for i in range(length(each.value.metrics)) : "FILL(m${i}, 0)"])
      return_data = true
    }
  }
}
