//! Posting to Slack with a bot token: once, within three seconds, and never an error, only a gap.

pub mod doctor;

use std::time::Duration;

use host::{Fault, Secret, Settings, clock};
use incident::brief::{Announcement, Posted};
use incident::{Gap, Status, Timestamp, redact, size};
use ledger::{Ledger, Message as Place};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use crate::blocks;

/// For one message.
pub const DEADLINE: Duration = Duration::from_secs(3);
/// For everything that goes into the thread.
const THREAD_DEADLINE: Duration = Duration::from_secs(9);
/// The longest pause Slack may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// Slack cuts a text at 40,000 characters; escaping may lengthen ours.
const THREAD_CHARS: usize = 30_000;
/// The name of the gap where a brief may stand and nobody could look.
pub const UNSURE: &str = "Slack channel";
/// The type of the metadata by which a message is found again.
const EVENT: &str = "sitrep_incident";

/// The client: `SLACK_BOT_TOKEN`, `SLACK_CHANNEL`, `SLACK_URL`, and the ledger, which spaces what all functions post.
#[derive(Debug)]
pub struct Slack {
    http: reqwest::Client,
    base_url: String,
    token: Secret,
    channel: String,
    ledger: Ledger,
}

/// What to post.
pub struct Message<'a> {
    /// The notification text.
    pub headline: &'a str,
    /// The blocks.
    pub blocks: Vec<Value>,
    /// The brief in full, instead of blocks that Slack refuses.
    pub text: String,
    /// The cycle, by which the message is found again.
    pub cycle: &'a str,
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
    #[serde(flatten)]
    rest: Value,
}

impl Slack {
    /// `None` without a token.
    pub fn from_settings(settings: &Settings, ledger: &Ledger) -> Result<Option<Self>, Fault> {
        let Some(token) = settings.secret("SLACK_BOT_TOKEN") else { return Ok(None) };
        let Some(channel) = settings.get("SLACK_CHANNEL") else {
            return Err(Fault::bad_setting(
                "SLACK_BOT_TOKEN is set and SLACK_CHANNEL is not: set it to the channel's id, such as C0123456789",
            ));
        };
        Ok(Some(Self {
            http: host::http::client()?,
            base_url: settings.url("SLACK_URL", "https://slack.com/api"),
            token,
            channel: channel.to_owned(),
            ledger: ledger.clone(),
        }))
    }

    /// Posts, or replaces the message `earlier`.
    pub async fn post(
        &self,
        message: &Message<'_>,
        earlier: Option<&Place>,
        deadline: Instant,
    ) -> Announcement {
        let earlier = earlier.map(|place| (place.channel.as_str(), place.ts.as_str()));
        match self.place(message, earlier, deadline).await {
            Ok(Answer { channel, ts, .. }) => Announcement { posted: Posted::Slack, channel, ts, gap: None },
            Err(failed) => failed,
        }
    }

    /// The cycle's message among the newest of the channel, where an announcement may stand although nobody heard so. Needs the
    /// channel's id and the scope `channels:history`.
    pub async fn find(
        &self,
        cycle: &str,
        since: Option<Timestamp>,
        deadline: Instant,
    ) -> Result<Option<Place>, Problem> {
        let since = since.map_or_else(|| "0".to_owned(), |since| since.as_second().to_string());
        let asked =
            json!({"channel": self.channel, "oldest": since, "limit": 200, "include_all_metadata": true});
        let answer = self.call("conversations.history", &asked, deadline).await?;
        let ours = |message: &&Value| {
            let metadata = &message["metadata"];
            metadata["event_type"] == EVENT && metadata["event_payload"]["cycle"] == cycle
        };
        let found = answer.rest["messages"].as_array().into_iter().flatten().find(ours);
        let ts = found.and_then(|message| message["ts"].as_str());
        Ok(ts.map(|ts| Place { channel: self.channel.clone(), ts: ts.to_owned() }))
    }

    /// A brief that timed out before may stand in the channel. Where nobody can look it is not posted again.
    pub fn cannot_look(problem: &Problem) -> Announcement {
        let status = if problem.is_denial() { Status::Denied } else { Status::Unavailable };
        let sentence = format!(
            "The brief may stand in the channel: Slack did not answer in time, and the channel could not be searched: {problem}."
        );
        let sentence = size::cut(&redact::redact(&sentence), size::SUMMARY_CHARS);
        // Named so that the next attempt looks first, too.
        let gap = Gap { what: UNSURE.to_owned(), status, sentence, error: None };
        Announcement { posted: Posted::Failed, channel: None, ts: None, gap: Some(gap) }
    }

    /// Adds the brief in full, the details and a picture to a message's thread; the gap says what is missing there.
    pub async fn thread(
        &self,
        place: &Place,
        full: Option<&str>,
        details: &[Vec<Value>],
        picture: Option<Vec<u8>>,
    ) -> Option<Gap> {
        let deadline = Instant::now() + THREAD_DEADLINE;
        let missing = |what: &str, problem: &Problem| gap("Slack thread", what, problem);
        // The picture first: it is looked at first.
        let pictured = match picture {
            Some(png) => self.upload(place, "timeline.png", png, deadline).await,
            None => Ok(()),
        };
        let full = full.map(|text| (in_full(text), Vec::new()));
        let details = details.iter().map(|blocks| ("Details".to_owned(), blocks.clone()));
        for (text, blocks) in full.into_iter().chain(details) {
            if let Err(problem) = self.reply(place, &text, &blocks, deadline).await {
                return Some(missing("The details could not be added to the thread", &problem));
            }
        }
        pictured.err().map(|problem| missing("The chart could not be added to the thread", &problem))
    }

    /// A message in the thread; in the channel where the thread's message is gone.
    pub async fn reply(
        &self,
        place: &Place,
        text: &str,
        blocks: &[Value],
        deadline: Instant,
    ) -> Result<(), Problem> {
        let mut body = json!({
            "channel": place.channel, "thread_ts": place.ts, "text": text, "unfurl_links": false, "unfurl_media": false,
        });
        if !blocks.is_empty() {
            body["blocks"] = json!(blocks);
        }
        match self.call("chat.postMessage", &body, deadline).await {
            Err(Problem::Refused(error)) if is_gone(&error) => {
                body["thread_ts"] = Value::Null;
                self.call("chat.postMessage", &body, deadline).await.map(drop)
            }
            sent => sent.map(drop),
        }
    }

    /// Replaces blocks of a message.
    pub async fn update(
        &self,
        place: &Place,
        headline: &str,
        blocks: &[Value],
        deadline: Instant,
    ) -> Result<(), Problem> {
        let text = blocks::escape(headline);
        let body = json!({"channel": place.channel, "ts": place.ts, "text": text, "blocks": blocks});
        match self.call("chat.update", &body, deadline).await {
            // Somebody deleted it: there is nothing to bring up to date.
            Err(Problem::Refused(error)) if is_gone(&error) => Ok(()),
            sent => sent.map(drop),
        }
    }

    /// A file into the thread, in Slack's three steps: ask where to, send, say what it was. Needs the scope `files:write`.
    async fn upload(
        &self,
        place: &Place,
        name: &str,
        bytes: Vec<u8>,
        deadline: Instant,
    ) -> Result<(), Problem> {
        let asked =
            json!({"filename": name, "length": bytes.len(), "alt_txt": "The decisive series over time"});
        let answer = self.form("files.getUploadURLExternal", &asked, deadline).await?;
        let (Some(url), Some(id)) = (answer.rest["upload_url"].as_str(), answer.rest["file_id"].as_str())
        else {
            return Err(Problem::Failed("answered without an upload URL".to_owned()));
        };
        let send = self.http.post(url).header("content-type", "image/png").body(bytes).send();
        let sent = timeout_at(deadline, send).await.map_err(|_| Problem::Timeout)?;
        let status = sent.map_err(|error| Problem::Failed(error.without_url().to_string()))?.status();
        if !status.is_success() {
            return Err(Problem::Failed(format!("answered {} to the upload", status.as_u16())));
        }
        let done =
            json!({"files": [{"id": id, "title": name}], "channel_id": place.channel, "thread_ts": place.ts});
        self.call("files.completeUploadExternal", &done, deadline).await.map(drop)
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
                Err(Problem::Refused(error)) if earlier.is_some() && is_gone(&error) => {
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
                    "metadata": {"event_type": EVENT, "event_payload": {"cycle": message.cycle}},
                }),
            ),
        }
    }

    /// One call. Asked again only when Slack says it did not take it (429) and names a pause we can afford: after a time-out the
    /// message may have been posted, and twice is worse than a gap. New messages wait for their turn in the channel.
    async fn call(&self, method: &str, body: &Value, deadline: Instant) -> Result<Answer, Problem> {
        if method == "chat.postMessage" {
            let patience = deadline.saturating_duration_since(Instant::now());
            match self.ledger.pace(&self.channel, clock::now(), patience).await {
                None => return Err(Problem::Throttled(None)),
                Some(wait) => sleep(wait).await,
            }
        }
        let url = format!("{}/{method}", self.base_url);
        self.ask(deadline, || self.http.post(&url).json(body)).await
    }

    /// The same for a method that takes no JSON.
    async fn form(&self, method: &str, body: &Value, deadline: Instant) -> Result<Answer, Problem> {
        let url = format!("{}/{method}", self.base_url);
        self.ask(deadline, || self.http.get(&url).query(body)).await
    }

    async fn ask(
        &self,
        deadline: Instant,
        request: impl Fn() -> reqwest::RequestBuilder,
    ) -> Result<Answer, Problem> {
        match timeout_at(deadline, self.attempt(request())).await {
            Err(_) => Err(Problem::Timeout),
            Ok(Err(Problem::Throttled(Some(pause)))) if pause <= MAX_PAUSE => timeout_at(deadline, async {
                sleep(pause).await;
                self.attempt(request()).await
            })
            .await
            .unwrap_or(Err(Problem::Timeout)),
            Ok(result) => result,
        }
    }

    async fn attempt(&self, request: reqwest::RequestBuilder) -> Result<Answer, Problem> {
        let request = request.bearer_auth(self.token.expose());
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

/// What went wrong with a call.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// No answer.
    #[error("Slack did not answer in time, so it may or may not stand in the channel")]
    Timeout,
    /// Asked to wait longer than we can.
    #[error("Slack's rate limit was hit")]
    Throttled(Option<Duration>),
    /// `ok: false`.
    #[error("Slack refused it: {0}")]
    Refused(String),
    /// Anything else.
    #[error("Slack failed: {0}")]
    Failed(String),
}

impl Problem {
    /// Whether a person has to mend it first.
    pub fn is_denial(&self) -> bool {
        matches!(self, Self::Refused(error) if is_denial(error))
    }
}

/// Slack's names for a message that is not there any more.
fn is_gone(error: &str) -> bool {
    ["message_not_found", "thread_not_found", "invalid_thread_ts"].contains(&error)
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
        problem if problem.is_denial() => Status::Denied,
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
        "not_allowed_token_type",
        "not_in_channel",
        "channel_not_found",
        "is_archived",
        "restricted_action",
    ]
    .contains(&error)
}
