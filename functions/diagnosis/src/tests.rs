//! The engine over small whole stories.

mod calibrated;
mod cluster;
mod crowds;
mod fuzz;
mod honesty;
mod story;
mod vendors;

use incident::diagnosis::MatchKind;
use incident::fact::{CodeChange, Commit, DatabaseEvent, DatabaseLoad, Hunk, LoadShare, NodeState};
use incident::{
    Action, Cause, Corpus, Diagnosis, Fact, Level, Object, ObjectKind, ProposedAction, Source, State,
    Verdict, size,
};

use crate::{catalogue, causes_markdown, diagnose, weigh};
use story::{Story, database, deployment, minutes, running, step, waiting};

/// CPU and connections of a database saturate two minutes after a rollout of the service that uses it; another service was
/// deployed an hour before, a node was noisy, the edge was quiet.
fn regression(alert: &str, rollout: i64) -> Story {
    let mut story = Story::new(alert);
    story.title = "CPU high on orders-db".into();
    story.metric = Some("aws.rds.cpuutilization".into());
    story.threshold = Some(80.0);
    story.subject.databases = vec!["orders-db".into()];
    story.subject.services = vec!["checkout".into()];
    story.subject.workloads = vec![deployment("checkout")];
    story
        .series(Source::Aws, database("orders-db"), "AWS/RDS CPUUtilization", &step(-1, 41.0, 95.0))
        .series(Source::Aws, database("orders-db"), "AWS/RDS DatabaseConnections", &step(-1, 230.0, 482.0))
        .series(Source::Aws, database("orders-replica"), "AWS/RDS ReplicaLag", &minutes(-54, 6, |_| 2.1))
        .max_connections("orders-db", 500.0)
        .rollout(rollout, deployment("checkout"), "v3.41.0", "v3.40.9")
        .rollout(-54, deployment("mailer"), "v1.18.2", "v1.18.1")
        .workload(deployment("checkout"), 1, 1)
        .pod("checkout-6d4-aaaaa", deployment("checkout"), -3, running("checkout:v3.41.0"))
        .event(Object::new(ObjectKind::Node, "node-3"), "SystemOOM", "killed something else", 4, -20)
        .quiet_edge();
    story
}

fn with_knowledge(mut story: Story) -> Story {
    story
        .passage(
            Corpus::Runbooks,
            "RDS Connection Exhaustion — orders-db",
            "wiki/orders-db",
            1,
            "Keep the pool cap at 400 connections in all.\nSet DB_POOL_MAX=80 per pod.",
        )
        .passage(
            Corpus::Incidents,
            "INC-2023-011 Checkout release saturated orders-db",
            "incidents/inc-2023-011.md",
            1,
            "A release of checkout drove CPU and connections of orders-db up.\nResolution: rolled back, then\n\
             CREATE INDEX CONCURRENTLY idx_lines_order ON order_lines (order_id, price DESC);",
        )
        .passage(
            Corpus::Incidents,
            "INC-2023-012 Search release filled its disk",
            "incidents/inc-2023-012.md",
            1,
            "A release of search wrote too many logs. Resolution: CREATE INDEX idx_wrong ON wrong (wrong);",
        )
        .passage(
            Corpus::Terraform,
            "rds.tf",
            "infra/rds.tf",
            30,
            "resource \"aws_db_parameter_group\" \"orders\" {\n  name = \"orders-db-params\"\n  parameter {\n    name  = \
             \"max_connections\"\n    value = \"500\"\n  }\n}",
        )
        .passage(
            Corpus::SourceCode,
            "lines.go",
            "internal/lines/lines.go",
            200,
            "func Top(ctx context.Context) {\n}",
        )
        .passage(
            Corpus::Runbooks,
            "Event calendar",
            "wiki/calendar",
            1,
            "| Night sale | 02:00–03:00 UTC | daily |",
        )
        .code(CodeChange {
            repository: "shop/checkout".into(),
            from: "v3.40.9".into(),
            to: "v3.41.0".into(),
            commits: vec![Commit { sha: "a1b2c3d".into(), subject: "lines: rank".into(), author: Some("Ada".into()) }],
            files: vec!["internal/lines/lines.go".into()],
            hunks: vec![Hunk {
                path: "internal/lines/lines.go".into(),
                line: 205,
                text: " func Top() {\n+\trows := db.QueryContext(ctx, `SELECT * FROM order_lines ORDER BY price DESC`)\n }".into(),
                matched: "order_lines".into(),
            }],
            ..Default::default()
        });
    story
}

const NIGHT: &str = "2026-03-04T02:14:00Z";

fn cleared<'a>(diagnosis: &'a Diagnosis, name: &str) -> Option<&'a str> {
    diagnosis.ruled_out.iter().find(|r| r.object.name == name).map(|r| r.reason.as_str())
}

fn lead(diagnosis: &Diagnosis) -> (Cause, &str, Level) {
    let lead = diagnosis.leading().next().unwrap_or_else(|| panic!("nothing leads: {:?}", diagnosis.verdict));
    (lead.cause, &lead.culprit.name, lead.level)
}

/// What must hold of every diagnosis.
fn sound(state: &State, diagnosis: &Diagnosis) {
    assert!(size::of(diagnosis) <= size::DIAGNOSIS);
    let known = |id: &String| state.finding(id).is_some();
    for hypothesis in &diagnosis.hypotheses {
        assert!((0.0..=0.97).contains(&hypothesis.confidence));
        for feature in &hypothesis.features {
            assert!(feature.weight.is_finite());
            assert!(feature.evidence.iter().all(known), "{feature:?}");
            assert!(
                catalogue::allows(hypothesis.cause, &feature.name),
                "{} of {:?}",
                feature.name,
                hypothesis.cause
            );
        }
    }
    for ruled in &diagnosis.ruled_out {
        assert!(!ruled.evidence.is_empty() && ruled.evidence.iter().all(known), "{ruled:?}");
    }
    for claim in &diagnosis.root_cause {
        assert!(!(claim.evidence.is_empty() && claim.passages.is_empty()), "{claim:?}");
        assert!(claim.passages.iter().all(|id| state.passage(id).is_some()));
    }
    assert!(diagnosis.timeline.is_sorted_by_key(|m| m.at));
    grounded(state, diagnosis);
    let again: Diagnosis = serde_json::from_value(serde_json::to_value(diagnosis).unwrap()).unwrap();
    assert_eq!(&again, diagnosis);
}

/// What code says of itself must pass the check that a model's words have to pass.
fn grounded(state: &State, diagnosis: &Diagnosis) {
    let state = State { weighed: Some(diagnosis.clone()), ..state.clone() };
    let checked = grounding::check_all(&diagnosis.root_cause, &state);
    assert!(checked.struck.is_empty(), "{:?}", checked.struck);
}

fn told(story: &Story) -> Diagnosis {
    let state = story.state();
    let diagnosis = diagnose(&state);
    sound(&state, &diagnosis);
    diagnosis
}

fn weighed(story: &Story) -> Diagnosis {
    let state = story.state();
    let diagnosis = weigh(&state);
    sound(&state, &diagnosis);
    diagnosis
}

#[test]
fn a_rollout_that_precedes_touches_and_is_followed_by_symptoms_is_the_cause() {
    let diagnosis = told(&regression(NIGHT, -3));
    assert_eq!(lead(&diagnosis), (Cause::RegressionByDeploy, "checkout", Level::High));
    let Action::RollBack { to_revision, to_version, .. } = &diagnosis.actions[0].action else { panic!() };
    assert_eq!((*to_revision, to_version.as_deref()), (Some(41), Some("v3.40.9")));
    let symptoms: Vec<_> = diagnosis.hypotheses.iter().skip(1).map(|h| h.cause).collect();
    assert!(symptoms.contains(&Cause::DatabaseCpu) && symptoms.contains(&Cause::DatabaseConnections));
    assert_eq!(
        diagnosis.root_cause[0].text,
        "checkout v3.41.0 (before: v3.40.9) was rolled out at 02:11 UTC, 2 min before CPU of orders-db began to climb."
    );
    assert_eq!(
        diagnosis.root_cause[1].text,
        "CPU of orders-db rose from 41.4 % to 95 %, connections rose from 232 to 482 of 500."
    );
}

#[test]
fn the_losers_an_engineer_would_suspect_are_named_with_their_reasons() {
    let diagnosis = told(&regression(NIGHT, -3));
    let causes: Vec<_> = diagnosis.ruled_out.iter().filter_map(|r| r.cause).collect();
    for cause in
        [Cause::DdosL7, Cause::OrganicSurge, Cause::CacheCollapse, Cause::ReplicationLag, Cause::NodePressure]
    {
        assert!(causes.contains(&cause), "{cause:?} is missing from {causes:?}");
    }
    assert!(cleared(&diagnosis, "mailer").unwrap().contains("mailer is not known to use orders-db"));
    assert!(cleared(&diagnosis, "node-3").unwrap().contains("1 of 1 replicas of checkout are ready"));
}

#[test]
fn a_rollout_after_the_onset_is_cleared_and_the_database_leads_less_surely() {
    let diagnosis = told(&regression(NIGHT, 2));
    let (cause, culprit, level) = lead(&diagnosis);
    assert_eq!((cause, culprit), (Cause::DatabaseCpu, "orders-db"));
    assert!(level < Level::High);
    assert!(
        cleared(&diagnosis, "checkout").unwrap().contains("02:16 UTC, 3 min after the onset at 02:13 UTC")
    );
    assert!(!diagnosis.actions.iter().any(|a| matches!(a.action, Action::RollBack { .. })));
}

#[test]
fn the_verdict_flips_at_the_onset() {
    for rollout in -10..=6 {
        let diagnosis = told(&regression(NIGHT, rollout));
        let (cause, _, level) = lead(&diagnosis);
        match rollout {
            ..-1 => assert_eq!((cause, level), (Cause::RegressionByDeploy, Level::High), "{rollout}"),
            -1 => assert!(level < Level::High, "{rollout}"),
            _ => assert_eq!(cause, Cause::DatabaseCpu, "{rollout}"),
        }
    }
}

/// The document with every name replaced, as text.
fn renamed(state: &State) -> State {
    let mut text = serde_json::to_string(state).unwrap();
    for (old, new) in
        [("orders-", "zz9-"), ("checkout", "quux"), ("mailer", "corge"), ("node-", "box-"), ("shop", "ns1")]
    {
        text = text.replace(old, new);
    }
    serde_json::from_str(&text).unwrap()
}

fn shape(diagnosis: &Diagnosis) -> (Verdict, Vec<(Cause, f64)>, usize, usize) {
    let causes = diagnosis.hypotheses.iter().map(|h| (h.cause, h.confidence)).collect();
    (diagnosis.verdict.clone(), causes, diagnosis.ruled_out.len(), diagnosis.timeline.len())
}

#[test]
fn renamed_or_shifted_in_time_the_story_is_the_same() {
    let story = with_knowledge(regression(NIGHT, -3));
    let renamed = renamed(&story.state());
    assert_eq!(shape(&diagnose(&renamed)), shape(&told(&story)));
    assert_eq!(shape(&weigh(&renamed)), shape(&weighed(&story)));
    for alert in ["2025-12-31T23:59:00Z", "2027-07-01T12:00:00Z"] {
        assert_eq!(shape(&told(&regression(alert, -3))), shape(&told(&regression(NIGHT, -3))), "{alert}");
    }
}

#[test]
fn findings_in_another_order_tell_the_same() {
    let mut state = regression(NIGHT, -3).state();
    state.evidence.reverse();
    state.evidence.iter_mut().for_each(|e| e.findings.reverse());
    assert_eq!(shape(&diagnose(&state)), shape(&told(&regression(NIGHT, -3))));
}

#[test]
fn without_a_source_nothing_wrong_is_said_surely() {
    for source in Source::COLLECTED {
        let mut story = regression(NIGHT, -3);
        let diagnosis = told(story.without(source));
        assert!(diagnosis.missing.iter().any(|m| m.what == source.title()), "{source}");
        for leading in diagnosis.leading() {
            assert!(
                leading.cause == Cause::RegressionByDeploy || leading.level < Level::High,
                "without {source}: {leading:?}"
            );
        }
        assert!(!diagnosis.simple, "{source}");
    }
}

#[test]
fn without_any_source_the_answer_is_inconclusive() {
    let mut story = regression(NIGHT, -3);
    Source::COLLECTED.into_iter().for_each(|s| {
        story.without(s);
    });
    let diagnosis = told(&story);
    assert!(matches!(diagnosis.verdict, Verdict::Inconclusive { .. }));
    assert!(diagnosis.actions.is_empty() && diagnosis.ruled_out.is_empty());
}

#[test]
fn knowledge_adds_the_mechanism_the_matches_and_the_actions() {
    let story = with_knowledge(regression(NIGHT, -3));
    let (before, after) = (told(&story), weighed(&story));
    assert!(after.confidence.number > before.confidence.number);
    let kinds: Vec<_> = after.matches.iter().map(|m| m.kind).collect();
    assert_eq!(
        kinds,
        [
            MatchKind::Runbook,
            MatchKind::PastIncident,
            MatchKind::Terraform,
            MatchKind::Source,
            MatchKind::Calendar
        ]
    );
    assert_eq!(after.matches[1].reference.as_deref(), Some("INC-2023-011"));
    assert_eq!(after.matches[2].says, "max_connections = 500, live 500; the runbook recommends 400");
    assert_eq!(after.matches[0].says, "recommends at most 400 connections in all (DB_POOL_MAX=80)");
    let places: Vec<_> = after.matches[2..4].iter().map(|m| m.place.as_deref()).collect();
    assert_eq!(places, [Some("infra/rds.tf:33"), Some("internal/lines/lines.go:206")]);
    let titles: Vec<_> = after.actions.iter().map(|a| a.action.title()).collect();
    assert_eq!(
        titles,
        [
            "Roll back checkout to v3.40.9",
            "Add the index on order_lines (order_id, price DESC)",
            "Set DB_POOL_MAX=80 for checkout"
        ]
    );
    assert!(after.root_cause.iter().any(|c| c.text.contains("a1b2c3d by Ada")));
}

#[test]
fn a_cap_is_read_in_the_runbook_and_never_in_a_post_mortem() {
    let mut story = regression(NIGHT, -3);
    story.passage(
        Corpus::Incidents,
        "INC-2023-011 Checkout release saturated orders-db",
        "incidents/inc-2023-011.md",
        1,
        "A release of checkout drove CPU and connections of orders-db up.\nDB_POOL_MAX=500 exhausted it.",
    );
    let alone = weighed(&story);
    assert_eq!(alone.matches[0].kind, MatchKind::PastIncident);
    assert!(
        !alone.actions.iter().any(|a| matches!(a.action, Action::SetConfig { .. })),
        "{:?}",
        alone.actions
    );
    let both = weighed(&with_knowledge(story));
    let caps: Vec<_> = both.actions.iter().map(|a| a.action.title()).filter(|t| t.contains("POOL")).collect();
    assert_eq!(caps, ["Set DB_POOL_MAX=80 for checkout"]);
}

fn index(diagnosis: &Diagnosis) -> Option<&ProposedAction> {
    diagnosis.actions.iter().find(|a| matches!(a.action, Action::CreateIndex { .. }))
}

#[test]
fn an_index_is_proposed_on_a_table_that_the_evidence_names() {
    let story = with_knowledge(regression(NIGHT, -3));
    assert_eq!(index(&weighed(&story)).unwrap().evidence, ["github-1"]);
    let mut state = story.state();
    let text = serde_json::to_string(&state.knowledge.as_ref().unwrap().findings).unwrap();
    let elsewhere = text.replace("order_lines", "order_lines_archive");
    state.knowledge.as_mut().unwrap().findings = serde_json::from_str(&elsewhere).unwrap();
    assert_eq!(index(&weigh(&state)), None);
}

#[test]
fn an_index_is_proposed_for_postgresql_alone() {
    let instance = |engine: &str| {
        let fact =
            serde_json::json!({ "kind": "database_instance", "engine": engine, "status": "available" });
        serde_json::from_value::<Fact>(fact).unwrap()
    };
    for (engine, proposed) in [("postgres", true), ("aurora-postgresql", true), ("aurora-mysql", false)] {
        let mut story = with_knowledge(regression(NIGHT, -3));
        let mut tagged = story.state();
        tagged.alert.tags = vec![format!("engine:{engine}")];
        assert_eq!(index(&weigh(&tagged)).is_some(), proposed, "tag {engine}");
        story.fact(Source::Aws, 6, database("orders-db"), instance(engine));
        assert_eq!(index(&weighed(&story)).is_some(), proposed, "{engine}");
    }
}

#[test]
fn actions_that_the_catalog_does_not_allow_are_not_proposed() {
    let mut story = with_knowledge(regression(NIGHT, -3));
    story.subject.allowed_actions = vec!["roll_back".into(), "create_index".into()];
    let titles: Vec<_> = weighed(&story).actions.iter().map(|a| a.action.title()).collect();
    assert_eq!(
        titles,
        ["Roll back checkout to v3.40.9", "Add the index on order_lines (order_id, price DESC)"]
    );
}

#[test]
fn distractors_raise_nothing() {
    let mut story = regression(NIGHT, -3);
    story
        .passage(
            Corpus::Incidents,
            "INC-2022-001 Search release",
            "i/1.md",
            1,
            "A release of search raised CPU and connections of search-db.",
        )
        .passage(Corpus::SourceCode, "other.go", "internal/other.go", 1, "db.Query(`SELECT 1`)")
        .passage(
            Corpus::Terraform,
            "other.tf",
            "infra/other.tf",
            1,
            "resource \"aws_db_instance\" \"search\" {}",
        );
    let (before, after) = (told(&story), weighed(&story));
    assert_eq!(before.confidence.number, after.confidence.number);
    assert!(after.matches.is_empty(), "{:?}", after.matches);
}

#[test]
fn a_quiet_database_is_healthy_and_nothing_is_proposed() {
    let mut story = Story::new(NIGHT);
    story.metric = Some("aws.rds.cpuutilization".into());
    story.threshold = Some(80.0);
    story.subject.databases = vec!["orders-db".into()];
    story
        .series(
            Source::Aws,
            database("orders-db"),
            "AWS/RDS CPUUtilization",
            &minutes(-54, 6, |m| 18.0 + (m.rem_euclid(4)) as f64),
        )
        .quiet_edge();
    let diagnosis = told(&story);
    assert!(matches!(diagnosis.verdict, Verdict::Healthy { .. }), "{:?}", diagnosis.verdict);
    assert!(diagnosis.actions.is_empty() && diagnosis.root_cause.is_empty());
}

#[test]
fn other_series_do_not_stand_in_for_the_one_the_alert_watches() {
    let mut story = Story::new(NIGHT);
    story.metric = Some("aws.rds.replica_lag".into());
    story.subject.databases = vec!["orders-db".into()];
    story.series(Source::Aws, database("orders-db"), "AWS/RDS CPUUtilization", &minutes(-54, 6, |_| 18.0));
    let diagnosis = told(&story);
    assert!(matches!(diagnosis.verdict, Verdict::Inconclusive { .. }), "{:?}", diagnosis.verdict);
}

#[test]
fn what_is_over_is_said_to_be_over() {
    let mut story = Story::new(NIGHT);
    story.metric = Some("aws.rds.cpuutilization".into());
    story.subject.databases = vec!["orders-db".into()];
    let spike = minutes(-54, 6, |m| if (-20..-10).contains(&m) { 97.0 } else { 30.0 });
    story.series(Source::Aws, database("orders-db"), "AWS/RDS CPUUtilization", &spike);
    let Verdict::Healthy { reason } = told(&story).verdict else { panic!() };
    assert!(reason.contains("97 %") && reason.contains("01:54 UTC"), "{reason}");
}

/// Two pods of a new ReplicaSet cannot pull their image, the old pod runs on.
fn image_pull() -> Story {
    let mut story = Story::new("2026-03-04T10:34:00Z");
    story.title = "ImagePullBackOff — checkout".into();
    story.subject.services = vec!["checkout".into()];
    story.subject.workloads = vec![deployment("checkout")];
    let stuck =
        || waiting("ImagePullBackOff", "checkout:v2-bad", "Back-off pulling image \"checkout:v2-bad\"");
    let pod = Object::namespaced(ObjectKind::Pod, "shop", "checkout-9c1-aaaaa");
    story
        .workload(deployment("checkout"), 1, 3)
        .pod("checkout-9c1-aaaaa", deployment("checkout"), -4, stuck())
        .pod("checkout-9c1-bbbbb", deployment("checkout"), -4, stuck())
        .pod("checkout-7f9-ccccc", deployment("checkout"), -5000, running("checkout:v1"))
        .event(pod, "Failed", "Failed to pull image \"checkout:v2-bad\": manifest unknown", 7, -4);
    story
}

#[test]
fn an_image_that_cannot_be_pulled_names_workload_and_image() {
    let diagnosis = told(&image_pull());
    let (cause, culprit, _) = lead(&diagnosis);
    assert_eq!((cause, culprit), (Cause::ImagePull, "checkout"));
    assert!(
        diagnosis
            .root_cause
            .iter()
            .any(|c| c.text.contains("checkout:v2-bad") && c.text.contains("manifest unknown"))
    );
    assert!(diagnosis.actions.is_empty(), "no rollout was seen, so nothing to return to is known");
}

#[test]
fn with_its_rollout_seen_the_image_pull_is_rolled_back() {
    let mut story = image_pull();
    let diagnosis = told(story.rollout(-5, deployment("checkout"), "v2-bad", "v1"));
    assert_eq!(lead(&diagnosis), (Cause::ImagePull, "checkout", Level::High));
    assert!(matches!(&diagnosis.actions[0].action, Action::RollBack { to_revision: Some(41), .. }));
    assert!(!diagnosis.hypotheses.iter().any(|h| h.cause == Cause::RegressionByDeploy));
}

#[test]
fn a_pod_of_an_older_replica_set_is_a_leftover_not_a_failure() {
    let mut story = Story::new(NIGHT);
    story.subject.workloads = vec![deployment("checkout")];
    story
        .workload(deployment("checkout"), 1, 1)
        .pod(
            "checkout-6c4-old",
            deployment("checkout"),
            -9000,
            waiting("CrashLoopBackOff", "checkout:v1", "back-off"),
        )
        .pod("checkout-7f9-new", deployment("checkout"), -40, running("checkout:v2"));
    let diagnosis = told(&story);
    assert!(matches!(diagnosis.verdict, Verdict::Healthy { .. }), "{:?}", diagnosis.verdict);
    assert!(cleared(&diagnosis, "checkout-6c4-old").unwrap().contains("old ReplicaSet"));
}

/// Connections climb to their limit while sessions idle; CPU rises a little; no change was seen.
fn exhaustion() -> Story {
    let mut story = Story::new("2026-03-04T12:00:00Z");
    story.title = "Connection Exhaustion On orders-db".into();
    story.subject.databases = vec!["orders-db".into()];
    let load = DatabaseLoad {
        total: 7.2,
        sql: vec![LoadShare { name: "BEGIN; SELECT 1".into(), load: 6.2, ..LoadShare::default() }],
        waits: vec![
            LoadShare { name: "Client:ClientRead".into(), load: 5.8, ..LoadShare::default() },
            LoadShare { name: "CPU".into(), load: 0.7, ..LoadShare::default() },
        ],
        ..DatabaseLoad::default()
    };
    let event = DatabaseEvent {
        message:
            "DB instance orders-db is approaching max_connections limit. Current connections: 469 of 500."
                .into(),
        categories: vec!["notification".into()],
    };
    let climb = minutes(-10, 4, |m| 494.0 - f64::from((4 - m as i32).pow(2)) * 0.9);
    story
        .series(Source::Aws, database("orders-db"), "AWS/RDS DatabaseConnections", &climb)
        .series(
            Source::Aws,
            database("orders-db"),
            "AWS/RDS CPUUtilization",
            &minutes(-10, 4, |m| if m < -6 { 18.0 } else { 50.0 }),
        )
        .fact(Source::Aws, -2, database("orders-db"), Fact::DatabaseEvent(event))
        .fact(Source::Aws, 4, database("orders-db"), Fact::DatabaseLoad(load));
    story
}

#[test]
fn exhausted_connections_without_a_guilty_change_blame_the_instance_and_not_its_processor() {
    let mut story = exhaustion();
    let diagnosis =
        told(story.without(Source::Kubernetes).without(Source::Datadog).without(Source::Cloudflare));
    let (cause, culprit, _) = lead(&diagnosis);
    assert_eq!((cause, culprit), (Cause::DatabaseConnections, "orders-db"));
    let cpu = diagnosis.ruled_out.iter().find(|r| r.cause == Some(Cause::DatabaseCpu)).unwrap();
    assert!(cpu.reason.contains("50 %") && cpu.reason.contains("not saturated"), "{}", cpu.reason);
    assert!(diagnosis.root_cause.iter().any(|c| c.text.contains("Client:ClientRead")));
}

#[test]
fn an_unrelated_deploy_and_noisy_events_change_nothing() {
    let mut story = exhaustion();
    let before = told(&story);
    story.rollout(-12, deployment("mailer"), "v9", "v8");
    story.subject.services = vec!["checkout".into()];
    for i in 0..30 {
        story.event(Object::new(ObjectKind::Node, format!("node-{i}")), "Rebooted", "noise", 1, -30);
    }
    let after = told(&story);
    assert_eq!(lead(&before), lead(&after));
    assert!(cleared(&after, "mailer").is_some());
}

#[test]
fn a_lost_node_that_hosts_the_pods_is_the_cause_and_one_that_does_not_is_not() {
    let lost = |node: &str| {
        let mut story = Story::new(NIGHT);
        story.subject.workloads = vec![deployment("checkout")];
        let state = NodeState::default();
        story
            .workload(deployment("checkout"), 1, 1)
            .pod("checkout-7f9-new", deployment("checkout"), -400, running("checkout:v2"))
            .fact(Source::Kubernetes, 6, Object::new(ObjectKind::Node, node), Fact::Node(state));
        told(&story)
    };
    assert_eq!(lead(&lost("node-1")).0, Cause::NodeDown);
    assert!(cleared(&lost("node-8"), "node-8").unwrap().contains("1 of 1 replicas of checkout are ready"));
}

#[test]
fn simple_is_one_sure_cause_on_the_object_the_alert_names() {
    let mut story = image_pull();
    assert!(told(story.rollout(-5, deployment("checkout"), "v2-bad", "v1")).simple);
    assert!(!told(&regression(NIGHT, -3)).simple, "the culprit is not what the alert names");
    assert!(!told(story.without(Source::Aws)).simple);
}

#[test]
fn the_largest_story_stays_within_its_budget() {
    let mut story = with_knowledge(regression(NIGHT, -3));
    for i in 0..60 {
        let name = format!("service-with-a-rather-long-name-{i}");
        story.rollout(-10 - i, deployment(&name), "v2", "v1");
        story.event(
            Object::namespaced(ObjectKind::Pod, "shop", format!("{name}-pod")),
            "Unhealthy",
            &"probe ".repeat(60),
            9,
            -9,
        );
    }
    told(&story);
    weighed(&story);
}

#[test]
fn hostile_numbers_and_empty_names_never_panic() {
    let text = serde_json::to_string(&with_knowledge(regression(NIGHT, -3)).state()).unwrap();
    let numbers = regex::Regex::new(r":(-?\d+(?:\.\d+)?)([,}\]])").unwrap();
    for replacement in ["0", "-1", "1e308", "-1e308", "4294967295"] {
        let mutated = numbers
            .replace_all(&text, format!(":{replacement}${{2}}").as_str())
            .replace("\"checkout\"", "\"\"");
        if let Ok(state) = serde_json::from_str::<State>(&mutated) {
            for diagnosis in [diagnose(&state), weigh(&state)] {
                assert!(size::of(&diagnosis) <= size::DIAGNOSIS);
                assert!(!serde_json::to_string(&diagnosis).unwrap().contains("\"confidence\":null"));
            }
        }
    }
}

#[test]
fn the_documented_table_of_causes_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/causes.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(page == causes_markdown(), "docs/causes.md should read:\n{}", causes_markdown());
}

#[test]
fn every_sentence_about_the_sample_states_stands_the_check_of_what_was_said() {
    for event in ["evidence", "evidence-and-knowledge"] {
        let path = format!("{}/../../events/diagnose/{event}.json", env!("CARGO_MANIFEST_DIR"));
        let state: State = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let diagnosis = weigh(&state);
        assert!((2..=6).contains(&diagnosis.root_cause.len()), "{:?}", diagnosis.root_cause);
        grounded(&state, &diagnosis);
    }
}

#[test]
fn the_reasons_are_few_and_each_tells_of_another_topic() {
    let reasons = weighed(&with_knowledge(regression(NIGHT, -3))).confidence.reasons;
    let topics: Vec<&str> = reasons.iter().filter_map(|r| r.text.split_once(':').map(|(t, _)| t)).collect();
    let expected = ["Change correlation", "Dependency", "Source code", "History", "Symptoms", "Alternatives"];
    assert_eq!(topics, expected, "{reasons:?}");
    assert_eq!(
        reasons[0].text,
        "Change correlation: checkout v3.41.0 rolled out at 02:11 UTC, 2 min before the onset"
    );
}

#[test]
fn a_little_more_traffic_without_ddos_protection_acting_is_no_attack() {
    let traffic = |requests| {
        let mut state = regression(NIGHT, -3).state();
        let facts = state.evidence.iter_mut().flat_map(|e| &mut e.findings).map(|f| &mut f.fact);
        facts.for_each(|fact| {
            if let Fact::EdgeTraffic(edge) = fact {
                (edge.requests, edge.requests_before) = (requests, Some(100_000));
            }
        });
        let ruled = diagnose(&state).ruled_out.into_iter().find(|r| r.cause == Some(Cause::DdosL7));
        ruled.map(|r| r.reason)
    };
    assert!(traffic(123_000).unwrap().contains("123,000 requests (+23 % on the period before)"));
    assert_eq!(traffic(190_000), None);
}

#[test]
fn what_was_only_cut_for_size_is_not_missing_and_a_failed_call_is() {
    let mut state = regression(NIGHT, -3).state();
    let gap = |what: &str| incident::Gap {
        what: what.to_owned(),
        status: incident::Status::Denied,
        sentence: "unknown".to_owned(),
        error: None,
    };
    let evidence = state.evidence.iter_mut().find(|e| e.source == Source::Aws).unwrap();
    evidence.gaps = vec![gap("AWS findings"), gap("DescribeEvents")];
    evidence.calls.push(incident::Call {
        name: "DescribeEvents".to_owned(),
        status: incident::Status::Denied,
        took_ms: 1,
    });
    let missing: Vec<_> = diagnose(&state).missing.into_iter().map(|m| m.what).collect();
    assert_eq!(missing, ["AWS DescribeEvents"]);
}
