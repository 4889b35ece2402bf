//! A change at a source of knowledge in, one execution of the index machine out.
//!
//! Checks the vendor's signature or secret, reads which source changed, and starts the machine, which finds out for itself what
//! changed: the lists in a push are cut without a sign, and deliveries come twice, late or never. It answers 5xx only where
//! another delivery may help. It reads nothing of a body before it is known to come from the vendor.

mod delivery;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use host::{Fault, Secret, Settings};
use ingress::{Started, Starter, answer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use delivery::{Change, Heard};

/// A synchronous call of a function holds no more than 6 MB.
const MAX_BODY: usize = 6 * 1024 * 1024;

/// The function: its secrets and the way to start an execution.
pub struct IndexWebhook {
    github: Option<Secret>,
    gitlab: Option<Secret>,
    confluence: Option<Secret>,
    starter: Starter,
}

impl host::Function for IndexWebhook {
    const NAME: &'static str = "index-webhook";
    type Input = ApiGatewayV2httpRequest;
    type Output = ApiGatewayV2httpResponse;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        Ok(Self {
            github: settings.secret("GITHUB_WEBHOOK_SECRET"),
            gitlab: settings.secret("GITLAB_WEBHOOK_SECRET"),
            confluence: settings.secret("CONFLUENCE_WEBHOOK_SECRET"),
            starter: Starter::new(settings).await,
        })
    }

    async fn handle(&self, request: ApiGatewayV2httpRequest) -> Result<ApiGatewayV2httpResponse, Fault> {
        let path = request.raw_path.as_deref().unwrap_or_default().trim_end_matches('/');
        let vendor = path.rsplit('/').next().unwrap_or_default();
        let secret = match vendor {
            "github" => &self.github,
            "gitlab" => &self.gitlab,
            "confluence" => &self.confluence,
            _ => return Ok(answer(404, json!({ "error": "there is nothing at this path" }))),
        };
        let Some(secret) = secret else {
            tracing::error!(vendor, "no secret is set for this vendor: every delivery is refused");
            return Ok(answer(401, json!({ "error": "this endpoint has no secret configured" })));
        };
        let body = match ingress::body(&request, MAX_BODY) {
            Ok(body) => body,
            Err(error) => return Ok(answer(400, json!({ "error": error }))),
        };
        let heard = match vendor {
            "github" => delivery::github(&request, &body, secret),
            "gitlab" => delivery::gitlab(&request, &body, secret),
            _ => delivery::confluence(&request, &body, secret),
        };
        Ok(match heard {
            Heard::Stranger => answer(401, json!({ "error": "the signature or secret is missing or wrong" })),
            Heard::Unreadable(error) => answer(400, json!({ "error": error })),
            Heard::Nothing(reason) => answer(200, json!({ "outcome": "ignored", "reason": reason })),
            Heard::Changed(change) => self.start(&change).await,
        })
    }
}

impl IndexWebhook {
    async fn start(&self, change: &Change) -> ApiGatewayV2httpResponse {
        let name = execution_name(change);
        let mut input = json!({ "source": change.source, "want": change.want });
        if let Some(before) = &change.before {
            input["push"] = json!({ "before": before });
        }
        match self.starter.start(&name, &input.to_string()).await {
            Ok(Started::New) => answer(202, json!({ "outcome": "started", "execution": name })),
            Ok(Started::Before) => answer(200, json!({ "outcome": "duplicate", "execution": name })),
            Err(error) => {
                tracing::error!(name, error, "the index machine could not be started");
                answer(503, json!({ "error": "indexing could not be started; deliver this again" }))
            }
        }
    }
}

/// The same delivery, repeated, has the same name, and starts nothing twice.
fn execution_name(change: &Change) -> String {
    let mut hasher = Sha256::new();
    for part in [&change.source, &change.want.to_string(), &change.delivery] {
        hasher.update(part.as_bytes());
        hasher.update([0xff]);
    }
    let digest: String = hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("index-{digest}")
}

/// What is wanted of a source whose changes are to be read.
fn changes() -> Value {
    json!("changes")
}

#[cfg(test)]
mod tests;
