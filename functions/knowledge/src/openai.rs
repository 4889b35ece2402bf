//! Embeddings by OpenAI's API (`POST /v1/embeddings`).

use host::http::{self, HttpError};
use host::{Secret, Settings};
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// Inputs of one request (the API's limit).
const INPUTS: usize = 2_048;
/// Bytes of one request. The API takes 300,000 tokens; at three bytes a token, the densest text there is, this stays below.
const REQUEST_BYTES: usize = 600_000;
/// Bytes of one input: the API refuses more than 8,192 tokens and never cuts.
const INPUT_BYTES: usize = 24_000;

/// The embedding client.
#[derive(Debug, Clone)]
pub(crate) struct OpenAi {
    http: reqwest::Client,
    base_url: String,
    key: Secret,
    model: String,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [&'a str],
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Response {
    data: Vec<Datum>,
}

#[derive(Deserialize)]
struct Datum {
    index: usize,
    embedding: Vec<f32>,
}

impl OpenAi {
    /// The client, where `OPENAI_API_KEY` is set.
    pub(crate) fn new(settings: &Settings, http: &reqwest::Client) -> Option<Self> {
        Some(Self {
            http: http.clone(),
            base_url: settings.url("OPENAI_BASE_URL", "https://api.openai.com/v1"),
            key: settings.secret("OPENAI_API_KEY")?,
            model: settings.get_or("EMBEDDING_MODEL", "text-embedding-3-large").to_owned(),
        })
    }

    /// The model: the identity of the vectors.
    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// One vector per text, in their order.
    pub(crate) async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, StoreError> {
        let inputs: Vec<&str> = texts.iter().map(|text| head(text)).collect();
        let mut vectors = Vec::with_capacity(inputs.len());
        for batch in batches(&inputs) {
            let request = Request { model: &self.model, input: batch, encoding_format: "float" };
            let response: Response = http::send(
                self.http
                    .post(format!("{}/embeddings", self.base_url))
                    .bearer_auth(self.key.expose())
                    .json(&request),
            )
            .await
            .map_err(|cause| StoreError::Vendor { vendor: "OpenAI", cause })?;
            vectors.extend(in_order(response, batch.len())?);
        }
        Ok(vectors)
    }
}

/// The answer's vectors by their index: the API does not promise an order.
fn in_order(mut response: Response, expected: usize) -> Result<Vec<Vec<f32>>, StoreError> {
    response.data.sort_by_key(|datum| datum.index);
    if response.data.iter().map(|datum| datum.index).ne(0..expected) {
        let cause = HttpError::Garbled(format!("{} vectors for {expected} texts", response.data.len()));
        return Err(StoreError::Vendor { vendor: "OpenAI", cause });
    }
    Ok(response.data.into_iter().map(|datum| datum.embedding).collect())
}

fn head(text: &str) -> &str {
    // An empty input is refused by the API.
    if text.trim().is_empty() {
        return "-";
    }
    &text[..text.floor_char_boundary(INPUT_BYTES)]
}

fn batches<'a, 'b>(inputs: &'b [&'a str]) -> Vec<&'b [&'a str]> {
    let mut batches = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, input) in inputs.iter().enumerate() {
        if at > from && (at - from == INPUTS || bytes + input.len() > REQUEST_BYTES) {
            batches.push(&inputs[from..at]);
            (from, bytes) = (at, 0);
        }
        bytes += input.len();
    }
    if from < inputs.len() {
        batches.push(&inputs[from..]);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_the_limits_and_lose_nothing() {
        let text = "x".repeat(20_000);
        let inputs = vec![text.as_str(); 100];
        let sizes: Vec<usize> = batches(&inputs).iter().map(|batch| batch.len()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 100);
        assert!(sizes.iter().all(|n| n * 20_000 <= REQUEST_BYTES));
        assert_eq!(batches(&vec!["x"; 5_000]).iter().map(|b| b.len()).collect::<Vec<_>>(), [2048, 2048, 904]);
    }

    #[test]
    fn vectors_come_back_in_the_order_of_the_texts() {
        let response =
            serde_json::from_str(r#"{"data":[{"index":1,"embedding":[2.0]},{"index":0,"embedding":[1.0]}]}"#);
        assert_eq!(in_order(response.unwrap(), 2).unwrap(), [[1.0], [2.0]]);
        assert!(in_order(Response { data: vec![] }, 1).is_err());
    }
}
