//! The two times that everything in a scenario is placed by, and how a scenario writes a time.

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde_json::Value;

/// When the alert fired and when the investigation looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The alert's time (`date_ms`): the zero of every relative time.
    pub alert: Timestamp,
    /// The one "now": nothing later is served.
    pub as_of: Timestamp,
}

impl Moment {
    /// True for what has happened by now.
    pub fn has_seen(&self, at: Timestamp) -> bool {
        at <= self.as_of
    }
}

/// What is allowed where a time is expected, for error messages and the schema.
pub const ALLOWED: &str = "an offset from the alert such as @-3m10s or @+0s, or an RFC 3339 time";

/// Reads `+6m`, `-1h30m`, `-2d`: a signed offset from the alert. Days have 24 hours.
pub fn offset(text: &str) -> Option<SignedDuration> {
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+')?),
    };
    let span: Span = magnitude.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    // A second sign inside ("+-3m", "+3m ago") would hide which way the offset goes.
    (!duration.is_negative()).then_some(if negative { -duration } else { duration })
}

/// Replaces every `"@-3m10s"` in a tree by the time it means. The error is the place and the text that is no time.
pub fn resolve(value: &mut Value, alert: Timestamp) -> Result<(), (String, String)> {
    match value {
        Value::String(text) if text.starts_with("@-") || text.starts_with("@+") => {
            let at = offset(&text[1..]).and_then(|offset| alert.checked_add(offset).ok());
            *text = at.ok_or_else(|| (String::new(), text.clone()))?.to_string();
            Ok(())
        }
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, item)| resolve(item, alert).map_err(|e| within(&format!("[{index}]"), e))),
        Value::Object(fields) => fields
            .iter_mut()
            .try_for_each(|(name, field)| resolve(field, alert).map_err(|e| within(&format!(".{name}"), e))),
        _ => Ok(()),
    }
}

fn within(parent: &str, (place, text): (String, String)) -> (String, String) {
    (format!("{parent}{place}"), text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn alert() -> Timestamp {
        "2026-01-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn an_offset_needs_a_sign_and_a_unit() {
        assert_eq!(offset("+6m"), Some(SignedDuration::from_mins(6)));
        assert_eq!(offset("-1d2h"), Some(SignedDuration::from_hours(-26)));
        for bad in ["6m", "+6", "-", "+-6m", "+6m ago", ""] {
            assert_eq!(offset(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_are_resolved_wherever_they_stand_and_other_text_is_left_alone() {
        let mut tree = json!({"a": ["@-3m10s", {"b": "@+0s"}], "c": "@webhook-x", "d": "mail me@+1m"});
        resolve(&mut tree, alert()).unwrap();
        let expected = json!({"a": ["2026-01-01T11:56:50Z", {"b": "2026-01-01T12:00:00Z"}], "c": "@webhook-x",
            "d": "mail me@+1m"});
        assert_eq!(tree, expected);
    }

    #[test]
    fn a_bad_time_names_its_place() {
        let mut tree = json!({"a": [{"b": "@-3x"}]});
        assert_eq!(resolve(&mut tree, alert()), Err((".a[0].b".to_owned(), "@-3x".to_owned())));
    }
}
