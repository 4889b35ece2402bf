//! When a rollout began and finished.

use incident::ObjectKind;
use incident::fact::TimeSource;
use jiff::{SignedDuration, Timestamp};

use crate::event;
use crate::revision::{Revision, Revisions};
use crate::wire::{ManagedFields, Meta, Workload, condition};
use crate::world::World;

/// Times are whole seconds, and events arrive a little after what they tell.
const SKEW: SignedDuration = SignedDuration::from_secs(5);
/// The first pod of a new revision starts within this.
const PODS_FOLLOW: SignedDuration = SignedDuration::from_mins(10);

/// When the rollout finished: the Deployment controller sets this reason once per rollout, and scaling does not touch it.
pub(crate) fn finished(workload: &Workload) -> Option<Timestamp> {
    let progressing = condition(&workload.status.as_ref()?.conditions, "Progressing")?;
    let done = progressing.reason.as_deref() == Some("NewReplicaSetAvailable");
    progressing.last_update_time.or(progressing.last_transition_time).filter(|_| done)
}

/// When the rollout began, and how that was found: the event, the first pod, the revision's own age where it is new, the manager that
/// wrote the template, and last what the controller noted. A start after the finish is somebody else's: an autoscaler's event, a pod
/// that was replaced, a manager that touched another field.
pub(crate) fn began(
    kind: ObjectKind,
    workload: &Workload,
    revisions: &Revisions<'_>,
    world: &World,
    finished: Option<Timestamp>,
) -> Option<(Timestamp, TimeSource)> {
    let before_finish = |at: &Timestamp| finished.is_none_or(|finished| *at <= finished + SKEW);
    let current = revisions.current();
    let event = (kind == ObjectKind::Deployment)
        .then(|| scaling_event(workload, current.meta, world, before_finish))
        .flatten();
    let created = revisions.created();
    // A pod replaced since, where no finish is known, is younger than its revision by more than a rollout takes to make the first.
    let first = pod_start(current, world).filter(before_finish);
    let first = first.filter(|at| created.is_none_or(|created| at.duration_since(created) <= PODS_FOLLOW));
    let written = || template_writes(&workload.metadata).filter(before_finish).max();
    let noted = || {
        let status = workload.status.as_ref()?;
        condition(&status.conditions, "Progressing")?.last_update_time
    };
    let tagged = |at: Option<Timestamp>, source| at.map(|at| (at, source));
    tagged(event, TimeSource::ScalingEvent)
        .or_else(|| tagged(first, TimeSource::PodStart))
        .or_else(|| tagged(created, TimeSource::ReplicaSetCreation))
        .or_else(|| tagged(written(), TimeSource::ManagedFields))
        .or_else(|| tagged(noted(), TimeSource::ProgressingCondition))
}

/// The event that began to scale up the new ReplicaSet. Its note reads `Scaled up replica set NAME from 0 to 2`, or `… to 2`
/// from older servers, where the first is the start. A name that was scaled up twice did so in two rollouts: the later one
/// is meant.
fn scaling_event(
    deployment: &Workload,
    set: &Meta,
    world: &World,
    before_finish: impl Fn(&Timestamp) -> bool,
) -> Option<Timestamp> {
    let begins = format!("Scaled up replica set {} ", set.name);
    let notes = world.events.iter().flatten().filter_map(|told| {
        let about = told.regarding.kind == "Deployment"
            && told.regarding.name == deployment.metadata.name
            && told.regarding.namespace == deployment.metadata.namespace;
        let how = told.note.as_deref()?.strip_prefix(&begins)?;
        (about && told.reason.as_deref() == Some("ScalingReplicaSet")).then_some((how, told))
    });
    let (from_zero, other): (Vec<_>, Vec<_>) = notes.partition(|(how, _)| how.starts_with("from 0 "));
    let from_zero = from_zero.iter().flat_map(|(_, told)| [event::first_seen(told), event::last_seen(told)]);
    let older = other.iter().filter(|(how, _)| how.starts_with("to "));
    let older = older.filter_map(|(_, told)| event::first_seen(told)).filter(&before_finish).min();
    from_zero.flatten().filter(&before_finish).max().or(older)
}

fn pod_start(revision: &Revision<'_>, world: &World) -> Option<Timestamp> {
    let made = world.pods.iter().flatten().filter(|pod| revision.made(pod));
    made.filter_map(|pod| pod.status.start_time).min()
}

/// When managers that own fields of the template last wrote. The controller's own writes go to the status.
fn template_writes(meta: &Meta) -> impl Iterator<Item = Timestamp> {
    let wrote_template = |entry: &&ManagedFields| {
        entry.subresource.as_deref().unwrap_or_default().is_empty()
            && entry.fields_v1.spec.as_ref().is_some_and(|spec| spec.template.is_some())
    };
    meta.managed_fields.iter().filter(wrote_template).filter_map(|entry| entry.time)
}
