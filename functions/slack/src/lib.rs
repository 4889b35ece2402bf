//! Clicks on a brief's buttons in, what follows from them out.
//!
//! Checks Slack's signature and its time before anything of the body is read, and takes each click once. What people say of a
//! brief goes into the ledger, into the thread, and, with the redacted state document, into the cases, which `sitrep diagnose` replays
//! and `sitrep evaluate-cases` scores. It answers within Slack's three seconds, changes nothing in production, and reads no vendor.

mod act;
mod case;
mod chat;
mod click;
mod postmortem;
mod signature;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use host::{Fault, Secret, Settings, clock};
use ingress::{Starter, answer};
use ledger::Ledger;
use serde_json::json;

pub use case::{Case, Cases, Correction};
pub use click::Click;
pub use signature::{header_value, is_genuine};

use chat::Chat;

/// Slack's bodies are a few kilobytes; a message's blocks come along.
const MAX_BODY: usize = 512 * 1024;

/// The function.
pub struct SlackFunction {
    secret: Option<Secret>,
    ledger: Ledger,
    starter: Starter,
    chat: Option<Chat>,
    cases: Cases,
    /// Investigations that may run at a time.
    most: usize,
}

impl host::Function for SlackFunction {
    const NAME: &'static str = "slack";
    type Input = ApiGatewayV2httpRequest;
    type Output = ApiGatewayV2httpResponse;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        incident::redact::configure(settings.get("REDACT_PATTERN"), settings.get("REDACT_NAMES"))
            .map_err(Fault::bad_setting)?;
        let ledger = Ledger::open(settings).await;
        Ok(Self {
            secret: settings.secret("SLACK_SIGNING_SECRET"),
            chat: Chat::from_settings(settings, &ledger)?,
            ledger,
            starter: Starter::new(settings).await,
            cases: Cases::open(settings).await,
            most: ingress::most_investigations(settings)?,
        })
    }

    async fn handle(&self, request: ApiGatewayV2httpRequest) -> Result<ApiGatewayV2httpResponse, Fault> {
        let refuse = |status, sentence: &str| Ok(answer(status, json!({ "error": sentence })));
        let Some(secret) = &self.secret else {
            tracing::error!("SLACK_SIGNING_SECRET is not set: every click is refused");
            return refuse(401, "this endpoint has no secret configured");
        };
        let body = match ingress::body(&request, MAX_BODY) {
            Ok(body) => body,
            Err(error) => return refuse(400, &error),
        };
        let header =
            |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (signature, time) = (header(signature::SIGNATURE), header(signature::TIMESTAMP));
        if !is_genuine(secret, time, &body, signature, clock::now()) {
            return refuse(401, "the signature is missing, wrong, or more than five minutes old");
        }
        let click = match Click::from_body(&body) {
            Ok(click) => click,
            Err(error) => return refuse(400, &error),
        };
        // A genuine request that is sent a second time carries the same signature.
        match self.ledger.once(&format!("click/{}", signature.to_ascii_lowercase())).await {
            Ok(true) => {}
            Ok(false) => return refuse(409, "this click was taken already"),
            Err(error) => {
                tracing::error!(%error, "a click cannot be told from its repetition");
                return refuse(503, "the ledger does not answer; click again");
            }
        }
        match self.act(&click).await {
            Ok(said) => Ok(answer(200, said)),
            Err(error) => {
                tracing::error!(error, "a click came to nothing");
                refuse(503, "that did not work; click again")
            }
        }
    }
}

#[cfg(test)]
mod tests;
