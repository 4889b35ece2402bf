//! One made-up incident.

use incident::State;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A small generator of numbers: the same seed gives the same world.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.between(0, list.len() as u64 - 1) as usize]
    }
}

const SERVICES: &[&str] =
    &["orders-api", "cart-service", "inventory-worker", "ledger-sync", "session-broker", "mail-relay"];
const OTHERS: &[&str] = &["pricing-web", "search-indexer", "avatar-store", "quest-engine"];
const DATABASES: &[&str] = &["orders-db-primary", "ledger-pg-1", "shop-aurora-writer", "core-mysql-a"];
const TABLES: &[&str] = &["order_lines", "player_scores", "stock_moves", "audit_rows"];
const AUTHORS: &[&str] = &["Mara Lindqvist", "Tomas Okoye", "Ines Duarte", "Jun Watanabe"];
const NODES: &[&str] =
    &["ip-10-2-7-41.ec2.internal", "ip-10-9-0-8.ec2.internal", "ip-10-4-66-12.ec2.internal"];

/// The facts of an incident; every sentence is made of these.
#[derive(Debug)]
pub struct World {
    pub service: String,
    pub other: String,
    pub database: String,
    pub replica: String,
    pub table: String,
    pub author: String,
    pub node: String,
    pub version: String,
    pub previous: String,
    pub revision: u64,
    pub change: Timestamp,
    pub took_s: i64,
    pub onset: Timestamp,
    pub alert: Timestamp,
    pub now: Timestamp,
    pub other_change: Timestamp,
    pub other_version: String,
    pub cpu: (u64, u64),
    pub threshold: u64,
    pub connections: (u64, u64),
    pub limit: u64,
    pub lag_tenths: u64,
    pub memory_mib: u64,
    pub targets: u64,
    pub requests: (u64, u64),
    pub cached: u64,
    pub sha: String,
    pub line: u64,
    pub restarts: u64,
    pub incident: String,
    pub score: u64,
    pub minutes_to_normal: u64,
    pub pool: u64,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut d = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 7);
        for _ in 0..5 {
            d.next();
        }
        let start: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        let change = start
            + SignedDuration::from_mins(d.between(0, 9_000) as i64)
            + SignedDuration::from_secs(d.between(0, 40) as i64);
        let minutes = |n: u64| SignedDuration::from_mins(n as i64);
        let onset = change + minutes(d.between(2, 6));
        let alert = onset + minutes(d.between(7, 11));
        let now = alert + minutes(d.between(13, 19));
        let service = d.pick(SERVICES).to_owned();
        let other = d.pick(OTHERS).to_owned();
        let database = d.pick(DATABASES).to_owned();
        let minor = d.between(3, 60);
        let cpu = d.between(21, 44);
        let level = d.between(100, 260);
        let limit = d.between(5, 9) * 100;
        let requests = d.between(210_000, 480_000);
        Self {
            replica: format!("{database}-ro"),
            table: d.pick(TABLES).to_owned(),
            author: d.pick(AUTHORS).to_owned(),
            node: d.pick(NODES).to_owned(),
            version: format!("v{}.{minor}.{}", d.between(1, 5), d.between(0, 9)),
            previous: String::new(),
            revision: d.between(20, 97),
            took_s: d.between(61, 119) as i64,
            other_change: change - minutes(d.between(41, 58)),
            other_version: format!("v{}.{}.{}", d.between(6, 9), d.between(61, 98), d.between(0, 9)),
            cpu: (cpu, d.between(86, 98)),
            threshold: d.between(70, 80),
            connections: (level, limit - d.between(11, 60)),
            limit,
            lag_tenths: d.between(21, 88),
            memory_mib: d.between(5, 14) * 128,
            targets: d.between(3, 9),
            requests: (requests, requests * d.between(111, 147) / 100),
            cached: d.between(55, 84),
            sha: format!("{:07x}", d.between(0x0a0_0000, 0xfff_ffff)),
            line: d.between(101, 480),
            restarts: d.between(3, 9),
            incident: format!("INC-{}-{:03}", d.between(2021, 2025), d.between(10, 99)),
            score: d.between(71, 98),
            minutes_to_normal: d.between(31, 48),
            pool: d.between(21, 69),
            change,
            onset,
            alert,
            now,
            service,
            other,
            database,
        }
        .with_previous(minor)
    }

    fn with_previous(mut self, minor: u64) -> Self {
        self.previous = self.version.replacen(&format!(".{minor}."), &format!(".{}.", minor - 1), 1);
        self
    }

    fn series(&self, metric: &str, unit: &str, before: f64, after: f64) -> Value {
        let start = self.onset - SignedDuration::from_mins(20);
        let points: Vec<Value> = (0..40)
            .map(|i| start + SignedDuration::from_mins(i))
            .filter(|at| *at <= self.now)
            .map(|at| json!([at, if at < self.onset { before } else { after }]))
            .collect();
        let last_at = points.last().unwrap()[0].clone();
        json!({"kind": "series", "metric": metric, "stat": "Average", "unit": unit, "period_s": 60, "count": points.len(),
            "baseline": before, "min": before, "max": after, "max_at": self.onset, "last": after, "last_at": last_at, "points": points})
    }

    #[expect(clippy::too_many_lines, reason = "one document, written out")]
    pub fn state(&self) -> State {
        let f = |id: &str, at: Timestamp, kind: &str, name: &str, summary: String, fact: Value| json!({"id": id, "at": at, "object": {"kind": kind, "name": name}, "summary": summary, "fact": fact});
        let clock = |at: Timestamp| at.strftime("%H:%M UTC").to_string();
        let (db, svc) = (&self.database, &self.service);
        let lag = self.lag_tenths as f64 / 10.0;
        let aws = json!([
            f(
                "aws-1",
                self.onset,
                "DatabaseInstance",
                db,
                format!(
                    "CPUUtilization of {db} rose from {} % to {} %, first above its level at {}",
                    self.cpu.0,
                    self.cpu.1,
                    clock(self.onset)
                ),
                self.series("AWS/RDS CPUUtilization", "Percent", self.cpu.0 as f64, self.cpu.1 as f64)
            ),
            f(
                "aws-2",
                self.onset,
                "DatabaseInstance",
                db,
                format!(
                    "DatabaseConnections of {db} rose from {} to {}",
                    self.connections.0, self.connections.1
                ),
                self.series(
                    "AWS/RDS DatabaseConnections",
                    "Count",
                    self.connections.0 as f64,
                    self.connections.1 as f64
                )
            ),
            f(
                "aws-3",
                self.onset,
                "DatabaseInstance",
                &self.replica,
                format!("ReplicaLag of {} is {lag} s", self.replica),
                self.series("AWS/RDS ReplicaLag", "Seconds", 0.1, lag)
            ),
            f(
                "aws-4",
                self.now,
                "ParameterGroup",
                "core-params",
                format!("max_connections is {} in core-params", self.limit),
                json!({"kind": "database_parameter", "name": "max_connections", "value": self.limit.to_string(), "resolved": self.limit, "group": "core-params"})
            ),
            f(
                "aws-5",
                self.now,
                "TargetGroup",
                &format!("targetgroup/{svc}/0f3a9c21d4"),
                format!("{svc}: {0} of {0} targets healthy", self.targets),
                json!({"kind": "target_health", "states": {"healthy": self.targets}})
            ),
        ]);
        let rollout = |version: &str, previous: &str, revision: u64, done: Option<Timestamp>| {
            json!({"kind": "rollout", "version": version, "previous_version": previous, "revision": revision, "previous_revision": revision - 1,
                "finished_at": done, "time_source": "scaling_event", "restart_only": false, "is_rollback": false})
        };
        let kubernetes = json!([
            f(
                "kubernetes-1",
                self.change,
                "Deployment",
                svc,
                format!(
                    "Deployment {svc} rolled out {} at {}, before it {}",
                    self.version,
                    clock(self.change),
                    self.previous
                ),
                rollout(
                    &self.version,
                    &self.previous,
                    self.revision,
                    Some(self.change + SignedDuration::from_secs(self.took_s))
                )
            ),
            f(
                "kubernetes-2",
                self.other_change,
                "Deployment",
                &self.other,
                format!(
                    "Deployment {} rolled out {} at {}",
                    self.other,
                    self.other_version,
                    clock(self.other_change)
                ),
                rollout(&self.other_version, "v6.60.0", 400, None)
            ),
            f(
                "kubernetes-3",
                self.now,
                "Pod",
                &format!("{svc}-7d9f8c6b5-x2x4k"),
                format!("Pod {svc}-7d9f8c6b5-x2x4k restarted {} times, OOMKilled", self.restarts),
                json!({"kind": "pod", "phase": "Running", "ready": false, "node": self.node, "containers": [{"name": "app", "ready": false,
                    "restarts": self.restarts, "terminated": "OOMKilled", "exit_code": 137, "memory_limit": format!("{}Mi", self.memory_mib)}]})
            ),
        ]);
        let cloudflare = json!([
            f(
                "cloudflare-1",
                self.onset,
                "Zone",
                "shop.example",
                "No firewall events on shop.example".into(),
                json!({"kind": "waf_activity", "events": 0, "events_before": 0})
            ),
            f(
                "cloudflare-2",
                self.onset,
                "Zone",
                "shop.example",
                format!("{} requests on shop.example", self.requests.1),
                json!({"kind": "edge_traffic", "requests": self.requests.1, "requests_before": self.requests.0, "cache_hit_ratio": self.cached as f64 / 100.0,
                    "by_status": {"200": self.requests.1}})
            ),
        ]);
        let evidence = |source: &str, findings: Value| json!({"version": 1, "source": source, "status": "ok", "findings": findings});
        let passages = json!([
            {"id": "kb-1", "corpus": "runbooks", "title": "Connection exhaustion", "source": "wiki/connections.md", "relevance": self.score as f64 / 100.0,
                "excerpt": format!("Keep the pool of every pod at {} connections: DB_POOL_MAX={}.", self.pool, self.pool)},
            {"id": "kb-2", "corpus": "incidents", "title": format!("{} Pool exhausted", self.incident), "source": format!("incidents/{}.md", self.incident), "relevance": 0.5,
                "excerpt": format!("A release read {} without an index. Rolled back; CPU was normal after {} minutes.", self.table, self.minutes_to_normal)},
        ]);
        let github = f(
            "github-1",
            self.change - SignedDuration::from_hours(5),
            "Repository",
            &format!("shop/{svc}"),
            format!("commit {} changes internal/store/query.go", self.sha),
            json!({"kind": "code_change", "repository": format!("shop/{svc}"), "from": self.previous, "to": self.version,
                "commits": [{"sha": self.sha, "subject": "rank by score", "author": self.author}], "files": ["internal/store/query.go"],
                "hunks": [{"path": "internal/store/query.go", "line": self.line, "text": format!("+SELECT * FROM {}", self.table), "matched": self.table}]}),
        );
        serde_json::from_value(json!({
            "alert": {"version": 1, "event_id": "1", "transition": "triggered", "title": format!("RDS CPU high on {db}"), "message": "", "metric": "aws.rds.cpuutilization",
                "scope": [format!("dbinstanceidentifier:{db}")], "tags": [format!("dbinstanceidentifier:{db}")], "value": self.cpu.1, "threshold": self.threshold, "at": self.alert},
            "as_of": self.now,
            "evidence": [evidence("aws", aws), evidence("kubernetes", kubernetes), evidence("cloudflare", cloudflare)],
            "knowledge": {"version": 1, "passages": passages, "findings": [github]},
            "diagnosis": {"version": 1, "verdict": {"outcome": "inconclusive", "reason": "made up"}, "onset": {"at": self.onset, "uncertainty_s": 60, "evidence": "aws-1"}},
        }))
        .unwrap()
    }
}
