//! What the evidence does not show is not said: an onset nobody saw, an order that cannot be told, a cause cleared by stale figures.

use incident::diagnosis::{MatchKind, MomentKind};
use incident::fact::{DatabaseEvent, DatabaseLoad, EdgeTraffic, FieldChange, LoadShare, TemplateDiff};
use incident::{Cause, Diagnosis, Fact, Level, Source, Verdict};

use super::story::{Story, database, deployment, minutes, step};
use super::{NIGHT, cleared, diagnose, lead, regression, told, weighed, with_knowledge};

/// Connections stand near their limit through the whole window: nothing shows when that began.
fn no_onset(rollout: i64) -> Story {
    let mut story = Story::new(NIGHT);
    story.title = "connections high on orders-db".into();
    story.subject.databases = vec!["orders-db".into()];
    story.subject.workloads = vec![deployment("checkout")];
    story
        .series(
            Source::Aws,
            database("orders-db"),
            "AWS/RDS DatabaseConnections",
            &minutes(-54, 6, |_| 482.0),
        )
        .max_connections("orders-db", 500.0)
        .rollout(rollout, deployment("checkout"), "v2", "v1");
    story
}

fn all_text(diagnosis: &Diagnosis) -> String {
    serde_json::to_string(diagnosis).unwrap()
}

#[test]
fn an_onset_that_nothing_showed_is_not_stated() {
    let diagnosis = told(&no_onset(-20));
    assert_eq!(lead(&diagnosis).0, Cause::RegressionByDeploy);
    assert_eq!(diagnosis.onset, None);
    assert!(diagnosis.timeline.iter().all(|moment| moment.offset_s.is_none()));
    let text = all_text(&diagnosis);
    assert!(text.contains("20 min before the alert"), "{text}");
    assert!(!text.contains("the onset"), "{text}");
    let mut story = no_onset(-20);
    let calendar = "| Night sale | 02:00–03:00 UTC | daily |";
    story.passage(incident::Corpus::Runbooks, "Event calendar", "wiki/calendar", 1, calendar);
    let text = all_text(&weighed(&story));
    assert!(text.contains("alert fired during Night sale") && !text.contains("began during"), "{text}");
}

#[test]
fn a_rollout_after_the_alert_never_leads_even_where_no_onset_was_seen() {
    let diagnosis = told(&no_onset(2));
    assert_eq!(lead(&diagnosis).0, Cause::DatabaseConnections);
    assert!(cleared(&diagnosis, "checkout").unwrap().contains("2 min after the alert at 02:14 UTC"));
}

#[test]
fn an_order_that_cannot_be_told_has_no_offset_and_no_words() {
    let diagnosis = told(&regression(NIGHT, -1));
    let rollout =
        |m: &&incident::diagnosis::Moment| m.kind == MomentKind::Change && m.object == deployment("checkout");
    assert_eq!(diagnosis.timeline.iter().find(rollout).unwrap().offset_s, None);
    let blamed = serde_json::to_string(&(&diagnosis.hypotheses, &diagnosis.root_cause)).unwrap();
    assert!(blamed.contains("checkout") && !blamed.contains("before the onset"), "{blamed}");
    assert!(!blamed.contains("precedes the onset"), "{blamed}");
}

#[test]
fn a_rollout_of_the_same_version_is_named_by_its_revision() {
    let mut story = regression(NIGHT, -90);
    let diff = TemplateDiff {
        from_revision: Some(41),
        to_revision: Some(42),
        changes: vec![FieldChange {
            path: "containers.main.resources.limits.memory".into(),
            from: "1Gi".into(),
            to: "256Mi".into(),
        }],
    };
    story.rollout(-4, deployment("checkout"), "v2.3.1", "v2.3.1").fact(
        Source::Kubernetes,
        -4,
        deployment("checkout"),
        Fact::TemplateDiff(diff),
    );
    let diagnosis = told(&story);
    let titles: Vec<_> = diagnosis.actions.iter().map(|a| a.action.title()).collect();
    assert_eq!(titles, ["Roll back checkout to revision 41"]);
    assert!(diagnosis.actions[0].reason.starts_with("revision 41 ran before"));
    let claims: Vec<_> = diagnosis.root_cause.iter().map(|c| c.text.as_str()).collect();
    assert!(
        claims.contains(&"Revision 42 changed containers.main.resources.limits.memory from 1Gi to 256Mi."),
        "{claims:?}"
    );
    assert!(claims[0].starts_with("checkout revision 42 was rolled out"), "{claims:?}");
}

#[test]
fn a_stale_series_clears_nothing_that_a_fresher_one_or_the_alert_shows() {
    let stale: Vec<_> = step(-5, 41.0, 76.1).into_iter().filter(|(minute, _)| *minute < 0).collect();
    let mut story = Story::new(NIGHT);
    story.title = "CPU high on orders-db".into();
    story.metric = Some("aws.rds.cpuutilization".into());
    story.threshold = Some(80.0);
    story.subject.databases = vec!["orders-db".into()];
    story.series(Source::Aws, database("orders-db"), "AWS/RDS CPUUtilization", &stale);
    let examined =
        |diagnosis: &Diagnosis| diagnosis.ruled_out.iter().any(|r| r.cause == Some(Cause::DatabaseCpu));
    assert!(examined(&told(&story)));

    let mut state = story.state();
    state.alert.value = Some(95.0);
    let by_alert = diagnose(&state);
    assert!(!examined(&by_alert));
    assert!(!matches!(by_alert.verdict, Verdict::Healthy { .. }), "{:?}", by_alert.verdict);

    story.series(Source::Datadog, database("orders-db"), "aws.rds.cpuutilization", &step(-5, 41.0, 94.6));
    let diagnosis = told(&story);
    assert!(!examined(&diagnosis));
    assert_eq!(lead(&diagnosis).0, Cause::DatabaseCpu);
}

#[test]
fn a_passage_that_does_not_hold_the_line_lends_it_no_symbol() {
    let symbol = |start: u32| {
        let mut state = with_knowledge(regression(NIGHT, -3)).state();
        let passages = &mut state.knowledge.as_mut().unwrap().passages;
        let passage = passages.iter_mut().find(|p| p.source.ends_with("lines.go")).unwrap();
        passage.section = Some("Lines.Top".into());
        (passage.start_line, passage.end_line) = (Some(start), Some(start + 10));
        let found = crate::weigh(&state).matches.into_iter().find(|m| m.kind == MatchKind::Source).unwrap();
        assert_eq!(found.place.as_deref(), Some("internal/lines/lines.go:206"));
        found.reference
    };
    assert_eq!(symbol(200).as_deref(), Some("Lines.Top"));
    assert_eq!(symbol(20), None);
}

#[test]
fn a_small_lag_that_rose_with_the_incident_is_not_ruled_out() {
    let ruled = |points: &[(i64, f64)]| {
        let mut story = no_onset(-20);
        story.series(Source::Aws, database("orders-replica"), "AWS/RDS ReplicaLag", points);
        told(&story).ruled_out.iter().any(|r| r.cause == Some(Cause::ReplicationLag))
    };
    assert!(ruled(&minutes(-54, 6, |_| 2.1)));
    assert!(!ruled(&step(-1, 0.02, 2.1)));
}

#[test]
fn a_cap_per_pod_is_multiplied_by_the_pods_that_run() {
    let mut story = with_knowledge(regression(NIGHT, -3));
    assert!(weighed(&story).matches[0].says.ends_with("(DB_POOL_MAX=80)"));
    story.subject.workloads = vec![deployment("checkout")];
    let mut state = story.state();
    for finding in state.evidence.iter_mut().flat_map(|e| &mut e.findings) {
        if let Fact::Workload(workload) = &mut finding.fact {
            (workload.ready, workload.desired) = (6, 6);
        }
    }
    let says = crate::weigh(&state).matches[0].says.clone();
    assert!(says.ends_with("(DB_POOL_MAX=80; 80 × 6 pods = 480)"), "{says}");
}

/// A rollout of a service that uses the database, three minutes before its processor saturates, beside something else.
fn beside(tell: impl FnOnce(&mut Story)) -> Diagnosis {
    let mut story = regression(NIGHT, -3);
    tell(&mut story);
    told(&story)
}

#[test]
fn a_rollout_does_not_fill_a_disk_and_is_cleared_beside_a_full_one() {
    let mut story = Story::new(NIGHT);
    story.title = "write latency high on orders-db".into();
    story.subject.databases = vec!["orders-db".into()];
    story.subject.workloads = vec![deployment("checkout")];
    let event = DatabaseEvent {
        message: "The free storage capacity for DB instance orders-db is low: it ran out of storage.".into(),
        categories: vec!["low storage".into()],
    };
    story
        .series(Source::Aws, database("orders-db"), "AWS/RDS DiskQueueDepth", &step(-1, 1.0, 44.0))
        .series(Source::Aws, database("orders-db"), "AWS/RDS WriteLatency", &step(-1, 0.002, 0.09))
        .fact(Source::Aws, -2, database("orders-db"), Fact::DatabaseEvent(event))
        .rollout(-5, deployment("checkout"), "v2", "v1");
    let diagnosis = told(&story);
    assert_eq!(lead(&diagnosis).0, Cause::DatabaseStorage);
    assert_eq!(diagnosis.leading().count(), 1);
    let reason = cleared(&diagnosis, "checkout").unwrap();
    assert!(reason.contains("storage exhaustion of orders-db explains what was seen"), "{reason}");
}

#[test]
fn a_rollout_in_a_surge_is_not_sure() {
    let diagnosis = beside(|story| {
        let now = EdgeTraffic {
            requests: 420_000,
            requests_before: Some(100_000),
            by_path: [("/".to_owned(), 300_000), ("/play".to_owned(), 120_000)].into(),
            by_path_before: [("/".to_owned(), 71_000), ("/play".to_owned(), 29_000)].into(),
            by_bot_score: [("30-99".to_owned(), 400_000), ("1".to_owned(), 20_000)].into(),
            by_bot_score_before: [("30-99".to_owned(), 95_000), ("1".to_owned(), 5_000)].into(),
            ..Default::default()
        };
        story.traffic_is(now);
    });
    assert_eq!(lead(&diagnosis).0, Cause::OrganicSurge);
    let rollout = diagnosis.hypotheses.iter().find(|h| h.cause == Cause::RegressionByDeploy).unwrap();
    assert!(rollout.level < Level::High, "{rollout:?}");
}

#[test]
fn a_saturation_is_not_sure_where_nobody_who_knows_of_changes_was_asked() {
    let mut story = regression(NIGHT, -3);
    let share = |name: &str, load| LoadShare { name: name.into(), load, before: None };
    let load = DatabaseLoad {
        total: 9.0,
        sql: vec![share("SELECT * FROM lines", 7.5), share("SELECT 1", 0.5)],
        waits: vec![share("CPU", 7.1), share("IO:DataFileRead", 0.9)],
        ..DatabaseLoad::default()
    };
    story.fact(Source::Aws, 4, database("orders-db"), Fact::DatabaseLoad(load));
    let level = |story: &Story| lead(&told(story)).2;
    assert_eq!(level(story.without(Source::Kubernetes).without(Source::Datadog)), Level::Medium);
    // Nothing is known to be deployed against it: there is no rollout to ask for.
    story.subject.workloads.clear();
    story.subject.services.clear();
    assert_eq!(level(&story), Level::High);
}

#[test]
fn ready_pods_are_no_proof_of_health_where_no_log_was_read() {
    let mut story = Story::new(NIGHT);
    story.subject.workloads = vec![deployment("checkout")];
    story.workload(deployment("checkout"), 3, 3);
    assert!(matches!(told(&story).verdict, Verdict::Healthy { .. }));
    let blind = told(story.without(Source::Datadog));
    assert!(matches!(blind.verdict, Verdict::Inconclusive { .. }), "{:?}", blind.verdict);
}
