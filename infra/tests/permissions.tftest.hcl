# What each role is allowed, read from the policies as they would be sent to IAM.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  secrets     = ["WEBHOOK_SECRET", "DD_API_KEY", "DD_APP_KEY", "SLACK_BOT_TOKEN"]
  settings    = { SLACK_CHANNEL = "#incidents" }
  secret_arns = { ANTHROPIC_API_KEY = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ours-AbCdEf" }
}

run "every_role_is_the_closed_table" {
  command = plan

  # The table is permissions.yaml, a line per action and resource: what is added there is added in the open. What every function may do
  # is not in it, see below.
  assert {
    condition = alltrue([
      for role, policy in aws_iam_role_policy.role :
      jsonencode(sort(flatten([for s in jsondecode(policy.policy).Statement : [for action in s.Action : [for resource in s.Resource : "${s.Effect} ${action} on ${resource}"]] if !contains(["OwnLog", "OwnTraces"], s.Sid)])))
      == jsonencode(sort(try(yamldecode(file("tests/permissions.yaml"))[role], [])))
    ])
    error_message = "Not what tests/permissions.yaml says:\n${join("\n", flatten([
      for role, policy in aws_iam_role_policy.role : [
        for line in setsubtract(
          setunion(flatten([for s in jsondecode(policy.policy).Statement : [for action in s.Action : [for resource in s.Resource : "${s.Effect} ${action} on ${resource}"]] if !contains(["OwnLog", "OwnTraces"], s.Sid)]), try(yamldecode(file("tests/permissions.yaml"))[role], [])),
          setintersection(flatten([for s in jsondecode(policy.policy).Statement : [for action in s.Action : [for resource in s.Resource : "${s.Effect} ${action} on ${resource}"]] if !contains(["OwnLog", "OwnTraces"], s.Sid)]), try(yamldecode(file("tests/permissions.yaml"))[role], [])),
        ) : "${role}: ${line}"
      ]
    ]))}"
  }

  assert {
    condition     = toset(keys(yamldecode(file("tests/permissions.yaml")))) == toset(keys(aws_iam_role.role)) && toset(keys(aws_iam_role.role)) == toset(keys(aws_iam_role_policy.role))
    error_message = "Roles, policies and the table are not the same roles."
  }

  assert {
    condition = alltrue([
      for name in keys(aws_lambda_function.function) :
      [for s in jsondecode(aws_iam_role_policy.role[name].policy).Statement : s if contains(["OwnLog", "OwnTraces"], s.Sid)] == [
        { Sid = "OwnLog", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/sitrep-${name}:*"] },
        { Sid = "OwnTraces", Effect = "Allow", Action = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource = ["*"] },
      ]
    ])
    error_message = "A function writes to another log than its own, or does more than send traces."
  }
}

run "a_collector_reads_and_does_nothing_else" {
  command = plan

  assert {
    condition = alltrue([
      for action in flatten([for role in ["collect-datadog", "collect-kubernetes", "collect-aws", "collect-cloudflare"] : [for s in jsondecode(aws_iam_role_policy.role[role].policy).Statement : s.Action if !contains(["OwnLog", "OwnTraces", "OwnSecrets"], s.Sid)]]) :
      can(regex("^[a-z0-9]+:(Get|Describe|List)[A-Za-z]+$", action)) && contains([for read in yamldecode(file("reads.yaml")) : read.scope if read.vendor == "aws"], action)
    ])
    error_message = "A collector's role holds what is no read, or what reads.yaml does not list."
  }
}

run "a_secret_is_read_by_whom_it_is_for" {
  command = plan

  assert {
    condition = {
      for role, policy in aws_iam_role_policy.role : role => flatten([for s in jsondecode(policy.policy).Statement : s.Resource if s.Sid == "OwnSecrets"])
      if length([for s in jsondecode(policy.policy).Statement : s if s.Sid == "OwnSecrets"]) > 0
      } == {
      webhook         = ["arn:aws:secretsmanager:us-east-1:123456789012:secret:sitrep/WEBHOOK_SECRET-??????"]
      collect-datadog = ["arn:aws:secretsmanager:us-east-1:123456789012:secret:sitrep/DD_API_KEY-??????", "arn:aws:secretsmanager:us-east-1:123456789012:secret:sitrep/DD_APP_KEY-??????"]
      brief           = ["arn:aws:secretsmanager:us-east-1:123456789012:secret:sitrep/SLACK_BOT_TOKEN-??????"]
      slack           = ["arn:aws:secretsmanager:us-east-1:123456789012:secret:sitrep/SLACK_BOT_TOKEN-??????"]
      analyze         = ["arn:aws:secretsmanager:us-east-1:123456789012:secret:ours-AbCdEf"]
    }
    error_message = "Somebody else may read a secret, or its reader may not."
  }
}

run "no_action_is_a_pattern_and_nothing_but_our_own_is_invoked" {
  command = plan

  assert {
    condition     = alltrue([for policy in aws_iam_role_policy.role : alltrue([for action in flatten([for s in jsondecode(policy.policy).Statement : s.Action]) : !can(regex("[*?]", action))])])
    error_message = "An action is a pattern."
  }

  assert {
    condition     = alltrue([for policy in aws_iam_role_policy.role : alltrue([for s in jsondecode(policy.policy).Statement : !contains(s.Resource, "*") if contains(s.Action, "lambda:InvokeFunction") || contains(s.Action, "states:StartExecution") || contains(s.Action, "secretsmanager:GetSecretValue")])])
    error_message = "A role may invoke, start or read more than it is for."
  }

  assert {
    condition     = alltrue([for name, role in aws_iam_role.role : jsondecode(role.assume_role_policy).Statement[0].Principal.Service == "${try(yamldecode(file("manifest.yaml")).roles[name].service, "lambda")}.amazonaws.com"])
    error_message = "A role may be taken by a service it is not for."
  }
}

run "with_a_key_of_ones_own_it_is_used_through_a_service_alone" {
  command = plan
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/k"
  }

  assert {
    condition = alltrue(flatten([
      for role, policy in aws_iam_role_policy.role : [
        for s in jsondecode(policy.policy).Statement : s.Resource == ["arn:aws:kms:us-east-1:123456789012:key/k"] && length(s.Condition.StringEquals["kms:ViaService"]) > 0 if s.Sid == "Keys"
      ]
    ]))
    error_message = "The key may be used directly."
  }

  assert {
    condition     = toset([for role, policy in aws_iam_role_policy.role : role if strcontains(policy.policy, "kms:")]) == toset(["webhook", "collect-datadog", "analyze", "brief", "slack", "index", "schedule"])
    error_message = "Somebody may use the key who keeps nothing, or may not who does."
  }
}
