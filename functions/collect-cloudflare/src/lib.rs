//! What does Cloudflare's edge know of this alert?
//!
//! Input: the state document. Output: [`Evidence`] on the one configured zone: the traffic mix and the firewall's activity of
//! the last quarter of an hour against the same quarter an hour earlier, requests and latency per minute. Every question is
//! its own request, because one field that the zone's plan does not include fails a whole document. Deliberately absent: what
//! any of it means, which is the diagnosis' business.

mod client;
mod counts;
mod firewall;
mod latency;
mod traffic;

use std::time::Duration;

use collecting::Run;
use host::{Fault, Function, Settings};
use incident::evidence::Observation;
use incident::{Evidence, Object, ObjectKind, Source, State, Timestamp, Window};
use jiff::SignedDuration;

use client::{Client, Missing};

/// The state machine gives the function seven seconds. What has arrived by then is returned, the rest is a gap.
const DEADLINE: Duration = Duration::from_millis(5500);
/// The span of the series: long enough to hold a baseline before most alerts.
const HOUR: SignedDuration = SignedDuration::from_mins(60);
/// The span of the mixes. The one to compare with ends an hour earlier: the time of day is the same, and the onset of most
/// incidents lies in between.
const QUARTER: SignedDuration = SignedDuration::from_mins(15);

/// Reads Cloudflare with `CLOUDFLARE_API_TOKEN` and `CLOUDFLARE_ZONE_ID`.
pub struct CollectCloudflare {
    client: Result<Client, Missing>,
}

impl Function for CollectCloudflare {
    const NAME: &'static str = "collect-cloudflare";
    type Input = State;
    type Output = Evidence;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        Ok(Self { client: Client::from_settings(settings)? })
    }

    async fn handle(&self, state: State) -> Result<Evidence, Fault> {
        Ok(match &self.client {
            Ok(client) => collect(client, &state).await,
            Err(missing) => Evidence::not_configured(
                Source::Cloudflare,
                format!("Cloudflare was not asked: set {}.", missing.join(" and ")),
            ),
        })
    }
}

async fn collect(client: &Client, state: &State) -> Evidence {
    let hour = span(state.as_of, HOUR);
    let now = span(state.as_of, QUARTER);
    let before = span(hour.from, QUARTER);
    let run = Run::new(Source::Cloudflare, hour, DEADLINE);
    let (mix, mix_before, paths, minutes, latency, events, events_before) = futures::join!(
        run.call("traffic mix", "what the edge served", traffic::read_mix(client, now)),
        run.call("traffic mix of the hour before", "the usual mix", traffic::read_mix(client, before)),
        run.call("paths", "how varied the paths are", traffic::read_paths(client, now)),
        run.call("requests per minute", "how the traffic moved", traffic::read_minutes(client, hour)),
        run.call("latency", "how long requests took", latency::read(client, hour)),
        run.call("firewall events", "what the firewall did", firewall::read(client, now)),
        run.call("firewall events of the hour before", "its usual activity", firewall::read(client, before)),
    );
    let zone = zone(client, state);
    let mix = mix.and_then(|mix| traffic::observe_mix(&mix, mix_before.as_ref(), paths.as_ref(), &zone, now));
    let traffic_seen = mix.is_some();
    let events = events
        .and_then(|events| firewall::observe(&events, events_before.as_ref(), traffic_seen, &zone, now));
    let minutes = minutes.and_then(|minutes| traffic::observe_minutes(&minutes, &zone, hour));
    let latency = latency.map(|latency| latency::observe(&latency, &zone, hour)).unwrap_or_default();
    let observations: Vec<Observation> =
        mix.into_iter().chain(events).chain(minutes).chain(latency).collect();
    run.finish(observations)
}

/// The configured zone, by the subject's name for it where that is a domain, or else by its id. Whether the two are the same
/// zone cannot be told: analytics do not say a zone's name.
fn zone(client: &Client, state: &State) -> Object {
    let domain = state.subject.zone.as_deref().filter(|name| name.contains('.'));
    let name = domain.unwrap_or_else(|| client.zone_id());
    Object::new(ObjectKind::Zone, name)
}

/// The span of this length that ends at `to`.
fn span(to: Timestamp, length: SignedDuration) -> Window {
    Window { from: to.checked_sub(length).unwrap_or(to), to }
}

#[cfg(test)]
mod tests {
    use incident::Status;

    use super::*;

    const SAMPLE: &str = include_str!("../../../events/collect-cloudflare/zone-traffic.json");

    #[tokio::test]
    async fn without_a_token_or_a_zone_nothing_is_asked_and_the_gap_names_what_is_missing() {
        let settings = Settings::from_values([("CLOUDFLARE_API_TOKEN".to_owned(), "t".to_owned())]);
        let function = CollectCloudflare::new(&settings).await.unwrap();
        let evidence = function.handle(serde_json::from_str(SAMPLE).unwrap()).await.unwrap();
        assert_eq!(evidence.status, Status::NotConfigured);
        assert_eq!(evidence.gaps[0].sentence, "Cloudflare was not asked: set CLOUDFLARE_ZONE_ID.");
    }

    #[test]
    fn the_zone_is_named_by_a_domain_alone() {
        let values = [("CLOUDFLARE_API_TOKEN", "t"), ("CLOUDFLARE_ZONE_ID", "z1")];
        let settings = Settings::from_values(values.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let client = Client::from_settings(&settings).unwrap().unwrap();
        let mut state: State = serde_json::from_str(SAMPLE).unwrap();
        for (named, expected) in
            [(Some("shop.example"), "shop.example"), (Some("us-east-1a"), "z1"), (None, "z1")]
        {
            state.subject.zone = named.map(str::to_owned);
            assert_eq!(zone(&client, &state).name, expected);
        }
    }

    #[tokio::test]
    async fn a_vendor_that_cannot_be_reached_is_a_gap_per_call_and_no_error() {
        // Bound and dropped: nobody listens on this port.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let values =
            [("CLOUDFLARE_API_TOKEN", "t"), ("CLOUDFLARE_ZONE_ID", "z"), ("CLOUDFLARE_URL", url.as_str())];
        let settings = Settings::from_values(values.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let function = CollectCloudflare::new(&settings).await.unwrap();
        let evidence = function.handle(serde_json::from_str(SAMPLE).unwrap()).await.unwrap();
        assert_eq!(evidence.status, Status::Unavailable);
        assert_eq!((evidence.calls.len(), evidence.gaps.len(), evidence.findings.len()), (7, 7, 0));
    }
}
