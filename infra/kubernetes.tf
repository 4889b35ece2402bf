# The cluster: where it is, the entry that lets `collect-kubernetes` in as the group of kubernetes/clusterrole.yaml, and a way to its
# endpoint where that is private. The entry gives nothing by itself: what the group may read is the cluster's to say.
data "aws_eks_cluster" "cluster" {
  count = var.eks_cluster == "" ? 0 : 1
  name  = var.eks_cluster
}

locals {
  eks = one(data.aws_eks_cluster.cluster)
  eks_settings = local.eks == null ? {} : {
    EKS_CLUSTER    = var.eks_cluster
    KUBERNETES_URL = local.eks.endpoint
    KUBERNETES_CA  = local.eks.certificate_authority[0].data
  }

  # A function has no address of its own: where not everybody may reach the endpoint from outside, it must come from the VPC.
  eks_is_open    = local.eks == null ? true : local.eks.vpc_config[0].endpoint_public_access && contains(local.eks.vpc_config[0].public_access_cidrs, "0.0.0.0/0")
  attached       = local.eks_is_open ? toset([]) : toset(["collect-kubernetes"])
  eks_subnet_ids = local.eks_is_open ? [] : length(var.eks_subnet_ids) > 0 ? var.eks_subnet_ids : local.eks.vpc_config[0].subnet_ids
}

resource "aws_eks_access_entry" "collector" {
  count             = local.eks == null ? 0 : 1
  cluster_name      = var.eks_cluster
  principal_arn     = aws_iam_role.role["collect-kubernetes"].arn
  kubernetes_groups = ["sitrep-readers"]
  type              = "STANDARD"
  lifecycle {
    precondition {
      condition     = contains(["API", "API_AND_CONFIG_MAP"], local.eks.access_config[0].authentication_mode)
      error_message = "${var.eks_cluster} lets nobody in by an access entry: aws eks update-cluster-config --region ${var.region} --name ${var.eks_cluster} --access-config authenticationMode=API_AND_CONFIG_MAP"
    }
  }
}

# Inside the VPC the function reaches the cluster and nothing else. It needs nothing else: its token is signed where it runs.
resource "aws_security_group" "kubernetes" {
  count       = local.eks_is_open ? 0 : 1
  name        = "${var.name}-collect-kubernetes"
  description = "To the endpoint of the cluster, and nowhere else."
  vpc_id      = local.eks.vpc_config[0].vpc_id
  lifecycle {
    precondition {
      condition     = local.eks.vpc_config[0].endpoint_private_access
      error_message = "The endpoint of ${var.eks_cluster} is open neither to everybody nor to its VPC, so no function reaches it: aws eks update-cluster-config --region ${var.region} --name ${var.eks_cluster} --resources-vpc-config endpointPrivateAccess=true"
    }
    precondition {
      condition     = !contains(keys(local.readable), "KUBERNETES_TOKEN")
      error_message = "Inside the VPC of ${var.eks_cluster} Secrets Manager is out of reach: leave KUBERNETES_TOKEN out, the access entry takes its place."
    }
  }
}

resource "aws_vpc_security_group_egress_rule" "kubernetes" {
  count                        = local.eks_is_open ? 0 : 1
  description                  = "The endpoint of the cluster."
  security_group_id            = aws_security_group.kubernetes[0].id
  referenced_security_group_id = local.eks.vpc_config[0].cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_ingress_rule" "kubernetes" {
  count                        = local.eks_is_open ? 0 : 1
  description                  = "${var.name} reads the cluster."
  security_group_id            = local.eks.vpc_config[0].cluster_security_group_id
  referenced_security_group_id = aws_security_group.kubernetes[0].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}
