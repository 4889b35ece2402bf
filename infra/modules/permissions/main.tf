# From the manifest to one policy per role. No provider: what comes out is text, the same in a test as in an account.
locals {
  # What each function needs whatever it does.
  own = {
    for function in keys(var.functions) : function => concat(
      [
        { Sid = "OwnLog", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:${local.partition}:logs:${local.here}:log-group:/aws/lambda/${local.name}-${function}:*"] },
        { Sid = "OwnTraces", Effect = "Allow", Action = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource = ["*"] },
      ],
      [
        for secrets in [local.read[function]] :
        { Sid = "OwnSecrets", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = secrets } if length(secrets) > 0
      ],
      [for statement in local.network[function] : statement if contains(var.attached, function)],
    )
  }

  read = { for name, function in var.functions : name => sort(distinct([for secret in function.secrets : var.secret_arns[secret] if contains(keys(var.secret_arns), secret)])) }

  # Services that keep something encrypted for a role, and the keys used through them: never by itself.
  services = {
    for role, grants in local.may : role => sort(distinct(concat(
      [for secrets in [try(local.read[role], [])] : "secretsmanager" if length(secrets) > 0],
      [for action in flatten([for grant in values(grants) : grant.do]) : split(":", action)[0] if contains(["dynamodb", "s3", "sqs"], split(":", action)[0])],
    )))
  }
  keys = {
    for role, services in local.services : role => [
      for condition in [{ StringEquals = { "kms:ViaService" = [for service in services : "${service}.${var.deployment.region}.amazonaws.com"] } }] :
      { Sid = "Keys", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.kms_key_arns, Condition = condition }
      if length(services) > 0 && length(var.kms_key_arns) > 0
    ]
  }

  # Lambda makes a function's network interface in the role's name. The function's own code is denied the same.
  interface = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"]
  network = {
    for function in keys(var.functions) : function => [
      { Sid = "Network", Effect = "Allow", Action = local.interface, Resource = ["*"] },
      { Sid = "NetworkNotByCode", Effect = "Deny", Action = local.interface, Resource = ["*"], Condition = { ArnEquals = { "lambda:SourceFunctionArn" = [local.function_arns[function]] } } },
    ]
  }

  # What a machine needs whatever it does. Setting up a log's delivery takes no narrower resource.
  machine = [
    { Sid = "Traces", Effect = "Allow", Action = ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"], Resource = ["*"] },
    {
      Sid = "LogDelivery", Effect = "Allow", Resource = ["*"]
      Action = [
        "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
        "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
      ]
    },
  ]

  may = merge({ for name, function in var.functions : name => function.may }, { for name, role in var.roles : name => role.may })
  granted = {
    for role, grants in local.may : role => [
      for name, grant in grants : {
        Sid = replace(title(name), "-", ""), Effect = "Allow", Action = grant.do, Resource = flatten([for place in grant.to : local.places[place]])
      }
    ]
  }

  statements = merge(
    { for name in keys(var.functions) : name => concat(local.own[name], local.keys[name], local.granted[name]) },
    { for name, role in var.roles : name => concat([for statement in local.machine : statement if role.service == "states"], local.keys[name], local.granted[name]) },
  )
}
