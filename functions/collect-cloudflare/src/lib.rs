//! collect-cloudflare
