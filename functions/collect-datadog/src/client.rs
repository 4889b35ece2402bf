//! The Datadog client: two ways of asking, and what an error means.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use collecting::CallError;
use host::http::{HttpError, send};
use host::{Fault, Secret, Settings};
use incident::size;
use reqwest::RequestBuilder;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

/// Characters of Datadog's own words kept in a sentence.
const WORDS: usize = 120;

/// Questions of an hourly limit that are left to people: a tenth of the 300 about spans.
const RESERVED: u32 = 30;

/// The scope that an application key needs for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Metric queries.
    Timeseries,
    /// Monitors.
    Monitors,
    /// Log search.
    Logs,
    /// Event search.
    Events,
    /// Names of metrics.
    Metrics,
    /// Service level objectives.
    Slos,
    /// Synthetic tests.
    Synthetics,
    /// Spans.
    Apm,
    /// DORA deployments.
    Dora,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Timeseries,
        Self::Metrics,
        Self::Monitors,
        Self::Logs,
        Self::Events,
        Self::Slos,
        Self::Synthetics,
        Self::Apm,
        Self::Dora,
    ];

    /// What to add where it is missing: an index of logs may be restricted by a second scope.
    pub fn needed(self) -> &'static str {
        match self {
            Self::Logs => "logs_read_data, logs_read_index_data",
            other => other.name(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Timeseries => "timeseries_query",
            Self::Monitors => "monitors_read",
            Self::Logs => "logs_read_data",
            Self::Events => "events_read",
            Self::Metrics => "metrics_read",
            Self::Slos => "slos_read",
            Self::Synthetics => "synthetics_read",
            Self::Apm => "apm_read",
            Self::Dora => "dora_metrics_read",
        }
    }
}

/// Talks to one Datadog site with one pair of keys.
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    api_key: Secret,
    app_key: Secret,
    hour: Mutex<Option<Hour>>,
}

/// What is left of an endpoint's limit, as its last answer said.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Hour {
    left: u32,
    renews: Instant,
}

impl Hour {
    /// `X-RateLimit-Remaining` and `X-RateLimit-Reset` (seconds until it renews).
    fn read(headers: &HeaderMap, now: Instant) -> Option<Self> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u32>().ok();
        let reset = u64::from(number("x-ratelimit-reset")?).min(86_400);
        Some(Self { left: number("x-ratelimit-remaining")?, renews: now + Duration::from_secs(reset) })
    }

    /// True where the rest of the hour belongs to people.
    fn is_spent(self, now: Instant) -> bool {
        self.left < RESERVED && now < self.renews
    }
}

impl Client {
    /// The client for `DATADOG_URL`, or else for `DD_SITE` (default `datadoghq.com`); `None` unless both keys are set.
    pub fn from_settings(settings: &Settings) -> Result<Option<Self>, Fault> {
        let (Some(api_key), Some(app_key)) = (settings.secret("DD_API_KEY"), settings.secret("DD_APP_KEY"))
        else {
            return Ok(None);
        };
        let site = format!("https://api.{}", settings.get_or("DD_SITE", "datadoghq.com"));
        let base_url = settings.url("DATADOG_URL", &site);
        Ok(Some(Self { http: host::http::client()?, base_url, api_key, app_key, hour: Mutex::default() }))
    }

    /// Asks with a query string.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        scope: Scope,
    ) -> Result<T, CallError> {
        self.ask(self.http.get(self.url(path)).query(query), scope).await
    }

    /// Asks one of the search endpoints, which take their question as a body. They read, so asking again is harmless.
    pub async fn search<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        scope: Scope,
    ) -> Result<T, CallError> {
        self.ask(self.http.post(self.url(path)).json(body), scope).await
    }

    /// Asks a search endpoint with an hourly limit: not at all where its last answer in this environment said that little is left.
    pub async fn sparing<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        scope: Scope,
    ) -> Result<T, CallError> {
        let known = *self.hour.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hour) = known.filter(|hour| hour.is_spent(Instant::now())) {
            return Err(CallError::Unavailable(format!(
                "was not asked: only {} of its questions for this hour are left",
                hour.left
            )));
        }
        let request = self.keyed(self.http.post(self.url(path)).json(body))?;
        let (headers, answer) = Box::pin(host::http::send_with_headers(request)).await;
        if let Some(hour) = headers.and_then(|headers| Hour::read(&headers, Instant::now())) {
            *self.hour.lock().unwrap_or_else(PoisonError::into_inner) = Some(hour);
        }
        answer.map_err(|error| explain(error, scope))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder, scope: Scope) -> Result<T, CallError> {
        // On the heap: thirty of these wait at once, and each would be as large as all of HTTP.
        Box::pin(send(self.keyed(request)?)).await.map_err(|error| explain(error, scope))
    }

    fn keyed(&self, request: RequestBuilder) -> Result<RequestBuilder, CallError> {
        [("DD-API-KEY", &self.api_key), ("DD-APPLICATION-KEY", &self.app_key)]
            .into_iter()
            .try_fold(request, |request, (name, key)| Some(request.header(name, sensitive(key)?)))
            .ok_or_else(|| {
                CallError::Unavailable("was not asked: a key holds characters no header may have".to_owned())
            })
    }
}

fn sensitive(key: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(key.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The error as the end of a gap's sentence. A 403 is a missing scope or a wrong key; Datadog does not say which.
fn explain(error: HttpError, scope: Scope) -> CallError {
    match error {
        HttpError::Denied { status: 401, body } => CallError::Denied(format!(
            "refused with 401 ({}): DD_API_KEY or DD_APP_KEY is not valid on this site",
            words(&body)
        )),
        HttpError::Denied { status, body } => CallError::Denied(format!(
            "refused with {status} ({}): the application key lacks the scope {}, or a key is wrong",
            words(&body),
            scope.name()
        )),
        HttpError::Throttled { body, .. } => {
            CallError::Unavailable(format!("hit its rate limit ({})", words(&body)))
        }
        HttpError::Status { status: 404, .. } => CallError::Unavailable("no longer exists".to_owned()),
        HttpError::Status { status, body } => {
            CallError::Unavailable(format!("answered {status} ({})", words(&body)))
        }
        other => other.into(),
    }
}

/// Datadog's own words: `{"errors":["text"]}`, `{"errors":[{"title","detail"}]}`, `{"errors":"text"}`, or the raw body.
fn words(body: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(body).ok();
    let text = match parsed.as_ref().and_then(|body| body.get("errors")) {
        Some(Value::Array(errors)) => errors.iter().filter_map(one_error).collect::<Vec<_>>().join("; "),
        Some(error) => one_error(error).unwrap_or_default(),
        None => body.trim().to_owned(),
    };
    if text.is_empty() { "no reason given".to_owned() } else { size::cut(&text, WORDS) }
}

fn one_error(error: &Value) -> Option<String> {
    let field = |name: &str| error.get(name).and_then(Value::as_str);
    let text = error.as_str().or_else(|| field("detail")).or_else(|| field("title"))?;
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(status: u16, body: &str) -> String {
        explain(HttpError::Denied { status, body: body.to_owned() }, Scope::Timeseries).to_string()
    }

    #[test]
    fn both_shapes_of_errors_are_put_in_words() {
        for (body, expected) in [
            (r#"{"errors":["Forbidden"]}"#, "Forbidden"),
            (
                r#"{"errors":[{"title":"Bad Request","detail":"value must be one of","status":"400"}]}"#,
                "value must be one of",
            ),
            (r#"{"errors":[{"title":"Bad Request"}]}"#, "Bad Request"),
            (r#"{"errors":"query cannot be parsed"}"#, "query cannot be parsed"),
            ("<html>", "<html>"),
            ("{}", "{}"),
            (r#"{"errors":[]}"#, "no reason given"),
        ] {
            assert_eq!(words(body), expected);
        }
    }

    #[test]
    fn a_403_names_the_scope_and_a_401_the_keys() {
        assert_eq!(
            denied(403, r#"{"errors":["Forbidden"]}"#),
            "refused with 403 (Forbidden): the application key lacks the scope timeseries_query, or a key is wrong"
        );
        assert!(denied(401, r#"{"errors":["Unauthorized"]}"#).contains("DD_APP_KEY"));
    }

    #[test]
    fn the_last_questions_of_an_hour_are_left_to_people_until_it_renews() {
        let now = Instant::now();
        let hour = |left: &str| {
            let pairs = [("x-ratelimit-remaining", left), ("x-ratelimit-reset", "60")];
            let headers = pairs.into_iter().map(|(name, value)| {
                (reqwest::header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            });
            Hour::read(&HeaderMap::from_iter(headers), now)
        };
        assert!(!hour("30").unwrap().is_spent(now));
        assert!(hour("29").unwrap().is_spent(now));
        assert!(!hour("0").unwrap().is_spent(now + Duration::from_secs(60)));
        assert_eq!(hour("many"), None);
    }

    #[test]
    fn the_site_makes_the_url_and_a_url_overrides_it() {
        let url = |extra: &[(&str, &str)]| {
            let keys = [("DD_API_KEY", "a"), ("DD_APP_KEY", "b")];
            let values = keys.iter().chain(extra).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            Client::from_settings(&Settings::from_values(values)).unwrap().unwrap().base_url
        };
        assert_eq!(url(&[]), "https://api.datadoghq.com");
        assert_eq!(url(&[("DD_SITE", "datadoghq.eu")]), "https://api.datadoghq.eu");
        assert_eq!(url(&[("DATADOG_URL", "http://127.0.0.1:1/"), ("DD_SITE", "x")]), "http://127.0.0.1:1");
    }
}
