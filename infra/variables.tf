# Where, and what is deployed.

variable "region" {
  description = "Where everything runs."
  type        = string
  default     = "us-east-1"
}

variable "name" {
  description = "What every name begins with: a second deployment in the same account takes another one."
  type        = string
  default     = "sitrep"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,19}$", var.name))
    error_message = "At most 20 small letters, digits and hyphens, a letter first."
  }
}

variable "architecture" {
  description = "What the zips were built for: arm64 (cargo lambda build --release --arm64) or x86_64."
  type        = string
  default     = "arm64"
  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "arm64 or x86_64."
  }
}

variable "packages" {
  description = "The folder with <function>/bootstrap.zip, as cargo lambda build --output-format zip and a release's archive leave it. With --include catalog.yaml each zip holds the catalog beside the binary."
  type        = string
  default     = "../target/lambda"
}

# What the functions see.

variable "settings" {
  description = "Settings that are no secrets (DD_SITE, CLOUDFLARE_ZONE_ID, SLACK_CHANNEL, …); see .env.example. What the manifest lists as a secret is refused here; what no function reads is told."
  type        = map(string)
  default     = {}
  validation {
    condition     = length(setintersection(keys(var.settings), flatten([for function in yamldecode(file("${path.module}/manifest.yaml")).functions : try(function.secrets, [])]))) == 0
    error_message = "A secret's value must not enter Terraform's state: name it in `secrets` and put the value into Secrets Manager, see docs/deploy.md."
  }
}

variable "secrets" {
  description = "Secrets to make an entry for in Secrets Manager (WEBHOOK_SECRET, DD_API_KEY, DD_APP_KEY, SLACK_BOT_TOKEN, …). The values are put there by hand and never enter Terraform's state. A function whose entry is empty refuses to work, so name what you have."
  type        = set(string)
  default     = []
  validation {
    condition = (
      contains(setunion(var.secrets, keys(var.secret_arns)), "SLACK_WEBHOOK_URL") ||
      contains(setunion(var.secrets, keys(var.secret_arns)), "SLACK_BOT_TOKEN") && contains(keys(var.settings), "SLACK_CHANNEL")
    )
    error_message = "Nobody would be told: name SLACK_BOT_TOKEN in `secrets` or `secret_arns` and SLACK_CHANNEL in `settings`, or name SLACK_WEBHOOK_URL."
  }
}

variable "secret_arns" {
  description = "Secrets that are in Secrets Manager already: ARN per setting. A secret that is a JSON object may hold several settings, each under its own name."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for arn in values(var.secret_arns) : can(regex("^arn:[a-z-]+:secretsmanager:", arn))])
    error_message = "ARNs of Secrets Manager's secrets."
  }
}

variable "secrets_as_of" {
  description = "Any text, such as a date. Changing it after a secret's value was changed starts every function afresh: a secret is read once, when a function starts."
  type        = string
  default     = ""
}

variable "index_sources" {
  description = "What the knowledge base is kept current with: confluence, postmortems (those approved in Slack), github:owner/name, gitlab:group/project. Needs PINECONE_API_KEY. Each is reconciled once a day; the first two are also asked every five minutes for what changed."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for source in var.index_sources : can(regex("^(confluence|postmortems|github:[\\w.-]+/[\\w.-]+|gitlab:[\\w.-]+(/[\\w.-]+)+)$", source))])
    error_message = "confluence, postmortems, github:owner/name or gitlab:group/project."
  }
  validation {
    condition     = length(var.index_sources) == 0 || contains(setunion(var.secrets, keys(var.secret_arns)), "PINECONE_API_KEY")
    error_message = "There is no knowledge base to keep current: name PINECONE_API_KEY in `secrets` or `secret_arns`, or leave index_sources empty."
  }
}

# The cluster.

variable "eks_cluster" {
  description = "Name of the EKS cluster in this region to read; empty: none, or one that `settings` describes."
  type        = string
  default     = ""
}

variable "eks_subnet_ids" {
  description = "Subnets from which a private endpoint is reached; empty: the cluster's own. Used only where the endpoint is not open to everybody."
  type        = list(string)
  default     = []
}

# Keeping and telling.

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}

variable "case_retention_days" {
  description = "Days that cases are kept: redacted state documents with what people said of them."
  type        = number
  default     = 400
}

variable "keep_data" {
  description = "False before everything is torn down: lets go of the ledger's protection against deletion and of what is in the cases' bucket."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "A key of yours that ledger, cases, queues, logs and the secrets made here are encrypted with; empty: AWS's own keys. docs/deploy.md says what its policy must allow."
  type        = string
  default     = ""
}

variable "secret_kms_key_arns" {
  description = "Keys that the secrets in `secret_arns` are encrypted with, where they are not the account's default key for Secrets Manager."
  type        = list(string)
  default     = []
}

variable "alarm_emails" {
  description = "Who is told that Sitrep itself fails. Each has to confirm once."
  type        = set(string)
  default     = []
}

variable "alarm_topic_arns" {
  description = "Topics of yours that are told the same: a pager's, say. It must not end in the channel of the briefs."
  type        = list(string)
  default     = []
}

variable "dollars_per_day" {
  description = "What the models may cost in a day before an alarm says so. One incident is bounded by ANALYSIS_MAX_DOLLARS."
  type        = number
  default     = 10
}

variable "reserve_concurrency" {
  description = "False in an account whose concurrency quota is too small to set any of it aside (new accounts have 10)."
  type        = bool
  default     = true
}
