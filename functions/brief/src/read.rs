//! Reading a state document that may be incomplete, or partly unreadable, without ever failing.

use incident::alert::{self, Alert, Transition};
use incident::{Evidence, Gap, State, Status, Subject, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The document as far as it can be read, and a gap for each part that cannot.
pub fn state(document: &Value) -> (State, Vec<Gap>) {
    let parsed: Option<Value> = document.as_str().and_then(|json| serde_json::from_str(json).ok());
    let document = parsed.as_ref().unwrap_or(document);
    match serde_json::from_value::<State>(document.clone()) {
        Ok(state) => (state, Vec::new()),
        Err(_) => piecewise(document),
    }
}

fn piecewise(document: &Value) -> (State, Vec<Gap>) {
    let mut gaps = Vec::new();
    let as_of = key::<Timestamp>(document, "as_of", &mut gaps);
    let alert = key::<Alert>(document, "alert", &mut gaps).unwrap_or_else(|| unread_alert(document, as_of));
    let state = State {
        as_of: as_of.unwrap_or(alert.at),
        alert,
        subject: key::<Subject>(document, "subject", &mut gaps).unwrap_or_default(),
        announcement: key(document, "announcement", &mut gaps),
        evidence: evidence(document, &mut gaps),
        diagnosis: key(document, "diagnosis", &mut gaps),
        knowledge: key(document, "knowledge", &mut gaps),
        weighed: key(document, "weighed", &mut gaps),
        draft: key(document, "draft", &mut gaps),
        analysis: key(document, "analysis", &mut gaps),
        brief: None,
    };
    (state, gaps)
}

/// One key of the document: absent is nothing to speak of, unreadable is a gap.
fn key<T: DeserializeOwned>(document: &Value, name: &str, gaps: &mut Vec<Gap>) -> Option<T> {
    let value = document.get(name).filter(|value| !value.is_null())?;
    let read = serde_json::from_value(value.clone()).ok();
    if read.is_none() {
        gaps.push(unreadable(name));
    }
    read
}

/// Source by source, so that one garbled source does not hide the others.
fn evidence(document: &Value, gaps: &mut Vec<Gap>) -> Vec<Evidence> {
    let sources = document.get("evidence").and_then(Value::as_array);
    sources
        .into_iter()
        .flatten()
        .filter_map(|source| {
            let read = serde_json::from_value(source.clone()).ok();
            if read.is_none() {
                let name = source.get("source").and_then(Value::as_str).unwrap_or("one source");
                gaps.push(unreadable(&format!("evidence of {name}")));
            }
            read
        })
        .collect()
}

fn unreadable(what: &str) -> Gap {
    Gap {
        what: what.to_owned(),
        status: Status::Unavailable,
        sentence: format!("The {what} in the incident's document could not be read."),
        error: None,
    }
}

/// What little can be said of an alert that is not in our format: its title where it has one.
fn unread_alert(document: &Value, as_of: Option<Timestamp>) -> Alert {
    let text = |name: &str| document.pointer(&format!("/alert/{name}")).and_then(Value::as_str);
    let at = text("at").and_then(|at| at.parse().ok()).or(as_of).unwrap_or_else(host::clock::now);
    Alert {
        version: alert::VERSION,
        event_id: String::new(),
        cycle_key: None,
        monitor_id: None,
        transition: Transition::Triggered,
        title: text("title").unwrap_or("an alert that could not be read").to_owned(),
        message: String::new(),
        query: None,
        metric: None,
        scope: Vec::new(),
        tags: Vec::new(),
        host: None,
        priority: None,
        value: None,
        threshold: None,
        status: None,
        at,
        link: None,
        snapshot: None,
        org_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_garbled_source_is_named_and_the_others_are_kept() {
        let (state, gaps) = state(&json!({
            "alert": {"title": "disk full", "at": "2026-01-01T00:00:00Z"},
            "evidence": [
                {"version": 1, "source": "aws", "status": "ok"},
                {"version": 1, "source": "cloudflare", "status": "splendid"},
            ],
        }));
        assert_eq!(state.evidence.len(), 1);
        assert_eq!(state.alert.title, "disk full");
        assert_eq!(state.as_of, state.alert.at);
        let sentences: Vec<_> = gaps.iter().map(|gap| gap.sentence.as_str()).collect();
        assert!(sentences.iter().any(|s| s.contains("evidence of cloudflare")), "{sentences:?}");
    }

    #[test]
    fn a_document_may_come_as_a_string_of_json() {
        let document = json!({"alert": {"title": "disk full", "at": "2026-01-01T00:00:00Z"}});
        let (as_string, as_value) = (state(&json!(document.to_string())), state(&document));
        assert_eq!(as_string.0, as_value.0);
        assert_eq!(state(&json!("{")).0.alert.title, "an alert that could not be read");
    }

    #[test]
    fn even_nothing_at_all_gives_a_state() {
        let (state, _) = state(&Value::Null);
        assert_eq!(state.alert.title, "an alert that could not be read");
    }
}
