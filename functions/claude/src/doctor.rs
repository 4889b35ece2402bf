//! For `sitrep doctor`: both models, asked for as the provider allows.

use host::{Check, Fault, Outcome, Settings};
use serde_json::json;

use crate::lifecycle::{Model, sentence};
use crate::{ANALYSIS_MODEL, Claude, Error, TRIAGE_MODEL};

const OF: &str = "Claude";

/// Checks the key or role, and that `TRIAGE_MODEL` and `ANALYSIS_MODEL` are served and will be.
pub async fn doctor(settings: &Settings) -> Result<Vec<Check>, Fault> {
    let claude = match Claude::from_settings(settings).await {
        Ok(Some(claude)) => claude,
        Ok(None) => {
            let why = match settings.get("ANALYSIS_PROVIDER") {
                Some("bedrock") => "AWS_BEARER_TOKEN_BEDROCK, or AWS credentials, not set",
                _ => "ANTHROPIC_API_KEY not set: briefs speak from the diagnosis alone",
            };
            return Ok(vec![Check::new(OF, "models", Outcome::absent(why))]);
        }
        Err(fault) if fault.name == host::fault::BAD_SETTING => {
            let outcome =
                Outcome::failed(fault.message, "set ANALYSIS_PROVIDER and AWS_REGION as .env.example says");
            return Ok(vec![Check::new(OF, "models", outcome)]);
        }
        Err(fault) => return Err(fault),
    };
    let (triage, analysis) = tokio::join!(
        check(&claude, "TRIAGE_MODEL", &claude.triage_model, TRIAGE_MODEL),
        check(&claude, "ANALYSIS_MODEL", &claude.analysis_model, ANALYSIS_MODEL),
    );
    Ok(vec![triage, analysis])
}

async fn check(claude: &Claude, setting: &str, model: &str, default: &str) -> Check {
    let attempt = async {
        match claude.transport.model(&claude.http, model) {
            Some(request) => listed(request, setting, model, default).await,
            None => answers(claude, setting, model).await,
        }
    };
    Check::attempt(OF, format!("{setting} {model}"), attempt).await
}

/// Anthropic says of a model whether it goes on being served.
async fn listed(
    request: reqwest::RequestBuilder,
    setting: &str,
    model: &str,
    default: &str,
) -> Result<String, Outcome> {
    let fix = |error: &host::http::HttpError| match error {
        host::http::HttpError::Status { status: 404, .. } => format!("set {setting}={default}"),
        _ => "put a key of console.anthropic.com → API keys in ANTHROPIC_API_KEY".to_owned(),
    };
    let answer: Result<Model, _> = host::http::send(request).await;
    let about = answer.map_err(|error| Outcome::refused(&error, fix(&error)))?;
    match sentence(model, &about) {
        None => Ok("served".to_owned()),
        Some(notice) => Err(Outcome::failed(notice, format!("set {setting}={default}, or what replaces it"))),
    }
}

/// Bedrock knows no life cycle and no other way to learn than to ask for one token.
async fn answers(claude: &Claude, setting: &str, model: &str) -> Result<String, Outcome> {
    let body = json!({"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "ok"}]});
    match claude.attempt(&body).await {
        Ok(_) => Ok("answers".to_owned()),
        Err((error @ (Error::Denied { .. } | Error::BadRequest { .. }), _)) => {
            let fix = format!(
                "allow bedrock:InvokeModel on {model} in AWS_REGION, and open it under Bedrock → Model access; or set {setting} to a profile, such as us.{model}"
            );
            Err(Outcome::failed(error.to_string(), fix))
        }
        Err((error, _)) => Err(Outcome::unavailable(error.to_string())),
    }
}
