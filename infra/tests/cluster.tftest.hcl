# The cluster: an entry where there is one, and a VPC only where its endpoint is not open.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  eks_cluster = "prod"
  secret_arns = { SLACK_WEBHOOK_URL = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ours-AbCdEf" }
}

run "an_open_endpoint" {
  command = plan

  override_data {
    target = data.aws_eks_cluster.cluster[0]
    values = {
      endpoint              = "https://open.example"
      certificate_authority = [{ data = "Y2E=" }]
      access_config         = [{ authentication_mode = "API_AND_CONFIG_MAP" }]
      vpc_config            = [{ endpoint_public_access = true, endpoint_private_access = false, public_access_cidrs = ["0.0.0.0/0"], subnet_ids = ["subnet-1"], vpc_id = "vpc-1", cluster_security_group_id = "sg-1" }]
    }
  }

  assert {
    condition     = aws_eks_access_entry.collector[0].kubernetes_groups == toset(["sitrep-readers"]) && aws_eks_access_entry.collector[0].type == "STANDARD"
    error_message = "The collector is not let in as the group of clusterrole.yaml."
  }

  assert {
    condition     = length(aws_lambda_function.function["collect-kubernetes"].vpc_config) == 0 && length(aws_security_group.kubernetes) == 0
    error_message = "An open endpoint needs no VPC."
  }

  assert {
    condition     = aws_lambda_function.function["collect-kubernetes"].environment[0].variables["KUBERNETES_URL"] == "https://open.example" && aws_lambda_function.function["collect-kubernetes"].environment[0].variables["EKS_CLUSTER"] == "prod"
    error_message = "The collector does not know the cluster."
  }

  assert {
    condition     = alltrue([for name, function in aws_lambda_function.function : !contains(keys(function.environment[0].variables), "EKS_CLUSTER") if name != "collect-kubernetes"])
    error_message = "Others are told of the cluster."
  }
}

run "a_private_endpoint" {
  command = plan

  override_data {
    target = data.aws_eks_cluster.cluster[0]
    values = {
      endpoint              = "https://private.example"
      certificate_authority = [{ data = "Y2E=" }]
      access_config         = [{ authentication_mode = "API_AND_CONFIG_MAP" }]
      vpc_config            = [{ endpoint_public_access = false, endpoint_private_access = true, public_access_cidrs = [], subnet_ids = ["subnet-1", "subnet-2"], vpc_id = "vpc-1", cluster_security_group_id = "sg-1" }]
    }
  }

  assert {
    condition     = aws_lambda_function.function["collect-kubernetes"].vpc_config[0].subnet_ids == toset(["subnet-1", "subnet-2"]) && length([for function in aws_lambda_function.function : function if length(function.vpc_config) > 0]) == 1
    error_message = "The Kubernetes collector alone is attached."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.kubernetes[0].referenced_security_group_id == "sg-1" && aws_vpc_security_group_egress_rule.kubernetes[0].from_port == 443 && aws_vpc_security_group_ingress_rule.kubernetes[0].security_group_id == "sg-1"
    error_message = "The collector reaches more than the cluster, or not even that."
  }

  # Lambda makes the interface in the role's name. Whatever that takes, the function's own code is denied.
  assert {
    condition = toset(flatten([for s in jsondecode(aws_iam_role_policy.role["collect-kubernetes"].policy).Statement : s.Action if s.Effect == "Allow" && s.Sid == "Network"])) == toset(flatten([
      for s in jsondecode(aws_iam_role_policy.role["collect-kubernetes"].policy).Statement : s.Action if s.Effect == "Deny" && try(s.Condition.ArnEquals["lambda:SourceFunctionArn"], []) == ["arn:aws:lambda:us-east-1:123456789012:function:sitrep-collect-kubernetes"]
    ]))
    error_message = "The collector's code may do what only Lambda should."
  }

  assert {
    condition     = alltrue([for name, policy in aws_iam_role_policy.role : !strcontains(policy.policy, "NetworkInterface") if name != "collect-kubernetes"])
    error_message = "Others may make network interfaces."
  }
}

run "an_endpoint_open_to_some_addresses" {
  command = plan

  override_data {
    target = data.aws_eks_cluster.cluster[0]
    values = {
      endpoint              = "https://some.example"
      certificate_authority = [{ data = "Y2E=" }]
      access_config         = [{ authentication_mode = "API_AND_CONFIG_MAP" }]
      vpc_config            = [{ endpoint_public_access = true, endpoint_private_access = true, public_access_cidrs = ["203.0.113.0/24"], subnet_ids = ["subnet-1"], vpc_id = "vpc-1", cluster_security_group_id = "sg-1" }]
    }
  }

  assert {
    condition     = length(aws_lambda_function.function["collect-kubernetes"].vpc_config) == 1
    error_message = "A function has no address that could be on the list."
  }
}

run "an_endpoint_that_no_function_reaches_is_refused" {
  command = plan

  override_data {
    target = data.aws_eks_cluster.cluster[0]
    values = {
      endpoint              = "https://some.example"
      certificate_authority = [{ data = "Y2E=" }]
      access_config         = [{ authentication_mode = "API" }]
      vpc_config            = [{ endpoint_public_access = true, endpoint_private_access = false, public_access_cidrs = ["203.0.113.0/24"], subnet_ids = ["subnet-1"], vpc_id = "vpc-1", cluster_security_group_id = "sg-1" }]
    }
  }

  expect_failures = [aws_security_group.kubernetes]
}

run "a_token_that_could_not_be_fetched_there_is_refused" {
  command = plan
  variables {
    secrets = ["KUBERNETES_TOKEN"]
  }

  override_data {
    target = data.aws_eks_cluster.cluster[0]
    values = {
      endpoint              = "https://private.example"
      certificate_authority = [{ data = "Y2E=" }]
      access_config         = [{ authentication_mode = "API" }]
      vpc_config            = [{ endpoint_public_access = false, endpoint_private_access = true, public_access_cidrs = [], subnet_ids = ["subnet-1"], vpc_id = "vpc-1", cluster_security_group_id = "sg-1" }]
    }
  }

  expect_failures = [aws_security_group.kubernetes]
}

run "a_cluster_that_knows_no_access_entries_is_refused" {
  command = plan

  override_data {
    target = data.aws_eks_cluster.cluster[0]
    values = {
      endpoint              = "https://open.example"
      certificate_authority = [{ data = "Y2E=" }]
      access_config         = [{ authentication_mode = "CONFIG_MAP" }]
      vpc_config            = [{ endpoint_public_access = true, endpoint_private_access = false, public_access_cidrs = ["0.0.0.0/0"], subnet_ids = ["subnet-1"], vpc_id = "vpc-1", cluster_security_group_id = "sg-1" }]
    }
  }

  expect_failures = [aws_eks_access_entry.collector]
}
