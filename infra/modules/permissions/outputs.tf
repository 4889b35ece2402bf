output "policies" {
  description = "The policy of every role, by the manifest's name."
  value       = { for role, statements in local.statements : role => jsonencode({ Version = "2012-10-17", Statement = statements }) }
}

output "trust" {
  description = "Who may take each role. A machine's and a schedule's service only on behalf of this account."
  value = {
    for role, service in merge({ for name in keys(var.functions) : name => "lambda" }, { for name, role in var.roles : name => role.service }) :
    role => jsonencode({
      Version = "2012-10-17"
      Statement = [merge(
        { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "${service}.amazonaws.com" } },
        service == "lambda" ? {} : { Condition = { StringEquals = { "aws:SourceAccount" = var.deployment.account } } },
      )]
    })
  }
}

output "arns" {
  description = "The ARN of what the manifest names and Terraform makes one of."
  value       = { for place, arns in local.places : place => arns[0] if contains(["incident-machine", "index-machine", "ledger", "queue", "dead-letters"], place) }
}
