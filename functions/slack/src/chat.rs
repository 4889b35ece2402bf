//! The three things this function says in Slack: a line in a thread, a draft there, and a form.

use std::time::Duration;

use host::{Fault, Secret, Settings, clock};
use ledger::{Ledger, Message};
use serde_json::{Value, json};

/// For one call: Slack waits three seconds for our answer.
const DEADLINE: Duration = Duration::from_millis(1_500);
/// How long a line waits for its place in the channel.
const PATIENCE: Duration = Duration::from_millis(1_100);

/// The client.
pub struct Chat {
    http: reqwest::Client,
    base_url: String,
    token: Secret,
    channel: String,
    ledger: Ledger,
}

impl Chat {
    /// `SLACK_BOT_TOKEN`, `SLACK_CHANNEL`, `SLACK_URL`.
    pub fn from_settings(settings: &Settings, ledger: &Ledger) -> Result<Option<Self>, Fault> {
        let Some(token) = settings.secret("SLACK_BOT_TOKEN") else { return Ok(None) };
        Ok(Some(Self {
            http: host::http::client()?,
            base_url: settings.url("SLACK_URL", "https://slack.com/api"),
            token,
            channel: settings.get_or("SLACK_CHANNEL", "").to_owned(),
            ledger: ledger.clone(),
        }))
    }

    /// A message in a thread.
    pub async fn reply(&self, place: &Message, text: &str, blocks: &[Value]) -> Result<(), String> {
        let Some(wait) = self.ledger.pace(&self.channel, clock::now(), PATIENCE).await else {
            return Err("the channel is busy".to_owned());
        };
        tokio::time::sleep(wait).await;
        let mut body =
            json!({"channel": place.channel, "thread_ts": place.ts, "text": text, "unfurl_links": false});
        if !blocks.is_empty() {
            body["blocks"] = json!(blocks);
        }
        self.call("chat.postMessage", &body).await
    }

    /// A form.
    pub async fn open(&self, trigger: &str, view: &Value) -> Result<(), String> {
        self.call("views.open", &json!({"trigger_id": trigger, "view": view})).await
    }

    async fn call(&self, method: &str, body: &Value) -> Result<(), String> {
        let request = self.http.post(format!("{}/{method}", self.base_url)).timeout(DEADLINE);
        let sent = request.bearer_auth(self.token.expose()).json(body).send().await;
        let response = sent.map_err(|error| format!("{method}: {}", error.without_url()))?;
        let answer: Value =
            response.json().await.map_err(|_| format!("{method} answered something unreadable"))?;
        match answer["ok"].as_bool() {
            Some(true) => Ok(()),
            _ => Err(format!("{method} was refused: {}", answer["error"])),
        }
    }
}
