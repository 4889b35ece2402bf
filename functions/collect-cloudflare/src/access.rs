//! What the zone's plan lets be read: asked first, because one field that it does not fails the whole document.

use collecting::{Answer, CallError};
use serde::Deserialize;

use crate::client::{Client, Scope};

/// The question. It names no window, so that it holds for every plan.
const QUESTION: &str = "query ($zone: string) { viewer { zones(filter: { zoneTag: $zone }) { settings { \
    httpRequestsAdaptiveGroups { enabled availableFields maxPageSize } \
    firewallEventsAdaptiveGroups { enabled availableFields maxPageSize } } } } }";

#[derive(Deserialize)]
struct Zone {
    settings: Settings,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    http_requests_adaptive_groups: Option<Dataset>,
    firewall_events_adaptive_groups: Option<Dataset>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dataset {
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    available_fields: Vec<String>,
    #[serde(default)]
    max_page_size: Option<u32>,
}

/// What may be asked.
#[derive(Debug, Clone, Default)]
pub struct Access {
    requests: Option<Dataset>,
    firewall: Option<Dataset>,
}

/// Asks for it.
pub async fn read(client: &Client) -> Result<Answer<Access>, CallError> {
    probe(client).await.map(Answer::full)
}

/// The same by itself.
pub async fn probe(client: &Client) -> Result<Access, CallError> {
    let zone: Zone = client.probe(QUESTION, Scope::ZoneAnalytics).await?;
    let Settings { http_requests_adaptive_groups, firewall_events_adaptive_groups } = zone.settings;
    Ok(Access { requests: http_requests_adaptive_groups, firewall: firewall_events_adaptive_groups })
}

impl Access {
    /// True where requests may be asked for at all; so too where it is not known.
    pub fn requests(&self) -> bool {
        self.requests.as_ref().is_none_or(|dataset| dataset.enabled)
    }

    /// True where firewall events may be asked for at all; so too where it is not known.
    pub fn firewall(&self) -> bool {
        self.firewall.as_ref().is_none_or(|dataset| dataset.enabled)
    }

    /// True where the plan has these fields of requests. Where it is not known it is better not to ask: what is gated is the extra,
    /// and asking in vain costs a call.
    pub fn has(&self, fields: &[&str]) -> bool {
        has(self.requests.as_ref(), fields)
    }

    /// The same of firewall events.
    pub fn firewall_has(&self, fields: &[&str]) -> bool {
        has(self.firewall.as_ref(), fields)
    }

    /// At most so many groups, as the plan allows.
    pub fn limit(&self, wanted: u32) -> u32 {
        let sizes = [&self.requests, &self.firewall];
        let most = sizes.into_iter().flatten().filter_map(|dataset| dataset.max_page_size).min();
        wanted.min(most.unwrap_or(wanted)).max(1)
    }
}

/// A field is spelled with the node that holds it: `dimensions_botScore`, `quantiles_edgeTimeToFirstByteMsP95`.
fn has(dataset: Option<&Dataset>, fields: &[&str]) -> bool {
    let last = |path: &str| path.rsplit(['_', '.', '/']).next().unwrap_or(path).to_lowercase();
    dataset.is_some_and(|dataset| {
        fields
            .iter()
            .all(|field| dataset.available_fields.iter().any(|own| last(own) == field.to_lowercase()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_there_where_the_plan_names_it_however_it_spells_its_node() {
        let zone: Zone = serde_json::from_str(
            r#"{"settings":{"httpRequestsAdaptiveGroups":{"enabled":true,"maxPageSize":500,
            "availableFields":["count","dimensions_coloCode","quantiles.edgeTimeToFirstByteMsP95"]},
            "firewallEventsAdaptiveGroups":null}}"#,
        )
        .unwrap();
        let access = Access { requests: zone.settings.http_requests_adaptive_groups, firewall: None };
        assert!(access.has(&["coloCode", "edgeTimeToFirstByteMsP95"]));
        assert!(!access.has(&["coloCode", "botScore"]) && !access.firewall_has(&["description"]));
        assert_eq!((access.limit(1000), access.limit(20)), (500, 20));
        assert!(access.requests() && access.firewall());
    }

    #[test]
    fn what_could_not_be_probed_is_asked_for_without_what_is_gated() {
        let unknown = Access::default();
        assert!(unknown.requests() && unknown.firewall() && !unknown.has(&["botScore"]));
        assert_eq!(unknown.limit(1000), 1000);
    }
}
