resource "aws_db_parameter_group" "ledger" {
  name        = "ledger-settings"
  family      = "postgres15"
  description = "Settings of ledger-store: the workers of the ledger share its connections"

  parameter {
    name         = "max_connections"
    value        = "400"
    apply_method = "pending-reboot"
  }
}

resource "aws_db_instance" "ledger" {
  identifier           = "ledger-store"
  instance_class       = "db.m6g.large"
  engine               = "postgres"
  parameter_group_name = aws_db_parameter_group.ledger.name
}
