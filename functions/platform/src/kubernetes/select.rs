//! Label and field selectors.

use serde_json::Value;

use super::discovery::Resource;
use super::status;
use crate::wire::{Answer, Request};

/// The objects that the request's selectors leave. A selector that cannot be read, or a field the resource is not indexed
/// by, is refused with 400.
pub(super) fn select(
    request: &Request,
    resource: &Resource,
    objects: Vec<Value>,
) -> Result<Vec<Value>, Answer> {
    let labels = parts(request.query_value("labelSelector").unwrap_or_default())
        .iter()
        .map(|part| Requirement::read(part))
        .collect::<Result<Vec<_>, _>>()?;
    let fields = parts(request.query_value("fieldSelector").unwrap_or_default())
        .iter()
        .map(|part| Field::read(part, resource))
        .collect::<Result<Vec<_>, _>>()?;
    let fits = |object: &Value| {
        let own = &object["metadata"]["labels"];
        labels.iter().all(|label| label.holds(own)) && fields.iter().all(|field| field.holds(object))
    };
    Ok(objects.into_iter().filter(fits).collect())
}

/// One requirement on labels: with no values, on the key's being there.
#[derive(Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    values: Option<Vec<String>>,
    negated: bool,
}

impl Requirement {
    /// Reads `a`, `!a`, `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`.
    fn read(text: &str) -> Result<Self, Answer> {
        let bad = || status::bad_request(&format!("unable to parse requirement: {text}"));
        let listed = |values: &str| -> Option<Vec<String>> {
            let values = values.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(values.split(',').map(|value| value.trim().to_owned()).collect())
        };
        let (key, values, negated) = if let Some((key, values)) = text.split_once(" notin ") {
            (key, Some(listed(values).ok_or_else(bad)?), true)
        } else if let Some((key, values)) = text.split_once(" in ") {
            (key, Some(listed(values).ok_or_else(bad)?), false)
        } else if let Some((key, value)) = text.split_once("!=") {
            (key, Some(vec![value.trim().to_owned()]), true)
        } else if let Some((key, value)) = text.split_once('=') {
            (key, Some(vec![value.trim_start_matches('=').trim().to_owned()]), false)
        } else if let Some(key) = text.strip_prefix('!') {
            (key, None, true)
        } else {
            (text, None, false)
        };
        let key = key.trim().to_owned();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(bad());
        }
        Ok(Self { key, values, negated })
    }

    /// An object without the key fulfils every negated requirement.
    fn holds(&self, labels: &Value) -> bool {
        let own = labels[&self.key].as_str();
        let positive = match &self.values {
            Some(values) => own.is_some_and(|own| values.iter().any(|value| value == own)),
            None => own.is_some(),
        };
        positive != self.negated
    }
}

/// One requirement on a field.
struct Field {
    path: String,
    value: String,
    negated: bool,
}

impl Field {
    fn read(text: &str, resource: &Resource) -> Result<Self, Answer> {
        let bad = || status::bad_request(&format!("invalid selector: {text:?}; can't understand {text:?}"));
        let (path, value, negated) = match text.split_once("!=") {
            Some((path, value)) => (path, value, true),
            None => text
                .split_once('=')
                .map(|(path, value)| (path, value.trim_start_matches('='), false))
                .ok_or_else(bad)?,
        };
        let path = path.trim().to_owned();
        if !is_indexed(&path, resource) {
            return Err(status::bad_request(&format!("field label not supported: {path}")));
        }
        Ok(Self { path, value: value.trim().to_owned(), negated })
    }

    fn holds(&self, object: &Value) -> bool {
        let own = self.path.split('.').fold(object, |value, name| &value[name]);
        let own = match own {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (own == self.value) != self.negated
    }
}

/// The fields the server can select by; there are few, and they differ by resource.
fn is_indexed(path: &str, resource: &Resource) -> bool {
    let own: &[&str] = match (resource.group.as_str(), resource.name.as_str()) {
        ("", "pods") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("events.k8s.io", "events") => &[
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reason",
            "reportingController",
            "type",
        ],
        ("", "nodes") => &["spec.unschedulable"],
        ("", "namespaces") => &["status.phase"],
        ("apps", "replicasets") => &["status.replicas"],
        ("batch", "jobs") => &["status.successful"],
        _ => &[],
    };
    ["metadata.name", "metadata.namespace"].contains(&path) || own.contains(&path)
}

/// Splits at commas outside parentheses.
fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut depth = 0_i32;
    for character in text.chars() {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if character == ',' && depth == 0 {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(character);
        }
    }
    parts.push(part);
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}
