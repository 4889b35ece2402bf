//! Who calls the function, and what each is answered: API Gateway with Datadog's request, or SQS with executions that waited.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use incident::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long an execution waits before its alert is posted without an investigation.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// An event.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Delivery {
    /// From SQS.
    Messages(Messages),
    /// From API Gateway.
    Request(Box<ApiGatewayV2httpRequest>),
}

/// A batch of messages.
#[derive(Debug, Deserialize)]
pub struct Messages {
    /// The messages.
    #[serde(rename = "Records")]
    pub records: Vec<Message>,
}

/// A message, as far as it is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its id.
    pub message_id: String,
    /// Its text.
    pub body: String,
    /// `SentTimestamp`: milliseconds since 1970, as a string.
    #[serde(default)]
    pub attributes: std::collections::BTreeMap<String, String>,
}

impl Message {
    /// How long it has been in the queue.
    pub(crate) fn waited(&self, now: Timestamp) -> Duration {
        let sent = self.attributes.get("SentTimestamp").and_then(|text| text.parse().ok());
        let waited = sent.map(|sent: i64| now.as_millisecond() - sent).unwrap_or_default();
        Duration::from_millis(u64::try_from(waited).unwrap_or_default())
    }
}

/// An answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Output {
    /// To API Gateway.
    Response(Box<ApiGatewayV2httpResponse>),
    /// To SQS.
    Batch(Batch),
}

/// Which messages are delivered again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    /// Those that were not handled.
    pub batch_item_failures: Vec<Failed>,
}

/// A message that was not handled.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// Its id.
    pub item_identifier: String,
}
