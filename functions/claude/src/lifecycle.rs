//! Whether a model will go on being served: asked beside the question, once, and never waited for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::timeout;

use crate::Claude;

/// Longer than this nobody waits for it, beside a question that takes seconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was learnt of each model in this environment: a sentence where there is something to say.
pub type Learnt = Arc<Mutex<BTreeMap<String, Option<String>>>>;

/// `GET /v1/models/{id}`.
#[derive(Deserialize)]
pub struct Model {
    #[serde(default)]
    lifecycle: String,
    #[serde(default)]
    retires_at: Option<String>,
}

impl Claude {
    /// A sentence where the model is deprecated, retired or not known; `None` where all is well, or where that could not be learnt:
    /// an answer that does not come says nothing about the model. Asked once per environment.
    pub async fn notice(&self, model: &str) -> Option<String> {
        let known = self.learnt.lock().unwrap_or_else(PoisonError::into_inner).get(model).cloned();
        if let Some(known) = known {
            return known;
        }
        let request = self.transport.model(&self.http, model)?;
        let response = timeout(PATIENCE, request.send()).await.ok()?.ok()?;
        let notice = match response.status().as_u16() {
            200 => sentence(model, &timeout(PATIENCE, response.json()).await.ok()?.ok()?),
            404 => Some(format!("The model {model} is not known to the vendor.")),
            _ => return None,
        };
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner).insert(model.to_owned(), notice.clone());
        notice
    }
}

/// A sentence where the model will not be served for long.
pub fn sentence(model: &str, about: &Model) -> Option<String> {
    let lifecycle = about.lifecycle.to_lowercase();
    if !matches!(lifecycle.as_str(), "deprecated" | "retired") {
        return None;
    }
    let plain: String =
        about.retires_at.iter().flat_map(|at| at.chars()).filter(char::is_ascii_graphic).take(10).collect();
    let until = if plain.is_empty() { String::new() } else { format!(", and is served until {plain}") };
    Some(format!(
        "The model {model} is {lifecycle}{until}: choose another in TRIAGE_MODEL or ANALYSIS_MODEL."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_model_that_will_go_is_worth_a_sentence() {
        let about = |lifecycle: &str| Model {
            lifecycle: lifecycle.to_owned(),
            retires_at: Some("2026-11-30T00:00:00Z".to_owned()),
        };
        assert_eq!(sentence("m", &about("active")), None);
        assert_eq!(sentence("m", &about("")), None);
        let told = sentence("m", &about("Deprecated")).unwrap();
        assert!(told.contains("deprecated") && told.contains("2026-11-30"), "{told}");
    }
}
