//! An incoming webhook: it answers `ok` and no timestamp, so nothing is replaced and there is no thread. The announcement and the
//! last word are posted, the draft between them is not.

use std::time::Duration;

use host::{Fault, Secret, Settings};
use incident::brief::{Announcement, Posted, Stage};
use incident::{Gap, Status};
use serde_json::{Value, json};

use crate::blocks;

/// For the one request.
const DEADLINE: Duration = Duration::from_secs(3);

/// The client: `SLACK_WEBHOOK_URL`, which is a secret.
#[derive(Debug)]
pub struct Hook {
    http: reqwest::Client,
    url: Secret,
}

impl Hook {
    /// `None` without the setting.
    pub fn from_settings(settings: &Settings) -> Result<Option<Self>, Fault> {
        let Some(url) = settings.secret("SLACK_WEBHOOK_URL") else { return Ok(None) };
        Ok(Some(Self { http: host::http::client()?, url }))
    }

    /// Posts one appearance.
    pub async fn post(&self, stage: Stage, headline: &str, blocks: &[Value]) -> Announcement {
        let skipped = "A plain webhook cannot replace a message: the draft is not posted, the brief will be.";
        let failed = match stage {
            Stage::Draft => Err((Status::NotConfigured, skipped.to_owned())),
            _ => self.send(headline, blocks).await,
        };
        let (posted, gap) = match failed {
            Ok(()) => (Posted::Slack, None),
            Err((status, sentence)) => {
                (Posted::Failed, Some(Gap { what: "Slack".to_owned(), status, sentence, error: None }))
            }
        };
        Announcement { posted, channel: None, ts: None, gap }
    }

    async fn send(&self, headline: &str, shown: &[Value]) -> Result<(), (Status, String)> {
        let text = blocks::escape(headline);
        let body = json!({ "text": text, "blocks": without_thread(shown) });
        let sent = self.http.post(self.url.expose()).timeout(DEADLINE).json(&body).send().await;
        let status = match sent {
            Ok(response) => response.status(),
            Err(error) if error.is_timeout() => {
                let sentence =
                    "The brief may or may not stand in the channel: Slack's webhook did not answer in time.";
                return Err((Status::Timeout, sentence.to_owned()));
            }
            Err(error) => {
                let sentence =
                    format!("The brief could not be posted to Slack's webhook: {}.", error.without_url());
                return Err((Status::Unavailable, sentence));
            }
        };
        match status.as_u16() {
            200 => Ok(()),
            // Slack's answers for a webhook that was revoked, or whose channel is gone.
            code @ (401 | 403 | 404 | 410) => Err((
                Status::Denied,
                format!("Slack's webhook answered {code}: it was revoked or its channel is gone."),
            )),
            code => Err((
                Status::Unavailable,
                format!("Slack's webhook answered {code}: the brief was not posted."),
            )),
        }
    }
}

/// Where something was cut there is no thread to point to.
fn without_thread(shown: &[Value]) -> Vec<Value> {
    let pointed = |block: &Value| {
        let mut block = block.clone();
        if let Some(text) = block.pointer_mut("/text/text")
            && let Some(cut) = text.as_str().and_then(|text| text.strip_suffix(blocks::MORE))
        {
            *text = json!(format!("{cut}… the rest is in the execution's document"));
        }
        block
    };
    shown.iter().map(pointed).collect()
}
