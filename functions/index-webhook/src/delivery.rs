//! What each vendor delivers, and how it says who it is.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use hmac::{Hmac, KeyInit as _, Mac as _};
use host::Secret;
use ingress::is_secret;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::changes;

/// What a delivery says.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// It does not come from the vendor.
    Stranger,
    /// It does, and cannot be read.
    Unreadable(String),
    /// Nothing that concerns the knowledge base.
    Nothing(&'static str),
    /// A source changed.
    Changed(Change),
}

/// A change at a source.
#[derive(Debug, PartialEq)]
pub(crate) struct Change {
    /// As the index machine names it.
    pub source: String,
    /// What to do there, as the index machine reads it.
    pub want: Value,
    /// The commit before a push.
    pub before: Option<String>,
    /// What tells this delivery from others.
    pub delivery: String,
}

#[derive(Deserialize)]
struct GitHubPush {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    deleted: bool,
    before: Option<String>,
    after: Option<String>,
    repository: GitHubRepository,
}

#[derive(Deserialize)]
struct GitHubRepository {
    full_name: String,
    default_branch: String,
}

/// Signed with the secret over the body's bytes as they came.
pub(crate) fn github(request: &ApiGatewayV2httpRequest, body: &[u8], secret: &Secret) -> Heard {
    if !is_signed(header(request, "x-hub-signature-256"), body, secret) {
        return Heard::Stranger;
    }
    match header(request, "x-github-event") {
        "push" => {}
        "ping" => return Heard::Nothing("pong"),
        _ => return Heard::Nothing("not a push"),
    }
    let push: GitHubPush = match serde_json::from_slice(body) {
        Ok(push) => push,
        Err(error) => return Heard::Unreadable(format!("the push cannot be read: {error}")),
    };
    if push.deleted || push.reference != format!("refs/heads/{}", push.repository.default_branch) {
        return Heard::Nothing("not the default branch");
    }
    let after = push.after.as_deref().unwrap_or_default();
    Heard::Changed(Change {
        source: format!("github:{}", push.repository.full_name),
        want: changes(),
        delivery: format!("{} {after}", header(request, "x-github-delivery")),
        before: push.before,
    })
}

#[derive(Deserialize)]
struct GitLabPush {
    #[serde(rename = "ref")]
    reference: String,
    before: Option<String>,
    after: Option<String>,
    project: GitLabProject,
}

#[derive(Deserialize)]
struct GitLabProject {
    path_with_namespace: String,
    default_branch: Option<String>,
}

/// With the secret itself in a header.
pub(crate) fn gitlab(request: &ApiGatewayV2httpRequest, body: &[u8], secret: &Secret) -> Heard {
    if !is_secret(request, "x-gitlab-token", secret) {
        return Heard::Stranger;
    }
    if header(request, "x-gitlab-event") != "Push Hook" {
        return Heard::Nothing("not a push");
    }
    let push: GitLabPush = match serde_json::from_slice(body) {
        Ok(push) => push,
        Err(error) => return Heard::Unreadable(format!("the push cannot be read: {error}")),
    };
    let after = push.after.unwrap_or_default();
    let branch = push.project.default_branch.as_deref().unwrap_or("main");
    // A branch that was deleted ends at a commit of zeros.
    if after.chars().all(|c| c == '0') || push.reference != format!("refs/heads/{branch}") {
        return Heard::Nothing("not the default branch");
    }
    Heard::Changed(Change {
        source: format!("gitlab:{}", push.project.path_with_namespace),
        want: changes(),
        delivery: format!("{} {after}", header(request, "x-gitlab-event-uuid")),
        before: push.before,
    })
}

/// An automation rule's web request or Data Center's webhook, with the secret in a header of ours. It names a page, or, without
/// one, says that something changed. The gateway's own id tells deliveries apart: two edits of a page may look the same.
pub(crate) fn confluence(request: &ApiGatewayV2httpRequest, body: &[u8], secret: &Secret) -> Heard {
    if !is_secret(request, "x-sitrep-secret", secret) {
        return Heard::Stranger;
    }
    let event: Value = match serde_json::from_slice(body) {
        Ok(event) => event,
        Err(error) => return Heard::Unreadable(format!("the event is not JSON: {error}")),
    };
    let id = ["/page/id", "/content/id", "/pageId"].iter().find_map(|place| event.pointer(place));
    let want = match id {
        None => changes(),
        Some(id) => match id.as_str().map(str::to_owned).or_else(|| id.as_u64().map(|id| id.to_string())) {
            Some(id) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => {
                json!({ "page": id })
            }
            _ => return Heard::Unreadable("a page's id is a number".to_owned()),
        },
    };
    let unique = request.request_context.request_id.clone();
    let delivery = unique.unwrap_or_else(|| host::clock::now().to_string());
    Heard::Changed(Change { source: "confluence".to_owned(), want, before: None, delivery })
}

fn header<'a>(request: &'a ApiGatewayV2httpRequest, name: &str) -> &'a str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Whether `sha256=<hex>` is the HMAC of the body under the secret, or under one of two while rotating. Compared in constant time.
fn is_signed(signature: &str, body: &[u8], secret: &Secret) -> bool {
    let Some(given) = signature.strip_prefix("sha256=").and_then(bytes_of_hex) else { return false };
    let accepted = secret.expose().split(',').map(str::trim).filter(|key| !key.is_empty());
    accepted.fold(false, |found, key| {
        let signed = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map(|mac| mac.chain_update(body));
        found | signed.is_ok_and(|mac| mac.verify_slice(&given).is_ok())
    })
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
