//! The vectors of one index, and what can be done with them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::filter;
use super::{Index, Metric, Refusal};
use crate::wire::Request;

/// Bytes of an upsert.
pub const MAX_UPSERT: usize = 2 * 1024 * 1024;
/// Records of an upsert, ids of a delete.
const MAX_RECORDS: usize = 1000;
/// Bytes of a record's metadata.
const MAX_METADATA: usize = 40 * 1024;
/// Non-zero values of a sparse vector.
const MAX_SPARSE: usize = 1000;
/// Characters of an id.
const MAX_ID: usize = 512;

/// One index' vectors by namespace and id.
#[derive(Debug)]
pub struct Store {
    index: Index,
    namespaces: BTreeMap<String, BTreeMap<String, Record>>,
    writes: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Record {
    #[serde(default)]
    id: String,
    #[serde(default)]
    values: Vec<f32>,
    #[serde(default)]
    sparse_values: Option<Sparse>,
    #[serde(default)]
    metadata: Value,
}

#[derive(Debug, Clone, Default, Deserialize, serde::Serialize)]
struct Sparse {
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl Store {
    /// An empty index.
    pub fn new(index: Index) -> Self {
        Self { index, namespaces: BTreeMap::new(), writes: 0 }
    }

    /// The number of the newest write.
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// `/vectors/upsert`.
    pub fn upsert(&mut self, body: &Value) -> Result<Value, Refusal> {
        let records: Vec<Record> = serde_json::from_value(body["vectors"].clone())
            .map_err(|error| Refusal::invalid(format!("vectors: {error}")))?;
        if records.is_empty() || records.len() > MAX_RECORDS {
            return Err(Refusal::invalid(format!(
                "vectors must number 1 to {MAX_RECORDS}, not {}",
                records.len()
            )));
        }
        records.iter().try_for_each(|record| self.check(record))?;
        let count = records.len();
        let namespace = self.namespaces.entry(namespace(body)).or_default();
        namespace.extend(records.into_iter().map(|record| (record.id.clone(), record)));
        self.writes += 1;
        Ok(json!({"upsertedCount": count}))
    }

    /// `/query`: by vector, sparse vector or id, best first.
    pub fn query(&self, body: &Value) -> Result<Value, Refusal> {
        let name = namespace(body);
        let none = BTreeMap::new();
        let records = self.namespaces.get(&name).unwrap_or(&none);
        let limit = body["topK"]
            .as_u64()
            .filter(|k| (1..=10_000).contains(k))
            .ok_or_else(|| Refusal::invalid("topK must be between 1 and 10000"))?;
        let filter = &body["filter"];
        filter::check(filter).map_err(Refusal::invalid)?;
        let (dense, sparse) = match body["id"].as_str() {
            Some(id) => match records.get(id) {
                Some(record) => (record.values.clone(), record.sparse_values.clone()),
                None => (Vec::new(), None),
            },
            None => self.probe(body)?,
        };
        let mut matches: Vec<(f64, &Record)> = records
            .values()
            .filter(|record| filter::matches(filter, &record.metadata))
            .filter_map(|record| Some((self.score(&dense, sparse.as_ref(), record)?, record)))
            .collect();
        matches.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.id.cmp(&b.1.id)));
        matches.truncate(limit as usize);
        let with = |name: &str| body[name].as_bool().unwrap_or(false);
        let (values, metadata) = (with("includeValues"), with("includeMetadata"));
        let matches: Vec<Value> =
            matches.iter().map(|(score, record)| record.found(Some(*score), values, metadata)).collect();
        Ok(json!({"matches": matches, "namespace": name, "usage": {"readUnits": 1}}))
    }

    /// `/vectors/delete`: exactly one of `ids`, `filter`, `deleteAll`.
    pub fn delete(&mut self, body: &Value) -> Result<Value, Refusal> {
        let (ids, filter) = (body["ids"].as_array(), &body["filter"]);
        let all = body["deleteAll"].as_bool().unwrap_or(false);
        if [ids.is_some(), filter.is_object(), all].into_iter().filter(|chosen| *chosen).count() != 1 {
            return Err(Refusal::invalid("exactly one of ids, filter, deleteAll must be given"));
        }
        if ids.is_some_and(|ids| ids.len() > MAX_RECORDS) {
            return Err(Refusal::invalid(format!("Cannot delete more than {MAX_RECORDS} ids")));
        }
        filter::check(filter).map_err(Refusal::invalid)?;
        let name = namespace(body);
        let records =
            self.namespaces.get_mut(&name).ok_or_else(|| Refusal::not_found("Namespace not found"))?;
        match ids {
            Some(ids) => records.retain(|id, _| !ids.iter().any(|gone| gone == id.as_str())),
            None => records.retain(|_, record| !all && !filter::matches(filter, &record.metadata)),
        }
        if records.is_empty() {
            self.namespaces.remove(&name);
        }
        self.writes += 1;
        Ok(json!({}))
    }

    /// `/vectors/list`: ids by prefix, a page at a time.
    pub fn list(&self, request: &Request) -> Result<Value, Refusal> {
        let name = request.query_value("namespace").unwrap_or_default();
        let prefix = request.query_value("prefix").unwrap_or_default();
        let limit = match request.query_value("limit").map(str::parse::<usize>) {
            None => 100,
            Some(Ok(limit @ 1..=100)) => limit,
            Some(_) => return Err(Refusal::invalid("limit must be between 1 and 100")),
        };
        let after = match request.query_value("paginationToken") {
            None => String::new(),
            Some(token) => URL_SAFE_NO_PAD
                .decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| Refusal::invalid("Invalid pagination token"))?,
        };
        let ids = self.namespaces.get(name).into_iter().flat_map(BTreeMap::keys);
        let mut page: Vec<&String> =
            ids.filter(|id| id.starts_with(prefix) && **id > after).take(limit + 1).collect();
        let goes_on = page.len() > limit;
        page.truncate(limit);
        let vectors: Vec<Value> = page.iter().map(|id| json!({"id": id})).collect();
        let mut body = json!({"vectors": vectors, "namespace": name, "usage": {"readUnits": 1}});
        if let Some(last) = page.last().filter(|_| goes_on) {
            body["pagination"] = json!({"next": URL_SAFE_NO_PAD.encode(last)});
        }
        Ok(body)
    }

    /// `/vectors/fetch`: vectors by id; an id that does not exist is left out.
    pub fn fetch(&self, request: &Request) -> Result<Value, Refusal> {
        let name = request.query_value("namespace").unwrap_or_default();
        let ids: Vec<&String> =
            request.query.iter().filter(|(key, _)| key == "ids").map(|(_, id)| id).collect();
        if ids.is_empty() {
            return Err(Refusal::invalid("Must specify at least one id"));
        }
        let records = self.namespaces.get(name);
        let found: serde_json::Map<String, Value> = ids
            .into_iter()
            .filter_map(|id| Some((id.clone(), records?.get(id)?.found(None, true, true))))
            .collect();
        Ok(json!({"vectors": found, "namespace": name, "usage": {"readUnits": 1}}))
    }

    /// `/describe_index_stats`.
    pub fn stats(&self) -> Value {
        let namespaces: BTreeMap<&String, Value> = self
            .namespaces
            .iter()
            .map(|(name, records)| (name, json!({"vectorCount": records.len()})))
            .collect();
        let total: usize = self.namespaces.values().map(BTreeMap::len).sum();
        let mut body = json!({"namespaces": namespaces, "indexFullness": 0, "totalVectorCount": total,
            "metric": self.index.metric, "vectorType": if self.is_dense() { "dense" } else { "sparse" }});
        if let Some(dimension) = self.index.dimension {
            body["dimension"] = json!(dimension);
        }
        body
    }

    fn is_dense(&self) -> bool {
        self.index.dimension.is_some()
    }

    fn check(&self, record: &Record) -> Result<(), Refusal> {
        let id = &record.id;
        if id.is_empty() || id.len() > MAX_ID {
            return Err(Refusal::invalid(format!("Vector ID must be 1 to {MAX_ID} characters: {id:?}")));
        }
        self.check_dense(&record.values, record.sparse_values.is_some())?;
        record.sparse_values.as_ref().map_or(Ok(()), check_sparse)?;
        if record.metadata.to_string().len() > MAX_METADATA {
            return Err(Refusal::invalid(format!(
                "Metadata size of {id} exceeds the limit of {MAX_METADATA} bytes"
            )));
        }
        let is_flat = |value: &Value| match value {
            Value::String(_) | Value::Number(_) | Value::Bool(_) => true,
            Value::Array(items) => items.iter().all(Value::is_string),
            Value::Null | Value::Object(_) => false,
        };
        let flat = match &record.metadata {
            Value::Null => true,
            Value::Object(fields) => fields.values().all(is_flat),
            _ => false,
        };
        let message = "Metadata value must be a string, number, boolean or list of strings";
        if flat { Ok(()) } else { Err(Refusal::invalid(format!("{message}: {id}"))) }
    }

    fn check_dense(&self, values: &[f32], has_sparse: bool) -> Result<(), Refusal> {
        match self.index.dimension {
            Some(dimension) if values.len() != dimension => Err(Refusal::invalid(format!(
                "Vector dimension {} does not match the dimension of the index {dimension}",
                values.len()
            ))),
            Some(_) if has_sparse && self.index.metric != Metric::Dotproduct => {
                Err(Refusal::invalid("Index configuration does not support sparse values"))
            }
            Some(_) if values.iter().all(|x| *x == 0.0) => {
                Err(Refusal::invalid("Dense vectors must contain at least one non-zero value"))
            }
            None if !values.is_empty() => Err(Refusal::invalid("Index does not support dense vectors")),
            None if !has_sparse => Err(Refusal::invalid("Sparse index needs sparse values")),
            _ => Ok(()),
        }
    }

    /// The vectors of a query that names no id.
    fn probe(&self, body: &Value) -> Result<(Vec<f32>, Option<Sparse>), Refusal> {
        let read = |error: serde_json::Error| Refusal::invalid(error.to_string());
        let dense: Option<Vec<f32>> = serde_json::from_value(body["vector"].clone()).map_err(read)?;
        let sparse: Option<Sparse> = serde_json::from_value(body["sparseVector"].clone()).map_err(read)?;
        let dense = dense.unwrap_or_default();
        self.check_dense(&dense, sparse.is_some())?;
        sparse.as_ref().map_or(Ok(()), check_sparse)?;
        Ok((dense, sparse))
    }

    /// `None` for vectors that have nothing in common to compare.
    fn score(&self, dense: &[f32], sparse: Option<&Sparse>, record: &Record) -> Option<f64> {
        let dot =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
        let shared = sparse.zip(record.sparse_values.as_ref()).map(|(a, b)| sparse_dot(a, b));
        if !self.is_dense() {
            return shared.flatten();
        }
        if dense.is_empty() {
            return None;
        }
        let product = dot(dense, &record.values);
        Some(match self.index.metric {
            Metric::Dotproduct => product + shared.flatten().unwrap_or_default(),
            Metric::Cosine => {
                product / (dot(dense, dense).sqrt() * dot(&record.values, &record.values).sqrt())
            }
        })
    }
}

impl Record {
    /// The record as an answer shows it.
    fn found(&self, score: Option<f64>, values: bool, metadata: bool) -> Value {
        let mut found = json!({"id": self.id});
        if let Some(score) = score {
            found["score"] = json!(score);
        }
        if values && !self.values.is_empty() {
            found["values"] = json!(self.values);
        }
        if let Some(sparse) = self.sparse_values.as_ref().filter(|_| values) {
            found["sparseValues"] = json!(sparse);
        }
        if metadata && self.metadata.is_object() {
            found["metadata"] = self.metadata.clone();
        }
        found
    }
}

fn namespace(body: &Value) -> String {
    match body["namespace"].as_str() {
        None | Some("__default__") => String::new(),
        Some(name) => name.to_owned(),
    }
}

fn check_sparse(sparse: &Sparse) -> Result<(), Refusal> {
    let Sparse { indices, values } = sparse;
    if indices.is_empty() || indices.len() != values.len() {
        return Err(Refusal::invalid("Sparse vector must have as many values as indices, and at least one"));
    }
    if indices.len() > MAX_SPARSE {
        return Err(Refusal::invalid(format!("Sparse vector size {} exceeds {MAX_SPARSE}", indices.len())));
    }
    let mut sorted = indices.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let unique = sorted.len() == indices.len();
    if unique { Ok(()) } else { Err(Refusal::invalid("Sparse vector indices must be unique")) }
}

fn sparse_dot(a: &Sparse, b: &Sparse) -> Option<f64> {
    let weights: BTreeMap<u32, f32> = b.indices.iter().copied().zip(b.values.iter().copied()).collect();
    let shared: Vec<f64> = a
        .indices
        .iter()
        .zip(&a.values)
        .filter_map(|(index, value)| Some(f64::from(*value) * f64::from(*weights.get(index)?)))
        .collect();
    (!shared.is_empty()).then(|| shared.iter().sum())
}
