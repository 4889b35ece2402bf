//! Datadog's webhook in, one investigation out.
//!
//! Checks the shared secret, parses the custom template, resolves the subject, asks the ledger, and starts the execution, or puts it
//! in the queue where too many run. The queue delivers here too. It answers 5xx only where a repeated delivery may help, because
//! Datadog repeats nothing else. It reads nothing of the body before the secret is checked, and it never investigates anything
//! itself.

mod delivery;
mod take;
mod template;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use host::metrics::{Metric, Unit};
use host::{Fault, Secret, Settings, clock};
use incident::Catalog;
use ingress::{Queue, Starter, Waiting, answer};
use ledger::Ledger;
use serde_json::json;

pub use delivery::{Delivery, Failed, Message, Messages, Output};
pub use template::{TemplateError, alert_from_body};

/// The custom header that Datadog's webhook integration is configured to send.
const SECRET_HEADER: &str = "x-sitrep-secret";
/// Bodies above this are refused: Datadog's own events are far smaller.
const MAX_BODY: usize = 256 * 1024;

/// The event that API Gateway would make of Datadog's delivery: what the `sitrep` command sends.
pub fn event_for(body: &str, secret: &Secret) -> ApiGatewayV2httpRequest {
    ingress::event_for("/datadog", body, &[(SECRET_HEADER, secret.expose())])
}

/// The function: its secret, its catalog, its ledger, the way to start an execution, and where executions wait.
pub struct Webhook {
    secret: Option<Secret>,
    catalog: Catalog,
    ledger: Ledger,
    starter: Starter,
    queue: Queue,
    most: usize,
    on_lambda: bool,
}

impl host::Function for Webhook {
    const NAME: &'static str = "webhook";
    type Input = Delivery;
    type Output = Output;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        incident::redact::configure(settings.get("REDACT_PATTERN"), settings.get("REDACT_NAMES"))
            .map_err(Fault::bad_setting)?;
        let catalog = match settings.catalog_text()? {
            None => Catalog::default(),
            Some(text) => Catalog::from_yaml(&text)
                .map_err(|error| Fault::bad_setting(format!("the catalog cannot be read: {error}")))?,
        };
        Ok(Self {
            secret: settings.secret("WEBHOOK_SECRET"),
            catalog,
            ledger: Ledger::open(settings).await,
            starter: Starter::new(settings).await,
            queue: Queue::open(settings).await,
            most: ingress::most_investigations(settings)?,
            on_lambda: settings.on_lambda(),
        })
    }

    async fn handle(&self, delivery: Delivery) -> Result<Output, Fault> {
        Ok(match delivery {
            Delivery::Messages(messages) => Output::Batch(self.drain(messages).await),
            Delivery::Request(request) => Output::Response(Box::new(self.deliver(&request).await)),
        })
    }
}

impl Webhook {
    /// The answer to a request.
    pub async fn deliver(&self, request: &ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        let response = match self.respond(request).await {
            Ok(response) | Err(response) => response,
        };
        self.drain_folder().await;
        response
    }

    /// `Err` is an early answer.
    async fn respond(
        &self,
        request: &ApiGatewayV2httpRequest,
    ) -> Result<ApiGatewayV2httpResponse, ApiGatewayV2httpResponse> {
        let Some(secret) = &self.secret else {
            tracing::error!("WEBHOOK_SECRET is not set: every delivery is refused");
            return Err(answer(401, json!({ "error": "this endpoint has no secret configured" })));
        };
        if !ingress::is_secret(request, SECRET_HEADER, secret) {
            return Err(answer(401, json!({ "error": "the secret is missing or wrong" })));
        }
        let body =
            ingress::body(request, MAX_BODY).map_err(|error| answer(400, json!({ "error": error })))?;
        let alert =
            alert_from_body(&body).map_err(|error| answer(400, json!({ "error": error.to_string() })))?;
        let (status, said) = self.take(alert).await;
        if self.on_lambda {
            let outcome = said["outcome"].as_str().unwrap_or("failed");
            host::metrics::emit(
                &[("Outcome", outcome)],
                &[Metric { name: "Alerts", unit: Unit::Count, value: 1.0 }],
            );
        }
        Ok(answer(status, said))
    }

    /// Starts what waits in a folder while there is room: locally nobody else does.
    async fn drain_folder(&self) {
        while let Some(waiting) = self.queue.first() {
            if !self.is_started(&waiting).await {
                return;
            }
            self.queue.remove_first();
        }
    }

    /// Starts what the queue delivers while there is room. What is not started is named, and delivered again later.
    async fn drain(&self, messages: Messages) -> delivery::Batch {
        let mut failures = Vec::new();
        for message in messages.records {
            let done = match Waiting::from_body(&message.body) {
                Some(waiting) if message.waited(clock::now()) > delivery::PATIENCE => {
                    self.report(waiting).await
                }
                Some(waiting) => self.is_started(&waiting).await,
                None => {
                    tracing::error!(message.message_id, "a message of the queue is none of ours");
                    true
                }
            };
            if !done {
                failures.push(Failed { item_identifier: message.message_id });
            }
        }
        delivery::Batch { batch_item_failures: failures }
    }
}
