# The read replica: profiles, ratings and support tools.

resource "aws_db_instance" "prod_replica_1" {
  identifier                   = "prod-postgres-replica-1"
  replicate_source_db          = aws_db_instance.prod_primary.identifier
  instance_class               = "db.r6g.xlarge"
  parameter_group_name         = aws_db_parameter_group.prod_postgres15.name
  vpc_security_group_ids       = [aws_security_group.db.id]
  performance_insights_enabled = true
  skip_final_snapshot          = true
}

resource "aws_cloudwatch_metric_alarm" "replica_lag" {
  alarm_name          = "prod-postgres-replica-1-lag"
  namespace           = "AWS/RDS"
  metric_name         = "ReplicaLag"
  statistic           = "Average"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  period              = 60
  evaluation_periods  = 5
  dimensions          = { DBInstanceIdentifier = aws_db_instance.prod_replica_1.identifier }
}
