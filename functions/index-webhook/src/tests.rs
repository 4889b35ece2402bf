use hmac::{Hmac, KeyInit as _, Mac as _};
use host::{Function as _, Settings};
use ingress::event_for;
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;

const SECRET: &str = "a secret of this test";

async fn function() -> IndexWebhook {
    let settings = ["GITHUB_WEBHOOK_SECRET", "GITLAB_WEBHOOK_SECRET", "CONFLUENCE_WEBHOOK_SECRET"]
        .map(|name| (name.to_owned(), SECRET.to_owned()));
    IndexWebhook::new(&Settings::from_values(settings)).await.unwrap()
}

fn signature(body: &str, secret: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

fn push(reference: &str, deleted: bool) -> String {
    json!({"ref": reference, "before": "1".repeat(40), "after": "2".repeat(40), "deleted": deleted, "created": false,
        "forced": false, "repository": {"full_name": "acme/shop", "default_branch": "main"}, "commits": []})
    .to_string()
}

/// The status, and what the answer says. Without a machine, a start ends in 503: what would start is told by that.
async fn answered(request: ApiGatewayV2httpRequest) -> (i64, String) {
    let answer = function().await.handle(request).await.unwrap();
    let said: Value = serde_json::from_slice(&answer.body.unwrap()).unwrap();
    let text = said["reason"].as_str().or(said["outcome"].as_str()).or(said["error"].as_str());
    (answer.status_code, text.unwrap().to_owned())
}

async fn github(body: &str, event: &str, signature: &str) -> (i64, String) {
    let headers =
        [("x-github-event", event), ("x-hub-signature-256", signature), ("x-github-delivery", "d1")];
    answered(event_for("/index/github", body, &headers)).await
}

#[test]
fn githubs_own_example_of_a_signature_is_accepted() {
    // docs.github.com, "Validating webhook deliveries": secret, payload and signature.
    let known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(signature("Hello, World!", "It's a Secret to Everybody"), known);
}

#[tokio::test]
async fn a_push_to_the_default_branch_starts_and_nothing_else_does() {
    let main = push("refs/heads/main", false);
    assert_eq!(github(&main, "push", &signature(&main, SECRET)).await.0, 503);
    assert_eq!(github(&main, "ping", &signature(&main, SECRET)).await, (200, "pong".into()));
    assert_eq!(github(&main, "issues", &signature(&main, SECRET)).await.0, 200);
    for body in
        [push("refs/heads/feature", false), push("refs/tags/main", false), push("refs/heads/main", true)]
    {
        let told = github(&body, "push", &signature(&body, SECRET)).await;
        assert_eq!(told, (200, "not the default branch".into()), "{body}");
    }
    assert_eq!(github("{}", "push", &signature("{}", SECRET)).await.0, 400);
}

#[tokio::test]
async fn a_stranger_is_refused_before_the_body_is_read() {
    let body = push("refs/heads/main", false);
    for wrong in ["", "sha256=", "sha256=zz", &signature(&body, "other"), &signature("{}", SECRET)] {
        assert_eq!(github(&body, "push", wrong).await.0, 401, "{wrong}");
        assert_eq!(github("not json", "push", wrong).await.0, 401, "{wrong}");
    }
    assert_eq!(answered(event_for("/index/gitlab", "{}", &[("x-gitlab-token", "wrong")])).await.0, 401);
    assert_eq!(answered(event_for("/index/confluence", "{}", &[])).await.0, 401);
    assert_eq!(answered(event_for("/index/svn", "{}", &[])).await.0, 404);
}

#[test]
fn a_base64_body_is_signed_as_the_bytes_it_stands_for() {
    let secret = Secret::new(format!("old, {SECRET}"));
    let mut request = event_for("/index/github", "eyJ6ZW4iOiAieCJ9", &[("x-github-event", "ping")]);
    request.is_base64_encoded = true;
    let body = ingress::body(&request, MAX_BODY).unwrap();
    let signed = signature(std::str::from_utf8(&body).unwrap(), SECRET);
    request.headers.insert("x-hub-signature-256", signed.parse().unwrap());
    assert_eq!(delivery::github(&request, &body, &secret), Heard::Nothing("pong"));
}

#[test]
fn a_gitlab_push_names_its_project_and_a_deleted_branch_is_nothing() {
    let heard = |after: &str| {
        let body = json!({"ref": "refs/heads/trunk", "before": "1".repeat(40), "after": after.repeat(40),
            "project": {"path_with_namespace": "acme/web/shop", "default_branch": "trunk"}})
        .to_string();
        let headers =
            [("x-gitlab-token", SECRET), ("x-gitlab-event", "Push Hook"), ("x-gitlab-event-uuid", "u")];
        delivery::gitlab(&event_for("/index/gitlab", &body, &headers), body.as_bytes(), &Secret::new(SECRET))
    };
    assert!(matches!(heard("2"), Heard::Changed(change) if change.source == "gitlab:acme/web/shop"));
    assert_eq!(heard("0"), Heard::Nothing("not the default branch"));
}

#[test]
fn two_edits_of_a_page_are_two_executions_and_one_delivery_repeated_is_one() {
    let heard = |body: Value, id: &str| {
        let body = body.to_string();
        let mut request = event_for("/index/confluence", &body, &[("x-sitrep-secret", SECRET)]);
        request.request_context.request_id = Some(id.to_owned());
        delivery::confluence(&request, body.as_bytes(), &Secret::new(SECRET))
    };
    let name = |heard: &Heard| match heard {
        Heard::Changed(change) => execution_name(change),
        other => panic!("{other:?}"),
    };
    let event = || json!({"event": "page_updated", "page": {"id": 123}});
    let (first, again, second) = (heard(event(), "r1"), heard(event(), "r1"), heard(event(), "r2"));
    assert!(matches!(&first, Heard::Changed(change) if change.want == json!({"page": "123"})));
    assert_eq!(name(&first), name(&again));
    assert_ne!(name(&first), name(&second));
    assert!(matches!(heard(json!({}), "r"), Heard::Changed(change) if change.want == "changes"));
    assert!(matches!(heard(json!({"page": {"id": "1 or 2"}}), "r"), Heard::Unreadable(_)));
}
