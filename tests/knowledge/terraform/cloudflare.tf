# The edge: zone, managed rules, rate limits.

data "cloudflare_zone" "main" {
  name = "nightjar.gg"
}

resource "cloudflare_ruleset" "managed" {
  zone_id = data.cloudflare_zone.main.id
  name    = "managed"
  kind    = "zone"
  phase   = "http_request_firewall_managed"

  rules {
    action     = "execute"
    expression = "true"
    action_parameters {
      id = "efb7b8c949ac4650a09736fc376e9aee"
    }
  }
}

resource "cloudflare_ruleset" "rate_limits" {
  zone_id = data.cloudflare_zone.main.id
  name    = "rate-limits"
  kind    = "zone"
  phase   = "http_ratelimit"

  rules {
    action     = "block"
    expression = "(http.request.uri.path contains \"/login\")"
    ratelimit {
      characteristics     = ["ip.src", "cf.colo.id"]
      period              = 60
      requests_per_period = 60
    }
  }
}
