variable "region" {
  description = "Where everything runs."
  type        = string
  default     = "us-east-1"
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
  description = "The folder with <function>/bootstrap.zip, as cargo lambda build --output-format zip leaves it. With --include catalog.yaml each zip holds the catalog beside the binary."
  type        = string
  default     = "../target/lambda"
}

variable "secret_arns" {
  description = "Secrets Manager ARN per secret setting (DD_API_KEY, DD_APP_KEY, SLACK_BOT_TOKEN, …). The values never enter Terraform's state."
  type        = map(string)
  default     = {}
}

variable "kms_key_arns" {
  description = "Keys that the secrets are encrypted with, where they are not the account's default key for Secrets Manager."
  type        = list(string)
  default     = []
}

variable "settings" {
  description = "Settings that are no secrets (DD_SITE, EKS_CLUSTER, KUBERNETES_URL, CLOUDFLARE_ZONE_ID, SLACK_CHANNEL, …); see .env.example."
  type        = map(string)
  default     = {}
}

variable "index_sources" {
  description = "What the knowledge base is kept current with: confluence, github:owner/name, gitlab:group/project. Each is reconciled once a day; Confluence is also asked every five minutes for what changed."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for source in var.index_sources : can(regex("^(confluence|github:[\\w.-]+/[\\w.-]+|gitlab:[\\w.-]+(/[\\w.-]+)+)$", source))])
    error_message = "confluence, github:owner/name or gitlab:group/project."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}
