//! For `sitrep doctor`: both indexes against what fills them, and the embedding model by one word.

use host::{Check, Outcome, Settings};
use incident::Corpus;
use serde::Deserialize;
use serde_json::json;

use super::{Index, Pinecone};
use crate::sparse::sparse_of_question;
use crate::{Question, StoreError};

const OF: &str = "Pinecone";

/// `POST /describe_index_stats`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    #[serde(default)]
    dimension: Option<usize>,
    #[serde(default)]
    metric: Option<String>,
    #[serde(default)]
    total_vector_count: u64,
}

/// Checks OpenAI's key and model, and the two indexes.
pub(crate) async fn doctor(settings: &Settings) -> Vec<Check> {
    let store = match Pinecone::new(settings) {
        Ok(store) => store,
        Err(error) => {
            let fix = "set PINECONE_SPARSE_INDEX_URL, and PINECONE_INDEX_URL with OPENAI_API_KEY, or unset PINECONE_API_KEY";
            return vec![Check::new(OF, "indexes", Outcome::failed(error.to_string(), fix))];
        }
    };
    let mut vector = None;
    let model = match &store.dense {
        None => Check::new("OpenAI", "model", Outcome::absent("OPENAI_API_KEY, PINECONE_INDEX_URL not set")),
        Some((_, openai)) => {
            let embedded = async {
                // Embedding is all that a restricted key may do: the list of models may be closed to it.
                let vectors = openai.embed(&["sitrep".to_owned()]).await.map_err(|error| {
                    outcome(error, "give OPENAI_API_KEY the permission Embeddings (Model capabilities: Write), and name a model that exists in EMBEDDING_MODEL")
                })?;
                let found = vectors.into_iter().next().unwrap_or_default();
                let seen = format!("{} dimensions", found.len());
                vector = Some(found);
                Ok(seen)
            };
            Check::attempt("OpenAI", format!("model {}", openai.model()), embedded).await
        }
    };
    let (dense, sparse) = tokio::join!(
        Check::attempt(OF, "dense index", store.dense_index(vector)),
        Check::attempt(OF, "sparse index", store.sparse_index()),
    );
    vec![model, dense, sparse]
}

impl Pinecone {
    async fn dense_index(&self, vector: Option<Vec<f32>>) -> Result<String, Outcome> {
        let Some((_, openai)) = &self.dense else {
            return Err(Outcome::absent(
                "PINECONE_INDEX_URL, OPENAI_API_KEY not set: nothing is found by meaning",
            ));
        };
        let stats = self.stats(Index::Dense, "PINECONE_INDEX_URL").await?;
        let expected = vector.as_ref().map(Vec::len);
        let fits = stats.dimension.is_some() && expected.is_none_or(|length| stats.dimension == Some(length));
        if !fits {
            let found = match stats.dimension {
                Some(dimension) => format!("{dimension} dimensions"),
                None => "it is a sparse index".to_owned(),
            };
            let length = expected.map(|n| n.to_string()).unwrap_or_else(|| "the model's".to_owned());
            let fix = format!(
                "create a dense index with dimension {length} and metric cosine for {}, put its host in PINECONE_INDEX_URL, index again",
                openai.model()
            );
            return Err(Outcome::failed(found, fix));
        }
        let query = vector.map(|vector| json!({ "vector": vector }));
        self.content(Index::Dense, query, &stats).await?;
        Ok(stats.seen())
    }

    async fn sparse_index(&self) -> Result<String, Outcome> {
        if self.sparse.is_none() {
            return Err(Outcome::absent("PINECONE_SPARSE_INDEX_URL not set: nothing is found by words"));
        }
        let stats = self.stats(Index::Sparse, "PINECONE_SPARSE_INDEX_URL").await?;
        if stats.dimension.is_some() || stats.metric.as_deref().is_some_and(|metric| metric != "dotproduct") {
            let found = format!("it is dense, or not by dotproduct ({})", stats.seen());
            let fix = "create an index of vector type sparse and metric dotproduct, put its host in PINECONE_SPARSE_INDEX_URL, index again";
            return Err(Outcome::failed(found, fix));
        }
        let words = sparse_of_question(&Question::new("database connection pool timeout deploy"));
        self.content(Index::Sparse, Some(json!({ "sparseVector": words })), &stats).await?;
        Ok(stats.seen())
    }

    async fn stats(&self, index: Index, setting: &str) -> Result<Stats, Outcome> {
        let fix = format!(
            "see that PINECONE_API_KEY is of the project (role DataPlaneEditor), and {setting} the index' host"
        );
        self.post(index, "/describe_index_stats", &json!({})).await.map_err(|error| outcome(error, &fix))
    }

    /// What is in it was made by the embedder that asks.
    async fn content(
        &self,
        index: Index,
        query: Option<serde_json::Value>,
        stats: &Stats,
    ) -> Result<(), Outcome> {
        let Some(query) = query.filter(|_| stats.total_vector_count > 0) else { return Ok(()) };
        match self.search(1, index, query, Corpus::ALL.to_vec()).await.1 {
            None => Ok(()),
            Some(error) => Err(outcome(error, "index into an empty index, or set EMBEDDING_MODEL as it was")),
        }
    }
}

impl Stats {
    fn seen(&self) -> String {
        let metric = self.metric.as_deref().unwrap_or("unknown metric");
        let dimension = self.dimension.map(|n| format!("{n} dimensions, ")).unwrap_or_default();
        format!("{dimension}{metric}, {} vectors", self.total_vector_count)
    }
}

/// `fix` mends what was refused.
fn outcome(error: StoreError, fix: &str) -> Outcome {
    match &error {
        StoreError::Vendor { cause, .. } => Outcome::refused(cause, fix),
        _ => Outcome::failed(error.to_string(), fix),
    }
}
