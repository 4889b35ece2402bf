# The places that the manifest names, as ARNs. They are written out, not read from the resources: each function's environment and role
# would otherwise wait for a machine that waits for the functions. It also makes the policies known before anything exists, for tests.
locals {
  partition = var.deployment.partition
  here      = "${var.deployment.region}:${var.deployment.account}"
  anywhere  = "*:${var.deployment.account}"
  name      = var.deployment.name

  function_arns = { for function in keys(var.functions) : function => "arn:${local.partition}:lambda:${local.here}:function:${local.name}-${function}" }

  # A machine may invoke the functions its definition names.
  invoked = {
    for machine, definition in var.definitions :
    "functions-of-${machine}" => [for function in distinct(flatten(regexall("\\$\\{([a-z-]+)\\}", definition))) : local.function_arns[function]]
  }

  places = merge(local.invoked, {
    everything       = ["*"]
    incident-machine = ["arn:${local.partition}:states:${local.here}:stateMachine:${local.name}-incident"]
    index-machine    = ["arn:${local.partition}:states:${local.here}:stateMachine:${local.name}-index"]
    ledger           = ["arn:${local.partition}:dynamodb:${local.here}:table/${local.name}-ledger"]
    queue            = ["arn:${local.partition}:sqs:${local.here}:${local.name}-queue"]
    dead-letters     = ["arn:${local.partition}:sqs:${local.here}:${local.name}-dead-letters"]
    cases-bucket     = ["arn:${local.partition}:s3:::${var.deployment.cases}"]
    postmortems      = ["arn:${local.partition}:s3:::${var.deployment.cases}/postmortems/*"]
    cases            = ["arn:${local.partition}:s3:::${var.deployment.cases}/cases/*", "arn:${local.partition}:s3:::${var.deployment.cases}/postmortems/*"]

    incident-executions = ["arn:${local.partition}:states:${local.here}:execution:${local.name}-incident:*"]

    databases              = ["arn:${local.partition}:rds:${local.anywhere}:db:*"]
    database-clusters      = ["arn:${local.partition}:rds:${local.anywhere}:cluster:*"]
    database-proxies       = ["arn:${local.partition}:rds:${local.anywhere}:db-proxy:*"]
    database-proxy-targets = ["arn:${local.partition}:rds:${local.anywhere}:target-group:*"]
    database-parameters    = ["arn:${local.partition}:rds:${local.anywhere}:pg:*"]
    database-load          = ["arn:${local.partition}:pi:${local.anywhere}:metrics/rds/*"]

    # Anthropic's alone, directly or through a profile that spans regions.
    models = ["arn:${local.partition}:bedrock:*::foundation-model/anthropic.*", "arn:${local.partition}:bedrock:${local.anywhere}:inference-profile/*.anthropic.*"]
  })
}
