//! From what was read to what is worth saying, most telling first and bounded per kind.

use std::collections::{BTreeMap, BTreeSet};

use incident::evidence::Observation;
use incident::{Fact, Object, ObjectKind, Subject, Window, fact};
use jiff::{SignedDuration, Timestamp};

use crate::event::{self, Group};
use crate::moment::within;
use crate::pod::Trouble;
use crate::pod_log::{self, Wanted};
use crate::rollout::{self, Current};
use crate::scope::Scope;
use crate::wire::{Pod, Workload};
use crate::world::{World, object, object_kind};
use crate::{pod, workload};

mod around;

/// Rollouts of the incident's workloads are told in full for a day.
const OWN_ROLLOUT: SignedDuration = SignedDuration::from_hours(24);
/// Those of their neighbours for three hours: long enough to be suspected, so they can be cleared.
const OTHER_ROLLOUT: SignedDuration = SignedDuration::from_hours(3);
/// Pods of one workload in one state, and events of one reason about the pods of one workload: the first few tell all.
const ALIKE: usize = 4;
/// How many findings of a kind are kept: about the incident's own workloads, and about others.
const OWN: usize = 15;
const OTHER: usize = 8;

/// What is worth saying, and what was left out.
#[derive(Default)]
pub(crate) struct Report {
    pub observations: Vec<Observation>,
    /// What, and how many.
    pub left_out: BTreeMap<&'static str, usize>,
    /// Workloads that the incident names and the cluster does not have.
    pub missing: Vec<Object>,
}

/// Everything worth saying; `logs` are those of the incident's own pods.
pub(crate) fn observe(
    world: &World,
    subject: &Subject,
    window: Window,
    as_of: Timestamp,
    cluster: Option<&str>,
    logs: Vec<Observation>,
) -> Report {
    let view = View::new(world, subject, window, as_of);
    let mut report = Report { missing: view.missing(subject), ..Report::default() };
    view.rollouts(true, &mut report);
    view.pods(true, &mut report);
    report.observations.extend(logs);
    view.workloads(true, &mut report);
    view.events(true, &mut report);
    view.services(&mut report);
    view.claims(&mut report);
    view.autoscalers(&mut report);
    view.quotas(&mut report);
    view.jobs(&mut report);
    view.usage(true, &mut report);
    view.rollouts(false, &mut report);
    view.workloads(false, &mut report);
    view.pods(false, &mut report);
    view.events(false, &mut report);
    view.nodes(&mut report);
    view.system(&mut report);
    view.policies(&mut report);
    view.usage(false, &mut report);
    report.observations.extend(view.all_well(cluster));
    report
}

impl Report {
    fn keep(&mut self, what: &'static str, most: usize, mut observations: Vec<Observation>) {
        self.leave_out(what, observations.len().saturating_sub(most));
        observations.truncate(most);
        self.observations.append(&mut observations);
    }

    fn leave_out(&mut self, what: &'static str, count: usize) {
        if count > 0 {
            *self.left_out.entry(what).or_default() += count;
        }
    }
}

/// The logs worth reading: of each workload's failing pods the first, those of the incident before others.
pub(crate) fn logs(world: &World, subject: &Subject, window: Window, as_of: Timestamp) -> Vec<Wanted> {
    let view = View::new(world, subject, window, as_of);
    let mut seen = BTreeSet::new();
    let mut failing: Vec<_> = view.failing.iter().collect();
    failing.sort_by_key(|(own, ..)| !own);
    let first = failing.into_iter().filter(|(_, owner, pod, trouble)| {
        let owner = owner.as_ref().map_or_else(|| pod.metadata.name.clone(), ToString::to_string);
        seen.insert((owner, trouble.word.clone()))
    });
    first
        .flat_map(|(_, _, pod, _)| {
            let object = object(ObjectKind::Pod, pod.metadata.namespace.as_deref(), &pod.metadata.name);
            pod_log::wanted(&object, pod::statuses(pod).map(|(status, _)| status))
        })
        .collect()
}

/// The world seen from the incident.
struct View<'a> {
    world: &'a World,
    scope: Scope<'a>,
    as_of: Timestamp,
    /// Each workload, and whether the incident is about it.
    workloads: Vec<(bool, Object, &'a Workload)>,
    currents: Vec<(bool, Current<'a>)>,
    failing: Vec<(bool, Option<Object>, &'a Pod, Trouble)>,
    warnings: Vec<(bool, Option<Object>, Group<'a>)>,
}

impl<'a> View<'a> {
    fn new(world: &'a World, subject: &'a Subject, window: Window, as_of: Timestamp) -> Self {
        let scope = Scope::new(subject, world);
        let workloads: Vec<_> = world
            .workloads()
            .map(|(kind, workload)| {
                let object = object(kind, workload.metadata.namespace.as_deref(), &workload.metadata.name);
                (scope.is_workload(&object, &workload.metadata.labels), object, workload)
            })
            .collect();
        let mut currents: Vec<_> = workloads
            .iter()
            .filter_map(|(own, object, workload)| {
                Some((*own, rollout::current(object.kind, workload, world)?))
            })
            .collect();
        currents.sort_by_key(|(_, current)| std::cmp::Reverse(current.at));
        let mut failing: Vec<_> = world
            .pods
            .iter()
            .flatten()
            .filter_map(|pod| {
                let trouble = pod::trouble(pod, as_of)?;
                let owner = world.owner(&pod.metadata);
                Some((scope.is_pod(&pod.metadata, owner.as_ref()), owner, pod, trouble))
            })
            .collect();
        failing.sort_by_key(|(_, _, _, trouble)| std::cmp::Reverse(trouble.since));
        let events = world.events.iter().chain(&world.node_events).flatten();
        let mut view = Self { world, scope, as_of, workloads, currents, failing, warnings: Vec::new() };
        view.warnings = event::warnings(events, window)
            .into_iter()
            .map(|group| {
                let owner = view.owner_of(&group);
                (view.is_about(&group, owner.as_ref()), owner, group)
            })
            .collect();
        view
    }

    fn missing(&self, subject: &Subject) -> Vec<Object> {
        let read = |kind| match kind {
            ObjectKind::Deployment => self.world.deployments.is_some(),
            ObjectKind::StatefulSet => self.world.stateful_sets.is_some(),
            ObjectKind::DaemonSet => self.world.daemon_sets.is_some(),
            _ => false,
        };
        let there = |wanted: &Object| {
            self.workloads
                .iter()
                .any(|(own, known, _)| *own && known.kind == wanted.kind && known.name == wanted.name)
        };
        subject.workloads.iter().filter(|wanted| read(wanted.kind) && !there(wanted)).cloned().collect()
    }

    fn rollouts(&self, own: bool, report: &mut Report) {
        let (span, most) = if own { (OWN_ROLLOUT, OWN) } else { (OTHER_ROLLOUT, OTHER) };
        let recent: Vec<&Current<'_>> = self
            .currents
            .iter()
            .filter(|(is_own, current)| *is_own == own && within(current.at, self.as_of, span))
            .map(|(_, current)| current)
            .collect();
        report.leave_out("rollouts", recent.len().saturating_sub(most));
        for current in recent.into_iter().take(most) {
            report.leave_out("template changes", current.changes_left_out);
            report.observations.extend(current.observe(self.as_of));
        }
    }

    fn pods(&self, own: bool, report: &mut Report) {
        let failing: Vec<_> = self.failing.iter().filter(|(is_own, ..)| *is_own == own).collect();
        let all = failing.len();
        // A pod without an owner is alike to none but itself.
        let few = few_alike(failing, |(_, owner, pod, trouble)| {
            let owner = owner.as_ref().map_or_else(|| pod.metadata.name.clone(), ToString::to_string);
            (owner, trouble.word.clone())
        });
        report.leave_out("failing pods", all - few.len());
        let observe = |(_, owner, pod, trouble): &(bool, Option<Object>, &Pod, Trouble)| {
            pod::observe(pod, owner.clone(), trouble, self.as_of)
        };
        report.keep("failing pods", if own { OWN } else { OTHER }, few.into_iter().map(observe).collect());
    }

    fn workloads(&self, own: bool, report: &mut Report) {
        let observe = |(is_own, object, read): &(bool, Object, &Workload)| {
            let state = workload::state(read)?;
            let worth_saying = *is_own == own && (own || workload::is_unhealthy(&state));
            let current = self.currents.iter().map(|(_, current)| current).find(|c| c.object == *object);
            worth_saying.then(|| workload::observe(object.clone(), read, state, current, self.as_of))
        };
        let found = self.workloads.iter().filter_map(observe).collect();
        report.keep("workloads", if own { OWN } else { OTHER }, found);
    }

    fn events(&self, own: bool, report: &mut Report) {
        let groups: Vec<_> = self.warnings.iter().filter(|(is_own, ..)| *is_own == own).collect();
        let all = groups.len();
        let few = few_alike(groups, |(_, owner, group)| {
            let owner = owner.as_ref().map_or_else(|| group.name.to_owned(), ToString::to_string);
            (owner, group.reason.to_owned())
        });
        report.leave_out("event groups", all - few.len());
        let observations = few.into_iter().map(|(_, _, group)| group.observe(self.as_of)).collect();
        report.keep("event groups", if own { OWN } else { OTHER }, observations);
    }

    /// One finding that says what was looked at and found well, where no workload of the incident's own says it.
    fn all_well(&self, cluster: Option<&str>) -> Option<Observation> {
        let states: Vec<fact::Workload> =
            self.workloads.iter().filter_map(|(_, _, workload)| workload::state(workload)).collect();
        let trouble = !self.failing.is_empty()
            || !self.warnings.is_empty()
            || states.iter().any(workload::is_unhealthy);
        if trouble || states.is_empty() || self.workloads.iter().any(|(own, ..)| *own) {
            return None;
        }
        let sum = |of: fn(&fact::Workload) -> u32| states.iter().map(of).fold(0, u32::saturating_add);
        let (desired, ready) = (sum(|state| state.desired), sum(|state| state.ready));
        let object = self.scope.whole(cluster);
        let mut summary =
            format!("{object}: {} workloads, {ready} of {desired} replicas ready", states.len());
        if self.world.pods.is_some() {
            summary += ", no failing pod";
        }
        if self.world.events.is_some() {
            summary += ", no warning event";
        }
        let available = sum(|state| state.available);
        let fact = fact::Workload { desired, ready, available, ..fact::Workload::default() };
        Some(Observation::new(self.as_of, object, summary, Fact::Workload(fact)))
    }

    fn is_own(&self, workload: &Object) -> bool {
        match self.workloads.iter().find(|(_, known, _)| known == workload) {
            Some((own, ..)) => *own,
            None => self.scope.is_workload(workload, &BTreeMap::new()),
        }
    }

    fn is_about(&self, group: &Group<'_>, owner: Option<&Object>) -> bool {
        let named = group.kind == "Pod" && {
            let mut pods = self.world.pods.iter().flatten().map(|pod| &pod.metadata);
            let meta =
                pods.find(|meta| meta.name == group.name && meta.namespace.as_deref() == group.namespace);
            meta.is_some_and(|meta| self.scope.is_pod(meta, owner))
        };
        named
            || owner.is_some_and(|owner| self.is_own(owner))
            || (group.kind == "Node" && self.scope.is_node(group.name))
    }

    /// The workload an event is about: itself, or the owner of the pod or ReplicaSet. Those may be gone already: then the
    /// workload whose name theirs begins with, the longest one.
    fn owner_of(&self, group: &Group<'_>) -> Option<Object> {
        let about = object(object_kind(group.kind)?, group.namespace, group.name);
        if self.workloads.iter().any(|(_, known, _)| *known == about) {
            return Some(about);
        }
        if !matches!(
            about.kind,
            ObjectKind::Pod | ObjectKind::ReplicaSet | ObjectKind::HorizontalPodAutoscaler
        ) {
            return None;
        }
        let mut pods = self.world.pods.iter().flatten().map(|pod| &pod.metadata);
        if let Some(pod) =
            pods.find(|meta| meta.name == group.name && meta.namespace.as_deref() == group.namespace)
        {
            return self.world.owner(pod);
        }
        let known = self.workloads.iter().map(|(_, known, _)| known);
        let begins = known.filter(|known| {
            known.namespace == about.namespace
                && about
                    .name
                    .strip_prefix(&known.name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        });
        begins.max_by_key(|known| known.name.len()).cloned()
    }
}

/// The first few of each kind of alike things, in their order.
fn few_alike<T, K: Ord>(things: Vec<T>, kind: impl Fn(&T) -> K) -> Vec<T> {
    let mut seen: BTreeMap<K, usize> = BTreeMap::new();
    things
        .into_iter()
        .filter(|thing| {
            let count = seen.entry(kind(thing)).or_default();
            *count += 1;
            *count <= ALIKE
        })
        .collect()
}
