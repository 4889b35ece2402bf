resource "aws_sqs_queue" "payments_webhooks" {
  name                       = "payments-webhooks"
  visibility_timeout_seconds = 60
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.payments_webhooks_dead.arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "payments_webhooks_dead" {
  name                      = "payments-webhooks-dead"
  message_retention_seconds = 1209600
}
