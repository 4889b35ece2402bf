//! Root before symptom: which cause explains which, and the order that follows.

use incident::Cause;

use crate::change::mentions;
use crate::detectors::behind;
use crate::scene::Scene;
use crate::suspect::{MEDIUM, Suspect};

/// What being explained by a leading root costs, in log-odds: enough to stand below it, not enough to vanish.
const EXPLAINED: f64 = -1.2;
/// A second cause stands beside the first when it is nearly as sure and of another object.
const BESIDE: f64 = 0.15;

/// Each of the roots, if it holds, brings each of the symptoms about. Written from the field's dependency directions: code loads the
/// database, the database slows the service, a lost node takes its pods along.
#[rustfmt::skip]
const BRINGS: &[(&[Cause], &[Cause])] = {
    use Cause::*;
    &[
        (
            &[RegressionByDeploy, ConfigurationChange],
            &[
                DatabaseCpu, DatabaseConnections, DatabaseIo, DatabaseLocks, DatabaseMemory, ReplicationLag, ErrorBurst, LatencyRise,
                UnhealthyTargets, RolloutStuck, HpaLimit, OriginLatency,
            ],
        ),
        (&[OrganicSurge, DdosL7, CacheCollapse], &[DatabaseCpu, DatabaseConnections, DatabaseIo, LatencyRise, HpaLimit, ErrorBurst, OriginLatency]),
        (&[DatabaseStorage], &[DatabaseIo, ErrorBurst, LatencyRise]),
        (&[DatabaseHousekeeping], &[DatabaseCpu, DatabaseIo, DatabaseMemory, DatabaseLocks]),
        (&[DatabaseFailover, DatabaseMaintenance], &[DatabaseConnections, ErrorBurst, LatencyRise, ReplicationLag, UnhealthyTargets]),
        (&[DatabaseConnections, DatabaseCpu, DatabaseIo, DatabaseLocks], &[ErrorBurst, LatencyRise, UnhealthyTargets]),
        (
            &[
                ImagePull, CrashLoop, OutOfMemory, ConfigMissing, ProbeFailure, Unschedulable, QuotaExceeded, VolumeFailure,
                PermissionDenied, InvalidConfiguration, SidecarConflict, ScaledToZero,
            ],
            &[RolloutStuck, UnhealthyTargets, ErrorBurst, LatencyRise, DependencyFailure, ServiceMismatch, HpaLimit],
        ),
        (
            &[ServiceMismatch, NetworkPolicyBlock, NetworkDegraded, ContainerCpu],
            &[DependencyFailure, ErrorBurst, LatencyRise, UnhealthyTargets, ProbeFailure, HpaLimit, DnsFailure],
        ),
        (&[DependencyFailure], &[ErrorBurst, LatencyRise, CrashLoop, ProbeFailure, UnhealthyTargets, RolloutStuck]),
        (
            &[NodeDown, NodePressure],
            &[
                Unschedulable, UnhealthyTargets, ErrorBurst, ProbeFailure, InstanceFailure, DependencyFailure, CrashLoop, RolloutStuck,
                ComponentDown, VolumeFailure, OutOfMemory,
            ],
        ),
        (&[ComponentDown], &[DnsFailure, Unschedulable, ErrorBurst, LatencyRise, DependencyFailure, UnhealthyTargets, ProbeFailure]),
        (&[InstanceFailure], &[NodeDown, UnhealthyTargets]),
        (&[DnsFailure], &[ErrorBurst, LatencyRise, UnhealthyTargets, DependencyFailure, CrashLoop, ProbeFailure]),
        (&[ReplicationLag], &[DatabaseCpu, DatabaseLocks, DatabaseIo, LatencyRise, ErrorBurst]),
    ]
};

/// True when `root`, if it holds, brings `symptom` about.
pub(crate) fn explains(root: Cause, symptom: Cause) -> bool {
    BRINGS.iter().any(|(roots, symptoms)| roots.contains(&root) && symptoms.contains(&symptom))
}

/// Sorts suspects: best first, symptoms below the root that explains them. Returns how many lead.
pub(crate) fn rank(scene: &Scene<'_>, suspects: &mut [Suspect]) -> usize {
    sort(scene, suspects);
    for i in 1..suspects.len() {
        let (roots, rest) = suspects.split_at_mut(i);
        let Some(symptom) = rest.first_mut() else { continue };
        let standing = roots.iter().filter(|root| !root.has("symptom_of_another"));
        // Symptoms sink below, so a root's place among the roots is its place in the end.
        if let Some((n, root)) = standing.enumerate().find(|(_, root)| brings(scene, root, symptom)) {
            let text = format!("a symptom of h{}: {} of {}", n + 1, root.cause.title(), root.culprit.name);
            symptom.add("symptom_of_another", EXPLAINED, text, &[], &[]);
        }
    }
    // Stable: symptoms sink, everything else keeps its place and so its id.
    suspects.sort_by_key(|s| s.has("symptom_of_another"));
    leading(scene, suspects)
}

fn sort(scene: &Scene<'_>, suspects: &mut [Suspect]) {
    let watched = |s: &Suspect| s.has("alert_watches_it");
    suspects.sort_by(|a, b| {
        rooted(scene, b)
            .cmp(&rooted(scene, a))
            .then_with(|| b.strength(scene).total_cmp(&a.strength(scene)))
            .then_with(|| watched(b).cmp(&watched(a)))
            .then_with(|| (a.cause, &a.culprit).cmp(&(b.cause, &b.culprit)))
    });
}

/// A root that is itself likely goes before the symptoms it explains, however loud these are.
fn rooted(scene: &Scene<'_>, suspect: &Suspect) -> bool {
    let is_root = [
        Cause::RegressionByDeploy,
        Cause::OrganicSurge,
        Cause::DdosL7,
        Cause::DatabaseStorage,
        Cause::DatabaseHousekeeping,
        Cause::NodeDown,
    ]
    .contains(&suspect.cause);
    (is_root || suspect.has("component_not_ready")) && suspect.strength(scene) >= MEDIUM
}

/// Two saturations of one database are one fault; else the table of causes decides, for the same workload where both name one.
fn brings(scene: &Scene<'_>, root: &Suspect, symptom: &Suspect) -> bool {
    use Cause::*;
    let saturation = |c: Cause| {
        matches!(c, DatabaseCpu | DatabaseConnections | DatabaseIo | DatabaseMemory | DatabaseLocks)
    };
    if root.culprit == symptom.culprit && saturation(root.cause) && saturation(symptom.cause) {
        return true;
    }
    let leads = root.strength(scene) >= MEDIUM;
    // The name server that does not run, and names that therefore do not resolve, are one cause of two objects.
    if leads && root.has("component_not_ready") && root.cause == symptom.cause {
        return true;
    }
    let pod_of_root = mentions(&symptom.culprit.name, &root.culprit.name) || root.culprit == symptom.culprit;
    let same_place =
        symptom.cause != RolloutStuck || pod_of_root || behind(scene, &symptom.culprit).is_none();
    leads && same_place && explains(root.cause, symptom.cause)
}

fn leading(scene: &Scene<'_>, suspects: &[Suspect]) -> usize {
    let Some(first) = suspects.first() else { return 0 };
    let best = first.strength(scene);
    // What a container's own state proves of two workloads is two faults, however much surer one of them is.
    let proven = |s: &Suspect| s.has("containers_do_not_run") && !s.has("not_what_the_alert_names");
    // An attack and a crowd at one zone at once are two causes of one object.
    let at_once = |s: &Suspect| first.has("people_came_too") && s.has("people_came_too");
    let beside = |s: &&Suspect| {
        !s.has("symptom_of_another")
            && (s.culprit != first.culprit || at_once(s))
            && s.strength(scene) >= MEDIUM
            && (s.strength(scene) >= best - BESIDE || proven(first) && proven(s) || at_once(s))
    };
    1 + suspects.iter().skip(1).take_while(beside).count()
}
