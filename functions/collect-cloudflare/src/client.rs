//! The Cloudflare client: the GraphQL analytics of one zone and its account, the REST API of the zone, and what an error means.

use collecting::CallError;
use host::http::{HttpError, send};
use host::{Fault, Secret, Settings};
use incident::{Timestamp, Window, size};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Characters of Cloudflare's own words kept in a sentence.
const WORDS: usize = 140;

/// What a token needs for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The datasets of the zone.
    ZoneAnalytics,
    /// The datasets of the account.
    AccountAnalytics,
    /// The rulesets of the zone.
    ZoneWaf,
}

impl Scope {
    fn needed(self) -> &'static str {
        match self {
            Self::ZoneAnalytics => "the token needs Zone Analytics Read on this zone",
            Self::AccountAnalytics => "the token needs Account Analytics Read on this account",
            Self::ZoneWaf => "the token needs Zone WAF Read on this zone",
        }
    }
}

/// Why the client cannot be built: the names of the settings that are missing.
pub type Missing = Vec<&'static str>;

/// Talks about one zone.
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    token: Secret,
    zone_id: String,
    account_id: Option<String>,
}

#[derive(Serialize)]
struct Request<'a> {
    query: &'a str,
    variables: Variables<'a>,
}

/// A variable that a document does not declare is not sent with it.
#[derive(Serialize)]
struct Variables<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

impl<'a> Variables<'a> {
    fn of(zone: Option<&'a str>, account: Option<&'a str>, window: Option<Window>) -> Self {
        // Whole seconds: a fraction in a `Time` is documented nowhere.
        let text = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        Self { zone, account, from: window.map(|w| text(w.from)), to: window.map(|w| text(w.to)) }
    }
}

/// The envelope of the REST API.
#[derive(Deserialize)]
struct Envelope<T> {
    success: bool,
    #[serde(default = "Option::default")]
    result: Option<T>,
    #[serde(default)]
    errors: Option<Vec<GraphError>>,
}

#[derive(Deserialize)]
struct Answer<T> {
    #[serde(default = "Option::default")]
    data: Option<Data<T>>,
    #[serde(default)]
    errors: Option<Vec<GraphError>>,
}

#[derive(Deserialize)]
struct Data<T> {
    viewer: Viewer<T>,
}

#[derive(Deserialize)]
struct Viewer<T> {
    #[serde(alias = "accounts")]
    zones: Vec<T>,
}

#[derive(Debug, Default, Deserialize)]
struct GraphError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    extensions: Option<Extensions>,
}

#[derive(Debug, Deserialize)]
struct Extensions {
    #[serde(default)]
    code: Option<String>,
}

impl Client {
    /// The client for `CLOUDFLARE_URL`, `CLOUDFLARE_API_TOKEN`, `CLOUDFLARE_ZONE_ID` and, where there is one, `CLOUDFLARE_ACCOUNT_ID`;
    /// or what of the token and the zone is missing.
    pub fn from_settings(settings: &Settings) -> Result<Result<Self, Missing>, Fault> {
        let (token, zone) = (settings.secret("CLOUDFLARE_API_TOKEN"), settings.get("CLOUDFLARE_ZONE_ID"));
        let missing = [("CLOUDFLARE_API_TOKEN", token.is_none()), ("CLOUDFLARE_ZONE_ID", zone.is_none())];
        let (Some(token), Some(zone)) = (token, zone) else {
            return Ok(Err(missing
                .into_iter()
                .filter(|(_, missing)| *missing)
                .map(|(name, _)| name)
                .collect()));
        };
        let base_url = settings.url("CLOUDFLARE_URL", "https://api.cloudflare.com");
        let account_id = settings.get("CLOUDFLARE_ACCOUNT_ID").map(str::to_owned);
        Ok(Ok(Self { http: host::http::client()?, base_url, token, zone_id: zone.to_owned(), account_id }))
    }

    /// The configured zone's id.
    pub fn zone_id(&self) -> &str {
        &self.zone_id
    }

    /// The configured account's id, whose datasets can be asked where there is one.
    pub fn account_id(&self) -> Option<&str> {
        self.account_id.as_deref()
    }

    /// Asks one query about the zone. A query only reads, so asking again after a failure is harmless.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        query: &str,
        window: Window,
        scope: Scope,
    ) -> Result<T, CallError> {
        self.query(query, Variables::of(Some(&self.zone_id), None, Some(window)), scope).await
    }

    /// Asks one query about the zone that knows no window.
    pub async fn probe<T: DeserializeOwned>(&self, query: &str, scope: Scope) -> Result<T, CallError> {
        self.query(query, Variables::of(Some(&self.zone_id), None, None), scope).await
    }

    /// Asks one query about the account.
    pub async fn ask_account<T: DeserializeOwned>(
        &self,
        query: &str,
        window: Window,
        scope: Scope,
    ) -> Result<T, CallError> {
        self.query(query, Variables::of(None, self.account_id.as_deref(), Some(window)), scope).await
    }

    async fn query<T: DeserializeOwned>(
        &self,
        query: &str,
        variables: Variables<'_>,
        scope: Scope,
    ) -> Result<T, CallError> {
        let request = self
            .http
            .post(format!("{}/client/v4/graphql", self.base_url))
            .bearer_auth(self.token.expose())
            .json(&Request { query, variables });
        // On the heap: twenty of these wait at once, and each would be as large as all of HTTP.
        read(Box::pin(send(request)).await.map_err(|error| explain(error, scope))?, scope)
    }

    /// Reads something of the zone by REST. The error is still HTTP's: what a 404 means is the caller's to say.
    pub async fn zone_get<T: DeserializeOwned>(&self, path: &str) -> Result<T, HttpError> {
        self.get(&format!("/zones/{}{path}", self.zone_id)).await
    }

    /// Reads something by REST, by its path below `/client/v4`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, HttpError> {
        let url = format!("{}/client/v4{path}", self.base_url);
        let request = self.http.get(url).bearer_auth(self.token.expose());
        let envelope: Envelope<T> = Box::pin(send(request)).await?;
        match envelope.result {
            Some(result) if envelope.success => Ok(result),
            _ => {
                let said = envelope.errors.unwrap_or_default().into_iter().next().unwrap_or_default().message;
                let said =
                    if said.is_empty() { "no reason given".to_owned() } else { size::cut(&said, WORDS) };
                Err(HttpError::Garbled(format!("no success ({said})")))
            }
        }
    }
}

/// The zone's part of an answer. Errors come inside an HTTP 200, and one of them voids the whole document.
fn read<T>(answer: Answer<T>, scope: Scope) -> Result<T, CallError> {
    if let Some(error) = answer.errors.unwrap_or_default().into_iter().next() {
        return Err(error.judge(scope));
    }
    let zones = answer.data.map(|data| data.viewer.zones);
    match zones.map(|zones| zones.into_iter().next()) {
        Some(Some(zone)) => Ok(zone),
        Some(None) => Err(CallError::Denied(format!("refused without an error: {}", scope.needed()))),
        None => Err(CallError::Unavailable("answered with neither data nor an error".to_owned())),
    }
}

impl GraphError {
    /// The code where there is one, or else the words that Cloudflare documents for each kind of error.
    fn judge(&self, scope: Scope) -> CallError {
        let text = self.message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let words = size::cut(self.message.trim(), WORDS);
        match self.extensions.as_ref().and_then(|extensions| extensions.code.as_deref()) {
            Some("authz") => denied(&words, scope),
            Some("budget") => limited(&words),
            _ if says(&[
                "access to the",
                "not authorized",
                "unauthorized",
                "authentication",
                "for your plan",
            ]) =>
            {
                denied(&words, scope)
            }
            _ if says(&["budget", "quota exceeded", "rate limit", "limit reached"]) => limited(&words),
            _ => CallError::Unavailable(format!("answered with an error ({words})")),
        }
    }
}

fn denied(words: &str, scope: Scope) -> CallError {
    CallError::Denied(format!("refused ({words}): {}, and the plan must include the field", scope.needed()))
}

fn limited(words: &str) -> CallError {
    CallError::Unavailable(format!("hit its rate limit ({words})"))
}

/// The error of an HTTP status as the end of a gap's sentence.
pub fn explain(error: HttpError, scope: Scope) -> CallError {
    match error {
        HttpError::Denied { status, body } => {
            CallError::Denied(format!("refused with {status} ({}): {}", words(&body), scope.needed()))
        }
        HttpError::Throttled { body, .. } => limited(&words(&body)),
        HttpError::Status { status, body } => {
            CallError::Unavailable(format!("answered {status} ({})", words(&body)))
        }
        other => other.into(),
    }
}

/// Cloudflare's own words: the messages under `errors` of both its APIs, or else the raw body.
fn words(body: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(body).ok();
    let text = match parsed.as_ref().and_then(|body| body.get("errors")?.as_array()) {
        Some(errors) => {
            errors.iter().filter_map(|e| e.get("message")?.as_str()).collect::<Vec<_>>().join("; ")
        }
        None => body.trim().to_owned(),
    };
    if text.is_empty() { "no reason given".to_owned() } else { size::cut(&text, WORDS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Value, CallError> {
        read(serde_json::from_str(text).unwrap(), Scope::ZoneAnalytics)
    }

    fn error(code: &str, message: &str) -> CallError {
        let extensions =
            if code.is_empty() { String::new() } else { format!(r#","extensions":{{"code":"{code}"}}"#) };
        let path = r#"["viewer","zones","0"]"#;
        let body =
            format!(r#"{{"data":null,"errors":[{{"message":"{message}","path":{path}{extensions}}}]}}"#);
        parse(&body).unwrap_err()
    }

    #[test]
    fn the_body_holds_the_query_and_whole_seconds() {
        let window = Window {
            from: "2026-01-01T01:45:00.25Z".parse().unwrap(),
            to: "2026-01-01T02:00:00.25Z".parse().unwrap(),
        };
        let variables = Variables::of(Some("z1"), None, Some(window));
        let sent = serde_json::to_value(Request { query: "query {x}", variables }).unwrap();
        let expected = serde_json::json!({"query": "query {x}", "variables": {"zone": "z1",
            "from": "2026-01-01T01:45:00Z", "to": "2026-01-01T02:00:00Z"}});
        assert_eq!(sent, expected);
    }

    #[test]
    fn an_error_inside_a_200_is_judged_by_its_code_or_its_words() {
        let gated = "zone 'z1' does not have access to the path/field";
        assert!(matches!(error("authz", "not allowed"), CallError::Denied(_)));
        assert!(matches!(error("", gated), CallError::Denied(_)));
        assert!(error("budget", "depleted").to_string().contains("rate limit"));
        assert!(error("", "quota exceeded, please repeat").to_string().contains("rate limit"));
        let plain = error("parser", "error parsing args");
        assert_eq!(plain, CallError::Unavailable("answered with an error (error parsing args)".to_owned()));
        assert!(matches!(error("", "cannot request data older than 2678400s"), CallError::Unavailable(_)));
    }

    #[test]
    fn no_zone_is_a_refusal_and_no_data_is_nonsense() {
        assert!(matches!(
            parse(r#"{"data":{"viewer":{"zones":[]}},"errors":null}"#),
            Err(CallError::Denied(_))
        ));
        assert!(matches!(parse(r#"{"data":null,"errors":null}"#), Err(CallError::Unavailable(_))));
        assert_eq!(parse(r#"{"data":{"viewer":{"zones":[7]}}}"#).unwrap(), Value::from(7));
    }

    #[test]
    fn a_status_speaks_in_cloudflares_words() {
        let body =
            r#"{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}"#.to_owned();
        let said = explain(HttpError::Denied { status: 403, body }, Scope::ZoneAnalytics);
        assert_eq!(
            said.to_string(),
            "refused with 403 (Authentication error): the token needs Zone Analytics Read on this zone"
        );
        let busy = HttpError::Status { status: 503, body: String::new() };
        assert_eq!(explain(busy, Scope::ZoneWaf).to_string(), "answered 503 (no reason given)");
    }
}
