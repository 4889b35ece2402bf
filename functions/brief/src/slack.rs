//! Posting to Slack with a bot token: once, within three seconds, and never an error, only a gap.

use std::time::Duration;

use host::{Fault, Secret, Settings};
use incident::brief::{Announcement, Posted};
use incident::{Gap, Status, redact, size};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use crate::blocks;

/// For everything one appearance sends.
const DEADLINE: Duration = Duration::from_secs(3);
/// The longest pause Slack may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// Slack cuts a text at 40,000 characters; escaping may lengthen ours.
const THREAD_CHARS: usize = 30_000;

/// The client: `SLACK_BOT_TOKEN`, `SLACK_CHANNEL`, `SLACK_URL`.
#[derive(Debug)]
pub struct Slack {
    http: reqwest::Client,
    base_url: String,
    token: Secret,
    channel: String,
}

/// What to post.
pub struct Message<'a> {
    /// The notification text.
    pub headline: &'a str,
    /// The blocks.
    pub blocks: Vec<Value>,
    /// The brief in full: for the thread, or instead of blocks that Slack refuses.
    pub text: String,
    /// Whether the full text goes into the thread, because the blocks had to be cut.
    pub thread: bool,
}

/// Slack's answer. `ok: false` comes with status 200.
#[derive(Debug, Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    ts: Option<String>,
}

impl Slack {
    /// `None` without a token or a channel.
    pub fn from_settings(settings: &Settings) -> Result<Option<Self>, Fault> {
        let (Some(token), Some(channel)) =
            (settings.secret("SLACK_BOT_TOKEN"), settings.get("SLACK_CHANNEL"))
        else {
            return Ok(None);
        };
        Ok(Some(Self {
            http: host::http::client()?,
            base_url: settings.url("SLACK_URL", "https://slack.com/api"),
            token,
            channel: channel.to_owned(),
        }))
    }

    /// Posts, or replaces the message `earlier` (channel id and timestamp), then adds the thread.
    pub async fn post(&self, message: Message<'_>, earlier: Option<(&str, &str)>) -> Announcement {
        let deadline = Instant::now() + DEADLINE;
        let mut posted = match self.place(&message, earlier, deadline).await {
            Ok(Answer { channel, ts, .. }) => Announcement { posted: Posted::Slack, channel, ts, gap: None },
            Err(failed) => return failed,
        };
        if let (true, Some(channel), Some(ts)) = (message.thread, &posted.channel, &posted.ts) {
            let text = in_full(&message.text);
            let body = json!({"channel": channel, "thread_ts": ts, "text": text, "unfurl_links": false});
            if let Err(error) = self.call("chat.postMessage", &body, deadline).await {
                posted.gap =
                    Some(gap("Slack thread", "The details could not be added to the thread", &error));
            }
        }
        posted
    }

    /// Posts or replaces. Two refusals are mended, each once: the message to replace is gone, or the blocks are not liked.
    async fn place(
        &self,
        message: &Message<'_>,
        mut earlier: Option<(&str, &str)>,
        deadline: Instant,
    ) -> Result<Answer, Announcement> {
        let mut with_blocks = true;
        loop {
            let (method, body) = self.request(message, earlier, with_blocks);
            match self.call(method, &body, deadline).await {
                Ok(answer) => return Ok(answer),
                // Somebody deleted the announcement: the brief still has to stand in the channel.
                Err(Problem::Refused(error)) if earlier.is_some() && error == "message_not_found" => {
                    earlier = None;
                }
                Err(Problem::Refused(error)) if with_blocks && is_about_blocks(&error) => {
                    tracing::warn!(method, error, "Slack refused the blocks");
                    with_blocks = false;
                }
                Err(problem) => return Err(failed(method, &problem, earlier)),
            }
        }
    }

    /// The method and its body.
    fn request(
        &self,
        message: &Message<'_>,
        earlier: Option<(&str, &str)>,
        with_blocks: bool,
    ) -> (&'static str, Value) {
        let headline = blocks::escape(message.headline);
        // An empty list, because an update without one keeps the blocks that stand there.
        let (text, blocks) = match with_blocks {
            true => (headline, message.blocks.as_slice()),
            false => (format!("{headline}\n{}", in_full(&message.text)), [].as_slice()),
        };
        match earlier {
            Some((channel, ts)) => {
                ("chat.update", json!({"channel": channel, "ts": ts, "text": text, "blocks": blocks}))
            }
            None => (
                "chat.postMessage",
                json!({
                    "channel": self.channel,
                    "text": text,
                    "blocks": blocks,
                    "unfurl_links": false,
                    "unfurl_media": false,
                }),
            ),
        }
    }

    /// One call. Asked again only when Slack says it did not take it (429) and names a pause we can afford: after a time-out the
    /// message may have been posted, and twice is worse than a gap.
    async fn call(&self, method: &str, body: &Value, deadline: Instant) -> Result<Answer, Problem> {
        match timeout_at(deadline, self.attempt(method, body)).await {
            Err(_) => Err(Problem::Timeout),
            Ok(Err(Problem::Throttled(Some(pause)))) if pause <= MAX_PAUSE => timeout_at(deadline, async {
                sleep(pause).await;
                self.attempt(method, body).await
            })
            .await
            .unwrap_or(Err(Problem::Timeout)),
            Ok(result) => result,
        }
    }

    async fn attempt(&self, method: &str, body: &Value) -> Result<Answer, Problem> {
        let request = self.http.post(format!("{}/{method}", self.base_url));
        let request = request.bearer_auth(self.token.expose()).json(body);
        let response =
            request.send().await.map_err(|error| Problem::Failed(error.without_url().to_string()))?;
        let status = response.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            let seconds =
                response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            return Err(Problem::Throttled(seconds.map(Duration::from_secs)));
        }
        if !status.is_success() {
            return Err(Problem::Failed(format!("answered {}", status.as_u16())));
        }
        let answer: Answer =
            response.json().await.map_err(|_| Problem::Failed("answered something unreadable".to_owned()))?;
        if answer.ok { Ok(answer) } else { Err(Problem::Refused(answer.error.unwrap_or_default())) }
    }
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("Slack did not answer in time, so it may or may not stand in the channel")]
    Timeout,
    #[error("Slack's rate limit was hit")]
    Throttled(Option<Duration>),
    #[error("Slack refused it: {0}")]
    Refused(String),
    #[error("Slack failed: {0}")]
    Failed(String),
}

/// The plain text as Slack shows it: monospaced, nothing in it interpreted.
fn in_full(text: &str) -> String {
    format!("```{}```", blocks::fenced(&size::cut(text, THREAD_CHARS)))
}

fn failed(method: &str, problem: &Problem, earlier: Option<(&str, &str)>) -> Announcement {
    tracing::warn!(method, %problem, "the brief could not be posted");
    let what = if method == "chat.update" { "replace the message in Slack" } else { "be posted to Slack" };
    Announcement {
        posted: Posted::Failed,
        channel: earlier.map(|(channel, _)| channel.to_owned()),
        ts: earlier.map(|(_, ts)| ts.to_owned()),
        gap: Some(gap("Slack", &format!("The brief could not {what}"), problem)),
    }
}

fn gap(what: &str, sentence: &str, problem: &Problem) -> Gap {
    let status = match problem {
        Problem::Timeout => Status::Timeout,
        Problem::Refused(error) if is_denial(error) => Status::Denied,
        _ => Status::Unavailable,
    };
    let sentence = size::cut(&redact::redact(&format!("{sentence}: {problem}.")), size::SUMMARY_CHARS);
    Gap { what: what.to_owned(), status, sentence, error: None }
}

/// Slack's names for blocks that it does not take. Its limit on all of them together is unpublished.
fn is_about_blocks(error: &str) -> bool {
    ["invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"].contains(&error)
}

/// Slack's names for a token or a permission that a person has to mend.
fn is_denial(error: &str) -> bool {
    [
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "missing_scope",
        "not_in_channel",
    ]
    .contains(&error)
}
