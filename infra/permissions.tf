# One role per function, machine and schedule, with the policy that the manifest says and no other: this file alone makes roles.
locals {
  manifest  = yamldecode(file("${path.module}/manifest.yaml"))
  functions = local.manifest.functions
  machines  = toset(["incident", "index"])

  definitions = { for machine in local.machines : machine => file("${path.module}/../statemachine/${machine}.asl.json") }
  cases       = "${var.name}-cases-${data.aws_caller_identity.current.account_id}-${var.region}"
}

module "permissions" {
  source = "./modules/permissions"
  deployment = {
    partition = data.aws_partition.current.partition
    account   = data.aws_caller_identity.current.account_id
    region    = var.region
    name      = var.name
    cases     = local.cases
  }
  functions    = local.functions
  roles        = local.manifest.roles
  definitions  = local.definitions
  secret_arns  = local.readable
  kms_key_arns = concat(compact([var.kms_key_arn]), var.secret_kms_key_arns)
  attached     = local.attached
}

resource "aws_iam_role" "role" {
  for_each           = module.permissions.trust
  name               = "${var.name}-${each.key}"
  assume_role_policy = each.value
}

resource "aws_iam_role_policy" "role" {
  for_each = module.permissions.policies
  name     = "manifest"
  role     = aws_iam_role.role[each.key].name
  policy   = each.value
}
