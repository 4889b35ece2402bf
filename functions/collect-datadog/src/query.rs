//! The metric query inside a monitor's.

use std::sync::LazyLock;

use incident::Alert;
use regex::Regex;

/// The evaluation wrapper of a metric monitor: `avg(last_5m):`, `change(avg(last_5m),last_1h):`.
static WRAPPER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let window = r"\w+\(\s*(?:last|current)_\w+\s*\)";
    Regex::new(&format!(
        r"(?s)^\s*(?:{window}|(?:pct_)?change\(\s*{window}\s*,\s*(?:last|current)_\w+\s*\))\s*:\s*(?P<inner>.+)$"
    ))
    .ok()
});

/// The comparison that ends a monitor's query: `> 80`.
static COMPARISON: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\s*(?:[<>]=?|==|!=)\s*-?[0-9.]+(?:[eE][+-]?[0-9]+)?\s*$").ok());

/// Functions that judge a series instead of giving it; the series itself is their first argument.
const JUDGES: [&str; 3] = ["anomalies(", "forecast(", "outliers("];

/// The query to send: the monitor's without its wrapper, or else the alert's metric in the alert's scope. A query that the
/// webhook had to cut would ask something else than the monitor does.
pub fn of(alert: &Alert) -> Option<String> {
    let whole = alert.query.as_deref().filter(|query| !query.ends_with('…'));
    whole.and_then(inner_query).or_else(|| {
        let metric = alert.metric.as_deref()?;
        (!alert.scope.is_empty()).then(|| format!("avg:{metric}{{{}}}", alert.scope.join(",")))
    })
}

/// `avg(last_5m):avg:m{a:b} > 80` becomes `avg:m{a:b}`; `None` for monitors of logs, checks, composites and the like.
fn inner_query(query: &str) -> Option<String> {
    let inner = WRAPPER.as_ref()?.captures(query)?.name("inner")?.as_str();
    let mut inner = COMPARISON.as_ref()?.replace(inner, "").trim().to_owned();
    while let Some(argument) = JUDGES.iter().find_map(|judge| inner.strip_prefix(judge)) {
        inner = first_argument(argument).trim().to_owned();
    }
    (inner.contains('{') && inner.contains(':')).then_some(inner)
}

/// The text up to the first comma or bracket that closes nothing opened within.
fn first_argument(text: &str) -> &str {
    let mut depth = 0_i32;
    let end = text.find(|c| {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth -= 1,
            _ => {}
        }
        depth < 0 || (depth == 0 && c == ',')
    });
    end.map_or(text, |end| &text[..end])
}

#[cfg(test)]
mod tests {
    use incident::size;

    use super::*;

    fn alert(query: Option<&str>, scope: &[&str]) -> Alert {
        let alert = serde_json::json!({"version": 1, "event_id": "1", "transition": "triggered", "title": "t",
            "query": query, "metric": "m.x", "scope": scope, "at": "2026-01-01T02:00:00Z"});
        serde_json::from_value(alert).unwrap()
    }

    #[test]
    fn the_monitors_wrapper_comes_off_and_the_query_stays_as_written() {
        for (query, inner) in [
            ("avg(last_5m):avg:aws.rds.cpu{db:x} > 80", Some("avg:aws.rds.cpu{db:x}")),
            ("max( last_10m ):max:a.b{*} by {host,env} >= 1e3", Some("max:a.b{*} by {host,env}")),
            ("sum(last_1h):sum:a{x:y}.as_count() / sum:b{x:y}.as_count() * 100 < -5.5", {
                Some("sum:a{x:y}.as_count() / sum:b{x:y}.as_count() * 100")
            }),
            ("change(avg(last_5m),last_1h):avg:a{*} > 3", Some("avg:a{*}")),
            ("pct_change(avg(last_5m),last_1h):avg:a{*} > 3", Some("avg:a{*}")),
            ("avg(last_4h):anomalies(ewma_3(avg:a{x:y,z:w}), 'basic', 2) >= 1", {
                Some("ewma_3(avg:a{x:y,z:w})")
            }),
            ("logs(\"service:a\").index(\"main\").rollup(\"count\").last(\"5m\") > 2", None),
            ("\"http.can_connect\".over(\"instance:x\").last(2).count_by_status()", None),
            ("1234 && 5678", None),
            ("", None),
        ] {
            assert_eq!(inner_query(query).as_deref(), inner, "{query}");
        }
    }

    #[test]
    fn without_a_metric_query_the_alerts_metric_and_scope_make_one() {
        assert_eq!(of(&alert(None, &["db:x", "env:p"])).unwrap(), "avg:m.x{db:x,env:p}");
        assert_eq!(of(&alert(Some("1 && 2"), &[])), None);
    }

    #[test]
    fn a_query_that_was_cut_is_not_sent() {
        let whole = "avg(last_5m):avg:m.x{db:x} / avg:m.y{db:x} > 80";
        let cut = size::cut(whole, 40);
        assert_eq!(of(&alert(Some(&cut), &["db:x"])).unwrap(), "avg:m.x{db:x}");
        assert_eq!(of(&alert(Some(&cut), &[])), None);
    }
}
