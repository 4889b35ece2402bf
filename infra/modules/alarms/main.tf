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

variable "indexes" {
  description = "True where a source is kept current."
  type        = bool
}

variable "dollars_per_day" {
  description = "What the models may cost in a day."
  type        = number
}

locals {
  day = 24 * 3600

  # Where a metric says nothing, nothing happened; `below` is the other way round: silence is what it is about. A sum may have ten terms.
  always = {
    "not-briefed" = {
      description = "An investigation ended without a brief in the channel. Its alert was posted alone, unless ${var.name}-dead-letters rings too."
      metrics     = [for ended in ["Failed", "TimedOut", "Aborted"] : { namespace = "AWS/States", metric = "Executions${ended}", dimensions = { StateMachineArn = var.machine_arns["incident"] }, stat = "Sum" }]
      threshold   = 0, period_s = 60, periods = 1, below = false
    }
    "webhook-failing" = {
      description = "The API answered 5xx. Datadog repeats a delivery five times, GitHub never does."
      metrics     = [{ namespace = "AWS/ApiGateway", metric = "5xx", dimensions = { ApiId = var.api_id, Stage = "$default" }, stat = "Sum" }]
      threshold   = 0, period_s = 60, periods = 1, below = false
    }
    "dead-letters" = {
      description = "Something reached nobody: an alert alone that could not be posted, a schedule that started nothing. The message says what."
      metrics     = [{ namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = "${var.name}-dead-letters" }, stat = "Maximum" }]
      threshold   = 0, period_s = 60, periods = 1, below = false
    }
    "waiting" = {
      description = "An alert has waited ten minutes for its investigation."
      metrics     = [{ namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", dimensions = { QueueName = "${var.name}-queue" }, stat = "Maximum" }]
      threshold   = 600, period_s = 60, periods = 1, below = false
    }
    "cost" = {
      description = "The models cost more than $${var.dollars_per_day} in a day. ANALYSIS_MAX_DOLLARS bounds one incident; how many there were is on the dashboard."
      metrics     = [for tier in ["triage", "deep"] : { namespace = "Sitrep", metric = "ModelDollars", dimensions = { Tier = tier }, stat = "Sum" }]
      threshold   = var.dollars_per_day, period_s = local.day, periods = 1, below = false
    }
  }

  # A vendor whose secret is wrong is refused for good: 401 is never repeated, and silence would look like peace.
  refused = {
    for route in var.routes : "refused${replace(split(" ", route)[1], "/", "-")}" => {
      description = "Deliveries to ${route} are refused: a wrong secret, or a body that is not the expected one. They are not repeated."
      metrics     = [{ namespace = "AWS/ApiGateway", metric = "4xx", dimensions = { ApiId = var.api_id, Stage = "$default", Method = split(" ", route)[0], Resource = split(" ", route)[1] }, stat = "Sum" }]
      threshold   = 0, period_s = 300, periods = 1, below = false
    }
  }

  index = {
    "index-failing" = {
      description = "A source of knowledge was not brought up to date. The next run goes on where this one ended."
      metrics     = [for ended in ["Failed", "TimedOut"] : { namespace = "AWS/States", metric = "Executions${ended}", dimensions = { StateMachineArn = var.machine_arns["index"] }, stat = "Sum" }]
      threshold   = 0, period_s = 300, periods = 1, below = false
    }
    "index-stale" = {
      description = "No run of the index machine has ended well for 30 hours, and each source is reconciled once a day."
      metrics     = [{ namespace = "AWS/States", metric = "ExecutionsSucceeded", dimensions = { StateMachineArn = var.machine_arns["index"] }, stat = "Sum" }]
      threshold   = 1, period_s = 6 * 3600, periods = 5, below = true
    }
  }
}

output "alarms" {
  description = "Alarms by name: the sum of `metrics` over `period_s`, above `threshold` (or below it) for `periods` in a row."
  value       = merge(local.always, local.refused, var.indexes ? local.index : {})
}
