//! The state document seen as the detectors need it: findings with their source, series with their meaning and change
//! point, the alert's own signal, and the objects concerned.

use incident::diagnosis::Onset;
use incident::fact::{EventGroup, LogPattern, NodeState, PodState, Rollout, Workload};
use incident::{
    Evidence, Fact, Finding, Knowledge, Object, ObjectKind, Source, State, Status, Timestamp, Transition,
};

use crate::change::{self, Change};
use crate::curve::Curve;
use crate::signals::{self, Meaning, Signal};

/// What stands for evidence of the onset where nothing showed one.
const ALERT: &str = "alert";

/// The state document as detectors see it.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) state: &'a State,
    pub(crate) knowledge: Option<&'a Knowledge>,
    pub(crate) findings: Vec<(&'a Finding, Source)>,
    pub(crate) curves: Vec<Curve<'a>>,
    pub(crate) onset: Option<Onset>,
    pub(crate) changes: Vec<Change<'a>>,
}

impl<'a> Scene<'a> {
    /// Reads the state document; knowledge only when weighing.
    pub(crate) fn new(state: &'a State, knowledge: Option<&'a Knowledge>) -> Self {
        let mut findings: Vec<_> =
            state.evidence.iter().flat_map(|e| e.findings.iter().map(move |f| (f, e.source))).collect();
        findings.extend(knowledge.iter().flat_map(|k| &k.findings).map(|f| (f, Source::Github)));
        let curves = findings.iter().filter_map(|(finding, source)| Curve::of(finding, *source)).collect();
        let mut scene = Self { state, knowledge, findings, curves, onset: None, changes: Vec::new() };
        scene.onset = scene.find_onset();
        scene.changes = change::changes(&scene);
        scene
    }

    /// The one "now".
    pub(crate) fn now(&self) -> Timestamp {
        self.state.as_of
    }

    /// True when the source answered, be it with nothing.
    pub(crate) fn read(&self, source: Source) -> bool {
        self.evidence(source)
            .is_some_and(|e| matches!(e.status, Status::Ok | Status::Partial | Status::Empty))
    }

    pub(crate) fn evidence(&self, source: Source) -> Option<&'a Evidence> {
        self.state.evidence.iter().find(|e| e.source == source)
    }

    /// The meaning of what the alert watches: by its metric, its query, or failing both by its title.
    pub(crate) fn watched(&self) -> Option<&'static Meaning> {
        let alert = &self.state.alert;
        let metric = alert.metric.as_deref().and_then(signals::meaning);
        metric
            .or_else(|| alert.query.as_deref().and_then(signals::meaning_in_query))
            .or_else(|| self.titled())
    }

    fn titled(&self) -> Option<&'static Meaning> {
        if self.state.subject.databases.is_empty() {
            return None;
        }
        let title = self.state.alert.title.to_lowercase();
        [
            (["connection", "client"], "awsrdsdatabaseconnections"),
            (["replica", "replication"], "awsrdsreplicalag"),
            (["cpu", "processor"], "awsrdscpuutilization"),
            (["storage", "disk space"], "awsrdsfreestoragespace"),
            (["write latency", "writelatency"], "awsrdswritelatency"),
        ]
        .iter()
        .find(|(words, _)| words.iter().any(|word| title.contains(word)))
        .and_then(|(_, name)| signals::meaning(name))
    }

    /// The database instances concerned: those of the subject, else those whose series the alert's own signal is.
    pub(crate) fn databases(&self) -> Vec<String> {
        if !self.state.subject.databases.is_empty() {
            return self.state.subject.databases.clone();
        }
        let mut names: Vec<String> = self
            .findings
            .iter()
            .filter(|(f, _)| f.object.kind == ObjectKind::DatabaseInstance)
            .map(|(f, _)| f.object.name.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// False where the instance's description, or failing it the alert's tag, names another engine than PostgreSQL.
    pub(crate) fn may_be_postgres(&self, database: &str) -> bool {
        let described = self.findings.iter().find_map(|(f, _)| match &f.fact {
            Fact::DatabaseInstance(instance) if f.object.name == database => Some(instance.engine.as_str()),
            _ => None,
        });
        let engine = described.or_else(|| self.state.alert.tag("engine"));
        engine.is_none_or(|e| e.starts_with("postgres") || e.starts_with("aurora-postgresql"))
    }

    /// The series of a signal about the named object, CloudWatch before Datadog's copy.
    pub(crate) fn curve_of(&self, signal: Signal, object: &str) -> Option<&Curve<'a>> {
        self.curves
            .iter()
            .filter(|c| c.meaning.signal == signal && c.finding.object.name == object)
            .min_by_key(|c| c.source == Source::Datadog)
    }

    /// True for Datadog's copy of a series that was read from CloudWatch as well.
    pub(crate) fn is_copied(&self, curve: &Curve<'_>) -> bool {
        let original = self.curve_of(curve.meaning.signal, &curve.finding.object.name);
        original.is_some_and(|c| c.source != Source::Datadog && curve.source == Source::Datadog)
    }

    /// Every series of a signal, CloudWatch before Datadog's copy.
    pub(crate) fn curves_of(&self, signal: Signal) -> Vec<&Curve<'a>> {
        let mut curves: Vec<_> = self.curves.iter().filter(|c| c.meaning.signal == signal).collect();
        curves.sort_by_key(|c| c.source == Source::Datadog);
        curves
    }

    /// The curve of the alert's own signal about what it names, else about anything.
    pub(crate) fn own_curve(&self) -> Option<&Curve<'a>> {
        let signal = self.watched()?.signal;
        let curves = self.curves_of(signal);
        let own = self.state.subject.databases.first();
        let named = curves.iter().find(|c| Some(&c.finding.object.name) == own);
        named.or_else(|| curves.first()).copied()
    }

    pub(crate) fn pods(&self) -> impl Iterator<Item = (&'a Finding, &'a PodState)> {
        self.findings.iter().filter_map(|(f, _)| match &f.fact {
            Fact::Pod(pod) => Some((*f, pod)),
            _ => None,
        })
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = (&'a Finding, &'a EventGroup)> {
        self.findings.iter().filter_map(|(f, _)| match &f.fact {
            Fact::EventGroup(group) => Some((*f, group)),
            _ => None,
        })
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&'a Finding, &'a NodeState)> {
        self.findings.iter().filter_map(|(f, _)| match &f.fact {
            Fact::Node(node) => Some((*f, node)),
            _ => None,
        })
    }

    pub(crate) fn workloads(&self) -> impl Iterator<Item = (&'a Finding, &'a Workload)> {
        self.findings.iter().filter_map(|(f, _)| match &f.fact {
            Fact::Workload(workload) => Some((*f, workload)),
            _ => None,
        })
    }

    pub(crate) fn rollouts(&self) -> impl Iterator<Item = (&'a Finding, &'a Rollout)> {
        self.findings.iter().filter_map(|(f, _)| match &f.fact {
            Fact::Rollout(rollout) => Some((*f, rollout)),
            _ => None,
        })
    }

    pub(crate) fn logs(&self) -> impl Iterator<Item = (&'a Finding, &'a LogPattern)> {
        self.findings.iter().flat_map(|(f, _)| f.fact.log_patterns().iter().map(|pattern| (*f, pattern)))
    }

    /// The workload that owns a pod: its owner reference, else the longest known workload name the pod's name begins with.
    pub(crate) fn owner(&self, pod: &Finding, state: &PodState) -> Option<Object> {
        if let Some(owner) = &state.owner {
            return Some(match owner.kind {
                // A Deployment's ReplicaSet is named after it and a hash.
                ObjectKind::ReplicaSet => Object {
                    kind: ObjectKind::Deployment,
                    namespace: owner.namespace.clone(),
                    name: owner.name.rsplit_once('-').map_or(owner.name.as_str(), |(n, _)| n).to_owned(),
                },
                _ => owner.clone(),
            });
        }
        self.owner_by_name(&pod.object)
    }

    /// The longest known workload name that the object's name begins with.
    pub(crate) fn owner_by_name(&self, object: &Object) -> Option<Object> {
        let known = self.workloads().map(|(f, _)| &f.object).chain(&self.state.subject.workloads);
        known
            .filter(|w| object.name.strip_prefix(w.name.as_str()).is_some_and(|rest| rest.starts_with('-')))
            .max_by_key(|w| w.name.len())
            .cloned()
    }

    /// Whether the subject names this workload, or a service of its name; `None` when the subject names neither.
    pub(crate) fn concerns(&self, object: &Object) -> Option<bool> {
        let subject = &self.state.subject;
        if subject.workloads.is_empty() && subject.services.is_empty() {
            return None;
        }
        let same = |w: &Object| {
            w.name == object.name
                && (w.namespace.is_none() || object.namespace.is_none() || w.namespace == object.namespace)
        };
        Some(subject.workloads.iter().any(same) || subject.services.contains(&object.name))
    }

    /// True for what is not named by the alert and lives beside it, in its namespace, while all that is named is whole: a fault there is
    /// probably what the alert feels.
    pub(crate) fn beside(&self, object: &Object) -> bool {
        let named = || self.workloads().filter(|(f, _)| self.concerns(&f.object) == Some(true));
        let whole = named().all(|(_, w)| w.desired > 0 && w.ready >= w.desired);
        let subject = named().map(|(f, _)| &f.object).chain(&self.state.subject.workloads);
        let near = subject.filter_map(|w| w.namespace.as_ref()).any(|n| object.namespace.as_ref() == Some(n));
        whole && near && self.concerns(object) == Some(false)
    }

    /// The onset that a series or a failure shows; the alert's own time, taken in its place, shows none.
    pub(crate) fn seen_onset(&self) -> Option<&Onset> {
        self.onset.as_ref().filter(|onset| onset.evidence != ALERT)
    }

    /// What times are told against: `onset` where one was seen, else `alert`.
    pub(crate) fn anchor(&self) -> &'static str {
        if self.seen_onset().is_some() { "onset" } else { ALERT }
    }

    /// Another series of the same signal and object that is past `limit` now, where it is about as fresh: what a series within
    /// its limit must not rule out.
    pub(crate) fn contradiction(&self, curve: &Curve<'_>, limit: f64) -> Option<&Curve<'a>> {
        let fresh = |other: &Curve<'_>| {
            let lag = i64::from(other.reach_s());
            other.series.last_at.as_second() + lag >= curve.series.last_at.as_second()
        };
        self.curves_of(curve.meaning.signal).into_iter().find(|other| {
            other.id() != curve.id()
                && other.finding.object == curve.finding.object
                && other.meaning.beyond(other.now(), limit)
                && fresh(other)
        })
    }

    /// True where the alert itself states a value past `limit` for this signal, later than the newest point of its series.
    pub(crate) fn alert_is_newer(&self, curve: &Curve<'_>, limit: f64) -> bool {
        let alert = &self.state.alert;
        let watched = self.watched().is_some_and(|m| m.signal == curve.meaning.signal);
        let past = alert.value.is_some_and(|value| curve.meaning.beyond(value, limit));
        watched && past && curve.series.last_at < alert.at && alert.transition != Transition::Recovered
    }

    /// Sums up when it began: the alert's own signal first, then any series past its limit, then the first failure seen in
    /// Kubernetes, and only then the alert itself.
    fn find_onset(&self) -> Option<Onset> {
        let own = self.watched().map(|m| m.signal);
        let names = self.databases();
        let is_own = |c: &&Curve<'a>| Some(c.meaning.signal) == own;
        let on_subject = |c: &&Curve<'a>| names.contains(&c.finding.object.name);
        let past_limit =
            |c: &&Curve<'a>| c.meaning.limit.is_some_and(|limit| c.meaning.beyond(c.worst(), limit));
        self.earliest(self.curves.iter().filter(is_own).filter(on_subject))
            .or_else(|| self.earliest(self.curves.iter().filter(is_own)))
            .or_else(|| self.earliest(self.curves.iter().filter(past_limit)))
            .or_else(|| self.first_failure())
            .or_else(|| {
                Some(Onset { at: self.state.alert.at, uncertainty_s: 300, evidence: ALERT.to_owned() })
            })
    }

    fn earliest<'b>(&self, curves: impl Iterator<Item = &'b Curve<'a>>) -> Option<Onset>
    where
        'a: 'b,
    {
        curves
            .filter_map(|c| c.worsened().map(|shift| (c, shift)))
            .min_by_key(|(c, shift)| (c.is_copy(), shift.at))
            .map(|(c, shift)| Onset {
                at: shift.at,
                uncertainty_s: c.uncertainty_s(),
                evidence: c.finding.id.clone(),
            })
    }

    fn first_failure(&self) -> Option<Onset> {
        let failing = self
            .pods()
            .filter(|(_, pod)| !pod.ready && pod.phase != "Succeeded")
            .filter_map(|(f, pod)| Some((pod.started_at?, &f.id)));
        let warned = self
            .events()
            .filter(|(f, group)| group.severity == "Warning" && f.object.kind != ObjectKind::Node)
            .filter_map(|(f, group)| Some((group.first?, &f.id)));
        let hour_before = self.state.alert.at.as_second() - 3600;
        failing
            .chain(warned)
            .filter(|(at, _)| at.as_second() >= hour_before)
            .min_by_key(|(at, _)| *at)
            .map(|(at, id)| Onset { at, uncertainty_s: 30, evidence: id.clone() })
    }
}
