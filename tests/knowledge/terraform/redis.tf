# Sessions, rate-limit counters, page cache.

resource "aws_elasticache_replication_group" "session_cache" {
  replication_group_id       = "session-cache"
  description                = "Sessions and page cache"
  engine                     = "redis"
  node_type                  = "cache.r6g.large"
  num_cache_clusters         = 2
  automatic_failover_enabled = true
  security_group_ids         = [aws_security_group.cache.id]
}
