//! What goes wrong between a vendor and us: applied to the answer before it leaves.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Vendor;
use crate::wire::Answer;

/// Neither JSON nor XML nor CBOR nor UTF-8.
const GARBAGE: &[u8] = b"<<< upstream \xff\xfe connect error \0\0 {\"data\": [";

/// A fault of one vendor, or of one of its calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Whose calls.
    pub vendor: Vendor,
    /// Part of the call's name or path. Default: every call.
    #[serde(default)]
    pub call: Option<String>,
    /// What happens.
    pub kind: Kind,
    /// The status, for `status`. Default 500.
    #[serde(default)]
    pub status: Option<u16>,
    /// Headers to add, for `status`, such as `retry-after`.
    #[serde(default)]
    pub headers: std::collections::BTreeMap<String, String>,
    /// The body, for `status`. Default: an error in JSON.
    #[serde(default)]
    pub body: Option<String>,
    /// How long, for `delay`; may be added to any other kind.
    #[serde(default)]
    pub delay: Option<SignedDuration>,
    /// How many calls it hits before it passes. Default: all of them.
    #[serde(default)]
    pub times: Option<u32>,
}

/// What happens to the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Another status instead of the answer.
    Status,
    /// The right answer, late.
    Delay,
    /// 200 and a body that is not what the content type says.
    Garbage,
    /// 200 and the first half of the body.
    Truncated,
    /// The connection closes without an answer.
    Reset,
    /// 200 and well-formed JSON in which every field has the wrong type.
    WrongType,
}

/// What leaves in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Time to wait first.
    pub delay: Duration,
    /// The answer; `None` closes the connection.
    pub answer: Option<Answer>,
}

/// The faults of a running platform, with how often each has struck.
#[derive(Debug, Default)]
pub struct Faults {
    faults: Vec<(Fault, AtomicU32)>,
}

impl Faults {
    /// None has struck yet.
    pub fn new(faults: &[Fault]) -> Self {
        Self { faults: faults.iter().map(|fault| (fault.clone(), AtomicU32::new(0))).collect() }
    }

    /// Applies the first fault that hits this call and is not used up. Where the fault takes the answer's place, `answer` is
    /// not asked: a refused post stores nothing.
    pub fn apply(&self, vendor: Vendor, call: &str, path: &str, answer: impl FnOnce() -> Answer) -> Outcome {
        let hit = self.faults.iter().find(|(fault, struck)| {
            fault.hits(vendor, call, path)
                && fault.times.is_none_or(|times| struck.fetch_add(1, Ordering::Relaxed) < times)
        });
        match hit {
            Some((fault, _)) => fault.strike(answer),
            None => Outcome { delay: Duration::ZERO, answer: Some(answer()) },
        }
    }
}

impl Fault {
    fn hits(&self, vendor: Vendor, call: &str, path: &str) -> bool {
        self.vendor == vendor
            && self.call.as_deref().is_none_or(|part| call.contains(part) || path.contains(part))
    }

    fn strike(&self, answer: impl FnOnce() -> Answer) -> Outcome {
        let delay = self.delay.and_then(|delay| Duration::try_from(delay).ok()).unwrap_or_default();
        let answer = match self.kind {
            Kind::Delay => Some(answer()),
            Kind::Reset => None,
            Kind::Status => Some(self.refusal()),
            Kind::Garbage => Some(Answer { status: 200, body: GARBAGE.to_vec(), ..answer() }),
            Kind::Truncated => {
                let mut answer = Answer { status: 200, ..answer() };
                answer.body.truncate(answer.body.len() / 2);
                Some(answer)
            }
            Kind::WrongType => Some(Answer::json(200, &wrong_type(answer().value()))),
        };
        Outcome { delay, answer }
    }

    fn refusal(&self) -> Answer {
        let status = self.status.unwrap_or(500);
        let mut answer = match &self.body {
            Some(body) => Answer::text(status, "application/json", body.clone()),
            None => Answer::json(status, &self.vendors_error(status)),
        };
        answer.headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        answer
    }

    /// An error in the vendor's own words: the Kubernetes API server speaks `Status` alone.
    fn vendors_error(&self, status: u16) -> Value {
        let message = format!("simulated fault: {status}");
        if self.vendor != Vendor::Kubernetes {
            return serde_json::json!({ "errors": [message] });
        }
        let reason = match status {
            401 => "Unauthorized",
            403 => "Forbidden",
            429 => "TooManyRequests",
            _ => "InternalError",
        };
        serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": status,
        })
    }
}

/// Text becomes a number, everything else text.
fn wrong_type(value: Value) -> Value {
    let swap = |value: &Value| if value.is_string() { Value::from(7) } else { Value::from("unexpected") };
    match value {
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(name, field)| (name.clone(), swap(field))).collect::<Map<_, _>>(),
        ),
        other => swap(&other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(value: Value) -> Faults {
        Faults::new(&[serde_json::from_value(value).unwrap()])
    }

    fn good() -> Answer {
        Answer::json(200, &json!({"series": [1, 2], "status": "ok"}))
    }

    #[test]
    fn a_fault_hits_its_vendor_and_call_only() {
        let faults = fault(json!({"vendor": "datadog", "call": "query", "kind": "status", "status": 429,
            "headers": {"x-ratelimit-reset": "7"}}));
        let hit = faults.apply(Vendor::Datadog, "query", "/api/v1/query", good).answer.unwrap();
        assert_eq!(hit.status, 429);
        assert!(hit.headers.contains(&("x-ratelimit-reset".to_owned(), "7".to_owned())));
        assert_eq!(faults.apply(Vendor::Datadog, "monitor", "/api/v1/monitor/1", good).answer, Some(good()));
        assert_eq!(faults.apply(Vendor::Aws, "query", "/", good).answer, Some(good()));
    }

    #[test]
    fn a_fault_with_times_passes() {
        let faults = fault(json!({"vendor": "slack", "kind": "reset", "times": 2}));
        let answers: Vec<bool> =
            (0..3).map(|_| faults.apply(Vendor::Slack, "x", "/", good).answer.is_some()).collect();
        assert_eq!(answers, [false, false, true]);
    }

    #[test]
    fn bodies_are_broken_in_the_way_that_was_asked_for() {
        let body = |kind: &str| {
            let faults = fault(json!({"vendor": "aws", "kind": kind, "delay": "30s"}));
            let outcome = faults.apply(Vendor::Aws, "x", "/", good);
            assert_eq!(outcome.delay, Duration::from_secs(30));
            outcome.answer.unwrap()
        };
        assert_eq!(body("delay"), good());
        assert!(serde_json::from_slice::<Value>(&body("garbage").body).is_err());
        assert!(serde_json::from_slice::<Value>(&body("truncated").body).is_err());
        assert_eq!(body("wrong_type").value(), json!({"series": "unexpected", "status": 7}));
    }
}
