resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_158:AWS's key unless kms_key_arn names one; lines are masked before they are written
  #checkov:skip=CKV_AWS_338:How long logs are kept is the deployer's: log_retention_days
  for_each          = local.functions
  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key_arn
}

locals {
  # What is private is private in every function.
  masks = ["REDACT_PATTERN", "REDACT_NAMES"]

  settings       = merge(local.eks_settings, var.settings)
  known_settings = toset(concat(local.masks, flatten([for function in local.functions : try(function.settings, [])])))

  # What `environment` of the manifest may name.
  named = {
    incident-machine = module.permissions.arns["incident-machine"]
    index-machine    = module.permissions.arns["index-machine"]
    ledger           = aws_dynamodb_table.ledger.name
    cases            = aws_s3_bucket.cases.bucket
    queue            = aws_sqs_queue.queue.url
  }

  packages = { for name in keys(local.functions) : name => "${var.packages}/${name}/bootstrap.zip" }
}

check "settings_are_known" {
  assert {
    condition     = length(setsubtract(keys(var.settings), local.known_settings)) == 0
    error_message = "No function reads ${join(", ", setsubtract(keys(var.settings), local.known_settings))}. The manifest lists the settings: ${join(", ", local.known_settings)}."
  }
}

resource "aws_lambda_function" "function" {
  #checkov:skip=CKV_AWS_115:Reserved where a bound is wanted: concurrency in the manifest. Elsewhere a bound would drop alerts in a storm
  #checkov:skip=CKV_AWS_116:Called synchronously, apart from brief, whose failures go to the dead letters (aws_lambda_function_event_invoke_config)
  #checkov:skip=CKV_AWS_117:Reads public APIs; attached only where the cluster's endpoint is private (kubernetes.tf)
  #checkov:skip=CKV_AWS_173:The environment holds names and ARNs, no secret
  #checkov:skip=CKV_AWS_272:Built where it is deployed from, or a release with a provenance attestation (docs/deploy.md)
  for_each                       = local.functions
  function_name                  = "${var.name}-${each.key}"
  role                           = aws_iam_role.role[each.key].arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  filename                       = local.packages[each.key]
  source_code_hash               = fileexists(local.packages[each.key]) ? filebase64sha256(local.packages[each.key]) : null
  memory_size                    = each.value.memory_mb
  timeout                        = each.value.timeout_s
  reserved_concurrent_executions = var.reserve_concurrency ? try(each.value.concurrency, -1) : -1
  environment {
    variables = merge(
      { for setting in concat(try(each.value.settings, []), local.masks) : setting => local.settings[setting] if contains(keys(local.settings), setting) },
      { for secret in try(each.value.secrets, []) : secret => local.secret_arns[secret] if contains(keys(local.readable), secret) },
      { for variable, place in try(each.value.environment, {}) : variable => local.named[place] },
      # The one bundle of the image: a scan of all certificate folders costs tens of milliseconds at every cold start.
      { SSL_CERT_FILE = "/etc/pki/tls/certs/ca-bundle.crt" },
      var.secrets_as_of == "" ? {} : { SECRETS_AS_OF = var.secrets_as_of },
    )
  }
  dynamic "vpc_config" {
    for_each = contains(local.attached, each.key) ? [1] : []
    content {
      subnet_ids         = local.eks_subnet_ids
      security_group_ids = [aws_security_group.kubernetes[0].id]
    }
  }
  tracing_config {
    mode = "Active"
  }
  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }
  # A function that starts before it may log or read its secrets fails its first event.
  depends_on = [aws_iam_role_policy.role]
}
