//! Pinecone: the control plane's description of an index, and the 2026-04 vector API over what was upserted, in memory.
//!
//! Both planes share one port: an index answers under `/data/<index>`. Every query looks at every vector of its namespace.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Moment;
use crate::wire::{Answer, Request};

mod filter;
mod store;

use store::Store;

/// The API versions that serve the vector API as it is served here.
const VERSIONS: [&str; 3] = ["2025-10", "2026-01", "2026-04"];

/// One project.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// The key that requests must carry.
    pub api_key: String,
    /// Indexes by name. The first dense and the first sparse one are handed to clients.
    pub indexes: BTreeMap<String, Index>,
    /// What was upserted, by index.
    #[serde(skip)]
    stores: Mutex<BTreeMap<String, Store>>,
}

impl Default for World {
    fn default() -> Self {
        let dense = Index { dimension: Some(3072), metric: Metric::Cosine };
        let sparse = Index { dimension: None, metric: Metric::Dotproduct };
        let indexes = [("sitrep".to_owned(), dense), ("sitrep-sparse".to_owned(), sparse)];
        Self { api_key: "pcsk_simulated".to_owned(), indexes: indexes.into(), stores: Mutex::default() }
    }
}

/// An index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// The dense vectors' length. Absent: a sparse index.
    #[serde(default)]
    pub dimension: Option<usize>,
    /// How similarity is reckoned. A sparse index has `dotproduct`.
    #[serde(default)]
    pub metric: Metric,
}

/// A similarity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// The angle.
    #[default]
    Cosine,
    /// The dot product.
    Dotproduct,
}

/// An error of the data plane, in gRPC's codes.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    status: u16,
    code: u8,
    message: String,
}

impl Refusal {
    fn invalid(message: impl Into<String>) -> Self {
        Self { status: 400, code: 3, message: message.into() }
    }

    fn not_found(message: impl Into<String>) -> Self {
        Self { status: 404, code: 5, message: message.into() }
    }
}

/// `query`, `upsert`, `list`, `delete`, `fetch`, `describe_index_stats`, `describe_index`; the path for anything else.
pub fn call(request: &Request) -> String {
    let segments = request.segments();
    let names: Vec<&str> = segments.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["indexes", _] => "describe_index".to_owned(),
        ["data", _, call] | ["data", _, "vectors", call] => (*call).to_owned(),
        _ => request.path.clone(),
    }
}

impl World {
    /// The settings of a client.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        let first = |dense: bool| self.indexes.iter().find(|(_, index)| index.dimension.is_some() == dense);
        let mut settings = vec![("PINECONE_URL", url.to_owned()), ("PINECONE_API_KEY", self.api_key.clone())];
        if let Some((name, _)) = first(true) {
            settings.push(("PINECONE_INDEX", name.clone()));
            settings.push(("PINECONE_INDEX_URL", format!("{url}/data/{name}")));
        }
        if let Some((name, _)) = first(false) {
            settings.push(("PINECONE_SPARSE_INDEX_URL", format!("{url}/data/{name}")));
        }
        settings
    }

    /// Answers a request as Pinecone would.
    pub fn answer(&self, request: &Request, _moment: Moment) -> Answer {
        let segments = request.segments();
        let names: Vec<&str> = segments.iter().map(String::as_str).collect();
        let authorised = request.header("api-key") == Some(self.api_key.as_str());
        match names.as_slice() {
            ["indexes", ..] if !authorised => control_error(401, "UNAUTHENTICATED", "Invalid API key."),
            ["indexes", name] if request.method == Method::GET => self.describe(name, request),
            ["data", ..] if !authorised => Answer::text(401, "text/plain", "Unauthorized")
                .with_header("x-pinecone-auth-rejected-reason", "Wrong API key"),
            ["data", index, rest @ ..] => self.data(index, rest, request).unwrap_or_else(|refusal| {
                let Refusal { status, code, message } = refusal;
                Answer::json(status, &json!({"code": code, "message": message, "details": []}))
            }),
            _ => control_error(404, "NOT_FOUND", "Not found."),
        }
    }

    fn describe(&self, name: &str, request: &Request) -> Answer {
        let Some(index) = self.indexes.get(name) else {
            return control_error(404, "NOT_FOUND", &format!("Resource {name} not found"));
        };
        let host = format!("{}/data/{name}", request.header("host").unwrap_or("localhost"));
        let mut body = json!({"name": name, "metric": index.metric, "host": host, "deletion_protection": "disabled",
            "status": {"ready": true, "state": "Ready"},
            "vector_type": if index.dimension.is_some() { "dense" } else { "sparse" },
            "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}});
        if let Some(dimension) = index.dimension {
            body["dimension"] = json!(dimension);
        }
        Answer::json(200, &body)
    }

    fn data(&self, name: &str, rest: &[&str], request: &Request) -> Result<Answer, Refusal> {
        let version = request
            .header("x-pinecone-api-version")
            .ok_or_else(|| Refusal::invalid("Missing required header: X-Pinecone-Api-Version"))?;
        if !VERSIONS.contains(&version) {
            return Err(Refusal::invalid(format!("Unsupported API version: {version}")));
        }
        let index = *self.indexes.get(name).ok_or_else(|| Refusal::not_found("Index not found"))?;
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        let store = stores.entry(name.to_owned()).or_insert_with(|| Store::new(index));
        let posted = || {
            let body = request.json().filter(Value::is_object);
            body.ok_or_else(|| Refusal::invalid("Request body is not valid JSON"))
        };
        let body = match (request.method == Method::POST, rest) {
            (true, ["query"]) => store.query(&posted()?)?,
            (true, ["vectors", "upsert"]) if request.body.len() > store::MAX_UPSERT => {
                let message = "Request size exceeds the maximum of 2 MB";
                return Err(Refusal { status: 413, ..Refusal::invalid(message) });
            }
            (true, ["vectors", "upsert"]) => store.upsert(&posted()?)?,
            (true, ["vectors", "delete"]) => store.delete(&posted()?)?,
            (true, ["describe_index_stats"]) => store.stats(),
            (false, ["vectors", "list"]) => store.list(request)?,
            (false, ["vectors", "fetch"]) => store.fetch(request)?,
            _ => return Err(Refusal::not_found(format!("{} is not served", request.path))),
        };
        let written = store.writes().to_string();
        Ok(Answer::json(200, &body)
            .with_header("x-pinecone-request-lsn", written.clone())
            .with_header("x-pinecone-max-indexed-lsn", written))
    }
}

fn control_error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &json!({"error": {"code": code, "message": message}, "status": status}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        serde_json::from_value(
            json!({"api_key": "k", "indexes": {"d": {"dimension": 2}, "s": {"metric": "dotproduct"}}}),
        )
        .unwrap()
    }

    fn send(world: &World, method: Method, target: &str, body: &Value) -> Answer {
        let request = Request::new(method, target)
            .with_header("api-key", "k")
            .with_header("x-pinecone-api-version", "2026-04")
            .with_json(body);
        let alert = "2026-01-01T00:00:00Z".parse().unwrap();
        world.answer(&request, Moment { alert, as_of: alert })
    }

    fn filled() -> World {
        let world = world();
        let vectors = json!({"namespace": "n", "vectors": [
            {"id": "a#1", "values": [1.0, 0.0], "metadata": {"corpus": "x", "year": 2024}},
            {"id": "a#2", "values": [3.0, 4.0], "metadata": {"corpus": "y", "tags": ["p", "q"]}},
            {"id": "b#1", "values": [0.0, 1.0], "metadata": {"corpus": "y", "year": 2026}}]});
        assert_eq!(
            send(&world, Method::POST, "/data/d/vectors/upsert", &vectors).value(),
            json!({"upsertedCount": 3})
        );
        world
    }

    fn found(world: &World, query: &Value) -> Vec<String> {
        let answer = send(world, Method::POST, "/data/d/query", query).value();
        let matches = answer["matches"].as_array().unwrap().clone();
        matches.iter().map(|m| m["id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_query_ranks_by_cosine_within_its_namespace_and_filter() {
        let world = filled();
        let query = |extra: Value| {
            let mut query = json!({"namespace": "n", "topK": 2, "vector": [1.0, 0.0]});
            query.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            query
        };
        assert_eq!(found(&world, &query(json!({}))), ["a#1", "a#2"]);
        assert_eq!(found(&world, &query(json!({"filter": {"corpus": "y"}}))), ["a#2", "b#1"]);
        assert_eq!(found(&world, &query(json!({"filter": {"year": {"$gte": 2025}}}))), ["b#1"]);
        assert_eq!(found(&world, &query(json!({"filter": {"tags": {"$in": ["q"]}}}))), ["a#2"]);
        assert!(found(&world, &query(json!({"namespace": "other"}))).is_empty());
        let scored =
            send(&world, Method::POST, "/data/d/query", &query(json!({"includeMetadata": true}))).value();
        assert_eq!(scored["matches"][1]["score"], 0.6);
        assert_eq!(scored["matches"][0]["metadata"]["corpus"], "x");
    }

    #[test]
    fn a_sparse_index_ranks_by_the_dot_product() {
        let world = world();
        let vectors = json!({"vectors": [{"id": "a", "sparseValues": {"indices": [1, 7], "values": [2.0, 1.0]}},
            {"id": "b", "sparseValues": {"indices": [7], "values": [5.0]}}]});
        assert_eq!(send(&world, Method::POST, "/data/s/vectors/upsert", &vectors).status, 200);
        let query = json!({"topK": 5, "sparseVector": {"indices": [7], "values": [1.0]}});
        let answer = send(&world, Method::POST, "/data/s/query", &query).value();
        assert_eq!(answer["matches"], json!([{"id": "b", "score": 5.0}, {"id": "a", "score": 1.0}]));
    }

    #[test]
    fn ids_are_listed_by_prefix_page_by_page_fetched_and_deleted() {
        let world = filled();
        let first =
            send(&world, Method::GET, "/data/d/vectors/list?namespace=n&prefix=a%23&limit=1", &Value::Null)
                .value();
        assert_eq!(first["vectors"], json!([{"id": "a#1"}]));
        let token = first["pagination"]["next"].as_str().unwrap();
        let target = format!("/data/d/vectors/list?namespace=n&prefix=a%23&limit=1&paginationToken={token}");
        assert_eq!(
            send(&world, Method::GET, &target, &Value::Null).value()["vectors"],
            json!([{"id": "a#2"}])
        );
        let delete = json!({"namespace": "n", "ids": ["a#1"]});
        assert_eq!(send(&world, Method::POST, "/data/d/vectors/delete", &delete).status, 200);
        let fetched =
            send(&world, Method::GET, "/data/d/vectors/fetch?namespace=n&ids=a%231&ids=a%232", &Value::Null)
                .value();
        assert_eq!(fetched["vectors"].as_object().unwrap().len(), 1);
        let stats = send(&world, Method::POST, "/data/d/describe_index_stats", &json!({})).value();
        assert_eq!(stats["namespaces"], json!({"n": {"vectorCount": 2}}));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let world = filled();
        let refusal = |target: &str, body: Value| send(&world, Method::POST, target, &body);
        assert_eq!(refusal("/data/d/query", json!({"topK": 1, "vector": [1.0]})).value()["code"], 3);
        assert_eq!(refusal("/data/d/query", json!({"topK": 0, "vector": [1.0, 0.0]})).status, 400);
        assert_eq!(
            refusal(
                "/data/d/vectors/upsert",
                json!({"vectors": [{"id": "x", "values": [1.0, 0.0], "metadata": {"n": null}}]})
            )
            .status,
            400
        );
        assert_eq!(
            refusal("/data/d/vectors/delete", json!({"namespace": "gone", "deleteAll": true})).value()["code"],
            5
        );
        let bare = Request::new(Method::POST, "/data/d/query").with_header("api-key", "k");
        let alert = "2026-01-01T00:00:00Z".parse().unwrap();
        let moment = Moment { alert, as_of: alert };
        assert_eq!(world.answer(&bare, moment).status, 400);
        assert_eq!(world.answer(&Request::new(Method::GET, "/indexes/d"), moment).status, 401);
    }
}
