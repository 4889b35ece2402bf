//! What code can prove: the timeline, ranked causes, causes ruled out, and what is missing.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Object, ProposedAction, analysis::Claim};

/// The version of the diagnosis format.
pub const VERSION: u32 = 1;

/// The closed taxonomy of causes. The ids (snake case) are an interface: stable, in the schema and in the docs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A new version brought it.
    RegressionByDeploy,
    /// A change of configuration brought it.
    ConfigurationChange,
    /// A service it depends on fails.
    DependencyFailure,
    /// Errors rose with no change found.
    ErrorBurst,
    /// Latency rose with no change found.
    LatencyRise,
    /// The database's processor is the limit.
    DatabaseCpu,
    /// The database runs out of connections.
    DatabaseConnections,
    /// The database runs out of storage.
    DatabaseStorage,
    /// The database's disk throughput is the limit.
    DatabaseIo,
    /// The database runs out of memory.
    DatabaseMemory,
    /// A replica falls behind.
    ReplicationLag,
    /// The database failed over.
    DatabaseFailover,
    /// The vendor maintained the database.
    DatabaseMaintenance,
    /// Sessions wait for locks.
    DatabaseLocks,
    /// A database parameter is the limit.
    DatabaseParameter,
    /// Vacuum or a checkpoint takes the capacity.
    DatabaseHousekeeping,
    /// An image cannot be pulled.
    ImagePull,
    /// A container exits again and again.
    CrashLoop,
    /// A container was killed for its memory.
    OutOfMemory,
    /// A probe kills or hides a healthy process, or rightly a sick one.
    ProbeFailure,
    /// No node can take the pod.
    Unschedulable,
    /// A quota refuses it.
    QuotaExceeded,
    /// A node is gone.
    NodeDown,
    /// A node runs out of memory, disk or process ids.
    NodePressure,
    /// A rollout does not finish.
    RolloutStuck,
    /// Selector, port or service do not meet.
    ServiceMismatch,
    /// A ConfigMap, Secret or key is missing.
    ConfigMissing,
    /// Names do not resolve.
    DnsFailure,
    /// A network policy stops the traffic.
    NetworkPolicyBlock,
    /// The autoscaler reached its bound.
    HpaLimit,
    /// A volume cannot be mounted or provisioned.
    VolumeFailure,
    /// A permission or an admission controller refuses it.
    PermissionDenied,
    /// A flood of packets.
    DdosL3,
    /// A flood of requests.
    DdosL7,
    /// Real players, many more than usual.
    OrganicSurge,
    /// The cache stopped answering.
    CacheCollapse,
    /// A firewall rule stops real players.
    WafFalsePositive,
    /// The origin answers late.
    OriginLatency,
    /// Targets behind the load balancer are unhealthy.
    UnhealthyTargets,
    /// An EC2 instance fails its checks.
    InstanceFailure,
    /// The alert comes and goes by itself.
    Flapping,
    /// It was real, and is over.
    Recovered,
    /// None of the above.
    Unknown,
}

impl Cause {
    /// The cause as a noun phrase for people.
    pub fn title(self) -> &'static str {
        match self {
            Cause::RegressionByDeploy => "regression by deploy",
            Cause::ConfigurationChange => "configuration change",
            Cause::DependencyFailure => "dependency failure",
            Cause::ErrorBurst => "error burst",
            Cause::LatencyRise => "latency rise",
            Cause::DatabaseCpu => "database CPU saturation",
            Cause::DatabaseConnections => "database connection exhaustion",
            Cause::DatabaseStorage => "database storage exhaustion",
            Cause::DatabaseIo => "database I/O saturation",
            Cause::DatabaseMemory => "database memory pressure",
            Cause::ReplicationLag => "replication lag",
            Cause::DatabaseFailover => "database failover",
            Cause::DatabaseMaintenance => "database maintenance",
            Cause::DatabaseLocks => "database lock contention",
            Cause::DatabaseParameter => "database parameter limit",
            Cause::DatabaseHousekeeping => "vacuum or checkpoint load",
            Cause::ImagePull => "image pull failure",
            Cause::CrashLoop => "crash loop",
            Cause::OutOfMemory => "out of memory",
            Cause::ProbeFailure => "failing probe",
            Cause::Unschedulable => "unschedulable pods",
            Cause::QuotaExceeded => "resource quota exceeded",
            Cause::NodeDown => "node down",
            Cause::NodePressure => "node under pressure",
            Cause::RolloutStuck => "stuck rollout",
            Cause::ServiceMismatch => "service selector or port mismatch",
            Cause::ConfigMissing => "missing configuration or secret",
            Cause::DnsFailure => "DNS failure",
            Cause::NetworkPolicyBlock => "network policy block",
            Cause::HpaLimit => "autoscaler at its limit",
            Cause::VolumeFailure => "volume failure",
            Cause::PermissionDenied => "permission or admission refusal",
            Cause::DdosL3 => "network-layer DDoS",
            Cause::DdosL7 => "HTTP DDoS",
            Cause::OrganicSurge => "organic traffic surge",
            Cause::CacheCollapse => "cache collapse",
            Cause::WafFalsePositive => "WAF false positive",
            Cause::OriginLatency => "origin latency",
            Cause::UnhealthyTargets => "unhealthy targets",
            Cause::InstanceFailure => "EC2 instance failure",
            Cause::Flapping => "flapping monitor",
            Cause::Recovered => "already recovered",
            Cause::Unknown => "unknown",
        }
    }
}

/// How sure.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Below 0.50.
    #[default]
    Low,
    /// From 0.50.
    Medium,
    /// From 0.75, with two independent features.
    High,
}

impl Level {
    /// `HIGH`, `MEDIUM`, `LOW`.
    pub fn word(self) -> &'static str {
        match self {
            Level::Low => "LOW",
            Level::Medium => "MEDIUM",
            Level::High => "HIGH",
        }
    }
}

/// A confidence with its reasons.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Confidence {
    /// The level.
    pub level: Level,
    /// 0–1, two decimals.
    pub number: f64,
    /// One line each, for (`✓`) and against or missing (`✗`), in the order of weight.
    #[serde(default)]
    pub reasons: Vec<Reason>,
}

/// One reason of a confidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// True where it raises the confidence.
    pub supports: bool,
    /// One line.
    pub text: String,
    /// Evidence ids.
    #[serde(default)]
    pub evidence: Vec<String>,
    /// Passage ids.
    #[serde(default)]
    pub passages: Vec<String>,
}

/// One observation that speaks for or against a hypothesis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Feature {
    /// Its stable name: `change_precedes_onset`.
    pub name: String,
    /// True for, false against.
    pub supports: bool,
    /// Its weight in log-odds, as applied.
    pub weight: f64,
    /// One line.
    pub text: String,
    /// Evidence ids it rests on.
    #[serde(default)]
    pub evidence: Vec<String>,
    /// Passage ids it rests on, once weighed.
    #[serde(default)]
    pub passages: Vec<String>,
}

/// A possible cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hypothesis {
    /// `h1`, unique in the diagnosis.
    pub id: String,
    /// What happened.
    pub cause: Cause,
    /// To or by what.
    pub culprit: Object,
    /// The level.
    pub level: Level,
    /// 0–1.
    pub confidence: f64,
    /// For and against.
    #[serde(default)]
    pub features: Vec<Feature>,
}

/// A hypothesis or a change that was examined and is not the cause, with the reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuledOut {
    /// The cause, absent for a change that was cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The suspect.
    pub object: Object,
    /// Why not, in one sentence.
    pub reason: String,
    /// Evidence ids.
    #[serde(default)]
    pub evidence: Vec<String>,
}

/// What could not be seen, and what it would have told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// What is missing.
    pub what: String,
    /// What it would tell.
    pub would_tell: String,
}

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// Seconds relative to the onset: negative before it. Absent when no onset is known.
    #[serde(default)]
    pub offset_s: Option<i64>,
    /// How far off the time may be, seconds either way.
    #[serde(default)]
    pub uncertainty_s: u32,
    /// Change, symptom, alert or onset.
    pub kind: MomentKind,
    /// What it is about.
    pub object: Object,
    /// One line.
    pub text: String,
    /// The finding's id.
    #[serde(default)]
    pub evidence: Vec<String>,
}

/// What a moment of the timeline is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MomentKind {
    /// Something was changed by somebody.
    Change,
    /// Something began to go wrong.
    Symptom,
    /// The decisive series left its level.
    Onset,
    /// The monitor fired.
    Alert,
    /// A scheduled event from the calendar.
    Calendar,
}

/// When it began, and how that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Onset {
    /// The first point beyond the old level.
    pub at: Timestamp,
    /// Seconds either way: the series' period.
    pub uncertainty_s: u32,
    /// The finding it was read from.
    pub evidence: String,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Verdict {
    /// These hypotheses lead; more than one where faults are independent.
    Causes {
        /// Ids, the leading one first.
        leading: Vec<String>,
    },
    /// Nothing is wrong now.
    Healthy {
        /// Why we say so.
        reason: String,
    },
    /// Nothing could be shown.
    Inconclusive {
        /// Why.
        reason: String,
    },
}

/// A piece of knowledge that fits the diagnosis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Match {
    /// What it is.
    pub kind: MatchKind,
    /// The passage's id.
    pub passage: String,
    /// The incident's id, the Terraform address or the symbol, where it has one.
    #[serde(default)]
    pub reference: Option<String>,
    /// `file:line` of the very line that matters, where it is known better than the passage's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What it says about this incident, quoted or computed: one line.
    pub says: String,
}

/// Kinds of matches, in the order a brief prints them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchKind {
    /// A runbook.
    Runbook,
    /// A past incident.
    PastIncident,
    /// A Terraform resource.
    Terraform,
    /// A place in the source.
    Source,
    /// An entry of the event calendar.
    Calendar,
    /// A metric's or a service's meaning.
    Schema,
}

/// The diagnosis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// [`VERSION`].
    pub version: u32,
    /// The outcome.
    pub verdict: Verdict,
    /// When it began.
    #[serde(default)]
    pub onset: Option<Onset>,
    /// Changes and symptoms on one axis, oldest first.
    #[serde(default)]
    pub timeline: Vec<Moment>,
    /// Ranked, the leading ones first.
    #[serde(default)]
    pub hypotheses: Vec<Hypothesis>,
    /// Losers and cleared changes, with the reason.
    #[serde(default)]
    pub ruled_out: Vec<RuledOut>,
    /// What could not be seen.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// The cause in sentences, rendered by code, each with its evidence.
    #[serde(default)]
    pub root_cause: Vec<Claim>,
    /// In safety order.
    #[serde(default)]
    pub actions: Vec<ProposedAction>,
    /// Knowledge that fits; empty before retrieval.
    #[serde(default)]
    pub matches: Vec<Match>,
    /// Of the leading cause.
    #[serde(default)]
    pub confidence: Confidence,
    /// True where one monitor fired and one cause leads clearly: triage suffices. See the diagnosis crate for the rule.
    #[serde(default)]
    pub simple: bool,
    /// Milliseconds the engine took, filled in by the function around it.
    #[serde(default)]
    pub took_ms: u64,
}

impl Diagnosis {
    /// A diagnosis that says only why there is none.
    pub fn inconclusive(reason: impl Into<String>) -> Self {
        Self {
            version: VERSION,
            verdict: Verdict::Inconclusive { reason: reason.into() },
            onset: None,
            timeline: Vec::new(),
            hypotheses: Vec::new(),
            ruled_out: Vec::new(),
            missing: Vec::new(),
            root_cause: Vec::new(),
            actions: Vec::new(),
            matches: Vec::new(),
            confidence: Confidence::default(),
            simple: false,
            took_ms: 0,
        }
    }

    /// The leading hypotheses, best first; empty when healthy or inconclusive.
    pub fn leading(&self) -> impl Iterator<Item = &Hypothesis> {
        let ids: &[String] = match &self.verdict {
            Verdict::Causes { leading } => leading,
            _ => &[],
        };
        ids.iter().filter_map(|id| self.hypotheses.iter().find(|h| h.id == *id))
    }
}
