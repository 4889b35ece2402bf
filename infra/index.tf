# The schedules that start the index machine: what no webhook announces, and what one failed to.

# Confluence Cloud announces nothing to an administrator's webhook, nor the bucket what it keeps: they are asked.
resource "aws_scheduler_schedule" "poll" {
  #checkov:skip=CKV_AWS_297:The input names a source and holds nothing private
  for_each            = setintersection(var.index_sources, ["confluence", "postmortems"])
  name                = "${var.name}-poll-${each.key}"
  schedule_expression = "rate(5 minutes)"
  flexible_time_window {
    mode = "OFF"
  }
  target {
    arn      = aws_sfn_state_machine.machine["index"].arn
    role_arn = aws_iam_role.role["schedule"].arn
    input    = jsonencode({ source = each.key, want = "changes" })
    retry_policy {
      # The next poll looks back to the last one that ended.
      maximum_retry_attempts       = 1
      maximum_event_age_in_seconds = 300
    }
    dead_letter_config {
      arn = aws_sqs_queue.dead_letters.arn
    }
  }
}

# Once a day each source is held against what is indexed of it: deletions, lost webhooks.
resource "aws_scheduler_schedule" "reconcile" {
  #checkov:skip=CKV_AWS_297:The input names a source and holds nothing private
  for_each            = var.index_sources
  name                = "${var.name}-reconcile-${substr(sha256(each.key), 0, 16)}"
  description         = each.key
  schedule_expression = "cron(17 3 * * ? *)"
  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 60
  }
  target {
    arn      = aws_sfn_state_machine.machine["index"].arn
    role_arn = aws_iam_role.role["schedule"].arn
    input    = jsonencode({ source = each.key, want = "reconcile" })
    retry_policy {
      maximum_retry_attempts       = 3
      maximum_event_age_in_seconds = 7200
    }
    dead_letter_config {
      arn = aws_sqs_queue.dead_letters.arn
    }
  }
}
