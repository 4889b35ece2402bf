# The one manifest: every function, what it may use, and which settings it sees. Deleting a collector is deleting its line here,
# its folder, its branch in the state machine and its events. The catalog is no setting here: `webhook` and `retrieve`
# read the catalog.yaml that their zip holds, see the variable `packages`.
locals {
  functions = {
    webhook = {
      memory_mb = 256, timeout_s = 10
      settings  = ["WEBHOOK_SECRET"]
      actions   = { start = { actions = ["states:StartExecution"], resources = [local.incident_arn] } }
    }
    collect-datadog = {
      memory_mb = 512, timeout_s = 10
      settings  = ["DD_API_KEY", "DD_APP_KEY", "DD_SITE"]
      actions   = {}
    }
    collect-kubernetes = {
      memory_mb = 512, timeout_s = 10
      # sts:GetCallerIdentity, which the cluster's token is made of, needs no permission.
      settings = ["EKS_CLUSTER", "KUBERNETES_URL", "KUBERNETES_CA", "KUBERNETES_TOKEN"]
      actions  = {}
    }
    collect-aws = {
      # Memory is processor share is TLS speed, and this one opens five services at once.
      memory_mb = 1024, timeout_s = 10
      settings  = []
      # None of these reads takes a narrower resource than "*", apart from parameter groups and the load of databases, whose
      # names an alert decides.
      actions = {
        read = {
          actions = [
            "cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory",
            "rds:DescribeDBInstances", "rds:DescribeDBClusters", "rds:DescribeDBProxies", "rds:DescribeDBProxyTargets",
            "rds:DescribeEvents", "rds:DescribeDBParameters", "rds:DescribePendingMaintenanceActions", "pi:GetResourceMetrics",
            "ec2:DescribeInstanceStatus", "ec2:DescribeInstances",
            "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
          ]
          resources = ["*"]
        }
      }
    }
    collect-cloudflare = {
      memory_mb = 512, timeout_s = 10
      settings  = ["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ZONE_ID", "CLOUDFLARE_ACCOUNT_ID"]
      actions   = {}
    }
    diagnose = { memory_mb = 512, timeout_s = 6, settings = [], actions = {} }
    retrieve = {
      memory_mb = 512, timeout_s = 8
      settings  = ["PINECONE_API_KEY", "PINECONE_INDEX_URL", "PINECONE_SPARSE_INDEX_URL", "OPENAI_API_KEY", "EMBEDDING_MODEL", "GITHUB_TOKEN"]
      actions   = {}
    }
    analyze = {
      memory_mb = 512, timeout_s = 25
      settings = [
        "ANALYSIS_PROVIDER", "ANTHROPIC_API_KEY", "AWS_BEARER_TOKEN_BEDROCK", "TRIAGE_MODEL", "ANALYSIS_MODEL",
        "ANALYSIS_MAX_TOKENS", "ANALYSIS_MAX_DOLLARS",
      ]
      # Used where ANALYSIS_PROVIDER is bedrock: Anthropic's models, directly or through a cross-region profile.
      actions = {
        ask = {
          actions   = ["bedrock:InvokeModel"]
          resources = ["arn:aws:bedrock:*::foundation-model/anthropic.*", "arn:aws:bedrock:*:*:inference-profile/*.anthropic.*"]
        }
      }
    }
    brief = {
      memory_mb = 256, timeout_s = 8
      settings  = ["SLACK_BOT_TOKEN", "SLACK_CHANNEL"]
      actions   = {}
    }
    slack = { memory_mb = 256, timeout_s = 10, settings = ["SLACK_BOT_TOKEN", "SLACK_CHANNEL", "SLACK_SIGNING_SECRET"], actions = {} }
    index = {
      memory_mb = 1024, timeout_s = 300
      settings = [
        "PINECONE_API_KEY", "PINECONE_INDEX_URL", "PINECONE_SPARSE_INDEX_URL", "OPENAI_API_KEY", "EMBEDDING_MODEL",
        "GITHUB_TOKEN", "GITLAB_TOKEN", "GITLAB_URL",
        "CONFLUENCE_URL", "CONFLUENCE_EMAIL", "CONFLUENCE_TOKEN", "CONFLUENCE_SPACES",
      ]
      actions = {}
    }
    index-webhook = {
      memory_mb = 256, timeout_s = 8
      settings  = ["GITHUB_WEBHOOK_SECRET", "GITLAB_WEBHOOK_SECRET", "CONFLUENCE_WEBHOOK_SECRET"]
      actions   = { start = { actions = ["states:StartExecution"], resources = [local.index_arn] } }
    }
  }
}
