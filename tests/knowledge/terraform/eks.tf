# The cluster and its node groups.

resource "aws_eks_cluster" "prod" {
  name     = "nightjar-prod"
  role_arn = aws_iam_role.eks.arn
  version  = "1.33"

  vpc_config {
    subnet_ids              = module.vpc.private_subnets
    endpoint_private_access = true
  }
}

# General nodes: game-api, matchmaker, chat-service.
resource "aws_eks_node_group" "general" {
  cluster_name    = aws_eks_cluster.prod.name
  node_group_name = "general"
  node_role_arn   = aws_iam_role.nodes.arn
  subnet_ids      = module.vpc.private_subnets
  instance_types  = ["m6i.2xlarge"]

  scaling_config {
    desired_size = 6
    min_size     = 4
    max_size     = 12
  }
}
