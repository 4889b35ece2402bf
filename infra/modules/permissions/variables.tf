variable "deployment" {
  description = "Where ARNs point: partition, account and region; name: what every name begins with; cases: the bucket's name."
  type        = object({ partition = string, account = string, region = string, name = string, cases = string })
}

variable "functions" {
  description = "The manifest's functions, as far as permissions go."
  type = map(object({
    secrets = optional(list(string), [])
    may     = optional(map(object({ do = list(string), to = list(string), why = string })), {})
  }))
}

variable "roles" {
  description = "The manifest's other roles: the service that takes each, and what it may do."
  type = map(object({
    service = string
    may     = map(object({ do = list(string), to = list(string), why = string }))
  }))
}

variable "definitions" {
  description = "The state machines' definitions, unrendered, by machine: incident, index."
  type        = map(string)
}

variable "secret_arns" {
  description = "ARN, or pattern of one, per secret that is set. What is not set nobody may read."
  type        = map(string)
}

variable "kms_key_arns" {
  description = "Customer's keys that secrets, ledger, cases or queues are encrypted with."
  type        = list(string)
  default     = []
}

variable "attached" {
  description = "Functions that are attached to a VPC."
  type        = set(string)
  default     = []
}
