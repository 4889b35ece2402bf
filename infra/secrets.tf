# Entries without values: those are put there by hand (docs/deploy.md) and never enter Terraform's state.
resource "aws_secretsmanager_secret" "secret" {
  #checkov:skip=CKV_AWS_149:AWS's key unless kms_key_arn names one
  #checkov:skip=CKV2_AWS_57:Vendors' keys, which no function of AWS could replace; docs/deploy.md says how people do
  for_each    = var.secrets
  name        = "${var.name}/${each.key}"
  description = "Read by ${join(", ", [for name, function in local.functions : name if contains(try(function.secrets, []), each.key)])}."
  kms_key_id  = local.kms_key_arn
}

locals {
  kms_key_arn = var.kms_key_arn == "" ? null : var.kms_key_arn

  # What a function sees: an ARN, which it reads once, when it starts.
  secret_arns = merge({ for name, secret in aws_secretsmanager_secret.secret : name => secret.arn }, var.secret_arns)

  # What a role may read. An entry's ARN ends in a hyphen and six characters that Secrets Manager adds.
  readable = merge(
    { for name in var.secrets : name => "arn:${data.aws_partition.current.partition}:secretsmanager:${var.region}:${data.aws_caller_identity.current.account_id}:secret:${var.name}/${name}-??????" },
    var.secret_arns,
  )

  known_secrets = toset(flatten([for function in local.functions : try(function.secrets, [])]))
}

check "secrets_are_known" {
  assert {
    condition     = length(setsubtract(setunion(var.secrets, keys(var.secret_arns)), local.known_secrets)) == 0
    error_message = "No function reads ${join(", ", setsubtract(setunion(var.secrets, keys(var.secret_arns)), local.known_secrets))}. The manifest lists the secrets: ${join(", ", local.known_secrets)}."
  }
}
