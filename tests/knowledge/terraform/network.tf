module "vpc" {
  source          = "terraform-aws-modules/vpc/aws"
  version         = "5.13.0"
  name            = "nightjar-prod"
  cidr            = "10.0.0.0/16"
  azs             = ["us-east-1a", "us-east-1b", "us-east-1c"]
  private_subnets = ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]
  public_subnets  = ["10.0.101.0/24", "10.0.102.0/24", "10.0.103.0/24"]
}

# Postgres from the nodes only.
resource "aws_security_group" "db" {
  name   = "db"
  vpc_id = module.vpc.vpc_id

  ingress {
    from_port       = 5432
    to_port         = 5432
    protocol        = "tcp"
    security_groups = [aws_security_group.nodes.id]
  }
}

resource "aws_security_group" "nodes" {
  name   = "nodes"
  vpc_id = module.vpc.vpc_id
}

resource "aws_security_group" "alb" {
  name   = "alb"
  vpc_id = module.vpc.vpc_id
}

resource "aws_security_group" "cache" {
  name   = "cache"
  vpc_id = module.vpc.vpc_id
}
