//! The service level objectives of the services concerned: what is left of the budget, and how fast it burns.

use std::collections::BTreeMap;

use collecting::{Answer, CallError, Run};
use incident::evidence::Observation;
use incident::fact::SloStatus;
use incident::{Fact, Object, ObjectKind, State, Timestamp, size};
use jiff::SignedDuration;
use serde::Deserialize;

use crate::about;
use crate::client::{Client, Scope};
use crate::search::metric_tag;

/// Services whose objectives are asked for.
const MAX_SERVICES: usize = 3;
/// Objectives read in all: each costs a call for every window.
const MAX_SLOS: usize = 4;
/// Objectives per list.
const PAGE: usize = 20;
/// Characters of a name.
const NAME: usize = 80;
/// The windows that burn rates are computed over (<https://sre.google/workbook/alerting-on-slos/> pages on an hour and on six,
/// each confirmed by a short one).
const WINDOWS: [(&str, SignedDuration); 3] = [
    ("5m", SignedDuration::from_mins(5)),
    ("1h", SignedDuration::from_hours(1)),
    ("6h", SignedDuration::from_hours(6)),
];

#[derive(Deserialize)]
struct ListAnswer {
    data: Vec<Slo>,
}

#[derive(Debug, Clone, Deserialize)]
struct Slo {
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    timeframe: Option<String>,
    #[serde(default)]
    thresholds: Vec<Threshold>,
}

#[derive(Debug, Clone, Deserialize)]
struct Threshold {
    timeframe: String,
    target: f64,
}

#[derive(Deserialize)]
struct StatusAnswer {
    data: StatusData,
}

#[derive(Deserialize)]
struct StatusData {
    attributes: StatusAttributes,
}

/// An objective without traffic in the window has no level: both figures are null then.
#[derive(Debug, Clone, Deserialize)]
struct StatusAttributes {
    #[serde(default)]
    sli: Option<f64>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    error_budget_remaining: Option<f64>,
}

/// Reads the objectives tagged with the subject's services.
pub async fn collect(run: &Run, client: &Client, state: &State) -> Vec<Observation> {
    let tags: Vec<String> =
        state.subject.services.iter().filter_map(|s| metric_tag("service", s)).take(MAX_SERVICES).collect();
    if tags.is_empty() {
        return Vec::new();
    }
    let list = run.call("SLOs", "which objectives the services have", list(client, &tags));
    let mut slos = list.await.unwrap_or_default();
    slos.retain(|slo| about::same_env(slo.tags(), state.subject.env.as_deref()) && slo.target().is_some());
    if slos.len() > MAX_SLOS {
        let more = slos.len() - MAX_SLOS;
        run.gap("SLO status", incident::Status::Partial, format!("Datadog SLOs: {more} more were not read."));
        slos.truncate(MAX_SLOS);
    }
    let read = slos.iter().map(|slo| status(run, client, slo, state.as_of));
    futures::future::join_all(read).await.into_iter().flatten().collect()
}

/// The objectives of each tag, every one once.
async fn list(client: &Client, tags: &[String]) -> Result<Answer<Vec<Slo>>, CallError> {
    let size = PAGE.to_string();
    let lists = futures::future::try_join_all(tags.iter().map(|tag| async {
        let query = [("tags_query", tag.as_str()), ("limit", size.as_str())];
        client.get::<ListAnswer>("/api/v1/slo", &query, Scope::Slos).await
    }));
    let lists = lists.await?;
    let full = lists.iter().any(|list| list.data.len() >= PAGE);
    let slos: BTreeMap<String, Slo> =
        lists.into_iter().flat_map(|list| list.data).map(|slo| (slo.id.clone(), slo)).collect();
    let slos: Vec<Slo> = slos.into_values().collect();
    Ok(if full {
        Answer::partial(slos, format!("a service has {PAGE} SLOs or more"))
    } else {
        Answer::list(slos)
    })
}

/// The objective over its own time frame, and over each short window.
async fn status(run: &Run, client: &Client, slo: &Slo, as_of: Timestamp) -> Option<Observation> {
    let (frame, target) = slo.target()?;
    let over = |length: SignedDuration| window_status(client, &slo.id, as_of, length);
    let name = size::cut(slo.name.as_deref().unwrap_or(&slo.id), NAME);
    let ask = async {
        let (whole, windows) = futures::join!(
            over(frame_length(&frame)?),
            futures::future::join_all(WINDOWS.map(|(_, length)| over(length)))
        );
        let missing = windows.iter().filter(|window| window.is_err()).count();
        // One window that fails costs that window; all of them failing is the call failing.
        if let (Err(error), true) = (&whole, missing == WINDOWS.len()) {
            return Err(error.clone());
        }
        let burn = WINDOWS.iter().zip(&windows).filter_map(|((name, _), window)| {
            let rate = burn(window.as_ref().ok()?.sli?, target)?;
            Some(((*name).to_owned(), rate))
        });
        let burn: BTreeMap<String, f64> = burn.collect();
        let missing = missing + usize::from(whole.is_err());
        let value = (whole.ok(), burn);
        Ok(if missing > 0 {
            Answer::partial(value, format!("{missing} of its windows gave nothing"))
        } else {
            Answer::full(value)
        })
    };
    let (whole, burn) = run.call("SLO status", "how fast the error budget burns", ask).await?;
    let fact = SloStatus {
        name,
        service: about::value(slo.tags().iter().map(String::as_str), "service").map(str::to_owned),
        target,
        timeframe: frame,
        sli: whole.as_ref().and_then(|whole| whole.sli).map(rounded),
        state: whole.as_ref().and_then(|whole| whole.state.clone()),
        error_budget_remaining: whole.as_ref().and_then(|whole| whole.error_budget_remaining).map(rounded),
        burn,
    };
    let object = Object::new(ObjectKind::Slo, slo.id.clone());
    Some(Observation::new(as_of, object, summary(&fact), Fact::Slo(fact)))
}

async fn window_status(
    client: &Client,
    id: &str,
    to: Timestamp,
    length: SignedDuration,
) -> Result<StatusAttributes, CallError> {
    let (to, from) = (to.as_second(), to.as_second() - length.as_secs());
    let (from, to) = (from.to_string(), to.to_string());
    let query = [("from_ts", from.as_str()), ("to_ts", to.as_str())];
    // The id came from Datadog and goes into a path: letters and digits, or nothing is asked.
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(CallError::Unavailable("has an id that no path may hold".to_owned()));
    }
    let answer: StatusAnswer = client.get(&format!("/api/v2/slo/{id}/status"), &query, Scope::Slos).await?;
    Ok(answer.data.attributes)
}

/// `7d` as a duration.
fn frame_length(frame: &str) -> Result<SignedDuration, CallError> {
    let days: Option<i64> = frame.strip_suffix('d').and_then(|days| days.parse().ok());
    days.filter(|days| (1..=90).contains(days)).map(|days| SignedDuration::from_hours(24 * days)).ok_or_else(
        || CallError::Unavailable(format!("has the time frame {frame:?}, which is no number of days")),
    )
}

/// (1 − sli) ÷ (1 − target), both in percent; none for a target of 100, which has no budget.
fn burn(sli: f64, target: f64) -> Option<f64> {
    let rate = (100.0 - sli) / (100.0 - target);
    (target < 100.0 && rate.is_finite()).then(|| rounded(rate.max(0.0)))
}

/// Three decimals: an availability of 99.982 % has them all.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn summary(slo: &SloStatus) -> String {
    let mut text = format!("SLO \"{}\" (target {} % over {})", slo.name, slo.target, slo.timeframe);
    if let Some(sli) = slo.sli {
        text.push_str(&format!(": {sli} % reached"));
    }
    if let Some(left) = slo.error_budget_remaining {
        text.push_str(&format!(", {left} % of the error budget left"));
    }
    let burns: Vec<String> = WINDOWS
        .iter()
        .filter_map(|(window, _)| Some(format!("{} over {window}", slo.burn.get(*window)?)))
        .collect();
    if !burns.is_empty() {
        text.push_str(&format!("; burn rate {}", burns.join(", ")));
    }
    text
}

impl Slo {
    fn tags(&self) -> &[String] {
        self.tags.as_deref().unwrap_or_default()
    }

    /// The time frame it is judged by, and the target: its primary one, or else the first that counts in days.
    fn target(&self) -> Option<(String, f64)> {
        let primary = self.thresholds.iter().find(|t| Some(&t.timeframe) == self.timeframe.as_ref());
        let threshold = primary.or_else(|| self.thresholds.iter().find(|t| t.timeframe.ends_with('d')))?;
        Some((threshold.timeframe.clone(), threshold.target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burn_rate_is_one_where_the_budget_lasts_exactly() {
        for (sli, target, expected) in [
            (99.9, 99.9, Some(1.0)),
            (98.56, 99.9, Some(14.4)),
            (100.0, 99.9, Some(0.0)),
            (50.0, 100.0, None),
            (f64::NAN, 99.0, None),
        ] {
            assert_eq!(burn(sli, target), expected, "{sli} against {target}");
        }
    }

    #[test]
    fn an_objective_is_judged_by_its_primary_time_frame() {
        let slo: Slo = serde_json::from_str(
            r#"{"id":"1","name":"n","tags":["foo:bar"],"timeframe":"30d","thresholds":[
            {"timeframe":"7d","target":99.5,"target_display":"99.5"},{"timeframe":"30d","target":98.0}]}"#,
        )
        .unwrap();
        assert_eq!(slo.target(), Some(("30d".to_owned(), 98.0)));
        assert_eq!(frame_length("7d").unwrap(), SignedDuration::from_hours(168));
        assert!(frame_length("custom").is_err() && frame_length("900d").is_err());
    }

    #[test]
    fn the_summary_tells_budget_and_burn() {
        let slo = SloStatus {
            name: "Checkout".into(),
            target: 99.9,
            timeframe: "30d".into(),
            sli: Some(99.95),
            error_budget_remaining: Some(50.0),
            burn: [("1h".to_owned(), 14.4), ("5m".to_owned(), 30.0)].into(),
            ..SloStatus::default()
        };
        assert_eq!(
            summary(&slo),
            "SLO \"Checkout\" (target 99.9 % over 30d): 99.95 % reached, 50 % of the error budget left; burn rate 30 over 5m, \
             14.4 over 1h"
        );
    }
}
