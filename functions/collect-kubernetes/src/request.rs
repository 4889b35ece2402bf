//! One request to the API server: sent, asked again where that helps, and its refusals understood.

use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use incident::size;
use kube::client::Body;
use serde::Deserialize;

use collecting::CallError;

/// Answers above this are refused: a page of 500 pods is a third of it, and a Lambda has 512 MB.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// The longest pause the server may ask for; beyond it the deadline is lost anyway.
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// The pauses before the second and the third attempt, where the server names none.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_millis(500)];
/// Characters of an error message kept for people.
const MESSAGE: usize = 160;

/// Why a request gave nothing.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The server, or whoever stands before it, answered with an error.
    Refused(Refusal),
    /// A success whose body is not what was asked for.
    Unreadable(String),
    /// No connection, or it broke.
    Unreachable(String),
    /// No answer by the time that is left for it.
    Late,
}

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub code: u16,
    /// The server's words; empty when the answer is not its `Status` object.
    pub message: String,
    pause: Option<Duration>,
}

/// The parts of a `Status` object that say something.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    message: String,
}

impl Trouble {
    /// The HTTP status of an answer that is an error.
    pub(crate) fn code(&self) -> Option<u16> {
        if let Self::Refused(refusal) = self { Some(refusal.code) } else { None }
    }
}

/// Asks for a path and gives the body of a success.
///
/// What is throttled (429) or fails (5xx) is asked again, at most twice: after the pause that `Retry-After` names, in seconds, or a
/// quarter and a half second. A longer pause than two seconds gives up.
pub(crate) async fn get(client: &kube::Client, path: &str) -> Result<Vec<u8>, Trouble> {
    for pause in PAUSES {
        match attempt(client, path).await {
            Err(Trouble::Refused(refusal)) if refusal.code == 429 || refusal.code >= 500 => {
                let pause = refusal.pause.unwrap_or(pause);
                if pause > MAX_PAUSE {
                    return Err(Trouble::Refused(refusal));
                }
                tokio::time::sleep(pause).await;
            }
            other => return other,
        }
    }
    attempt(client, path).await
}

async fn attempt(client: &kube::Client, path: &str) -> Result<Vec<u8>, Trouble> {
    let request = http::Request::get(path)
        .body(Body::empty())
        .map_err(|error| Trouble::Unreadable(format!("{path} is no path: {error}")))?;
    let answer = client.send(request).await.map_err(|error| Trouble::Unreachable(innermost(&error)))?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body.map_err(|error| Trouble::Unreadable(innermost(error.as_ref())))?.to_bytes();
    if head.status.is_success() {
        return Ok(body.into());
    }
    let said: Status = serde_json::from_slice(&body).unwrap_or_default();
    let pause = head.headers.get(http::header::RETRY_AFTER);
    let pause = pause.and_then(|value| value.to_str().ok()?.trim().parse().ok()).map(Duration::from_secs);
    Err(Trouble::Refused(Refusal { code: head.status.as_u16(), message: said.message, pause }))
}

impl From<Trouble> for CallError {
    /// Why a call gave nothing, in the API server's words.
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(Refusal { code, message, .. }) => refused(code, &size::cut(&message, MESSAGE)),
            Trouble::Unreadable(why) => {
                Self::Unavailable(format!("answered with something unreadable: {}", size::cut(&why, MESSAGE)))
            }
            Trouble::Unreachable(why) => {
                Self::Unavailable(format!("could not be reached: {}", size::cut(&why, MESSAGE)))
            }
            Trouble::Late => Self::Timeout,
        }
    }
}

fn refused(code: u16, message: &str) -> CallError {
    let said = if message.is_empty() { String::new() } else { format!(": {message}") };
    match code {
        401 => {
            let said = if message.is_empty() { "Unauthorized" } else { message };
            CallError::Denied(format!("refused with 401 ({said}): check the access entry or token"))
        }
        403 => CallError::Denied(format!("refused with 403{said}")),
        410 => CallError::Unavailable("expired twice while it was being read".to_owned()),
        429 => CallError::Unavailable(format!("hit its rate limit{said}")),
        // Whoever stands before the API server does not speak its `Status`.
        _ if message.is_empty() => {
            CallError::Unavailable(format!("answered {code} without a reason the API server would give"))
        }
        _ => CallError::Unavailable(format!("answered {code}{said}")),
    }
}

/// The deepest cause: what happened, without the layers that passed it on.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
