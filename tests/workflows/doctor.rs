//! `sitrep doctor` on simulated vendors: what is well, what is not and what mends it, and that no secret is shown.

use std::collections::BTreeMap;

use host::{Check, Outcome, Settings};
use local::commands::doctor::{examine, table};
use platform::{Platform, Recorded, Scenario, Vendor};
use regex::Regex;
use serde_json::{Value, json};

/// What the doctor asks beside the collectors' reads: who the credentials are. None of it posts, writes or starts anything.
const WHO: &[(Vendor, &str, &str)] = &[
    (Vendor::Datadog, "GET", "/api/v1/validate|/api/v2/validate_keys"),
    (Vendor::Kubernetes, "GET", "/version"),
    (Vendor::Cloudflare, "GET", "/client/v4/(user|accounts/[^/]+)/tokens/verify"),
    (Vendor::Pinecone, "POST", "/data/[^/]+/(describe_index_stats|query)"),
    (Vendor::Slack, "GET", "/api/(auth.test|conversations.info)"),
    (Vendor::Confluence, "GET", "/wiki/(api/v2/spaces|rest/api/search)"),
    (Vendor::Github, "GET", "/rate_limit|/repos/[^/]+/[^/]+(/branches/.*)?"),
    (Vendor::Gitlab, "GET", "/api/v4/personal_access_tokens/self"),
];

/// Every vendor, each with what is needed for all to be well.
fn scenario() -> BTreeMap<String, Value> {
    let rds = json!({"DBInstances": [{"DBInstanceIdentifier": "orders", "DbiResourceId": "db-ORDERS",
        "PerformanceInsightsEnabled": true}]});
    let group = json!({"TargetGroupName": "api", "TargetGroupArn":
        "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/api/6d0ecf831eec9f09"});
    let files = [
        ("scenario.yaml", json!({"title": "all is well"})),
        ("alert.json", json!({"date_ms": "1767268800000"})),
        ("catalog.yaml", json!({"services": {"api": {"repository": "acme/shop"}}})),
        ("datadog.yaml", json!({})),
        ("kubernetes.yaml", json!({})),
        (
            "aws.yaml",
            json!({"rds": rds, "elbv2": {"TargetGroups": [group]}, "pi": {"databases": {"db-ORDERS": {"load": {"level": 2}}}}}),
        ),
        (
            "cloudflare.yaml",
            json!({"zone": {"id": "0123456789abcdef0123456789abcdef", "name": "shop.example",
            "account": "fedcba9876543210fedcba9876543210"}}),
        ),
        ("github.yaml", json!({"repositories": {"acme/shop": {}}})),
        ("gitlab.yaml", json!({})),
        ("confluence.yaml", json!({"spaces": {"OPS": {"id": "7"}}})),
        ("pinecone.yaml", json!({})),
        ("openai.yaml", json!({})),
        ("anthropic.yaml", json!({})),
        ("slack.yaml", json!({"scopes": ["chat:write", "files:write", "channels:read"]})),
    ];
    files.map(|(name, file)| (name.to_owned(), file)).into()
}

/// The same with one file changed.
fn with(name: &str, file: Value) -> BTreeMap<String, Value> {
    let mut files = scenario();
    files.insert(name.to_owned(), file);
    files
}

/// The checks of a scenario, under these settings on top, and what they asked. Whatever came out, no secret is in it.
async fn examined(files: BTreeMap<String, Value>, settings: &[(&str, &str)]) -> (Vec<Check>, Vec<Recorded>) {
    let platform = Platform::start(Scenario::from_files(files).unwrap()).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let settings = Settings::from_values(platform.environment())
        .with([("SITREP_HOME".to_owned(), home.path().display().to_string())])
        .with(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let checks = examine(&settings).await.unwrap();
    let shown = table(&checks) + &serde_json::to_string(&checks).unwrap();
    let secret = Regex::new("_(KEY|TOKEN|SECRET|WEBHOOK_URL)$").unwrap();
    for (name, value) in settings.iter().filter(|(name, _)| secret.is_match(name)) {
        assert!(!shown.contains(value), "{name} is shown");
    }
    (checks, platform.requests())
}

/// The one failure: what failed, what was found and the fix.
fn failure(checks: &[Check]) -> (String, String, String) {
    let mut failures = checks.iter().filter_map(|check| match &check.outcome {
        Outcome::Failed { found, fix } => Some((format!("{} {}", check.of, check.what), found, fix)),
        _ => None,
    });
    let (what, found, fix) = failures.next().unwrap_or_else(|| panic!("{}", table(checks)));
    assert!(failures.next().is_none(), "{}", table(checks));
    (what, found.clone(), fix.clone())
}

#[tokio::test]
async fn all_is_well_and_nothing_is_asked_that_changes_anything() {
    let (checks, requests) =
        examined(scenario(), &[("CLOUDFLARE_ACCOUNT_ID", "fedcba9876543210fedcba9876543210")]).await;
    let text = table(&checks);
    assert!(!checks.iter().any(Check::is_failed), "{text}");
    for of in [
        "Settings",
        "Datadog",
        "Kubernetes",
        "AWS",
        "Cloudflare",
        "OpenAI",
        "Pinecone",
        "Claude",
        "Slack",
        "Confluence",
        "GitHub",
        "GitLab",
    ] {
        assert!(checks.iter().any(|check| check.of == of && check.is_ok()), "{of}:\n{text}");
    }
    for request in requests {
        let is_who = WHO.iter().any(|(vendor, method, pattern)| {
            let whole = Regex::new(&format!("^(?:{pattern})$")).unwrap();
            *vendor == request.vendor && *method == request.method && whole.is_match(&request.path)
        });
        if !is_who {
            super::readonly::check(&request);
        }
    }
}

/// Every permission that is documented is tried: a scope that is added to the list without a check fails here.
#[tokio::test]
async fn every_documented_permission_has_its_check() {
    let (checks, _) = examined(scenario(), &[]).await;
    let text = table(&checks);
    let reads: Vec<Value> = serde_norway::from_str(&crate::text("infra/reads.yaml")).unwrap();
    for read in reads.iter().filter(|read| read["vendor"] != "github") {
        let scope = read["scope"].as_str().unwrap().trim_end_matches(", of both groups");
        assert!(text.contains(scope), "{scope} is not checked:\n{text}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_one_failure_with_its_fix() {
    let cases = [
        ("DD_API_KEY", "Datadog DD_API_KEY", "Organization settings → API keys"),
        ("DD_APP_KEY", "Datadog DD_APP_KEY", "Organization settings → Application keys"),
        ("KUBERNETES_TOKEN", "Kubernetes cluster", "KUBERNETES_TOKEN"),
        ("AWS_ACCESS_KEY_ID", "AWS credentials", "AWS_SECRET_ACCESS_KEY"),
        ("CLOUDFLARE_API_TOKEN", "Cloudflare token", "CLOUDFLARE_API_TOKEN"),
        ("OPENAI_API_KEY", "OpenAI model text-embedding-3-large", "Embeddings"),
        ("SLACK_BOT_TOKEN", "Slack token", "Bot"),
        ("GITHUB_TOKEN", "GitHub token", "Contents: read"),
        ("GITLAB_TOKEN", "GitLab token", "read_repository"),
    ];
    for (setting, what, fix) in cases {
        let (checks, _) = examined(scenario(), &[(setting, "revoked-credential")]).await;
        let failed = failure(&checks);
        assert!(failed.0 == what && failed.2.to_lowercase().contains(&fix.to_lowercase()), "{failed:?}");
    }
}

#[tokio::test]
async fn what_is_missing_is_named_with_what_mends_it() {
    let slack = |scopes: Value| with("slack.yaml", json!({ "scopes": scopes }));
    let cases = [
        (
            with("datadog.yaml", json!({"permissions": {"deny": ["monitors_read"]}})),
            ("Datadog monitors_read", "403", "add monitors_read to the application key"),
        ),
        (
            with("kubernetes.yaml", json!({"permissions": {"deny": ["nodes"]}})),
            ("Kubernetes list nodes", "403", "kubectl apply -f infra/kubernetes/clusterrole.yaml"),
        ),
        (
            with("aws.yaml", json!({"denied": ["DescribeEvents"]})),
            ("AWS rds:DescribeEvents", "AccessDenied", "allow rds:DescribeEvents"),
        ),
        (
            slack(json!(["files:write", "channels:read"])),
            (
                "Slack scope chat:write",
                "only files:write,channels:read",
                "add chat:write under OAuth & Permissions",
            ),
        ),
        (
            with(
                "pinecone.yaml",
                json!({"indexes": {"d": {"dimension": 1536}, "s": {"metric": "dotproduct"}}}),
            ),
            ("Pinecone dense index", "1536 dimensions", "dimension 3072"),
        ),
        (
            with("anthropic.yaml", json!({"deprecated": {"claude-haiku-5-5": "2026-11-30T00:00:00Z"}})),
            ("Claude TRIAGE_MODEL claude-haiku-5-5", "2026-11-30", "set TRIAGE_MODEL="),
        ),
        (
            with("gitlab.yaml", json!({"scopes": ["read_api"]})),
            ("GitLab token", "lacks read_repository", "read_repository"),
        ),
        (with("github.yaml", json!({})), ("GitHub repository acme/shop", "404", "Contents: read")),
    ];
    for (files, (what, found, fix)) in cases {
        let failed = failure(&examined(files, &[]).await.0);
        assert!(failed.0 == what && failed.1.contains(found) && failed.2.contains(fix), "{failed:?}");
    }
}

#[tokio::test]
async fn what_would_stop_a_function_is_a_failure() {
    let cases = [
        ("MAX_INVESTIGATIONS", "abc", "Webhook MAX_INVESTIGATIONS"),
        ("WEBHOOK_SECRET", "tiny-one", "Webhook WEBHOOK_SECRET"),
        ("CONFLUENCE_WEBHOOK_SECRET", "tiny-two", "Webhook CONFLUENCE_WEBHOOK_SECRET"),
        ("SLACK_PATIENCE_S", "15m", "Slack SLACK_PATIENCE_S"),
        ("SLACK_BUTTONS", "yes", "Slack SLACK_BUTTONS"),
        ("SLACK_BUTTONS", "true", "Slack SLACK_BUTTONS"),
        ("ANALYSIS_MAX_DOLLARS", "cheap", "Claude ANALYSIS_MAX_TOKENS, ANALYSIS_MAX_DOLLARS"),
    ];
    for (setting, value, what) in cases {
        let failed = failure(&examined(scenario(), &[(setting, value)]).await.0);
        assert_eq!(failed.0, what, "{failed:?}");
    }
}

#[tokio::test]
async fn a_token_that_may_only_post_is_well_and_its_channel_is_not_looked_at() {
    let (checks, _) = examined(with("slack.yaml", json!({})), &[]).await;
    assert!(!checks.iter().any(Check::is_failed), "{}", table(&checks));
    let channel = checks.iter().find(|check| check.what.starts_with("channel ")).unwrap();
    assert!(
        matches!(&channel.outcome, Outcome::NotConfigured { why } if why.contains("/invite")),
        "{channel:?}"
    );
}

#[tokio::test]
async fn half_of_a_vendors_settings_a_vendor_that_stalls_and_files_that_cannot_be_read_are_failures() {
    let (checks, _) = examined(scenario(), &[("CATALOG", "/nowhere/catalog.yaml")]).await;
    assert_eq!(failure(&checks).0, "Settings CATALOG");
    let files = with(
        "scenario.yaml",
        json!({"title": "t", "faults": [
        {"vendor": "datadog", "call": "monitors", "kind": "delay", "delay": "30s"}]}),
    );
    let began = std::time::Instant::now();
    let failed = failure(&examined(files, &[]).await.0);
    assert!(failed.0 == "Datadog monitors_read" && failed.1.contains("within 5 s"), "{failed:?}");
    assert!(began.elapsed().as_secs() < 20);
    let nothing = examine(&Settings::from_values([("DD_API_KEY".to_owned(), "only-one-key".to_owned())]))
        .await
        .unwrap();
    let failed = failure(&nothing);
    assert!(failed.0 == "Datadog keys" && failed.2.starts_with("set DD_APP_KEY"), "{failed:?}");
}
