# Staging: one instance, small, its own parameters.

resource "aws_db_parameter_group" "staging_postgres15" {
  name   = "staging-postgres15"
  family = "postgres15"

  parameter {
    name         = "max_connections"
    value        = "100"
    apply_method = "pending-reboot"
  }
}

resource "aws_db_instance" "staging" {
  identifier                  = "staging-postgres"
  engine                      = "postgres"
  engine_version              = "15.8"
  instance_class              = "db.t4g.large"
  allocated_storage           = 100
  parameter_group_name        = aws_db_parameter_group.staging_postgres15.name
  manage_master_user_password = true
}
