//! What the vendor sends: the message, why it stopped, and whether to ask again.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde::Deserialize;

use crate::{Error, Usage};

/// A pause beyond this is not worth waiting for: the caller has seconds.
const MAX_PAUSE: Duration = Duration::from_secs(8);

/// The answer to a request. Unknown fields and block types are tolerated.
#[derive(Debug, Deserialize)]
pub struct Message {
    #[serde(default)]
    pub model: String,
    #[serde(default)]
    content: Vec<Block>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_details: Option<StopDetails>,
    #[serde(default)]
    pub usage: Usage,
}

/// Thinking comes first on current models, so blocks are chosen by type and never by position.
#[derive(Debug, Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
struct StopDetails {
    #[serde(default)]
    category: Option<String>,
}

impl Message {
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(body).map_err(|error| Error::Garbled {
            reason: error.to_string(),
            model: String::new(),
            usage: Usage::default(),
        })
    }

    /// The text of a message that ended by itself.
    pub fn text(self) -> Result<String, Error> {
        match self.stop_reason.as_deref() {
            Some("end_turn" | "stop_sequence") => {}
            Some("refusal") => {
                let category = self.stop_details.and_then(|details| details.category);
                return Err(Error::Refused { category, model: self.model, usage: self.usage });
            }
            Some("max_tokens" | "model_context_window_exceeded") => {
                return Err(Error::CutShort { model: self.model, usage: self.usage });
            }
            other => return Err(Error::Stopped(other.unwrap_or("none given").chars().take(40).collect())),
        }
        Ok(self
            .content
            .into_iter()
            .filter(|block| block.kind == "text")
            .filter_map(|block| block.text)
            .collect())
    }
}

/// Whether to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It cannot help.
    Never,
    /// After our own pause.
    Ours,
    /// After the pause the vendor names.
    After(Duration),
}

impl Retry {
    /// `x-should-retry` decides where it is sent; else the kind of error. `retry-after-ms` goes before `retry-after`.
    pub fn read(headers: &HeaderMap, error: &Error) -> Self {
        let header = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        let by_kind = matches!(
            error,
            Error::Throttled { spend_limit: false, .. } | Error::Overloaded | Error::Failed { .. }
        );
        let again = match header("x-should-retry") {
            Some("true") => true,
            Some("false") => false,
            _ => by_kind,
        };
        if !again {
            return Self::Never;
        }
        let number = |name: &str| header(name)?.parse::<f64>().ok().filter(|n| (0.0..1e9).contains(n));
        let millis =
            number("retry-after-ms").or_else(|| number("retry-after").map(|seconds| seconds * 1_000.0));
        millis.map_or(Self::Ours, |ms| Self::After(Duration::from_secs_f64(ms / 1_000.0)))
    }

    /// How long to wait, `ours` where the vendor names nothing; `None` for not at all.
    pub fn pause(self, ours: Duration) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::Ours => Some(ours),
            Self::After(pause) => (pause <= MAX_PAUSE).then_some(pause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    fn message(json: serde_json::Value) -> Message {
        Message::parse(json.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_text_is_found_behind_thinking_and_unknown_blocks() {
        let message = message(serde_json::json!({
            "content": [{"type": "thinking", "thinking": "", "signature": "x"}, {"type": "novelty", "text": "no"},
                        {"type": "text", "text": "{\"a\":"}, {"type": "text", "text": "1}"}],
            "stop_reason": "end_turn"}));
        assert_eq!(message.text().unwrap(), "{\"a\":1}");
    }

    #[test]
    fn every_other_stop_is_an_error_of_its_own() {
        let stop = |reason: &str| {
            message(serde_json::json!({"stop_reason": reason, "stop_details": {"category": "cyber"}}))
                .text()
                .unwrap_err()
        };
        assert!(matches!(stop("refusal"), Error::Refused { category: Some(c), .. } if c == "cyber"));
        assert!(matches!(stop("max_tokens"), Error::CutShort { .. }));
        assert!(matches!(stop("pause_turn"), Error::Stopped(_)));
        assert!(matches!(message(serde_json::json!({})).text(), Err(Error::Stopped(_))));
    }

    #[test]
    fn the_vendors_headers_decide_about_asking_again() {
        let read = |pairs: &[(&'static str, &'static str)], status, code: &str| {
            let headers = HeaderMap::from_iter(
                pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))),
            );
            let body = format!(r#"{{"error":{{"message":"m","details":{{"error_code":"{code}"}}}}}}"#);
            Retry::read(&headers, &Error::from_response(status, body.as_bytes()))
        };
        assert_eq!(
            read(&[("retry-after-ms", "120"), ("retry-after", "1")], 429, ""),
            Retry::After(Duration::from_millis(120))
        );
        assert_eq!(read(&[], 529, ""), Retry::Ours);
        assert_eq!(read(&[("x-should-retry", "false")], 529, ""), Retry::Never);
        assert_eq!(read(&[("x-should-retry", "true")], 400, ""), Retry::Ours);
        assert_eq!(read(&[], 429, "enforced_spend_limit_reached"), Retry::Never);
        for status in [400, 401, 403, 404, 413] {
            assert_eq!(read(&[], status, ""), Retry::Never, "{status}");
        }
    }
}
