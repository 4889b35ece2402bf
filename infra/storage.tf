# What is kept: the ledger, cases, alerts that wait, and what nobody took.

resource "aws_dynamodb_table" "ledger" {
  #checkov:skip=CKV_AWS_119:AWS's key unless kms_key_arn names one
  name                        = "${var.name}-ledger"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "key"
  deletion_protection_enabled = var.keep_data
  attribute {
    name = "key"
    type = "S"
  }
  ttl {
    enabled        = true
    attribute_name = "expires"
  }
  point_in_time_recovery {
    enabled = true
  }
  server_side_encryption {
    enabled     = local.kms_key_arn != null
    kms_key_arn = local.kms_key_arn
  }
}

resource "aws_s3_bucket" "cases" {
  #checkov:skip=CKV_AWS_18:Who read a case is in CloudTrail's data events, which are the account's to switch on
  #checkov:skip=CKV_AWS_144:A case is for learning from; another region's copy would only be another place that holds it
  #checkov:skip=CKV_AWS_145:S3's key unless kms_key_arn names one
  #checkov:skip=CKV2_AWS_62:Nobody waits for a case
  bucket        = local.cases
  force_destroy = !var.keep_data
}

resource "aws_s3_bucket_public_access_block" "cases" {
  bucket                  = aws_s3_bucket.cases.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "cases" {
  bucket = aws_s3_bucket.cases.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "cases" {
  bucket = aws_s3_bucket.cases.id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = local.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = local.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "cases" {
  bucket = aws_s3_bucket.cases.id
  rule {
    id     = "expire-cases"
    status = "Enabled"
    filter {
      prefix = "cases/"
    }
    expiration {
      days = var.case_retention_days
    }
  }
  # Post-mortems are knowledge: they stay until a person deletes them.
  rule {
    id     = "tidy"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
  depends_on = [aws_s3_bucket_versioning.cases]
}

resource "aws_s3_bucket_policy" "cases" {
  bucket = aws_s3_bucket.cases.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "EncryptedConnectionsAlone"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:${data.aws_partition.current.partition}:s3:::${local.cases}", "arn:${data.aws_partition.current.partition}:s3:::${local.cases}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

# Investigations that wait while enough of them run. One that found no room becomes visible again and again, every half minute; after
# half an hour the function posts its alert alone. The dead letters are for what it cannot even do that with.
resource "aws_sqs_queue" "queue" {
  name                       = "${var.name}-queue"
  message_retention_seconds  = 4 * 3600
  visibility_timeout_seconds = 30
  sqs_managed_sse_enabled    = local.kms_key_arn == null ? true : null
  kms_master_key_id          = local.kms_key_arn
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters.arn, maxReceiveCount = 100 })
}

resource "aws_lambda_event_source_mapping" "queue" {
  for_each                = { for name, function in local.functions : name => function if can(function.drains) }
  event_source_arn        = aws_sqs_queue.queue.arn
  function_name           = aws_lambda_function.function[each.key].arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  scaling_config {
    maximum_concurrency = 2
  }
  depends_on = [aws_iam_role_policy.role]
}

# What nobody took: alerts alone that could not be posted, schedules that started nothing. An alarm says so.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = local.kms_key_arn == null ? true : null
  kms_master_key_id         = local.kms_key_arn
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "EventsThatReachedNobody"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = module.permissions.arns["dead-letters"]
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.failed.arn } }
    }]
  })
}
