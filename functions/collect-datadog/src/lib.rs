//! What does Datadog know of this alert?
//!
//! Input: the state document. Output: [`Evidence`] holding the alert's own metric and those that the catalog relates to it (with the
//! level of a day and a week ago), its monitor and the others that fire in the same scope; of the services concerned their traced
//! requests, objectives, synthetic tests and error lines as patterns; and deploys, told as events or reported by pipelines.
//! Every call reads; none of them can fail the function: what could not be read is a gap. Deliberately absent: what any of
//! it means, which is the diagnosis' business.

mod about;
mod apm;
mod client;
mod deploys;
mod doctor;
mod dora;
mod logs;
#[cfg(test)]
mod loopback;
mod metric;
mod monitors;
mod query;
mod related;
mod search;
mod slos;
mod spans;
mod synthetics;
mod timeseries;
mod volume;
mod wrapped;

use std::time::Duration;

use collecting::Run;
use host::{Fault, Function, Settings};
use incident::{Catalog, Evidence, Source, State, Status, Timestamp, Window};
use jiff::SignedDuration;

use client::Client;
pub use doctor::doctor;

/// The state machine gives the function seven seconds. What has arrived by then is returned, the rest is a gap.
const DEADLINE: Duration = Duration::from_millis(5500);

/// How far back the metric is read: long enough to hold a baseline before most alerts.
const WINDOW: SignedDuration = SignedDuration::from_mins(60);

/// Reads Datadog with `DD_API_KEY` and `DD_APP_KEY`.
pub struct CollectDatadog {
    client: Option<Client>,
    /// A catalog that cannot be read costs what it would have added, not the function.
    catalog: Result<Catalog, String>,
}

impl Function for CollectDatadog {
    const NAME: &'static str = "collect-datadog";
    type Input = State;
    type Output = Evidence;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        incident::redact::configure(settings.get("REDACT_PATTERN"), settings.get("REDACT_NAMES"))
            .map_err(Fault::bad_setting)?;
        let catalog = settings.catalog_text().map_err(|fault| fault.message).and_then(|text| {
            Catalog::from_yaml(text.as_deref().unwrap_or_default()).map_err(|error| error.to_string())
        });
        Ok(Self { client: Client::from_settings(settings)?, catalog })
    }

    async fn handle(&self, state: State) -> Result<Evidence, Fault> {
        Ok(match &self.client {
            Some(client) => collect(client, &self.catalog, &state).await,
            None => Evidence::not_configured(
                Source::Datadog,
                "Datadog was not asked, because DD_API_KEY and DD_APP_KEY are not both set.",
            ),
        })
    }
}

async fn collect(client: &Client, catalog: &Result<Catalog, String>, state: &State) -> Evidence {
    let run = Run::new(Source::Datadog, window(state.as_of, WINDOW), DEADLINE);
    let related = async {
        match catalog {
            Ok(catalog) => related::collect(&run, client, state, catalog).await,
            Err(error) => {
                let sentence = format!(
                    "Datadog related metrics: not asked, because the catalog cannot be read: {error}."
                );
                run.gap("related metrics", Status::Partial, sentence);
                Vec::new()
            }
        }
    };
    let (metric, monitor, deploys, logs, others, related, apm, spans, slos, tests) = futures::join!(
        metric::collect(&run, client, state),
        monitors::collect_own(&run, client, state),
        deploys::collect(&run, client, state),
        logs::collect(&run, client, state),
        monitors::collect_others(&run, client, state),
        related,
        apm::collect(&run, client, state),
        spans::collect(&run, client, state),
        slos::collect(&run, client, state),
        synthetics::collect(&run, client, state),
    );
    let (own_deploys, other_deploys) = deploys;
    run.finish(
        [metric, monitor, own_deploys, logs, apm, slos, tests, others, spans, related, other_deploys]
            .concat(),
    )
}

/// The span of this length that ends at `to`.
fn window(to: Timestamp, length: SignedDuration) -> Window {
    Window { from: to.checked_sub(length).unwrap_or(to), to }
}

#[cfg(test)]
mod tests {
    use incident::Fact;

    use super::*;
    use crate::loopback::Loopback;

    const SAMPLE: &str = include_str!("../../../events/collect-datadog/database-cpu.json");

    fn state() -> State {
        serde_json::from_str(SAMPLE).unwrap()
    }

    async fn ask(vendor: &Loopback) -> Evidence {
        let values = [("DD_API_KEY", "api"), ("DD_APP_KEY", "app"), ("DATADOG_URL", vendor.url())];
        let settings = Settings::from_values(values.map(|(name, value)| (name.to_owned(), value.to_owned())));
        CollectDatadog::new(&settings).await.unwrap().handle(state()).await.unwrap()
    }

    #[tokio::test]
    async fn without_both_keys_nothing_is_asked_and_the_gap_names_them() {
        let settings = Settings::from_values([("DD_API_KEY".to_owned(), "x".to_owned())]);
        let evidence = CollectDatadog::new(&settings).await.unwrap().handle(state()).await.unwrap();
        assert_eq!(evidence.status, Status::NotConfigured);
        assert!(evidence.gaps[0].sentence.contains("DD_APP_KEY"));
    }

    #[tokio::test]
    async fn one_refused_call_leaves_the_others_standing() {
        let vendor = Loopback::answer(|request| match request.path() {
            "/api/v1/query" => (
                200,
                r#"{"status":"ok","error":null,"series":[{"metric":"aws.rds.cpuutilization","interval":60,"aggr":"avg",
                "scope":"dbinstanceidentifier:orders-db","tag_set":[],"unit":[{"name":"percent","short_name":"%"},null],
                "pointlist":[[1767232800000.0,41.0],[1767232860000.0,null],[1767232920000.0,95.0]]}]}"#,
            ),
            "/api/v2/logs/events/search" => (403, r#"{"errors":["Forbidden"]}"#),
            "/api/v2/events/search" => (200, r#"{"data":[]}"#),
            "/api/v1/monitor" => (200, "[]"),
            _ => (404, r#"{"errors":["Monitor not found"]}"#),
        });
        let evidence = ask(&vendor).await;
        assert_eq!(evidence.status, Status::Partial);
        assert!(matches!(&evidence.findings[0].fact, Fact::Series(series) if series.last == 95.0));
        let sentence = |what: &str| &evidence.gaps.iter().find(|gap| gap.what == what).unwrap().sentence;
        assert!(sentence("logs search").contains("logs_read_data"));
        assert!(sentence("monitor").contains("no longer exists"));
    }

    #[tokio::test]
    async fn a_vendor_that_answers_nonsense_everywhere_is_unavailable_and_invents_nothing() {
        let vendor = Loopback::answer(|_| (200, "<html>upstream error</html>"));
        let evidence = ask(&vendor).await;
        assert_eq!(evidence.status, Status::Unavailable);
        assert!(evidence.findings.is_empty());
        assert_eq!(evidence.gaps.len(), evidence.calls.len());
    }

    #[tokio::test]
    async fn every_request_carries_both_keys_and_only_reads() {
        let vendor = Loopback::answer(|_| (403, "{}"));
        ask(&vendor).await;
        for request in vendor.requests() {
            assert!(
                request.head.contains("dd-api-key: api") && request.head.contains("dd-application-key: app")
            );
            let asks = ["/search", "/aggregate", "/deployments", "/timeseries"];
            let reads =
                request.head.starts_with("GET ") || asks.iter().any(|end| request.path().ends_with(end));
            assert!(reads, "{}", request.head);
        }
        let mut paths: Vec<String> = vendor.requests().iter().map(|r| r.path().to_owned()).collect();
        paths.sort();
        paths.dedup();
        let expected = [
            "/api/v1/metrics",
            "/api/v1/monitor",
            "/api/v1/monitor/4242117",
            "/api/v1/query",
            "/api/v1/slo",
            "/api/v1/synthetics/tests",
            "/api/v2/dora/deployments",
            "/api/v2/events/search",
            "/api/v2/logs/analytics/aggregate",
            "/api/v2/logs/events/search",
            "/api/v2/spans/analytics/aggregate",
        ];
        assert_eq!(paths, expected);
    }
}
