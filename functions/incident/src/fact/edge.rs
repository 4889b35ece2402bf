//! The edge: traffic and firewall.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Requests at the edge in the window, each map most first by count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EdgeTraffic {
    /// Requests by eyeballs.
    pub requests: u64,
    /// Requests in the window of equal length before it, when read.
    #[serde(default)]
    pub requests_before: Option<u64>,
    /// Share of requests served from cache (hit, stale, revalidated, updating ÷ all but dynamic, none, bypass), 0–1.
    #[serde(default)]
    pub cache_hit_ratio: Option<f64>,
    /// The same before.
    #[serde(default)]
    pub cache_hit_ratio_before: Option<f64>,
    /// By edge status: `200` → n.
    #[serde(default)]
    pub by_status: BTreeMap<String, u64>,
    /// By country.
    #[serde(default)]
    pub by_country: BTreeMap<String, u64>,
    /// By method.
    #[serde(default)]
    pub by_method: BTreeMap<String, u64>,
    /// Distinct paths per thousand requests, when read.
    #[serde(default)]
    pub path_diversity: Option<f64>,
}

/// Firewall events in the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WafActivity {
    /// Events in all.
    pub events: u64,
    /// Events in the window of equal length before it, when read.
    #[serde(default)]
    pub events_before: Option<u64>,
    /// By action: `block`, `managed_challenge`, `log`.
    #[serde(default)]
    pub by_action: BTreeMap<String, u64>,
    /// By product: `l7ddos`, `firewallManaged`, `ratelimit`.
    #[serde(default)]
    pub by_source: BTreeMap<String, u64>,
    /// By rule id.
    #[serde(default)]
    pub by_rule: BTreeMap<String, u64>,
    /// By country.
    #[serde(default)]
    pub by_country: BTreeMap<String, u64>,
}
