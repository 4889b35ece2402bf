# The production database: primary and parameter group. The replica is in rds_replica.tf.

locals {
  db_name = "nightjar"
  db_port = 5432
  db_tags = {
    env   = "prod"
    owner = "data-platform"
    cost  = "databases"
  }
}

# Sized for the tournament: see the capacity plan.
variable "db_instance_class" {
  description = "Instance class of the primary."
  type        = string
  default     = "db.r6g.2xlarge"
}

resource "aws_db_subnet_group" "prod" {
  name       = "prod-db"
  subnet_ids = module.vpc.private_subnets
}

# Postgres 15 on the primary and its replica. Static parameters need a reboot:
# plan them for the Sunday window, never during an incident.
resource "aws_db_parameter_group" "prod_postgres15" {
  name        = "prod-postgres15"
  family      = "postgres15"
  description = "Production Postgres 15"

  # 400 for game-api's pools, 100 for matchmaker, migrations and administrators.
  parameter {
    name         = "max_connections"
    value        = "500"
    apply_method = "pending-reboot"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  parameter {
    name  = "idle_in_transaction_session_timeout"
    value = "60000"
  }

  parameter {
    name         = "shared_preload_libraries"
    value        = "pg_stat_statements"
    apply_method = "pending-reboot"
  }
}

resource "aws_db_instance" "prod_primary" {
  identifier                   = "prod-postgres-primary"
  engine                       = "postgres"
  engine_version               = "15.8"
  instance_class               = var.db_instance_class
  allocated_storage            = 1000
  storage_type                 = "gp3"
  db_name                      = local.db_name
  multi_az                     = true
  db_subnet_group_name         = aws_db_subnet_group.prod.name
  parameter_group_name         = aws_db_parameter_group.prod_postgres15.name
  vpc_security_group_ids       = [aws_security_group.db.id]
  performance_insights_enabled = true
  maintenance_window           = "sun:08:00-sun:08:30"
  backup_retention_period      = 14
  deletion_protection          = true
  manage_master_user_password  = true
  tags                         = local.db_tags
}
