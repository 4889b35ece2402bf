//! The one HTTP client, and one way of sending a JSON request and reading its answer.

use std::sync::Once;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;

use crate::Fault;

/// Answers above this are refused: no vendor call of ours needs more, and a Lambda has 512 MB.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// How much of an error body is kept for people.
const ERROR_BODY: usize = 300;
/// The longest pause a vendor may ask for; beyond it the deadline is lost anyway.
const MAX_PAUSE: Duration = Duration::from_secs(2);

static PROVIDER: Once = Once::new();

/// Installs ring as the process' TLS provider. `kube` and others that build their own client need it too.
pub fn install_tls() {
    PROVIDER.call_once(|| {
        // An error means that a provider is installed already, which is all we want.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// The HTTP client. Build one per function environment and clone it: it holds the connection pool.
///
/// No redirects (a vendor's API has none, and a redirect would carry credentials away), and no total time-out here: deadlines
/// belong to the calls.
#[expect(clippy::disallowed_methods, reason = "this is the one place that builds the client")]
pub fn client() -> Result<Client, Fault> {
    install_tls();
    Client::builder()
        .user_agent(concat!("sitrep/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(2))
        // Lambda freezes between incidents: a socket that idled is dead.
        .pool_idle_timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| Fault::internal(format!("the HTTP client cannot be built: {error}")))
}

/// Why a request gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// 401 or 403.
    #[error("refused with {status}: {body}")]
    Denied {
        /// HTTP status.
        status: u16,
        /// The beginning of the answer.
        body: String,
    },
    /// 429, or GitHub's 403 with `Retry-After` or `X-RateLimit-Remaining: 0`, even after waiting.
    #[error("hit its rate limit: {body}")]
    Throttled {
        /// The beginning of the answer.
        body: String,
        /// The pause that the vendor asked for, where it did.
        pause: Option<Duration>,
    },
    /// Any other status that is not a success.
    #[error("answered {status}: {body}")]
    Status {
        /// HTTP status.
        status: u16,
        /// The beginning of the answer.
        body: String,
    },
    /// A success whose body is not what was expected.
    #[error("answered with something unreadable: {0}")]
    Garbled(String),
    /// No answer in time.
    #[error("did not answer in time")]
    Timeout,
    /// No connection, or it broke.
    #[error("could not be reached: {0}")]
    Connection(String),
}

/// Sends a request and reads a JSON answer.
///
/// A throttled (429) or failed (5xx) answer is asked again at most twice, after the pause the vendor's header names
/// (`Retry-After`, `X-RateLimit-Reset`, in seconds) or a quarter and a half second; a pause beyond two seconds gives up. Wrap
/// the call in a deadline: this function has none of its own. Not for requests that post something: see [`send_once`].
pub async fn send<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, HttpError> {
    parse(&patient(request, None).await?)
}

/// Sends a request as [`send`] does and reads an answer of any type, or the first `limit` bytes of a longer one.
pub async fn beginning(request: RequestBuilder, limit: usize) -> Result<Vec<u8>, HttpError> {
    patient(request, Some(limit)).await
}

async fn patient(request: RequestBuilder, limit: Option<usize>) -> Result<Vec<u8>, HttpError> {
    let mut pause = Duration::from_millis(250);
    for _ in 0..2 {
        let Some(again) = request.try_clone() else { break };
        match attempt(again, limit).await {
            Err((error @ HttpError::Throttled { .. }, Some(wanted))) if wanted > MAX_PAUSE => {
                return Err(error);
            }
            Err((HttpError::Throttled { .. }, wanted)) => tokio::time::sleep(wanted.unwrap_or(pause)).await,
            Err((HttpError::Status { status: 500.., .. }, _)) => tokio::time::sleep(pause).await,
            Err((error, _)) => return Err(error),
            Ok(body) => return Ok(body),
        }
        pause *= 2;
    }
    attempt(request, limit).await.map_err(|(error, _)| error)
}

/// Sends a request once and reads a JSON answer, beside its headers: what is left of a limit stands there, on an error too.
pub async fn send_with_headers<T: DeserializeOwned>(
    request: RequestBuilder,
) -> (Option<HeaderMap>, Result<T, HttpError>) {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return (None, Err(broken(&error))),
    };
    let headers = response.headers().clone();
    let body = read(response, None).await.map_err(|(error, _)| error);
    (Some(headers), body.and_then(|body| parse(&body)))
}

/// Sends a request once and reads a JSON answer.
pub async fn send_once<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, HttpError> {
    parse(&attempt(request, None).await.map_err(|(error, _)| error)?)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, HttpError> {
    serde_json::from_slice(body).map_err(|error| HttpError::Garbled(error.to_string()))
}

/// One attempt.
async fn attempt(
    request: RequestBuilder,
    limit: Option<usize>,
) -> Result<Vec<u8>, (HttpError, Option<Duration>)> {
    read(request.send().await.map_err(|error| (broken(&error), None))?, limit).await
}

/// The body of an answer; with an error comes the pause the vendor asked for, when it did. A body beyond `limit` is cut there;
/// without a limit a body beyond [`MAX_BODY`] is an error.
async fn read(
    mut response: reqwest::Response,
    limit: Option<usize>,
) -> Result<Vec<u8>, (HttpError, Option<Duration>)> {
    let status = response.status();
    let pause = requested_pause(response.headers());
    let is_throttled = is_throttled(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| (broken(&error), None))? {
        if let Some(room) = limit.map(|limit| limit - body.len()).filter(|room| *room <= chunk.len()) {
            body.extend_from_slice(&chunk[..room]);
            break;
        }
        if body.len() + chunk.len() > MAX_BODY {
            return Err((HttpError::Garbled(format!("more than {} MiB", MAX_BODY / 1024 / 1024)), None));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() {
        return Ok(body);
    }
    let body: String = String::from_utf8_lossy(&body).chars().take(ERROR_BODY).collect();
    let error = match status {
        StatusCode::FORBIDDEN if is_throttled => HttpError::Throttled { body, pause },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            HttpError::Denied { status: status.as_u16(), body }
        }
        StatusCode::TOO_MANY_REQUESTS => HttpError::Throttled { body, pause },
        _ => HttpError::Status { status: status.as_u16(), body },
    };
    Err((error, pause))
}

fn broken(error: &reqwest::Error) -> HttpError {
    if error.is_timeout() {
        return HttpError::Timeout;
    }
    // The source says what happened; reqwest's own text repeats the URL, which may hold a query we do not want in a log.
    let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    if error.is_decode() || error.is_body() {
        HttpError::Garbled(cause)
    } else {
        HttpError::Connection(cause)
    }
}

/// Whether a refusal is a rate limit in GitHub's words.
fn is_throttled(headers: &HeaderMap) -> bool {
    headers.contains_key("retry-after")
        || headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0")
}

/// The pause a vendor asks for, in seconds: `Retry-After` (all), `X-RateLimit-Reset` (Datadog: seconds until the reset; GitHub:
/// the reset's time, in seconds since 1970).
fn requested_pause(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let reset = || {
        let seconds = number("x-ratelimit-reset")?;
        let is_a_time = seconds > 1e9;
        Some(if is_a_time { (seconds - crate::clock::now().as_second() as f64).max(0.0) } else { seconds })
    };
    number("retry-after")
        .or_else(reset)
        .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
        .map(|seconds| Duration::from_secs_f64(seconds.min(86_400.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_read_from_either_header_and_nonsense_is_no_pause() {
        let pause = |name: &'static str, value: &'static str| {
            requested_pause(&HeaderMap::from_iter([(
                reqwest::header::HeaderName::from_static(name),
                reqwest::header::HeaderValue::from_static(value),
            )]))
        };
        assert_eq!(pause("retry-after", "1"), Some(Duration::from_secs(1)));
        assert_eq!(pause("x-ratelimit-reset", "7"), Some(Duration::from_secs(7)));
        assert_eq!(pause("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"), None);
        assert_eq!(pause("retry-after", "-1"), None);
        let in_a_minute = crate::clock::now().as_second() + 60;
        let later = HeaderMap::from_iter([(
            reqwest::header::HeaderName::from_static("x-ratelimit-reset"),
            reqwest::header::HeaderValue::from(in_a_minute),
        )]);
        assert!(requested_pause(&later).is_some_and(|pause| pause.as_secs() >= 55 && pause.as_secs() <= 60));
    }
}
