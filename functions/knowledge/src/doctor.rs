//! For `sitrep doctor`: the store that the settings name.

use host::{Check, Outcome, Settings};

use crate::{Corpora, Store, pinecone};

const OF: &str = "Knowledge";

/// Checks Pinecone and OpenAI where `PINECONE_API_KEY` is set, else the embedded store.
pub async fn doctor(settings: &Settings) -> Vec<Check> {
    let corpora = Check::attempt(OF, "corpora", corpora(settings)).await;
    if settings.get("PINECONE_API_KEY").is_some() {
        let mut checks = pinecone::doctor::doctor(settings).await;
        checks.push(corpora);
        return checks;
    }
    let pinecone = Outcome::absent("PINECONE_API_KEY not set: the embedded store answers");
    let embedded = Check::attempt(OF, "embedded store", embedded(settings)).await;
    vec![Check::new("Pinecone", "indexes", pinecone), embedded, corpora]
}

async fn corpora(settings: &Settings) -> Result<String, Outcome> {
    let failed = |error: crate::StoreError| {
        Outcome::failed(error.to_string(), "write KNOWLEDGE_CORPORA as .env.example does, or leave it out")
    };
    Ok(format!("asked: {}", Corpora::of(settings).map_err(failed)?))
}

async fn embedded(settings: &Settings) -> Result<String, Outcome> {
    // Opening a store makes its file; looking must not.
    let file = settings.home().map(|home| home.join("knowledge.sqlite"));
    if !file.as_ref().is_some_and(|file| file.is_file()) {
        return Err(Outcome::absent("nothing is indexed: sitrep index SOURCE…"));
    }
    let fix = "move SITREP_HOME's knowledge.sqlite away and index again";
    let failed = |error: crate::StoreError| Outcome::failed(error.to_string(), fix);
    let Some(store) = Store::open(settings).map_err(failed)? else { return Err(Outcome::absent("no store")) };
    let chunks: usize = store.counts().await.map_err(failed)?.unwrap_or_default().values().sum();
    let by = match &store {
        Store::Embedded(store) if store.model().is_some() => "by words and by meaning",
        _ => "by words alone: sitrep model fetches what finds by meaning",
    };
    Ok(format!("{chunks} chunks, found {by}"))
}
