//! Lists: selected, paged, and where asked only metadata.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::discovery::Resource;
use super::{RESOURCE_VERSION, is_watch, select, status};
use crate::wire::{Answer, Request};

/// The selected objects, a page at a time.
pub(super) fn list(request: &Request, resource: &Resource, objects: Vec<Value>) -> Result<Answer, Answer> {
    let selected = select::select(request, resource, objects)?;
    if is_watch(request) {
        let lines: String = selected
            .iter()
            .map(|object| format!("{}\n", json!({"type": "ADDED", "object": object})))
            .collect();
        return Ok(Answer::text(200, "application/json", lines));
    }
    let given = |name: &str| request.query_value(name).filter(|value| !value.is_empty());
    let start = match given("continue") {
        Some(token) => offset(token).ok_or_else(status::expired)?,
        None => 0,
    };
    let limit = match given("limit") {
        Some(text) => text.parse().map_err(|_| status::bad_request(&format!("invalid limit {text}")))?,
        None => 0_usize,
    };
    let end = if limit == 0 { selected.len() } else { (start + limit).min(selected.len()) };
    let mut metadata = json!({"resourceVersion": RESOURCE_VERSION});
    if end < selected.len() {
        metadata["continue"] = json!(token(end));
        // The server does not count what a selector would leave.
        if given("labelSelector").is_none() && given("fieldSelector").is_none() {
            metadata["remainingItemCount"] = json!(selected.len() - end);
        }
    }
    let items = selected.get(start..end).unwrap_or_default();
    let only_metadata =
        request.header("accept").is_some_and(|accept| accept.contains("as=PartialObjectMetadataList"));
    let (kind, api_version, items) = if only_metadata {
        let partial = |object: &Value| {
            json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": object["metadata"]})
        };
        ("PartialObjectMetadata".to_owned(), "meta.k8s.io/v1".to_owned(), items.iter().map(partial).collect())
    } else {
        (resource.kind.clone(), resource.api_version(), items.to_vec())
    };
    Ok(Answer::json(
        200,
        &json!({"kind": format!("{kind}List"), "apiVersion": api_version, "metadata": metadata,
        "items": items}),
    ))
}

fn token(offset: usize) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{RESOURCE_VERSION}:{offset}"))
}

fn offset(token: &str) -> Option<usize> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    text.strip_prefix(RESOURCE_VERSION)?.strip_prefix(':')?.parse().ok()
}
