//! One story per cause that databases, the load balancer, the edge and applications can have.

use std::collections::BTreeSet;

use incident::fact::*;
use incident::{Cause, Fact, Level, Object, ObjectKind, Source, State};

use super::cluster;
use super::story::{Story, database, deployment, minutes, step};
use super::told;
use crate::Truth;

type Told = (Cause, fn(&mut Story), &'static str);

const DB: &str = "orders-db";

fn says(story: &mut Story, minute: i64, message: &str, category: &str) {
    let event = DatabaseEvent { message: message.into(), categories: vec![category.into()] };
    story.fact(Source::Aws, minute, database(DB), Fact::DatabaseEvent(event));
}

fn metric(story: &mut Story, name: &str, before: f64, after: f64) {
    story.series(Source::Aws, database(DB), &format!("AWS/RDS {name}"), &step(-3, before, after));
}

fn load(story: &mut Story, statement: &str, wait: &str) {
    let share = |name: &str, load| LoadShare { name: name.into(), load, before: None };
    let load = DatabaseLoad {
        total: 9.0,
        sql: vec![share(statement, 7.5), share("SELECT 1", 0.5)],
        waits: vec![share(wait, 7.1), share("CPU", 0.9)],
        ..DatabaseLoad::default()
    };
    story.fact(Source::Aws, -3, database(DB), Fact::DatabaseLoad(load));
}

fn zone() -> Object {
    Object::new(ObjectKind::Zone, "shop.example")
}

fn traffic(story: &mut Story, now: u64, ratio: f64) {
    let traffic = EdgeTraffic {
        requests: now,
        requests_before: Some(100_000),
        cache_hit_ratio: Some(ratio),
        cache_hit_ratio_before: Some(0.8),
        ..EdgeTraffic::default()
    };
    story.fact(Source::Cloudflare, -14, zone(), Fact::EdgeTraffic(traffic));
}

fn ddos(story: &mut Story, layer: &str, events: u64) {
    let target = [("UDP flood".to_owned(), events)].into();
    let activity = DdosActivity { layer: layer.into(), events, by_target: target, ..DdosActivity::default() };
    story.fact(Source::Cloudflare, -5, zone(), Fact::DdosActivity(activity));
}

#[rustfmt::skip]
const STORIES: &[Told] = &[
    (Cause::DatabaseCpu, |s| { metric(s, "CPUUtilization", 40.0, 96.0); load(s, "SELECT * FROM lines WHERE status = ?", "CPU"); }, DB),
    (Cause::DatabaseConnections, |s| { metric(s, "DatabaseConnections", 210.0, 489.0); s.max_connections(DB, 500.0); }, DB),
    (Cause::DatabaseStorage, |s| says(s, -2, "DB instance ran out of storage.", "availability"), DB),
    (Cause::DatabaseStorage, |s| { s.series(Source::Aws, database(DB), "AWS/RDS FreeStorageSpace", &minutes(-54, 6, |m| (6 - m) as f64 * 6e8 + 2e8)); }, DB),
    (Cause::DatabaseIo, |s| { metric(s, "DiskQueueDepth", 1.0, 44.0); metric(s, "WriteLatency", 0.002, 0.09); }, DB),
    (Cause::DatabaseMemory, |s| { metric(s, "FreeableMemory", 8e9, 4e8); metric(s, "SwapUsage", 1e6, 9e8); }, DB),
    (Cause::ReplicationLag, |s| metric(s, "ReplicaLag", 0.3, 900.0), DB),
    (Cause::DatabaseFailover, |s| { metric(s, "DatabaseConnections", 210.0, 20.0); says(s, -2, "Multi-AZ instance failover started.", "failover"); }, DB),
    (Cause::DatabaseMaintenance, |s| { metric(s, "CPUUtilization", 40.0, 45.0); says(s, -2, "Applying minor version upgrade.", "maintenance"); }, DB),
    (Cause::DatabaseLocks, |s| load(s, "UPDATE stock SET n = n - 1 WHERE id = ?", "Lock:transactionid"), DB),
    (Cause::DatabaseHousekeeping, |s| load(s, "autovacuum: VACUUM public.lines (to prevent wraparound)", "IO:DataFileRead"), DB),
    (Cause::ConfigurationChange, |s| { metric(s, "CPUUtilization", 40.0, 96.0); says(s, -6, "Updated to use DBParameterGroup orders-new.", "configuration change"); }, DB),
    (Cause::RegressionByDeploy, |s| { metric(s, "CPUUtilization", 40.0, 96.0); s.rollout(-5, deployment("checkout"), "v2", "v1"); s.subject.workloads = vec![deployment("checkout")]; s.subject.services = vec!["checkout".into()]; }, "checkout"),
    (Cause::RolloutStuck, |s| { let state = Workload { desired: 4, ready: 3, progress: Some("ProgressDeadlineExceeded".into()), ..Workload::default() }; s.fact(Source::Kubernetes, 6, deployment("checkout"), Fact::Workload(state)); }, "checkout"),
    (Cause::UnhealthyTargets, |s| { let health = TargetHealth { states: [("healthy".to_owned(), 1), ("unhealthy".to_owned(), 3)].into(), reasons: [("Target.Timeout".to_owned(), 3)].into(), ..TargetHealth::default() }; s.fact(Source::Aws, 6, Object::new(ObjectKind::TargetGroup, "checkout"), Fact::TargetHealth(health)); }, "checkout"),
    (Cause::InstanceFailure, |s| { let status = InstanceStatus { state: "running".into(), instance_check: "impaired".into(), system_check: "ok".into(), ..InstanceStatus::default() }; s.fact(Source::Aws, 6, Object::new(ObjectKind::Instance, "i-0abc"), Fact::InstanceStatus(status)); }, "i-0abc"),
    (Cause::LatencyRise, |s| { s.series(Source::Aws, Object::new(ObjectKind::TargetGroup, "checkout"), "AWS/ApplicationELB TargetResponseTime", &step(-3, 0.03, 0.9)); }, "checkout"),
    (Cause::ErrorBurst, |s| { let log = LogPattern { pattern: "order * has no lines".into(), status: "error".into(), service: Some("checkout".into()), count: 812, counted: true, first: s.at(-3), last: s.at(5), sample: "order 17 has no lines".into() }; s.fact(Source::Datadog, -3, Object::new(ObjectKind::Application, "checkout"), Fact::LogPattern(log)); }, "checkout"),
    (Cause::DdosL3, |s| ddos(s, "network", 3), "shop.example"),
    (Cause::CacheCollapse, |s| traffic(s, 101_000, 0.31), "shop.example"),
    (Cause::OriginLatency, |s| { let region = RegionLatency { requests: 9_000, origin_ms: Some(900.0), origin_ms_before: Some(80.0), ..RegionLatency::default() }; s.fact(Source::Cloudflare, -5, zone(), Fact::EdgeLatency(EdgeLatency { by_colo: [("FRA".to_owned(), region)].into() })); }, "shop.example"),
    (Cause::WafFalsePositive, |s| { traffic(s, 101_000, 0.8); let waf = WafActivity { events: 9_000, events_before: Some(40), by_action: [("block".to_owned(), 9_000)].into(), by_rule: [("rule-7".to_owned(), 8_900)].into(), ..WafActivity::default() }; s.fact(Source::Cloudflare, -14, zone(), Fact::WafActivity(waf)); }, "rule-7"),
];

fn story(tell: fn(&mut Story)) -> Story {
    let mut story = Story::new("2026-03-04T02:14:00Z");
    story.subject.databases = vec![DB.into()];
    tell(&mut story);
    story
}

/// The stories with their truths.
pub(super) fn labelled() -> impl Iterator<Item = (Truth, State)> {
    STORIES.iter().enumerate().map(|(i, (cause, tell, culprit))| {
        let incident = format!("vendor story {}", i + 1);
        (Truth { incident, causes: vec![*cause], culprit: Some((*culprit).to_owned()) }, story(*tell).state())
    })
}

#[test]
fn each_cause_has_a_story_in_which_it_leads() {
    let mut wrong = Vec::new();
    for (cause, tell, culprit) in STORIES {
        let diagnosis = told(&story(*tell));
        let lead = diagnosis.leading().next().map(|lead| (lead.cause, lead.culprit.name.as_str()));
        if lead != Some((*cause, *culprit)) {
            wrong.push(format!("{cause:?}: {lead:?} {:?}", diagnosis.verdict));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The lead of a story, without its culprit.
fn leads(tell: fn(&mut Story)) -> Option<(Cause, Level)> {
    told(&story(tell)).leading().next().map(|lead| (lead.cause, lead.level))
}

fn complains(story: &mut Story, line: &str) {
    let log = LogPattern {
        pattern: line.into(),
        status: "error".into(),
        service: Some("checkout".into()),
        count: 90,
        counted: true,
        first: story.at(-3),
        last: story.at(5),
        sample: line.into(),
    };
    story.fact(Source::Datadog, -3, Object::new(ObjectKind::Application, "checkout"), Fact::LogPattern(log));
}

#[test]
fn other_engines_name_their_locks_otherwise() {
    let tells: [fn(&mut Story); 4] = [
        |s| load(s, "UPDATE stock SET n = n - 1", "synch/cond/innodb/row_lock_wait_cond"),
        |s| load(s, "UPDATE stock SET n = n - 1", "wait/lock/metadata/sql/mdl"),
        |s| load(s, "UPDATE stock SET n = n - 1", "LCK_M_X"),
        |s| load(s, "UPDATE stock SET n = n - 1", "enq: TX - row lock contention"),
    ];
    for (i, tell) in tells.into_iter().enumerate() {
        assert_eq!(leads(tell).map(|lead| lead.0), Some(Cause::DatabaseLocks), "{i}");
    }
}

/// Without the limit, connections that climbed are exhausted where somebody was refused one, and merely many where nobody was.
#[test]
fn connections_are_exhausted_where_they_are_refused_even_if_the_limit_was_not_read() {
    let tells: [fn(&mut Story); 4] = [
        |s| says(s, -1, "Too many connections on orders-db.", "notification"),
        |s| complains(s, "ERROR 1040 (HY000): Too many connections"),
        |s| complains(s, "HikariPool-1 - Connection is not available, request timed out after 30000ms."),
        |s| complains(s, "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached"),
    ];
    for (i, tell) in tells.into_iter().enumerate() {
        let mut story = story(tell);
        metric(&mut story, "DatabaseConnections", 210.0, 489.0);
        let lead = told(&story).leading().next().map(|lead| (lead.cause, lead.level));
        assert_eq!(lead, Some((Cause::DatabaseConnections, Level::Medium)), "{i}");
    }
    assert_ne!(
        leads(|s| metric(s, "DatabaseConnections", 210.0, 489.0)).map(|lead| lead.0),
        Some(Cause::DatabaseConnections)
    );
}

#[test]
fn no_cause_of_the_table_is_without_a_test() {
    // Attack and surge have their own: the generated crowds.
    let crowds = [Cause::DdosL7, Cause::OrganicSurge];
    let tested: BTreeSet<Cause> =
        STORIES.iter().map(|(cause, ..)| *cause).chain(cluster::causes()).chain(crowds).collect();
    let without: Vec<Cause> =
        crate::causes().iter().map(|row| row.cause).filter(|cause| !tested.contains(cause)).collect();
    assert!(without.is_empty(), "{without:?}");
}
