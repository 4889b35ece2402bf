# The numbers on one page, from what happened to people's alerts down to single functions. No provider.
variable "name" {
  description = "What every name begins with."
  type        = string
}

variable "region" {
  description = "Where the metrics are."
  type        = string
}

variable "api_id" {
  description = "The HTTP API."
  type        = string
}

variable "machine_arns" {
  description = "ARNs of the state machines: incident, index."
  type        = map(string)
}

variable "functions" {
  description = "Every function's name in the manifest."
  type        = list(string)
}

locals {
  states = { for machine, arn in var.machine_arns : machine => { for metric in ["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted", "ExecutionTime"] : metric => ["AWS/States", metric, "StateMachineArn", arn] } }
  api    = { for metric in ["Count", "4xx", "5xx", "Latency"] : metric => ["AWS/ApiGateway", metric, "ApiId", var.api_id, "Stage", "$default"] }
  lambda = { for metric in ["Duration", "Errors", "Throttles", "ConcurrentExecutions"] : metric => [for function in var.functions : ["AWS/Lambda", metric, "FunctionName", "${var.name}-${function}", { label = function }]] }
  model  = { for metric in ["ModelDollars", "ModelTokens", "ModelLatency", "ModelAnswers", "ClaimsStanding", "ClaimsStruck"] : metric => [for tier in ["triage", "deep"] : ["Sitrep", metric, "Tier", tier, { label = tier }]] }

  # Numbers of our own whose dimension takes values that are not known here.
  each = { for metric, dimension in { Alerts = "Outcome", Briefs = "Level", NotPosted = "Level", TimeToBrief = "Level" } : metric => "{Sitrep,${dimension}} MetricName=\"${metric}\"" }

  # title, statistic, seconds, metrics
  charts = [
    ["Alerts, by what became of them", "Sum", 300, [[{ expression = "SEARCH('${local.each["Alerts"]}', 'Sum', 300)" }]]],
    ["Briefs, by confidence", "Sum", 3600, [[{ expression = "SEARCH('${local.each["Briefs"]}', 'Sum', 3600)" }], [{ expression = "SEARCH('${local.each["NotPosted"]}', 'Sum', 3600)" }]]],
    ["Time to brief, ms (half)", "p50", 3600, [[{ expression = "SEARCH('${local.each["TimeToBrief"]}', 'p50', 3600)" }]]],
    ["Investigations", "Sum", 300, [for metric in ["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"] : local.states["incident"][metric]]],
    ["Execution, ms (half, and 19 of 20)", "p50", 300, [local.states["incident"]["ExecutionTime"], concat(local.states["incident"]["ExecutionTime"], [{ stat = "p95" }])]],
    ["Requests", "Sum", 300, [local.api["Count"], local.api["4xx"], local.api["5xx"]]],
    ["Answer to the vendor, ms (19 of 20)", "p95", 300, [local.api["Latency"]]],
    ["Models: dollars in a day", "Sum", 24 * 3600, local.model["ModelDollars"]],
    ["Models: tokens", "Sum", 300, local.model["ModelTokens"]],
    ["Models: latency, ms (19 of 20)", "p95", 300, local.model["ModelLatency"]],
    ["Claims that stand, claims struck out", "Sum", 3600, [for metric in ["ClaimsStanding", "ClaimsStruck"] : ["Sitrep", metric, "Tier", "deep"]]],
    ["Index runs", "Sum", 3600, [for metric in ["ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut"] : local.states["index"][metric]]],
    ["Waiting, and taken by nobody", "Maximum", 60, [for queue in ["queue", "dead-letters"] : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${var.name}-${queue}", { label = queue }]]],
    ["Functions: duration, ms (19 of 20)", "p95", 300, local.lambda["Duration"]],
    ["Functions: errors", "Sum", 300, local.lambda["Errors"]],
    ["Functions: throttled", "Sum", 300, local.lambda["Throttles"]],
    ["Functions: at once", "Maximum", 60, local.lambda["ConcurrentExecutions"]],
  ]
}

output "body" {
  description = "The dashboard as CloudWatch takes it: two charts in a row."
  value = jsonencode({
    widgets = [
      for i, chart in local.charts : {
        type       = "metric", x = i % 2 * 12, y = floor(i / 2) * 6, width = 12, height = 6
        properties = { title = chart[0], stat = chart[1], period = chart[2], metrics = chart[3], region = var.region, view = "timeSeries", stacked = false }
      }
    ]
  })
}
