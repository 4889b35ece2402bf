//! What does Cloudflare's edge know of this alert?
//!
//! Input: the state document. Output: [`Evidence`] on the one configured zone: the traffic mix and the firewall's activity of the last
//! quarter of an hour against the same quarter an hour earlier, upgrades to WebSocket, attacks, latency by data centre; requests and
//! latency per minute; firewall rules that were changed lately. What the zone's plan lets be read is asked first, and every question is
//! a request of its own, because one field that the plan does not include fails a whole document. Deliberately absent: what any of it
//! means, which is the diagnosis' business.

mod access;
mod attacks;
mod client;
mod counts;
mod doctor;
mod document;
mod firewall;
mod latency;
mod rules;
mod traffic;
mod websocket;

use std::time::Duration;

use collecting::Run;
use host::{Fault, Function, Settings};
use incident::evidence::Observation;
use incident::{Evidence, Object, ObjectKind, Source, State, Status, Timestamp, Window};
use jiff::SignedDuration;

use access::Access;
use client::{Client, Missing};
pub use doctor::doctor;
use document::{Group, Groups};
use traffic::Mix;

/// The state machine gives the function seven seconds. What has arrived by then is returned, the rest is a gap.
const DEADLINE: Duration = Duration::from_millis(5500);
/// The time of the first question, which the others wait for.
const PROBE: Duration = Duration::from_millis(1500);
/// The span of the series: long enough to hold a baseline before most alerts.
const HOUR: SignedDuration = SignedDuration::from_mins(60);
/// The span of the mixes. The one to compare with ends an hour earlier: the time of day is the same, and the onset of most
/// incidents lies in between.
const QUARTER: SignedDuration = SignedDuration::from_mins(15);

/// Reads Cloudflare with `CLOUDFLARE_API_TOKEN` and `CLOUDFLARE_ZONE_ID`, and the account of `CLOUDFLARE_ACCOUNT_ID` where it is set.
pub struct CollectCloudflare {
    client: Result<Client, Missing>,
}

impl Function for CollectCloudflare {
    const NAME: &'static str = "collect-cloudflare";
    type Input = State;
    type Output = Evidence;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        incident::redact::configure(settings.get("REDACT_PATTERN"), settings.get("REDACT_NAMES"))
            .map_err(Fault::bad_setting)?;
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
    let run = Run::new(Source::Cloudflare, span(state.as_of, HOUR), DEADLINE);
    let zone = zone(client, state);
    let probed = async {
        let tells = "what the zone's plan lets be read";
        let read = run.call_within(PROBE, "settings", tells, access::read(client)).await;
        let access = read.unwrap_or_default();
        Box::pin(of_zone(&run, client, &access, &zone, state.as_of)).await
    };
    let (of_zone, rules, of_account) = futures::join!(
        probed,
        rules::collect(&run, client, state.as_of),
        of_account(&run, client, &zone, state.as_of)
    );
    run.finish([of_zone, rules, of_account].concat())
}

/// Attacks on the account's network, where an account is configured.
async fn of_account(run: &Run, client: &Client, zone: &Object, as_of: Timestamp) -> Vec<Observation> {
    if client.account_id().is_none() {
        return Vec::new();
    }
    let window = span(as_of, HOUR);
    let tells = "whether the account's network was attacked";
    let attacks = run.call("network attacks", tells, attacks::read(client, window)).await.unwrap_or_default();
    attacks::observe(&attacks, zone, window).into_iter().collect()
}

/// Everything that the analytics of the zone tell.
async fn of_zone(
    run: &Run,
    client: &Client,
    access: &Access,
    zone: &Object,
    as_of: Timestamp,
) -> Vec<Observation> {
    let hour = span(as_of, HOUR);
    let now = span(as_of, QUARTER);
    let before = span(hour.from, QUARTER);
    let off = |on: bool, what: &str| {
        if !on {
            let sentence = format!("Cloudflare {what}: not asked, because the dataset is off for this zone.");
            run.gap(what, Status::Partial, sentence);
        }
        on
    };
    let (requests, firewall) = (off(access.requests(), "traffic"), off(access.firewall(), "firewall events"));
    let (traffic, firewall, upgrades, latency) = futures::join!(
        when(requests, traffic(run, client, access, [hour, now, before])),
        when(firewall, stopped(run, client, access, [now, before])),
        when(requests, upgrades(run, client, access, zone, [now, before])),
        when(requests && access.has(&latency::FIELDS), slow(run, client, access, zone, [hour, now, before])),
    );
    let (mix, mix_before, minutes) = traffic.unwrap_or_default();
    let mix = mix.and_then(|mix| traffic::observe_mix(&mix, mix_before.as_ref(), zone, now));
    let seen = mix.is_some();
    let (events, events_before, attack) = firewall.unwrap_or_default();
    let attack = attack.and_then(|a| firewall::observe_attack(&a, events_before.as_ref(), zone, now));
    let events = events.and_then(|e| firewall::observe(&e, events_before.as_ref(), seen, zone, now));
    let minutes = traffic::observe_minutes(&minutes, zone, hour);
    let upgrades = upgrades.flatten();
    let first = [mix, events, attack, upgrades, minutes].into_iter().flatten();
    first.chain(latency.unwrap_or_default()).collect()
}

/// The answer where it is worth asking.
async fn when<T>(asked: bool, answer: impl Future<Output = T>) -> Option<T> {
    if asked { Some(answer.await) } else { None }
}

async fn traffic(
    run: &Run,
    client: &Client,
    access: &Access,
    [hour, now, before]: [Window; 3],
) -> (Option<Mix>, Option<Mix>, Vec<Group>) {
    let has_bots = access.has(&["botScore"]);
    let bots = |name: &'static str, window| {
        when(has_bots, async move {
            run.call(name, "how many of the requests are bots", traffic::read_bots(client, window)).await
        })
    };
    let mix = |name: &'static str, tells: &'static str, window| async move {
        run.call(name, tells, traffic::read_mix(client, access, window)).await
    };
    let paths = |name: &'static str, window| async move {
        run.call(name, "how varied the paths are", traffic::read_paths(client, access, window)).await
    };
    let (groups, groups_before, own, own_before, scores, scores_before, minutes) = futures::join!(
        mix("traffic mix", "what the edge served", now),
        mix("traffic mix of the hour before", "the usual mix", before),
        paths("paths", now),
        paths("paths of the hour before", before),
        bots("bot scores", now),
        bots("bot scores of the hour before", before),
        run.call("requests per minute", "how the traffic moved", traffic::read_minutes(client, hour)),
    );
    let whole = |groups: Option<Groups>, paths: Option<Vec<Group>>, bots: Option<Option<Vec<Group>>>| {
        let bots = bots.flatten().unwrap_or_default();
        groups.map(|groups| Mix { groups, paths: paths.unwrap_or_default(), bots })
    };
    (whole(groups, own, scores), whole(groups_before, own_before, scores_before), minutes.unwrap_or_default())
}

async fn stopped(
    run: &Run,
    client: &Client,
    access: &Access,
    [now, before]: [Window; 2],
) -> (Option<Groups>, Option<Groups>, Option<Groups>) {
    let usual = "firewall events of the hour before";
    futures::join!(
        run.call("firewall events", "what the firewall did", firewall::read(client, access, now)),
        run.call(usual, "its usual activity", firewall::read(client, access, before)),
        run.call(
            "HTTP DDoS events",
            "whether an attack is being mitigated",
            firewall::read_attacks(client, access, now)
        ),
    )
}

async fn upgrades(
    run: &Run,
    client: &Client,
    access: &Access,
    zone: &Object,
    [now, before]: [Window; 2],
) -> Option<Observation> {
    let usual = "WebSocket upgrades of the hour before";
    let (upgrades, upgrades_before) = futures::join!(
        run.call("WebSocket upgrades", "whether upgrades are stopped", websocket::read(client, access, now)),
        run.call(usual, "how many are usual", websocket::read(client, access, before)),
    );
    websocket::observe(&upgrades?, upgrades_before.as_ref(), zone, now)
}

async fn slow(
    run: &Run,
    client: &Client,
    access: &Access,
    zone: &Object,
    [hour, now, before]: [Window; 3],
) -> Vec<Observation> {
    let by_colo = |name: &'static str, tells: &'static str, window| {
        when(access.has(&["coloCode"]), async move {
            run.call(name, tells, latency::read_colos(client, access, window)).await
        })
    };
    let (minutes, colos, colos_before) = futures::join!(
        run.call("latency", "how long requests took", latency::read_minutes(client, hour)),
        by_colo("latency by data centre", "where requests are slow", now),
        by_colo("latency by data centre of the hour before", "the usual latency there", before),
    );
    let colos = latency::observe_colos(
        &colos.flatten().unwrap_or_default(),
        &colos_before.flatten().unwrap_or_default(),
        zone,
        now,
    );
    colos.into_iter().chain(latency::observe(&minutes.unwrap_or_default(), zone, hour)).collect()
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
        assert_eq!((evidence.calls.len(), evidence.gaps.len(), evidence.findings.len()), (15, 15, 0));
    }
}
