//! Service level objectives: what was promised, and what was reached in a window.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, Refusal};
use crate::Moment;
use crate::shape::Shape;
use crate::wire::Request;

/// A service level objective.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Slo {
    /// Id.
    id: String,
    /// Name.
    name: String,
    /// `metric`, `monitor` or `time_slice`.
    #[serde(default = "metric", rename = "type")]
    kind: String,
    /// Tags.
    #[serde(default)]
    tags: Vec<String>,
    /// Target, in percent.
    target: f64,
    /// `7d`, `30d` or `90d`.
    #[serde(default = "month")]
    timeframe: String,
    /// What was reached, in percent, in any window that `over` does not reach back to.
    sli: f64,
    /// What was reached at each moment, in percent. A window is answered with its mean.
    #[serde(default)]
    over: Option<Shape>,
    /// What is left of the error budget over the whole time frame, in percent. Default: what `sli` leaves.
    #[serde(default)]
    error_budget_remaining: Option<f64>,
}

/// A window that was asked about, and the objective.
struct Asked<'a> {
    slo: &'a Slo,
    from: Timestamp,
    to: Timestamp,
}

fn metric() -> String {
    "metric".to_owned()
}

fn month() -> String {
    "30d".to_owned()
}

/// `GET /api/v1/slo`, by `ids`, `query` (part of the name) and `tags_query`, in pages.
pub(super) fn list(slos: &[Slo], request: &Request) -> Outcome {
    let list = |key: &str| -> Option<Vec<String>> {
        Some(request.query_value(key)?.split(',').map(|part| part.trim().to_owned()).collect())
    };
    let (ids, tags) = (list("ids"), list("tags_query"));
    let name = request.query_value("query").unwrap_or_default().to_lowercase();
    let number = |key: &str| request.query_value(key).and_then(|text| text.parse::<usize>().ok());
    let found: Vec<&Slo> = slos
        .iter()
        .filter(|slo| ids.as_ref().is_none_or(|ids| ids.contains(&slo.id)))
        .filter(|slo| slo.name.to_lowercase().contains(&name))
        .filter(|slo| tags.iter().flatten().all(|tag| slo.tags.contains(tag)))
        .collect();
    let page = found.iter().skip(number("offset").unwrap_or(0)).take(number("limit").unwrap_or(1000));
    let data: Vec<Value> = page
        .map(|slo| {
            json!({"id": slo.id, "name": slo.name, "type": slo.kind, "tags": slo.tags, "monitor_ids": [],
                "thresholds": [{"timeframe": slo.timeframe, "target": slo.target}],
                "timeframe": slo.timeframe, "target_threshold": slo.target})
        })
        .collect();
    let total = json!({"page": {"total_count": slos.len(), "total_filtered_count": found.len()}});
    Ok(json!({"data": data, "errors": null, "metadata": total}))
}

/// `GET /api/v1/slo/{id}/history`.
pub(super) fn history(slos: &[Slo], request: &Request, moment: Moment) -> Outcome {
    let asked = windowed(slos, request)?;
    let (slo, sli) = (asked.slo, asked.sli(moment));
    Ok(json!({"data": {"type": slo.kind, "type_id": 1, "from_ts": asked.from.as_second(),
        "to_ts": asked.to.as_second(),
        "thresholds": {slo.timeframe.clone(): {"timeframe": slo.timeframe, "target": slo.target}},
        "overall": {"name": slo.name, "sli_value": sli, "span_precision": 2,
            "error_budget_remaining": {"custom": asked.budget(sli)}},
        "groups": [], "monitors": []}, "errors": null}))
}

/// `GET /api/v2/slo/{id}/status`.
pub(super) fn status(slos: &[Slo], request: &Request, moment: Moment) -> Outcome {
    let asked = windowed(slos, request)?;
    let sli = asked.sli(moment);
    let state = if sli < asked.slo.target { "breached" } else { "ok" };
    let budget = asked.budget(sli);
    Ok(json!({"data": {"id": asked.slo.id, "type": "slo_status", "attributes": {"sli": sli, "state": state,
        "error_budget_remaining": budget, "span_precision": 2,
        "raw_error_budget_remaining": {"value": budget, "unit": "percent"}}}}))
}

fn windowed<'a>(slos: &'a [Slo], request: &Request) -> Result<Asked<'a>, Refusal> {
    let time = |name: &str| {
        let text = request.query_value(name).ok_or_else(|| Refusal::missing(name))?;
        let seconds = text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        seconds.ok_or_else(|| Refusal::bad(format!("Invalid {name}")))
    };
    let (from, to) = (time("from_ts")?, time("to_ts")?);
    let segments = request.segments();
    let id = segments.get(3).map(String::as_str).unwrap_or_default();
    slos.iter()
        .find(|slo| slo.id == id)
        .map(|slo| Asked { slo, from, to })
        .ok_or_else(|| Refusal { status: 404, text: format!("SLO {id} not found") })
}

impl Asked<'_> {
    fn sli(&self, moment: Moment) -> f64 {
        let points = self.slo.over.as_ref().map(|shape| shape.points(moment)).unwrap_or_default();
        let reaches = points.first().is_some_and(|(first, _)| *first <= self.from);
        let within: Vec<f64> = points
            .iter()
            .filter(|(at, _)| (self.from..self.to).contains(at))
            .map(|(_, value)| *value)
            .collect();
        if !reaches || within.is_empty() {
            return self.slo.sli;
        }
        within.iter().sum::<f64>() / within.len() as f64
    }

    /// The share of the error budget that is left, in percent: negative when overspent.
    fn budget(&self, sli: f64) -> f64 {
        let spent = (100.0 - sli) / (100.0 - self.slo.target).max(f64::EPSILON);
        let whole = sli == self.slo.sli;
        self.slo.error_budget_remaining.filter(|_| whole).unwrap_or((1.0 - spent) * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{get, moment, world};
    use super::*;

    fn answer(target: &str) -> (u16, Value) {
        let world = world(
            json!({"slos": [{"id": "s1", "name": "API", "target": 99.0, "sli": 98.0, "tags": ["env:prod"],
            "over": {"from": "@-2h", "level": 100, "steps": [{"at": "@+1m", "to": 90}]}}]}),
        );
        let answer = world.answer(&get(target), moment());
        (answer.status, answer.value())
    }

    #[test]
    fn an_slo_has_a_status_in_a_window() {
        assert_eq!(answer("/api/v1/slo?tags_query=env:dev").1["data"], json!([]));
        assert_eq!(answer("/api/v1/slo?tags_query=env:prod").1["data"][0]["id"], "s1");
        let (_, status) = answer("/api/v2/slo/s1/status?from_ts=1&to_ts=2");
        assert_eq!(status["data"]["attributes"]["state"], "breached");
        assert_eq!(status["data"]["attributes"]["error_budget_remaining"], -100.0);
        let overall = &answer("/api/v1/slo/s1/history?from_ts=1&to_ts=2").1["data"]["overall"];
        assert_eq!(overall["sli_value"], 98.0);
        assert_eq!(answer("/api/v2/slo/s1/status?from_ts=1").0, 400);
        assert_eq!(answer("/api/v2/slo/s2/status?from_ts=1&to_ts=2").0, 404);
    }

    #[test]
    fn a_short_window_is_answered_by_its_own_mean() {
        let now = moment().as_of.as_second();
        let sli = |seconds: i64| {
            let target = format!("/api/v2/slo/s1/status?from_ts={}&to_ts={now}", now - seconds);
            answer(&target).1["data"]["attributes"]["sli"].as_f64().unwrap()
        };
        assert_eq!(sli(300), 90.0);
        assert_eq!(sli(600), 95.0);
    }
}
