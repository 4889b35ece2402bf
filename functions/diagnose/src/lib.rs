//! Evidence to diagnosis: the deterministic engine as a function.
//!
//! Asked twice per incident with the state document: without `knowledge` it answers the diagnosis from evidence alone, with
//! it the weighed one. No network, no model.

use host::{Fault, Settings};
use incident::{Diagnosis, State};
use tokio::time::Instant;

/// The function.
#[derive(Debug, Clone, Copy)]
pub struct Diagnose;

impl host::Function for Diagnose {
    const NAME: &'static str = "diagnose";
    type Input = State;
    type Output = Diagnosis;

    async fn new(_settings: &Settings) -> Result<Self, Fault> {
        Ok(Self)
    }

    async fn handle(&self, state: State) -> Result<Diagnosis, Fault> {
        let began = Instant::now();
        let diagnosis =
            if state.knowledge.is_some() { diagnosis::weigh(&state) } else { diagnosis::diagnose(&state) };
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Diagnosis { took_ms, ..diagnosis })
    }
}

#[cfg(test)]
mod tests {
    use host::Settings;
    use incident::{Cause, Diagnosis, Level};

    use super::Diagnose;

    async fn answer(event: &str) -> Diagnosis {
        let path = format!("{}/../../events/diagnose/{event}.json", env!("CARGO_MANIFEST_DIR"));
        let input = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let handler = host::handler::<Diagnose>(&Settings::default()).await.unwrap();
        serde_json::from_value(handler(input).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn the_sample_events_are_diagnosed_and_knowledge_makes_it_surer() {
        let (first, weighed) = (answer("evidence").await, answer("evidence-and-knowledge").await);
        for diagnosis in [&first, &weighed] {
            let lead = diagnosis.leading().next().unwrap();
            assert_eq!((lead.cause, lead.level), (Cause::RegressionByDeploy, Level::High));
        }
        assert!(first.matches.is_empty() && first.confidence.number < weighed.confidence.number);
        assert_eq!(weighed.actions.len(), 3);
    }

    #[tokio::test]
    async fn what_is_no_state_document_is_refused_by_name() {
        let handler = host::handler::<Diagnose>(&Settings::default()).await.unwrap();
        let fault = handler(serde_json::json!({ "alert": 1 })).await.unwrap_err();
        assert_eq!(fault.name, host::fault::BAD_INPUT);
    }
}
