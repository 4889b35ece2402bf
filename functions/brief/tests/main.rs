//! Event in, brief out: the sample events rendered and read, and posted to a Slack that answers as scripted.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by unwrapping")]

mod slack;

use brief::{BriefFunction, Input, Output};
use host::{Function, Settings};
use incident::Brief;
use incident::brief::{Announcement, Posted};
use serde_json::{Value, json};

fn event(name: &str) -> Value {
    let path = format!("{}/../../events/brief/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

async fn run(settings: Settings, event: Value) -> Output {
    let input: Input = serde_json::from_value(event).unwrap();
    BriefFunction::new(&settings).await.unwrap().handle(input).await.unwrap()
}

async fn brief(settings: Settings, event: Value) -> Brief {
    match run(settings, event).await {
        Output::Brief(brief) => *brief,
        _ => panic!("expected a brief"),
    }
}

async fn announcement(settings: Settings) -> Announcement {
    match run(settings, event("announce")).await {
        Output::Announcement(announcement) => announcement,
        _ => panic!("expected an announcement"),
    }
}

async fn text(event: Value) -> String {
    brief(Settings::default(), event).await.text
}

/// Each needle stands in the text, after the one before it; where lines were wrapped does not matter.
fn in_order(text: &str, needles: &[&str]) {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = folded.as_str();
    for needle in needles {
        let at =
            rest.find(needle).unwrap_or_else(|| panic!("{needle:?} is missing or out of order in\n{text}"));
        rest = &rest[at + needle.len()..];
    }
}

#[tokio::test]
async fn the_final_brief_tells_the_whole_story_in_order() {
    let brief = brief(Settings::default(), event("final")).await;
    in_order(
        &brief.text,
        &[
            "🔴 INCIDENT — prod-postgres-primary: CPU 95 % (threshold 80 %)",
            "Triggered 02:14 UTC · 6 min ago (onset 02:12)",
            "📊 LIVE STATE",
            "CPU 95 % (baseline 41.1 %) ▁▁▁▁▁▁▁▁▁▁▁▅▇███ | connections 487/500",
            "replica lag 2.1 s",
            "6/6 targets healthy",
            "game-api rolled out v3.41.0 at 02:11 UTC (1 min before the onset), was v3.40.9",
            "1 of 4 calls not read",
            "WAF clean",
            "cache hit 71 %",
            "🔍 ROOT CAUSE — HIGH (0.87)",
            "commit a3f91b2). [github-1, kubernetes-1, kb-4]",
            "📚 KNOWLEDGE BASE MATCH",
            "Runbook: “RDS Connection Exhaustion — prod-postgres-primary” (relevance 0.93, 3 months old)",
            "INC-2024-047",
            "rds_prod.tf:34",
            "leaderboard_service.go:247",
            "💡 RECOMMENDED ACTIONS",
            "$ kubectl rollout undo deployment/game-api -n production --to-revision=41",
            "$ CREATE INDEX CONCURRENTLY idx_player_scores_game_score ON player_scores (game_id, score DESC);",
            "$ kubectl set env deployment/game-api -n production DB_POOL_MAX=80",
            "📋 CONFIDENCE BREAKDOWN",
            "✓ INC-2024-047",
            "✗ The services' logs",
            "🚫 RULED OUT",
            "chat-service v1.18.2 rolled out at 01:20 UTC",
            "👁 NOT SEEN",
            "logs_read_data",
            "⏱ collected in 1.8 s",
            "claude-sonnet-5-5 in 8.2 s, 5,932 tokens in (1,120 cached), 934 out · 1 claim struck out",
        ],
    );
    assert!(incident::size::of(&brief) <= incident::size::BRIEF);
    assert!(!brief.blocks.is_empty());
    assert!(brief.text.lines().filter(|line| !line.contains("$ ")).all(|line| line.chars().count() <= 100));
}

#[tokio::test]
async fn the_draft_speaks_from_the_diagnosis_and_says_that_the_model_is_asked() {
    let text = text(event("draft")).await;
    in_order(&text, &["rose from 230 to 487 of 500", "the model has not answered yet"]);
    assert!(!text.contains("Suggested by the model"));
}

#[tokio::test]
async fn alone_says_that_it_failed_and_what_is_missing() {
    let text = text(event("alone")).await;
    in_order(
        &text,
        &[
            "prod-postgres-primary: CPU 95 %",
            "THE INVESTIGATION FAILED",
            "NOT SEEN",
            "Cloudflare was not asked",
        ],
    );
}

#[tokio::test]
async fn what_waited_too_long_is_not_called_a_failed_investigation() {
    let mut event = event("alone");
    event["stage"] = json!("waited");
    let text = text(event).await;
    in_order(
        &text,
        &["prod-postgres-primary: CPU 95 %", "NOT INVESTIGATED", "Nobody looked into it", "NOT SEEN"],
    );
    assert!(!text.contains("FAILED"), "{text}");
}

#[tokio::test]
async fn a_document_that_is_nothing_like_one_still_gives_a_brief() {
    for state in [Value::Null, json!([]), json!({"alert": 7, "evidence": {"a": 1}, "weighed": "x"})] {
        let text = text(json!({"stage": "final", "state": state})).await;
        in_order(&text, &["an alert that could not be read", "NOT SEEN"]);
    }
}

#[tokio::test]
async fn with_every_source_read_nothing_is_missing() {
    let mut event = event("final");
    event["state"]["evidence"][2]["gaps"] = json!([]);
    assert!(text(event).await.contains("Nothing: every source answered."));
}

#[tokio::test]
async fn a_model_that_finds_it_inconclusive_lowers_the_level_and_is_quoted_as_doubt() {
    let mut event = event("final");
    event["state"]["analysis"]["outcome"] = json!("inconclusive");
    event["state"]["analysis"]["confidence"] = json!({"level": "LOW", "number": 0.4, "reasons": []});
    in_order(&text(event).await, &["ROOT CAUSE — LOW (0.40)", "found it inconclusive"]);
}

#[tokio::test]
async fn hostile_text_is_neutral_in_blocks_and_text() {
    let mut event = event("final");
    event["state"]["analysis"]["root_cause"][0]["text"] =
        json!("<!channel> see <https://evil.example|this> `rm` \u{1b}[2J\u{202e}password=hunter2hunter2");
    let brief = brief(Settings::default(), event).await;
    let all = serde_json::to_string(&brief).unwrap();
    assert!(!serde_json::to_string(&brief.blocks).unwrap().contains("<!channel>"));
    for hidden in ["\\u001b", "\u{202e}", "hunter2hunter2", "<https://evil"] {
        let place = if hidden == "<https://evil" {
            serde_json::to_string(&brief.blocks).unwrap()
        } else {
            all.clone()
        };
        assert!(!place.contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn a_brief_of_any_length_keeps_its_budget() {
    let mut event = event("final");
    let out = event["state"]["weighed"]["ruled_out"][0].clone();
    event["state"]["weighed"]["ruled_out"] = json!(vec![out; 300]);
    let brief = brief(Settings::default(), event).await;
    assert!(incident::size::of(&brief) <= incident::size::BRIEF, "{}", incident::size::of(&brief));
    assert!(brief.text.contains("ROOT CAUSE"));
}

#[tokio::test]
async fn the_announcement_is_replaced_by_the_brief() {
    let slack = slack::Fake::start(vec![
        (200, "", json!({"ok": true, "channel": "C1", "ts": "1761271570.000100"})),
        (200, "", json!({"ok": true, "channel": "C1", "ts": "1761271570.000100"})),
    ]);
    let announced = announcement(slack.settings()).await;
    assert_eq!(announced.ts.as_deref(), Some("1761271570.000100"));
    let mut event = event("final");
    event["state"]["announcement"] = serde_json::to_value(&announced).unwrap();
    let brief = brief(slack.settings(), event).await;
    assert_eq!((brief.posted, brief.channel.as_deref()), (Posted::Slack, Some("C1")));
    let sent = slack.sent();
    assert_eq!(sent[0].0, "/chat.postMessage");
    assert_eq!(
        (sent[0].1["channel"].as_str(), sent[0].1["unfurl_links"].as_bool()),
        (Some("incidents"), Some(false))
    );
    assert_eq!(sent[1].0, "/chat.update");
    assert_eq!(
        (sent[1].1["channel"].as_str(), sent[1].1["ts"].as_str()),
        (Some("C1"), Some("1761271570.000100"))
    );
}

#[tokio::test]
async fn a_refusal_with_status_200_is_a_gap_and_the_brief_is_still_returned() {
    let slack = slack::Fake::start(vec![(200, "", json!({"ok": false, "error": "token_revoked"}))]);
    let brief = brief(slack.settings(), event("draft")).await;
    assert_eq!(brief.posted, Posted::Failed);
    assert!(brief.gap.unwrap().sentence.contains("token_revoked"));
    assert!(brief.text.contains("ROOT CAUSE"));
}

#[tokio::test]
async fn the_alert_alone_that_is_not_posted_is_a_fault_with_a_name() {
    let slack = slack::Fake::start(vec![(200, "", json!({"ok": false, "error": "token_revoked"}))]);
    let input: Input = serde_json::from_value(event("alone")).unwrap();
    let function = BriefFunction::new(&slack.settings()).await.unwrap();
    let fault = function.handle(input).await.unwrap_err();
    assert_eq!(fault.name, host::fault::NOT_POSTED);
    assert!(fault.message.contains("token_revoked"), "{fault}");
}

#[tokio::test]
async fn what_the_rule_on_failed_executions_sends_is_read() {
    let text = text(event("failed-execution")).await;
    in_order(&text, &["prod-postgres-primary: CPU 95 %", "THE INVESTIGATION FAILED"]);
}

#[tokio::test]
async fn refused_blocks_are_posted_as_text_once() {
    for error in ["invalid_blocks", "msg_blocks_too_long"] {
        let refusal = (200, "", json!({"ok": false, "error": error}));
        let slack = slack::Fake::start(vec![
            refusal.clone(),
            (200, "", json!({"ok": true, "channel": "C1", "ts": "2.0"})),
        ]);
        let posted = brief(slack.settings(), event("final")).await;
        assert_eq!((posted.posted, slack.sent().len()), (Posted::Slack, 2));
        let (_, second) = &slack.sent()[1];
        assert_eq!(second["blocks"], json!([]));
        assert!(second["text"].as_str().unwrap().contains("RECOMMENDED ACTIONS"));

        let slack = slack::Fake::start(vec![refusal.clone(), refusal.clone(), refusal]);
        assert_eq!(brief(slack.settings(), event("final")).await.posted, Posted::Failed);
        assert_eq!(slack.sent().len(), 2);
    }
}

#[tokio::test]
async fn a_deleted_announcement_is_posted_afresh() {
    let slack = slack::Fake::start(vec![
        (200, "", json!({"ok": false, "error": "message_not_found"})),
        (200, "", json!({"ok": true, "channel": "C1", "ts": "2.0"})),
    ]);
    let mut event = event("draft");
    event["state"]["announcement"] = json!({"posted": "slack", "channel": "C1", "ts": "1.0"});
    assert_eq!(brief(slack.settings(), event).await.ts.as_deref(), Some("2.0"));
    assert_eq!(slack.sent()[1].0, "/chat.postMessage");
}

#[tokio::test]
async fn a_throttled_post_is_repeated_once_and_a_failed_one_never() {
    let slack = slack::Fake::start(vec![
        (429, "Retry-After: 0\r\n", json!({"ok": false})),
        (200, "", json!({"ok": true, "channel": "C1", "ts": "2.0"})),
    ]);
    assert_eq!(announcement(slack.settings()).await.posted, Posted::Slack);
    let slack = slack::Fake::start(vec![(500, "", json!({})), (200, "", json!({"ok": true}))]);
    assert_eq!(announcement(slack.settings()).await.posted, Posted::Failed);
    assert_eq!(slack.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slack_that_stalls_is_a_gap() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let announced = announcement(slack::settings(&listener)).await;
    assert_eq!(announced.posted, Posted::Failed);
    assert!(announced.gap.unwrap().sentence.contains("did not answer in time"));
}

fn weighed(verdict: Value) -> Value {
    let mut event = event("draft");
    event["state"]["weighed"]["verdict"] = verdict;
    event
}

#[tokio::test]
async fn a_healthy_verdict_says_why_and_names_no_culprit() {
    let mut event =
        weighed(json!({"outcome": "healthy", "reason": "CPU is at 41 %, within its limit of 80 %."}));
    for key in ["root_cause", "hypotheses", "actions", "matches"] {
        event["state"]["weighed"][key] = json!([]);
    }
    let text = text(event).await;
    in_order(
        &text,
        &["ROOT CAUSE — NOTHING IS WRONG NOW", "CPU is at 41 %, within its limit of 80 %.", "NOT SEEN"],
    );
    assert!(!text.contains("RECOMMENDED ACTIONS") && !text.contains("regression"), "{text}");
}

#[tokio::test]
async fn an_inconclusive_verdict_says_why() {
    let event = weighed(json!({"outcome": "inconclusive", "reason": "No source could be read."}));
    in_order(&text(event).await, &["ROOT CAUSE — INCONCLUSIVE", "No source could be read."]);
}

#[tokio::test]
async fn several_leading_causes_are_counted() {
    let event = weighed(json!({"outcome": "causes", "leading": ["h1", "h2"]}));
    assert!(text(event).await.contains("ROOT CAUSE (2 INDEPENDENT FAULTS) — HIGH (0.87)"));
}

#[tokio::test]
async fn a_source_that_is_missing_whole_says_once_what_it_would_tell() {
    let mut event = event("draft");
    let gap = json!({"what": "Cloudflare", "status": "timeout", "sentence": "Cloudflare did not answer."});
    event["state"]["evidence"][3] =
        json!({"version": 1, "source": "cloudflare", "status": "timeout", "gaps": [gap]});
    let tells = json!({"what": "Cloudflare", "would_tell": "whether an attack stands behind it"});
    event["state"]["weighed"]["missing"] = json!([tells]);
    let text = text(event).await;
    in_order(
        &text,
        &[
            "Cloudflare: not read (timed out)",
            "NOT SEEN",
            "Cloudflare did not answer. It would tell whether an attack stands behind it.",
        ],
    );
    assert_eq!(text.matches("Cloudflare did not answer").count(), 1);
}

#[tokio::test]
async fn of_a_replica_only_its_lag_is_shown_and_a_backup_is_no_news() {
    let mut event = event("draft");
    let findings = event["state"]["evidence"][0]["findings"].as_array_mut().unwrap();
    let mut own = findings[1].clone();
    own["id"] = json!("aws-90");
    own["object"]["name"] = json!("prod-postgres-replica-1");
    own["fact"]["last"] = json!(63.6);
    let mut backup = own.clone();
    backup["id"] = json!("aws-91");
    backup["object"]["name"] = json!("prod-postgres-primary");
    backup["fact"] =
        json!({"kind": "database_event", "message": "Backing up DB instance", "categories": ["backup"]});
    let mut failover = backup.clone();
    failover["id"] = json!("aws-92");
    failover["fact"]["message"] = json!("Multi-AZ failover completed");
    failover["fact"]["categories"] = json!(["failover"]);
    findings.extend([own, backup, failover]);
    let text = text(event).await;
    in_order(&text, &["RDS prod-postgres-primary:", "replica lag 2.1 s", "Multi-AZ failover completed"]);
    assert!(!text.contains("63.6") && !text.contains("Backing up"), "{text}");
}

#[tokio::test]
async fn an_answer_that_could_not_be_read_is_not_said_to_contradict_the_evidence() {
    let mut event = event("final");
    event["state"]["analysis"]["outcome"] = json!("rejected");
    assert!(text(event.clone()).await.contains("did not match the evidence"));
    event["state"]["analysis"]["gaps"] =
        json!([{"what": "model", "status": "unavailable", "sentence": "Claude's answer was cut short."}]);
    let text = text(event).await;
    assert!(text.contains("could not be read") && !text.contains("did not match"), "{text}");
}

#[tokio::test]
async fn a_source_that_answered_with_nothing_was_read() {
    let mut event = event("final");
    event["state"]["evidence"][2]["findings"] = json!([]);
    event["state"]["evidence"][2]["status"] = json!("partial");
    in_order(&text(event).await, &["Datadog: answered, and holds nothing for this incident | 1 of 4 calls"]);
}

#[tokio::test]
async fn no_commit_is_named_that_the_diagnosis_does_not_name() {
    let mut event = event("final");
    assert!(text(event.clone()).await.contains("| a3f91b2 “"));
    event["state"]["weighed"]["root_cause"] = json!([]);
    assert!(!text(event).await.contains("| a3f91b2 “"));
}

#[tokio::test]
async fn an_order_that_cannot_be_told_is_not_told_in_the_live_state() {
    let mut event = event("final");
    for moment in event["state"]["weighed"]["timeline"].as_array_mut().unwrap() {
        moment["offset_s"] = Value::Null;
    }
    in_order(&text(event).await, &["game-api rolled out v3.41.0 at 02:11 UTC, was v3.40.9"]);
}

#[tokio::test]
async fn an_alert_that_shows_no_onset_gets_none() {
    let mut event = event("draft");
    event["state"]["weighed"]["onset"] = Value::Null;
    let text = text(event).await;
    assert!(!text.contains("(onset ") && !text.contains("before the onset)"), "{text}");
}

#[tokio::test]
async fn a_rollout_of_the_same_version_is_told_by_its_revision_and_its_difference() {
    let mut event = event("final");
    let findings = event["state"]["evidence"][1]["findings"].as_array_mut().unwrap();
    let at = findings.iter().position(|finding| finding["id"] == "kubernetes-1").unwrap();
    findings[at]["fact"]["previous_version"] = findings[at]["fact"]["version"].clone();
    let mut diff = findings[at].clone();
    diff["id"] = json!("kubernetes-90");
    diff["fact"] = json!({"kind": "template_diff", "changes": [
        {"path": "containers.api.resources.limits.memory", "from": "1Gi", "to": "256Mi"}]});
    findings.push(diff);
    in_order(
        &text(event).await,
        &[
            "rolled out revision 42 of the same version v3.41.0 at 02:11 UTC",
            "changed containers.api.resources.limits.memory from 1Gi to 256Mi",
            "kubernetes-90",
        ],
    );
}

#[tokio::test]
async fn a_section_without_lines_says_so_unless_all_is_well() {
    let mut event = weighed(json!({"outcome": "inconclusive", "reason": "Nothing was shown."}));
    for key in ["root_cause", "hypotheses", "actions", "ruled_out"] {
        event["state"]["weighed"][key] = json!([]);
    }
    in_order(&text(event).await, &["RECOMMENDED ACTIONS None.", "RULED OUT None."]);
}
