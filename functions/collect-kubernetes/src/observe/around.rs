//! What stands around the pods: services, claims, autoscalers, quotas, jobs, nodes, the cluster's own workloads, policies, usage.

use std::collections::BTreeSet;

use incident::evidence::Observation;
use incident::{Object, ObjectKind};

use super::{OTHER, Report, View};
use crate::moment::within;
use crate::world::object;
use crate::{claim, job, limits, node, policy, service, usage, workload};

/// Failed jobs are news for a day.
const DAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// Usage from this share of its limit on is told of whatever has it.
const BUSY: f64 = 0.9;
/// Policies, and figures of usage, that are told.
const FEW: usize = 4;

impl View<'_> {
    /// The incident's services always, others where nobody answers; the unwell first.
    pub(super) fn services(&self, report: &mut Report) {
        let mut found: Vec<_> = Vec::new();
        for read in self.world.services.iter().flatten() {
            let state = service::state(read, self.world);
            let unwell = service::is_unwell(&state);
            let own = self.is_own_service(read);
            // A service scaled to nothing on purpose is somebody else's business.
            if own || (unwell && state.selected != Some(0)) || state.namesake.is_some() {
                found.push((!unwell, !own, service::observe(read, state, self.as_of)));
            }
        }
        found.sort_by_key(|(well, other, _)| (*well, *other));
        report.keep("services", OTHER, found.into_iter().map(|(.., observation)| observation).collect());
    }

    fn is_own_service(&self, read: &crate::wire::Service) -> bool {
        let namespace = read.metadata.namespace.as_deref();
        let same_name = [ObjectKind::Deployment, ObjectKind::StatefulSet, ObjectKind::DaemonSet]
            .iter()
            .any(|kind| self.is_own(&object(*kind, namespace, &read.metadata.name)));
        let pods = service::selected(read, self.world).unwrap_or_default();
        same_name
            || pods.iter().any(|pod| {
                let owner = self.world.owner(&pod.metadata);
                self.scope.is_pod(&pod.metadata, owner.as_ref())
            })
    }

    /// Claims that are not bound, and those of the incident's failing pods.
    pub(super) fn claims(&self, report: &mut Report) {
        let failing: BTreeSet<&str> = self
            .failing
            .iter()
            .filter(|(own, ..)| *own)
            .map(|(_, _, pod, _)| pod.metadata.name.as_str())
            .collect();
        let told = self.world.claims.iter().flatten().filter_map(|read| {
            let pods = claim::pods(read, self.world);
            let own = pods.iter().any(|pod| failing.contains(pod.metadata.name.as_str()));
            let waits = !read.status.phase.is_empty() && read.status.phase != "Bound";
            (own || waits).then(|| (!waits, claim::observe(read, &pods, self.as_of)))
        });
        let mut told: Vec<(bool, Observation)> = told.collect();
        told.sort_by_key(|(bound, _)| *bound);
        report.keep("volume claims", OTHER, told.into_iter().map(|(_, observation)| observation).collect());
    }

    /// Quotas that are tight or that refused something, and with them the bounds that made a pod too large.
    pub(super) fn quotas(&self, report: &mut Report) {
        let refusals: Vec<String> = self.refusals();
        let named = |name: &str| refusals.iter().any(|said| said.contains(name));
        let quotas = self.world.quotas.iter().flatten().filter_map(|quota| {
            limits::observe_quota(
                quota,
                named(&format!("exceeded quota: {}", quota.metadata.name)),
                self.as_of,
            )
        });
        report.keep("quotas", OTHER, quotas.collect());
        let refused =
            refusals.iter().any(|said| said.contains(" per Container is ") || said.contains(" per Pod is "));
        let ranges = self.world.limit_ranges.iter().flatten().filter(|_| refused);
        report.keep(
            "limit ranges",
            FEW,
            ranges.map(|range| limits::observe_range(range, self.as_of)).collect(),
        );
    }

    /// What controllers and the admission said when pods could not be made.
    fn refusals(&self) -> Vec<String> {
        let events = self.world.events.iter().flatten().filter_map(|event| event.note.clone());
        let states = self.workloads.iter().filter_map(|(.., read)| workload::state(read)?.failure);
        events.chain(states).filter(|said| said.contains("forbidden")).collect()
    }

    /// Jobs that gave up within a day, or fail and try again.
    pub(super) fn jobs(&self, report: &mut Report) {
        let told = self.world.jobs.iter().flatten().filter_map(|read| {
            let state = job::state(read);
            let recent = state.finished_at.is_none_or(|at| within(at, self.as_of, DAY));
            let fails = state.reason.is_some() || (state.failed > 0 && state.active > 0);
            (fails && recent).then(|| job::observe(read, state, self.as_of))
        });
        let mut told: Vec<Observation> = told.collect();
        told.sort_by_key(|observation| std::cmp::Reverse(observation.at));
        report.keep("jobs", FEW, told);
    }

    /// The policies that select the incident's pods.
    pub(super) fn policies(&self, report: &mut Report) {
        let told = self.world.policies.iter().flatten().filter_map(|read| {
            let selects: Vec<Object> = self
                .workloads
                .iter()
                .filter(|(own, _, workload)| {
                    *own && workload.metadata.namespace == read.metadata.namespace
                        && policy::matches(&read.spec.pod_selector, &workload.spec.template.metadata.labels)
                })
                .map(|(_, object, _)| object.clone())
                .collect();
            (!selects.is_empty()).then(|| policy::observe(read, selects, self.as_of))
        });
        let mut told: Vec<Observation> = told.collect();
        told.sort_by_key(|observation| std::cmp::Reverse(observation.at));
        report.keep("network policies", FEW, told);
    }

    /// Of the incident's pods those that use most, of everything else what is at its limit.
    pub(super) fn usage(&self, own: bool, report: &mut Report) {
        let mut told: Vec<(f64, Observation)> = Vec::new();
        for metrics in self.world.pod_metrics.iter().flatten() {
            let meta = &metrics.metadata;
            let mut pods = self.world.pods.iter().flatten();
            let pod =
                pods.find(|pod| pod.metadata.name == meta.name && pod.metadata.namespace == meta.namespace);
            let is_own = pod.is_some_and(|pod| {
                self.scope.is_pod(&pod.metadata, self.world.owner(&pod.metadata).as_ref())
            });
            let Some(usage) = usage::of_pod(metrics, pod).filter(|_| is_own == own) else { continue };
            let object = object(ObjectKind::Pod, meta.namespace.as_deref(), &meta.name);
            told.push((usage::share(&usage), usage::observe(object, metrics, usage, self.as_of)));
        }
        for metrics in self.world.node_metrics.iter().flatten().filter(|_| !own) {
            let mut nodes = self.world.nodes.iter().flatten();
            let node = nodes.find(|node| node.metadata.name == metrics.metadata.name);
            let Some(usage) = usage::of_node(metrics, node) else { continue };
            let object = Object::new(ObjectKind::Node, metrics.metadata.name.as_str());
            told.push((usage::share(&usage), usage::observe(object, metrics, usage, self.as_of)));
        }
        told.retain(|(share, _)| own || *share >= BUSY);
        told.sort_by(|a, b| b.0.total_cmp(&a.0));
        // The pods of one workload are alike: the busiest tell all, and the others are no gap.
        told.truncate(if own { 2 } else { FEW });
        report.observations.extend(told.into_iter().map(|(_, observation)| observation));
    }

    /// The cluster's own workloads, where they are not whole.
    pub(super) fn system(&self, report: &mut Report) {
        let told = self.world.system.iter().filter_map(|(kind, read)| {
            let state = workload::state(read).filter(workload::is_unhealthy)?;
            let object = object(*kind, read.metadata.namespace.as_deref(), &read.metadata.name);
            Some(workload::observe(object, read, state, None, self.as_of))
        });
        report.keep("cluster workloads", FEW, told.collect());
    }

    pub(super) fn autoscalers(&self, report: &mut Report) {
        let read = self.world.hpas.iter().flatten().filter_map(|hpa| Some((hpa, limits::autoscaler(hpa)?)));
        let mut found: Vec<(bool, Observation)> = read
            .filter_map(|(hpa, state)| {
                let own = self.is_own(&state.target);
                let worth_saying = own || limits::is_saturated(&state) || limits::inactive(hpa).is_some();
                worth_saying.then(|| (own, limits::observe_hpa(hpa, state, self.as_of)))
            })
            .collect();
        found.sort_by_key(|(own, _)| !own);
        report.keep("autoscalers", OTHER, found.into_iter().map(|(_, observation)| observation).collect());
    }

    pub(super) fn nodes(&self, report: &mut Report) {
        let nodes = self.world.nodes.iter().flatten().filter_map(|node| {
            let troubles = node::troubles(node, self.as_of);
            let own = self.scope.is_node(&node.metadata.name);
            (own || !troubles.is_empty()).then(|| (own, node::observe(node, &troubles, self.as_of)))
        });
        let mut nodes: Vec<_> = nodes.collect();
        nodes.sort_by_key(|(own, _)| !own);
        report.keep("nodes", OTHER, nodes.into_iter().map(|(_, observation)| observation).collect());
    }
}
