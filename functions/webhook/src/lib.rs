//! Datadog's webhook in, one investigation out.
//!
//! Checks the shared secret, parses the custom template, resolves the subject, asks the ledger, and starts the execution. It
//! answers 5xx only where a repeated delivery may help, because Datadog repeats nothing else. It reads nothing of the body
//! before the secret is checked, and it never investigates anything itself.

mod template;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use host::{Fault, Secret, Settings};
use incident::execution::execution_name;
use incident::{Alert, Catalog, Subject, Transition};
use ingress::{Started, Starter, answer};
use ledger::{Admission, Ledger};
use serde_json::json;

pub use template::{TemplateError, alert_from_body};

/// The custom header that Datadog's webhook integration is configured to send.
const SECRET_HEADER: &str = "x-sitrep-secret";
/// Bodies above this are refused: Datadog's own events are far smaller.
const MAX_BODY: usize = 256 * 1024;

/// The event that API Gateway would make of Datadog's delivery: what the `sitrep` command sends.
pub fn event_for(body: &str, secret: &Secret) -> ApiGatewayV2httpRequest {
    ingress::event_for("/datadog", body, &[(SECRET_HEADER, secret.expose())])
}

/// The function: its secret, its catalog, its ledger and the way to start an execution.
pub struct Webhook {
    secret: Option<Secret>,
    catalog: Catalog,
    ledger: Ledger,
    starter: Starter,
}

impl host::Function for Webhook {
    const NAME: &'static str = "webhook";
    type Input = ApiGatewayV2httpRequest;
    type Output = ApiGatewayV2httpResponse;

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
            ledger: Ledger::open(settings),
            starter: Starter::new(settings).await,
        })
    }

    async fn handle(&self, request: ApiGatewayV2httpRequest) -> Result<ApiGatewayV2httpResponse, Fault> {
        Ok(match self.respond(&request).await {
            Ok(response) | Err(response) => response,
        })
    }
}

impl Webhook {
    /// The answer; `Err` is an early one.
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
        Ok(self.take(alert).await)
    }

    /// What happens to a well-formed alert, by its transition.
    ///
    /// Triggered, No Data and their repetitions start an investigation, unless the cycle has one already, which they then
    /// join. Renotify joins; where nobody remembers its cycle it starts one. Warn is noted and not investigated: it is below
    /// the threshold that wakes people. Recovered closes the cycle.
    async fn take(&self, alert: Alert) -> ApiGatewayV2httpResponse {
        let subject = Subject::resolve(&alert, &self.catalog);
        let execution = execution_name(&alert);
        match alert.transition {
            Transition::Warn | Transition::ReWarn => {
                answer(200, json!({ "outcome": "ignored", "reason": "a warning is not investigated" }))
            }
            Transition::Recovered => {
                note(self.ledger.recovered(&alert));
                answer(200, json!({ "outcome": "recovered" }))
            }
            _ => match self.ledger.admit(&alert, &subject, &execution) {
                Admission::Known(record) => {
                    answer(200, json!({ "outcome": "duplicate", "execution": record.execution }))
                }
                Admission::Follow(record) => {
                    note(self.ledger.handled(&alert, &execution, false));
                    answer(200, json!({ "outcome": "joined", "execution": record.execution }))
                }
                Admission::Lead => self.start(&alert, &subject, &execution).await,
            },
        }
    }

    async fn start(&self, alert: &Alert, subject: &Subject, execution: &str) -> ApiGatewayV2httpResponse {
        let input = json!({ "alert": alert, "subject": subject }).to_string();
        match self.starter.start(execution, &input).await {
            Ok(Started::New) => {
                note(self.ledger.handled(alert, execution, true));
                answer(202, json!({ "outcome": "started", "execution": execution }))
            }
            Ok(Started::Before) => {
                note(self.ledger.handled(alert, execution, true));
                answer(200, json!({ "outcome": "duplicate", "execution": execution }))
            }
            Err(error) => {
                tracing::error!(execution, error, "the investigation could not be started");
                answer(
                    503,
                    json!({ "error": "the investigation could not be started; deliver the alert again" }),
                )
            }
        }
    }
}

/// The ledger is a memory, not a condition: a failure to write is logged and nothing else.
fn note(result: Result<(), ledger::LedgerError>) {
    if let Err(error) = result {
        tracing::warn!(%error, "the ledger was not written");
    }
}
