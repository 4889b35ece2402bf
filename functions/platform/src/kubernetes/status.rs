//! The server's refusals, each a `Status` object.

use serde_json::{Value, json};

use super::Target;
use crate::wire::Answer;

/// A refusal with the server's words.
fn status(code: u16, reason: &str, message: &str, details: &Value) -> Answer {
    let mut body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code});
    if !details.is_null() {
        body["details"] = details.clone();
    }
    Answer::json(code, &body)
}

/// A bad or expired token.
pub(super) fn unauthorized() -> Answer {
    status(401, "Unauthorized", "Unauthorized", &Value::Null)
}

/// A verb on a resource that the user's roles do not hold.
pub(super) fn forbidden(user: &str, verb: &str, target: &Target) -> Answer {
    let resource = target.full_resource();
    let scope = match &target.namespace {
        Some(namespace) => format!("in the namespace {namespace:?}"),
        None => "at the cluster scope".to_owned(),
    };
    let named = match &target.name {
        Some(name) => format!("{resource} {name:?}"),
        None => resource.clone(),
    };
    let suffix = if target.group.is_empty() { String::new() } else { format!(".{}", target.group) };
    let named = named.replacen(&resource, &format!("{resource}{suffix}"), 1);
    let message = format!(
        "{named} is forbidden: User {user:?} cannot {verb} resource {resource:?} in API group {:?} {scope}",
        target.group
    );
    status(403, "Forbidden", &message, &details(target))
}

/// No such object.
pub(super) fn not_found(target: &Target) -> Answer {
    let suffix = if target.group.is_empty() { String::new() } else { format!(".{}", target.group) };
    let name = target.name.as_deref().unwrap_or_default();
    status(404, "NotFound", &format!("{}{suffix} {name:?} not found", target.resource), &details(target))
}

/// No such subresource.
pub(super) fn no_resource() -> Answer {
    status(404, "NotFound", "the server could not find the requested resource", &Value::Null)
}

/// A `continue` token that is no longer, or never was, good.
pub(super) fn expired() -> Answer {
    let message = "The provided continue parameter is too old to display a consistent list result. You must start a new \
        list without the continue parameter.";
    status(410, "Expired", message, &Value::Null)
}

/// A parameter the server cannot read.
pub(super) fn bad_request(message: &str) -> Answer {
    status(400, "BadRequest", message, &Value::Null)
}

fn details(target: &Target) -> Value {
    let mut details = json!({"kind": target.resource});
    if let Some(name) = &target.name {
        details["name"] = json!(name);
    }
    if !target.group.is_empty() {
        details["group"] = json!(target.group);
    }
    details
}
