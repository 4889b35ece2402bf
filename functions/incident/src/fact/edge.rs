//! The edge: traffic, latency, firewall, attacks, changed rules.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Requests at the edge in the window, against the window of equal length an hour earlier. Each map holds the largest counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The same before.
    #[serde(default)]
    pub by_status_before: BTreeMap<String, u64>,
    /// By cache status: `hit` → n.
    #[serde(default)]
    pub by_cache: BTreeMap<String, u64>,
    /// By country.
    #[serde(default)]
    pub by_country: BTreeMap<String, u64>,
    /// The same before.
    #[serde(default)]
    pub by_country_before: BTreeMap<String, u64>,
    /// By data centre: `FRA` → n.
    #[serde(default)]
    pub by_colo: BTreeMap<String, u64>,
    /// The same before.
    #[serde(default)]
    pub by_colo_before: BTreeMap<String, u64>,
    /// By method.
    #[serde(default)]
    pub by_method: BTreeMap<String, u64>,
    /// The same before.
    #[serde(default)]
    pub by_method_before: BTreeMap<String, u64>,
    /// By path, the most asked-for ones.
    #[serde(default)]
    pub by_path: BTreeMap<String, u64>,
    /// The same before.
    #[serde(default)]
    pub by_path_before: BTreeMap<String, u64>,
    /// Distinct paths per thousand requests, when read: a scan or a cache-busting attack asks for many.
    #[serde(default)]
    pub path_diversity: Option<f64>,
    /// The same before.
    #[serde(default)]
    pub path_diversity_before: Option<f64>,
    /// By bot score, where the plan has it: `1` (certainly automated), `2-29` (likely), `30-99` (likely human), `0` (not computed).
    #[serde(default)]
    pub by_bot_score: BTreeMap<String, u64>,
    /// The same before.
    #[serde(default)]
    pub by_bot_score_before: BTreeMap<String, u64>,
    /// Requests that one sampled request stands for, on average, where more than one: small counts are then uncertain.
    #[serde(default)]
    pub sample_interval: Option<f64>,
}

/// Firewall events in the window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The same before.
    #[serde(default)]
    pub by_rule_before: BTreeMap<String, u64>,
    /// What Cloudflare calls these rules: rule id → description.
    #[serde(default)]
    pub rule_names: BTreeMap<String, String>,
    /// By country.
    #[serde(default)]
    pub by_country: BTreeMap<String, u64>,
    /// By path.
    #[serde(default)]
    pub by_path: BTreeMap<String, u64>,
    /// Events that one sampled event stands for, on average, where more than one: small counts are then uncertain.
    #[serde(default)]
    pub sample_interval: Option<f64>,
}

/// Latency seen by one region, p95 in milliseconds, now and an hour earlier.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RegionLatency {
    /// Requests in the window.
    pub requests: u64,
    /// Until the edge's first byte.
    #[serde(default)]
    pub first_byte_ms: Option<f64>,
    /// The same before.
    #[serde(default)]
    pub first_byte_ms_before: Option<f64>,
    /// At the origin.
    #[serde(default)]
    pub origin_ms: Option<f64>,
    /// The same before.
    #[serde(default)]
    pub origin_ms_before: Option<f64>,
}

/// Edge and origin latency by where the request was served. A rise in one region alone is a path to it, a rise in all is the origin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EdgeLatency {
    /// By data centre (`FRA`), those with most requests.
    pub by_colo: BTreeMap<String, RegionLatency>,
}

/// Upgrades to WebSocket: those that succeeded (edge status 101), and those that the firewall stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebsocketUpgrades {
    /// Upgrades that succeeded in the window.
    pub upgraded: u64,
    /// The same an hour earlier, when read.
    #[serde(default)]
    pub upgraded_before: Option<u64>,
    /// Firewall events that stopped a request on a path or host that upgrades are made on.
    pub blocked: u64,
    /// The same an hour earlier, when read.
    #[serde(default)]
    pub blocked_before: Option<u64>,
    /// Hosts that upgrades are made on, by upgrades in both windows.
    #[serde(default)]
    pub by_host: BTreeMap<String, u64>,
    /// Those stopped, by the rule that did.
    #[serde(default)]
    pub by_rule: BTreeMap<String, u64>,
}

/// A rule of the firewall, or a whole ruleset, that was changed lately. The finding's object is the rule, its time the change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WafRuleChange {
    /// `http_request_firewall_custom`, `http_request_firewall_managed`, `http_ratelimit`, `ddos_l7`.
    pub phase: String,
    /// What the rule is called.
    #[serde(default)]
    pub description: String,
    /// What it does: `block`, `managed_challenge`, `execute`.
    #[serde(default)]
    pub action: Option<String>,
    /// What it matches, redacted and cut.
    #[serde(default)]
    pub expression: Option<String>,
    /// Whether it is on.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// The ruleset's version with the change.
    #[serde(default)]
    pub version: Option<String>,
}

/// An attack that Cloudflare's DDoS protection acted on, or saw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DdosActivity {
    /// `http` (layer 7, firewall events of the source `l7ddos`) or `network` (layers 3 and 4, of Magic Transit and Spectrum).
    pub layer: String,
    /// Requests (http) or attacks (network) in the window.
    pub events: u64,
    /// The same an hour earlier, when read.
    #[serde(default)]
    pub events_before: Option<u64>,
    /// By action: `block`, `managed_challenge`, `log`.
    #[serde(default)]
    pub by_action: BTreeMap<String, u64>,
    /// By country of the client.
    #[serde(default)]
    pub by_country: BTreeMap<String, u64>,
    /// By path (http) or attack vector (network).
    #[serde(default)]
    pub by_target: BTreeMap<String, u64>,
    /// When the first of them was seen, to the minute.
    #[serde(default)]
    pub first: Option<Timestamp>,
    /// When the last of them was seen, to the minute.
    #[serde(default)]
    pub last: Option<Timestamp>,
}
