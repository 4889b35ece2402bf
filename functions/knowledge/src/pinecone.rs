//! Pinecone: a dense and a sparse index side by side, a namespace per corpus, fused by us.
//!
//! The vector API of 2026-04 (`/query`, `/vectors/upsert`, `/vectors/list`, `/vectors/delete`). Dense vectors are OpenAI's;
//! sparse weights are BM25's term weights over the tokeniser that the embedded store uses.

pub(crate) mod doctor;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use futures::future::join_all;
use host::http::{self, HttpError};
use host::{Secret, Settings};
use incident::{Call, Chunk, Corpus, Gap, Status, size};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::openai::OpenAi;
use crate::sparse::{embedded_text, sparse_of_chunk, sparse_of_question};
use crate::{Answers, FETCH, Method, Question, Ranking, SourceChunks, StoreError, Stored, words};

/// The API version: without the header Pinecone takes the oldest it supports.
const VERSION: &str = "2026-04";
/// The longest a query may take: an incident waits for it.
const QUERY: std::time::Duration = std::time::Duration::from_millis(1_500);
/// The longest any other request may take.
const WRITE: std::time::Duration = std::time::Duration::from_secs(30);
/// Bytes of one upsert; Pinecone takes 2 MB.
const UPSERT_BYTES: usize = 1_900_000;
/// Records of one upsert or delete (Pinecone's limit).
const RECORDS: usize = 1_000;
/// Bytes of a chunk's text kept as metadata; Pinecone takes 40 KB for all of a record's.
const TEXT_BYTES: usize = 30_000;
/// Pinecone's data plane.
#[derive(Debug, Clone)]
pub struct Pinecone {
    http: reqwest::Client,
    key: Secret,
    dense: Option<(String, OpenAi)>,
    sparse: Option<String>,
}

/// Which of the two indexes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Index {
    Dense,
    Sparse,
}

impl Index {
    fn method(self) -> Method {
        match self {
            Self::Dense => Method::Dense,
            Self::Sparse => Method::Lexical,
        }
    }
}

#[derive(Deserialize)]
struct QueryResponse {
    #[serde(default)]
    matches: Vec<Match>,
}

#[derive(Deserialize)]
struct Match {
    #[serde(default)]
    score: f64,
    metadata: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct ListResponse {
    #[serde(default)]
    vectors: Vec<Listed>,
    pagination: Option<Pagination>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

#[derive(Deserialize)]
struct Pagination {
    next: Option<String>,
}

impl Pinecone {
    /// The store of `PINECONE_INDEX_URL` (dense, used with `OPENAI_API_KEY`) and `PINECONE_SPARSE_INDEX_URL`; either may be absent.
    pub fn new(settings: &Settings) -> Result<Self, StoreError> {
        let missing = |what: &str| StoreError::Setting(format!("{what} is not set"));
        let http = http::client().map_err(|fault| StoreError::Setting(fault.message))?;
        let host = |name: &str| settings.get(name).map(|_| settings.url(name, ""));
        let dense = host("PINECONE_INDEX_URL").zip(OpenAi::new(settings, &http));
        let sparse = host("PINECONE_SPARSE_INDEX_URL");
        if dense.is_none() && sparse.is_none() {
            return Err(missing("PINECONE_SPARSE_INDEX_URL, or PINECONE_INDEX_URL with OPENAI_API_KEY,"));
        }
        let key = settings.secret("PINECONE_API_KEY").ok_or_else(|| missing("PINECONE_API_KEY"))?;
        Ok(Self { http, key, dense, sparse })
    }

    /// See [`crate::Store::ask`]. Every question by every method in every corpus at once.
    pub async fn ask(&self, questions: &[Question], corpora: &[Corpus], first: usize) -> Answers {
        let began = std::time::Instant::now();
        let mut answers = Answers::default();
        let vectors = match &self.dense {
            None => Ok(Vec::new()),
            Some((_, openai)) => {
                let texts: Vec<String> = questions.iter().map(|question| question.text.clone()).collect();
                let late = StoreError::Vendor { vendor: "OpenAI", cause: HttpError::Timeout };
                tokio::time::timeout(QUERY, openai.embed(&texts)).await.unwrap_or(Err(late))
            }
        };
        if let Err(error) = &vectors {
            note_failure(&mut answers, "OpenAI embeddings", error, began.elapsed());
        } else if self.dense.is_none() {
            answers.gaps.push(gap(
                "dense search",
                Status::NotConfigured,
                "Only exact words were searched: PINECONE_INDEX_URL or OPENAI_API_KEY is not set.",
            ));
        }
        let vectors = vectors.unwrap_or_default();
        let mut searches = Vec::new();
        for (i, question) in questions.iter().enumerate() {
            let dense = vectors.get(i).map(|vector| (Index::Dense, json!({ "vector": vector })));
            let sparse = sparse_of_question(question);
            let sparse = (self.sparse.is_some() && !sparse.indices.is_empty())
                .then(|| (Index::Sparse, json!({ "sparseVector": sparse })));
            for (index, query) in dense.into_iter().chain(sparse) {
                let asked: Vec<Corpus> = corpora.iter().copied().filter(|c| question.is_for(*c)).collect();
                let search = self.search(first + i, index, query, asked);
                searches.push(async {
                    let began = std::time::Instant::now();
                    let (ranking, failed) = search.await;
                    (ranking, failed, began.elapsed())
                });
            }
        }
        for (ranking, failed, took) in join_all(searches).await {
            match failed {
                Some(error) => {
                    note_failure(&mut answers, &format!("Pinecone {}", ranking.name()), &error, took);
                }
                None => answers.calls.push(Call {
                    name: format!("Pinecone {}", ranking.name()),
                    status: if ranking.hits.is_empty() { Status::Empty } else { Status::Ok },
                    took_ms: took.as_millis() as u64,
                }),
            }
            answers.rankings.push(ranking);
        }
        answers
    }

    /// One question by one method: all namespaces at once, merged by score.
    async fn search(
        &self,
        question: usize,
        index: Index,
        query: Value,
        corpora: Vec<Corpus>,
    ) -> (Ranking, Option<StoreError>) {
        let one = |corpus: Corpus| {
            let mut body = query.clone();
            body["namespace"] = json!(corpus.name());
            body["topK"] = json!(FETCH);
            body["includeMetadata"] = json!(true);
            async move { self.post::<QueryResponse>(index, "/query", &body).await }
        };
        let (mut hits, mut failed) = (Vec::new(), None);
        for (corpus, response) in corpora.iter().zip(join_all(corpora.iter().map(|c| one(*c))).await) {
            match response.and_then(|response| self.hits(*corpus, response)) {
                Ok(found) => hits.extend(found),
                Err(error) => failed = Some(error),
            }
        }
        hits.sort_by(|a: &(Arc<Chunk>, f64), b| b.1.total_cmp(&a.1));
        (Ranking { question, method: index.method(), corpora, hits }, failed)
    }

    fn hits(&self, corpus: Corpus, response: QueryResponse) -> Result<Vec<(Arc<Chunk>, f64)>, StoreError> {
        let mut hits = Vec::new();
        for found in response.matches {
            let Some(metadata) = found.metadata else { continue };
            let made_by = metadata.get("embedder").and_then(Value::as_str).unwrap_or("nobody known");
            if made_by != self.identity() {
                return Err(StoreError::Mixed {
                    place: "Pinecone".to_owned(),
                    found: made_by.to_owned(),
                    wanted: self.identity(),
                });
            }
            hits.extend(from_metadata(corpus, metadata).map(|chunk| (Arc::new(chunk), found.score)));
        }
        Ok(hits)
    }

    /// What made the vectors: the tokeniser, and the dense model where there is one.
    fn identity(&self) -> String {
        let model = self.dense.as_ref().map_or("no dense model", |(_, openai)| openai.model());
        format!("{} and {model}", words::VERSION)
    }

    /// See [`crate::Store::put`]. What is new is written before what is gone is deleted.
    pub async fn put(&self, sources: Vec<SourceChunks>) -> Result<Stored, StoreError> {
        let mut stored = Stored::default();
        for source in sources {
            stored += self.replace(&source).await?;
        }
        Ok(stored)
    }

    async fn replace(&self, source: &SourceChunks) -> Result<Stored, StoreError> {
        let prefix = Chunk::id_prefix(source.corpus, &source.origin, &source.source);
        let (held, any) = self.list(source.corpus, &prefix).await?;
        let ids: HashSet<String> = source.chunks.iter().map(Chunk::id).collect();
        let new: Vec<&Chunk> = source.chunks.iter().filter(|chunk| !held.contains(&chunk.id())).collect();
        let gone: Vec<String> = any.into_iter().filter(|id| !ids.contains(id)).collect();
        self.upsert(source.corpus, &new).await?;
        let (added, unchanged) = (new.len(), source.chunks.len() - new.len());
        Ok(Stored { added, unchanged, removed: self.remove(source.corpus, gone).await? })
    }

    /// See [`crate::Store::ids`]: those that either index holds.
    pub async fn ids(&self, corpus: Corpus, prefix: &str) -> Result<Vec<String>, StoreError> {
        Ok(self.list(corpus, prefix).await?.1.into_iter().collect())
    }

    /// See [`crate::Store::remove`].
    pub async fn remove(&self, corpus: Corpus, ids: Vec<String>) -> Result<usize, StoreError> {
        for batch in ids.chunks(RECORDS) {
            let body = json!({ "ids": batch, "namespace": corpus.name() });
            for index in self.indexes() {
                self.post::<Value>(index, "/vectors/delete", &body).await?;
            }
        }
        Ok(ids.len())
    }

    fn indexes(&self) -> impl Iterator<Item = Index> + use<> {
        let dense = self.dense.is_some().then_some(Index::Dense);
        dense.into_iter().chain(self.sparse.is_some().then_some(Index::Sparse))
    }

    /// The ids that every index holds of one source, and those that any does: one that only one index holds is written
    /// again, or deleted from it.
    async fn list(
        &self,
        corpus: Corpus,
        prefix: &str,
    ) -> Result<(HashSet<String>, HashSet<String>), StoreError> {
        let mut common: Option<HashSet<String>> = None;
        let mut any = HashSet::new();
        for index in self.indexes() {
            let mut ids = HashSet::new();
            let mut token: Option<String> = None;
            loop {
                let mut query = vec![("namespace", corpus.name().to_owned()), ("prefix", prefix.to_owned())];
                query.extend(token.take().map(|token| ("paginationToken", token)));
                let url = format!("{}/vectors/list", self.host(index));
                let page: ListResponse = self.send(self.http.get(url).timeout(WRITE).query(&query)).await?;
                let before = ids.len();
                ids.extend(page.vectors.into_iter().map(|listed| listed.id));
                token =
                    page.pagination.and_then(|pagination| pagination.next).filter(|next| !next.is_empty());
                // A page without anything new ends the list too, or a server that repeats its token would never let go.
                if token.is_none() || ids.len() == before {
                    break;
                }
            }
            any.extend(ids.iter().cloned());
            common = Some(match common {
                Some(known) => known.intersection(&ids).cloned().collect(),
                None => ids,
            });
        }
        Ok((common.unwrap_or_default(), any))
    }

    async fn upsert(&self, corpus: Corpus, chunks: &[&Chunk]) -> Result<(), StoreError> {
        if chunks.is_empty() {
            return Ok(());
        }
        let identity = self.identity();
        if let Some((_, openai)) = &self.dense {
            let texts: Vec<String> = chunks.iter().map(|chunk| embedded_text(chunk)).collect();
            let vectors = openai.embed(&texts).await?;
            let record = |(chunk, vector): (&&Chunk, Vec<f32>)| json!({ "id": chunk.id(), "values": vector, "metadata": metadata(chunk, &identity) });
            self.write(Index::Dense, corpus, chunks.iter().zip(vectors).map(record)).await?;
        }
        if self.sparse.is_some() {
            let record = |chunk: &&Chunk| json!({ "id": chunk.id(), "sparseValues": sparse_of_chunk(chunk), "metadata": metadata(chunk, &identity) });
            self.write(Index::Sparse, corpus, chunks.iter().map(record)).await?;
        }
        Ok(())
    }

    async fn write(
        &self,
        index: Index,
        corpus: Corpus,
        records: impl Iterator<Item = Value>,
    ) -> Result<(), StoreError> {
        for batch in batches(records) {
            let body = json!({ "namespace": corpus.name(), "vectors": batch });
            self.post::<Value>(index, "/vectors/upsert", &body).await?;
        }
        Ok(())
    }

    fn host(&self, index: Index) -> &str {
        let host = match index {
            Index::Dense => self.dense.as_ref().map(|(host, _)| host),
            Index::Sparse => self.sparse.as_ref(),
        };
        host.map(String::as_str).unwrap_or_default()
    }

    async fn post<T: serde::de::DeserializeOwned>(
        &self,
        index: Index,
        path: &str,
        body: &Value,
    ) -> Result<T, StoreError> {
        let longest = if path == "/query" { QUERY } else { WRITE };
        self.send(self.http.post(format!("{}{path}", self.host(index))).timeout(longest).json(body)).await
    }

    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T, StoreError> {
        let request = request.header("Api-Key", self.key.expose()).header("X-Pinecone-Api-Version", VERSION);
        http::send(request).await.map_err(|cause| StoreError::Vendor { vendor: "Pinecone", cause })
    }
}

fn note_failure(answers: &mut Answers, name: &str, error: &StoreError, took: std::time::Duration) {
    let status = match error {
        StoreError::Vendor { cause: HttpError::Denied { .. }, .. } => Status::Denied,
        StoreError::Vendor { cause: HttpError::Timeout, .. } => Status::Timeout,
        _ => Status::Unavailable,
    };
    let took_ms = took.as_millis() as u64;
    answers.calls.push(Call { name: name.to_owned(), status, took_ms });
    answers.gaps.push(gap(
        name,
        status,
        &format!("Part of what the company knows was not searched: {error}."),
    ));
}

fn gap(what: &str, status: Status, sentence: &str) -> Gap {
    let sentence = size::cut(&incident::redact::redact(sentence), size::SUMMARY_CHARS);
    Gap { what: what.to_owned(), status, sentence, error: None }
}

/// Batches within Pinecone's limits of records and bytes.
fn batches(records: impl Iterator<Item = Value>) -> Vec<Vec<Value>> {
    let mut batches: Vec<Vec<Value>> = Vec::new();
    let mut bytes = 0;
    for record in records {
        let weight = size::of(&record) + 1;
        match batches.last_mut() {
            Some(batch) if bytes + weight <= UPSERT_BYTES && batch.len() < RECORDS => batch.push(record),
            _ => {
                batches.push(vec![record]);
                bytes = 0;
            }
        }
        bytes += weight;
    }
    batches
}

/// The chunk as flat metadata: strings and numbers, nothing null.
fn metadata(chunk: &Chunk, identity: &str) -> Value {
    let mut chunk = chunk.clone();
    chunk.text = size::cut_bytes(&chunk.text, TEXT_BYTES);
    let mut value = json!(chunk);
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, value| !value.is_null());
        object.insert("embedder".to_owned(), json!(identity));
    }
    value
}

fn from_metadata(corpus: Corpus, metadata: BTreeMap<String, Value>) -> Option<Chunk> {
    let mut object: serde_json::Map<String, Value> = metadata.into_iter().collect();
    object.insert("corpus".to_owned(), json!(corpus));
    for value in object.values_mut() {
        // Pinecone keeps every number as a float.
        if let Some(number) = value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0) {
            *value = json!(number as u64);
        }
    }
    serde_json::from_value(Value::Object(object)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(text: &str) -> Chunk {
        Chunk {
            title: "A".into(),
            section: Some("S".into()),
            start_line: 3,
            end_line: 9,
            start_byte: 10,
            end_byte: 90,
            modified: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            version: Some("7".into()),
            hash: "0123456789abcdef".into(),
            ..Chunk::of_text(Corpus::Runbooks, "a.md", text)
        }
    }

    #[test]
    fn metadata_is_flat_without_nulls_and_comes_back_whole() {
        let given = chunk("text");
        let value = metadata(&given, "words-1 and m");
        assert!(value.as_object().unwrap().values().all(|v| v.is_string() || v.is_number()));
        let mut floats: BTreeMap<String, Value> = serde_json::from_value(value).unwrap();
        floats.insert("start_line".into(), json!(3.0));
        assert_eq!(from_metadata(Corpus::Runbooks, floats).unwrap(), given);
    }

    #[test]
    fn upserts_stay_below_two_megabytes_and_a_thousand_records() {
        let record = json!({ "id": "x", "values": vec![0.123_456_7; 3072] });
        let batches = batches(std::iter::repeat_n(record, 200));
        assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 200);
        assert!(batches.iter().all(|batch| size::of(batch) < 2_000_000 && batch.len() <= RECORDS));
        assert!(batches.len() > 1);
    }

    #[test]
    fn a_match_made_by_another_embedder_is_refused() {
        let settings = Settings::from_values(
            [("PINECONE_API_KEY", "k"), ("PINECONE_SPARSE_INDEX_URL", "http://127.0.0.1:9/")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let store = Pinecone::new(&settings).unwrap();
        let response = |embedder: &str| QueryResponse {
            matches: vec![Match {
                score: 1.0,
                metadata: serde_json::from_value(metadata(&chunk("x"), embedder)).unwrap(),
            }],
        };
        assert!(matches!(store.hits(Corpus::Runbooks, response("other")), Err(StoreError::Mixed { .. })));
        assert_eq!(store.hits(Corpus::Runbooks, response(&store.identity())).unwrap().len(), 1);
    }
}
