//! The one Anthropic Messages client.
//!
//! Input: a fixed system prompt, one user text, a Rust type for the answer, a deadline. Output: the answer as that type with its usage,
//! or an [`Error`] that says how it failed. One question, one answer: no tools, no loops, no streaming; the model may not act.
//! Anthropic's own API or Amazon Bedrock by setting, with the same types. Own types, because stop reasons, cache counters and a deadline over all retries are what matters here.

mod doctor;
mod error;
mod lifecycle;
mod price;
mod schema;
mod transport;
mod wire;

use std::time::Duration;

use host::{Fault, Settings};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

pub use doctor::doctor;
pub use error::Error;
pub use schema::legal as legal_schema;
pub use transport::{Auth, Transport};

/// The default of `TRIAGE_MODEL`.
pub const TRIAGE_MODEL: &str = "claude-haiku-5-5";
/// The default of `ANALYSIS_MODEL`.
pub const ANALYSIS_MODEL: &str = "claude-sonnet-5-5";
/// Attempts in all, as the vendor's own clients do.
const ATTEMPTS: u32 = 3;
/// The first pause where the vendor names none; doubled each time.
const PAUSE: Duration = Duration::from_millis(500);

/// The client: `ANALYSIS_PROVIDER`, `ANTHROPIC_API_KEY`, `ANTHROPIC_BASE_URL`, `AWS_BEARER_TOKEN_BEDROCK`, `TRIAGE_MODEL`, `ANALYSIS_MODEL`.
#[derive(Debug, Clone)]
pub struct Claude {
    http: reqwest::Client,
    transport: Transport,
    learnt: lifecycle::Learnt,
    /// The quick model's id.
    pub triage_model: String,
    /// The deep model's id.
    pub analysis_model: String,
}

/// How much thought an answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Seconds matter.
    Low,
    /// A considered answer.
    Medium,
}

/// A question.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The model's id.
    pub model: &'a str,
    /// The fixed prefix, cached by the vendor.
    pub system: &'a str,
    /// What is asked now.
    pub user: &'a str,
    /// How much thought.
    pub effort: Effort,
    /// Thinking and answer together.
    pub max_tokens: u32,
    /// When the caller stops waiting, retries included.
    pub deadline: Instant,
}

/// Tokens of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Prompt tokens neither read from nor written to the cache.
    pub input_tokens: u64,
    /// Prompt tokens written to the cache.
    pub cache_creation_input_tokens: u64,
    /// Prompt tokens read from the cache.
    pub cache_read_input_tokens: u64,
    /// Answer tokens, thinking included.
    pub output_tokens: u64,
}

/// An answer of the type that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// The answer.
    pub value: T,
    /// The model as the vendor names it.
    pub model: String,
    /// What it used.
    pub usage: Usage,
}

impl Claude {
    /// `None` without a key.
    pub async fn from_settings(settings: &Settings) -> Result<Option<Self>, Fault> {
        let Some(transport) = Transport::from_settings(settings).await? else { return Ok(None) };
        let model = |name: &str, default: &str| transport.model_id(settings.get_or(name, default));
        Ok(Some(Self {
            http: host::http::client()?,
            learnt: lifecycle::Learnt::default(),
            triage_model: model("TRIAGE_MODEL", TRIAGE_MODEL),
            analysis_model: model("ANALYSIS_MODEL", ANALYSIS_MODEL),
            transport,
        }))
    }

    /// Asks once and reads the answer as a `T`. Throttled, overloaded and failed requests are sent again as the vendor's headers say,
    /// as long as the deadline allows; a refusal and an answer cut short are not.
    ///
    /// Enumerations in the answer may come back in another case, without an error: let `T` hold them as strings.
    pub async fn ask<T: JsonSchema + DeserializeOwned>(
        &self,
        question: &Question<'_>,
    ) -> Result<Answer<T>, Error> {
        let body = body(question, &schema::of::<T>());
        let message = self.send(&body, question.deadline).await?;
        let usage = message.usage;
        let model = message.model.clone();
        let text = message.text()?;
        match read(&text) {
            Ok(value) => Ok(Answer { value, model, usage }),
            Err(error) => Err(Error::Garbled { reason: error.to_string(), model, usage }),
        }
    }

    async fn send(&self, body: &Value, deadline: Instant) -> Result<wire::Message, Error> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let (error, retry) = match timeout_at(deadline, self.attempt(body)).await {
                Err(_) => return Err(Error::Timeout),
                Ok(Ok(message)) => return Ok(message),
                Ok(Err(failure)) => failure,
            };
            let wait = retry.pause(pause);
            let Some(wait) = wait.filter(|wait| attempt < ATTEMPTS && Instant::now() + *wait < deadline)
            else {
                return Err(error);
            };
            tracing::info!(attempt, %error, wait_ms = wait.as_millis() as u64, "asking the model again");
            sleep(wait).await;
            pause *= 2;
        }
        Err(Error::Timeout)
    }

    async fn attempt(&self, body: &Value) -> Result<wire::Message, (Error, wire::Retry)> {
        let request =
            self.transport.request(&self.http, body).await.map_err(|error| (error, wire::Retry::Never))?;
        let response = request
            .send()
            .await
            .map_err(|error| (Error::Unreachable(error.without_url().to_string()), wire::Retry::Ours))?;
        let status = response.status();
        let headers = response.headers().clone();
        let bytes = response
            .bytes()
            .await
            .map_err(|error| (Error::Unreachable(error.without_url().to_string()), wire::Retry::Ours))?;
        if status.is_success() {
            return wire::Message::parse(&bytes).map_err(|error| (error, wire::Retry::Never));
        }
        let error = Error::from_response(status.as_u16(), &bytes);
        let retry = wire::Retry::read(&headers, &error);
        Err((error, retry))
    }
}

/// Reads the answer. A model without the schema's guarantee may wrap its JSON in a fence or a sentence: the outermost object counts.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text).or_else(|error| match (text.find('{'), text.rfind('}')) {
        (Some(from), Some(to)) if from < to => serde_json::from_str(&text[from..=to]).map_err(|_| error),
        _ => Err(error),
    })
}

/// The request. Thinking is adaptive, the only kind both models take; the schema makes the text block JSON of our type.
fn body(question: &Question<'_>, schema: &Value) -> Value {
    let effort = match question.effort {
        Effort::Low => "low",
        Effort::Medium => "medium",
    };
    json!({
        "model": question.model,
        "max_tokens": question.max_tokens,
        "system": [{
            "type": "text",
            "text": question.system,
            // Incidents are minutes to hours apart: the five-minute cache would seldom be hit.
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        }],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": effort, "format": {"type": "json_schema", "schema": schema}},
        "messages": [{"role": "user", "content": [{"type": "text", "text": question.user}]}],
    })
}
