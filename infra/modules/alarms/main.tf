# What is worth waking somebody: no provider, so that a test sees each alarm as it will be.
variable "name" {
  description = "What every name begins with."
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

variable "routes" {
  description = "The API's routes, such as POST /datadog."
  type        = list(string)
}

variable "sources" {
  description = "The sources of knowledge that are kept current, as the function `index` names them in its metric."
  type        = set(string)
}

variable "dollars_per_day" {
  description = "What the models may cost in a day."
  type        = number
}

locals {
  day = 24 * 3600

  # Where a metric says nothing, nothing happened; with `silence` it is the other way round, once it has said something. A sum may have
  # ten terms.
  always = {
    "not-briefed" = {
      description = "An investigation ended without a brief in the channel. Its alert was posted alone, unless ${var.name}-dead-letters rings too."
      metrics     = [for ended in ["Failed", "TimedOut", "Aborted"] : { namespace = "AWS/States", metric = "Executions${ended}", dimensions = { StateMachineArn = var.machine_arns["incident"] }, stat = "Sum" }]
      threshold   = 0, period_s = 60, periods = 1, silence = false
    }
    "dead-letters" = {
      description = "Something reached nobody: an alert alone that could not be posted, a schedule that started nothing. The message says what."
      metrics     = [{ namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = "${var.name}-dead-letters" }, stat = "Maximum" }]
      threshold   = 0, period_s = 60, periods = 1, silence = false
    }
    # Not by the age of the oldest: SQS leaves out of it what was received three times, and what waits is received every half minute.
    "waiting" = {
      description = "For ten minutes there has always been an alert that waits for its investigation."
      metrics     = [for where in ["Visible", "NotVisible"] : { namespace = "AWS/SQS", metric = "ApproximateNumberOfMessages${where}", dimensions = { QueueName = "${var.name}-queue" }, stat = "Maximum" }]
      threshold   = 0, period_s = 60, periods = 10, silence = false
    }
    "cost" = {
      description = "The models cost more than $${var.dollars_per_day} in a day. ANALYSIS_MAX_DOLLARS bounds one incident; how many there were is on the dashboard."
      metrics     = [for tier in ["triage", "deep"] : { namespace = "Sitrep", metric = "ModelDollars", dimensions = { Tier = tier }, stat = "Sum" }]
      threshold   = var.dollars_per_day, period_s = local.day, periods = 1, silence = false
    }
  }

  # By route: a click that came to nothing is no alert that was not taken.
  requests = { for route in var.routes : replace(split(" ", route)[1], "/", "-") => { ApiId = var.api_id, Stage = "$default", Method = split(" ", route)[0], Resource = split(" ", route)[1] } }
  failing = {
    for route, dimensions in local.requests : "failing${route}" => {
      description = "Requests to ${dimensions.Resource} were answered with 5xx. Datadog repeats a delivery five times, a person clicks again, GitHub never repeats."
      metrics     = [{ namespace = "AWS/ApiGateway", metric = "5xx", dimensions = dimensions, stat = "Sum" }]
      threshold   = 0, period_s = 60, periods = 1, silence = false
    }
  }

  # A vendor whose secret is wrong is refused for good: 401 is never repeated, and silence would look like peace.
  refused = {
    for route, dimensions in local.requests : "refused${route}" => {
      description = "Deliveries to ${dimensions.Resource} are refused: a wrong secret, or a body that is not the expected one. They are not repeated."
      metrics     = [{ namespace = "AWS/ApiGateway", metric = "4xx", dimensions = dimensions, stat = "Sum" }]
      threshold   = 0, period_s = 300, periods = 1, silence = false
    }
  }

  index = merge({
    "index-failing" = {
      description = "A source of knowledge was not brought up to date. The next run goes on where this one ended."
      metrics     = [for ended in ["Failed", "TimedOut"] : { namespace = "AWS/States", metric = "Executions${ended}", dimensions = { StateMachineArn = var.machine_arns["index"] }, stat = "Sum" }]
      threshold   = 0, period_s = 300, periods = 1, silence = false
    }
    }, {
    for source in var.sources : "index-stale-${replace(source, "/[:\\/]/", "-")}" => {
      description = "${source} has not been brought up to date for 30 hours, and is reconciled once a day."
      metrics     = [{ namespace = "Sitrep", metric = "Indexed", dimensions = { Source = source }, stat = "Sum" }]
      threshold   = 1, period_s = 3600, periods = 30, silence = true
    }
  })
}

output "alarms" {
  description = "Alarms by name: the sum of `metrics` over `period_s`, above `threshold` for `periods` in a row; with `silence`, below it or not there."
  value       = merge(local.always, local.failing, local.refused, length(var.sources) > 0 ? local.index : {})
}
