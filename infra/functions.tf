resource "aws_cloudwatch_log_group" "function" {
  for_each          = local.functions
  name              = "/aws/lambda/sitrep-${each.key}"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "function" {
  for_each           = local.functions
  name               = "sitrep-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.assume["lambda"].json
}

data "aws_iam_policy_document" "assume" {
  for_each = toset(["lambda", "states", "scheduler"])
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "function" {
  for_each = local.functions
  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
  }
  statement {
    sid       = "Traces"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    resources = ["*"]
  }
  dynamic "statement" {
    for_each = each.value.actions
    content {
      sid       = title(statement.key)
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
  dynamic "statement" {
    for_each = length(local.secrets[each.key]) > 0 ? [1] : []
    content {
      sid       = "Secrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = values(local.secrets[each.key])
    }
  }
  dynamic "statement" {
    for_each = length(local.secrets[each.key]) > 0 && length(var.kms_key_arns) > 0 ? [1] : []
    content {
      sid       = "Keys"
      actions   = ["kms:Decrypt"]
      resources = var.kms_key_arns
    }
  }
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions
  role     = aws_iam_role.function[each.key].name
  policy   = data.aws_iam_policy_document.function[each.key].json
}

locals {
  secrets = {
    for name, function in local.functions : name => {
      for setting in function.settings : setting => var.secret_arns[setting] if contains(keys(var.secret_arns), setting)
    }
  }
}

resource "aws_lambda_function" "function" {
  for_each         = local.functions
  function_name    = "sitrep-${each.key}"
  role             = aws_iam_role.function[each.key].arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  filename         = "${var.packages}/${each.key}/bootstrap.zip"
  source_code_hash = fileexists("${var.packages}/${each.key}/bootstrap.zip") ? filebase64sha256("${var.packages}/${each.key}/bootstrap.zip") : null
  memory_size      = each.value.memory_mb
  timeout          = each.value.timeout_s
  environment {
    variables = merge(
      { for setting in each.value.settings : setting => var.settings[setting] if contains(keys(var.settings), setting) },
      # What is private is private in every function.
      { for setting in ["REDACT_PATTERN", "REDACT_NAMES"] : setting => var.settings[setting] if contains(keys(var.settings), setting) },
      # An ARN here: the function fetches the value once, when it starts.
      local.secrets[each.key],
      # The one bundle of the image: a scan of all certificate folders costs tens of milliseconds at every cold start.
      { SSL_CERT_FILE = "/etc/pki/tls/certs/ca-bundle.crt" },
      each.key == "webhook" ? { STATE_MACHINE_ARN = local.incident_arn } : {},
      each.key == "index-webhook" ? { STATE_MACHINE_ARN = local.index_arn } : {},
    )
  }
  tracing_config {
    mode = "Active"
  }
  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }
}
