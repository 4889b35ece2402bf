//! Snapshots of a cluster as `kubectl` would show them: no rollout history, no metrics, one fault each. The cause and the culprit of each
//! class of fault, whatever else the snapshot holds.

use incident::fact::*;
use incident::{Cause, Fact, Object, ObjectKind, Source, State, Verdict};

use super::story::{Story, deployment, running, waiting};
use crate::Truth;

/// A fault: what it is called, what is to be seen of it, the cause and the culprit's name.
type Fault = (&'static str, fn(&mut Story), Cause, &'static str);

const POD: &str = "cart-6d4f8b9c7-x2x7q";

/// Whom the alert names: the workload that fails, one that depends on it, or nobody.
const ALERTED: [&str; 3] = ["cart", "frontend", ""];

/// The alert is about a service that answers slowly or not at all; `frontend`, `payment` and `mysql` are beside `cart` and well.
fn snapshot(alerted: &str) -> Story {
    let mut story = Story::new("2026-03-04T02:14:00Z");
    story.title = format!("{alerted} answers with errors");
    if !alerted.is_empty() {
        story.subject.services = vec![alerted.into()];
        story.subject.workloads = vec![deployment(alerted)];
    }
    for (name, pod) in [
        ("frontend", "frontend-6b8c9d7f5-q2q2q"),
        ("payment", "payment-7c9d5b8f6-k4k4k"),
        ("mysql", "mysql-5f5f5f5f5-m1m1m"),
    ] {
        story.workload(deployment(name), 1, 1).pod(
            pod,
            deployment(name),
            -9000,
            running(&format!("{name}:1")),
        );
    }
    story
}

fn pod(name: &str) -> Object {
    Object::namespaced(ObjectKind::Pod, "shop", name)
}

/// The only pod of `cart`, not ready.
fn fails(story: &mut Story, container: ContainerState) {
    story.workload(deployment("cart"), 0, 1).pod(POD, deployment("cart"), -20, container);
}

/// A pod that no node has taken.
fn pending(story: &mut Story, note: &str) {
    story.workload(deployment("cart"), 0, 1);
    let state = PodState { phase: "Pending".into(), owner: Some(deployment("cart")), ..PodState::default() };
    story.fact(Source::Kubernetes, 6, pod(POD), Fact::Pod(state));
    if !note.is_empty() {
        story.event(pod(POD), "FailedScheduling", note, 9, -20);
    }
}

fn ended(code: i32, reason: &str, restarts: u32) -> ContainerState {
    ContainerState {
        restarts,
        terminated: Some(reason.into()),
        exit_code: Some(code),
        ..waiting("CrashLoopBackOff", "cart:1", "back-off 5m0s restarting failed container=main")
    }
}

fn crashes(story: &mut Story, code: i32, lines: &[&str]) {
    fails(story, ended(code, "Error", 7));
    log(story, POD, lines);
}

fn log(story: &mut Story, name: &str, lines: &[&str]) {
    let tail = lines.iter().map(|line| (*line).to_owned()).collect();
    let log = PodLog { container: "main".into(), lines: lines.len() as u32, tail, ..PodLog::default() };
    story.fact(Source::Kubernetes, 6, pod(name), Fact::PodLog(log));
}

/// `cart` runs and is ready: the fault is not in its pods.
fn runs(story: &mut Story) {
    story.workload(deployment("cart"), 1, 1).pod(POD, deployment("cart"), -9000, running("cart:1"));
}

fn service(name: &str) -> Object {
    Object::namespaced(ObjectKind::Service, "shop", name)
}

fn serves(story: &mut Story, name: &str, state: ServiceState) {
    let state =
        ServiceState { kind: "ClusterIP".into(), selector: [("app".into(), name.into())].into(), ..state };
    story.fact(Source::Kubernetes, 6, service(name), Fact::Service(state));
}

fn node(story: &mut Story, name: &str, state: NodeState) {
    story.fact(Source::Kubernetes, 6, Object::new(ObjectKind::Node, name), Fact::Node(state));
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Condition {
    Condition {
        kind: kind.into(),
        status: status.into(),
        reason: Some(reason.into()),
        message: Some(message.into()),
        ..Condition::default()
    }
}

fn refused(story: &mut Story, note: &str) {
    let workload = Workload { desired: 1, failure: Some(note.into()), ..Workload::default() };
    story.fact(Source::Kubernetes, 6, deployment("cart"), Fact::Workload(workload));
    let set = Object::namespaced(ObjectKind::ReplicaSet, "shop", "cart-6d4f8b9c7");
    story.event(set, "FailedCreate", &format!("Error creating: {note}"), 14, -20);
}

fn pulls(story: &mut Story, message: &str) {
    fails(
        story,
        waiting(
            "ImagePullBackOff",
            "registry.test/cart:v9",
            "Back-off pulling image \"registry.test/cart:v9\"",
        ),
    );
    story.event(
        pod(POD),
        "Failed",
        &format!("Failed to pull image \"registry.test/cart:v9\": {message}"),
        5,
        -20,
    );
}

/// Runs, is not ready, and its probe says why.
fn unready(story: &mut Story, restarts: u32, note: &str) {
    let container = ContainerState { restarts, ready: false, ..running("cart:1") };
    story.workload(deployment("cart"), 0, 1);
    let state = PodState {
        phase: "Running".into(),
        owner: Some(deployment("cart")),
        node: Some("node-1".into()),
        containers: vec![container],
        ..PodState::default()
    };
    story.fact(Source::Kubernetes, 6, pod(POD), Fact::Pod(state)).event(pod(POD), "Unhealthy", note, 30, -20);
}

fn claim(story: &mut Story, state: VolumeClaim, note: &str) {
    let object = Object::namespaced(ObjectKind::PersistentVolumeClaim, "shop", "cart-data");
    story.fact(Source::Kubernetes, 6, object.clone(), Fact::VolumeClaim(state));
    story.event(object, "ProvisioningFailed", note, 12, -20);
}

#[rustfmt::skip]
const FAULTS: &[Fault] = &[
    // Admission.
    ("quota of processors", |s| refused(s, "pods \"cart-6d4f8b9c7-\" is forbidden: exceeded quota: compute, requested: limits.cpu=2, used: limits.cpu=4, limited: limits.cpu=4"), Cause::QuotaExceeded, "compute"),
    ("quota of pods", |s| refused(s, "pods \"cart-6d4f8b9c7-\" is forbidden: exceeded quota: pod-count, requested: pods=1, used: pods=10, limited: pods=10"), Cause::QuotaExceeded, "pod-count"),
    ("limits that a quota demands are not stated", |s| refused(s, "pods \"cart-6d4f8b9c7-\" is forbidden: failed quota: compute: must specify limits.memory for: main"), Cause::QuotaExceeded, "cart"),
    ("no such service account", |s| refused(s, "pods \"cart-6d4f8b9c7-\" is forbidden: error looking up service account shop/cart-sa: serviceaccount \"cart-sa\" not found"), Cause::PermissionDenied, "cart"),
    ("pod security refuses", |s| refused(s, "pods \"cart-6d4f8b9c7-\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false"), Cause::PermissionDenied, "cart"),
    ("an admission webhook refuses", |s| refused(s, "admission webhook \"policy.test\" denied the request: images must come from registry.test"), Cause::PermissionDenied, "cart"),
    ("an admission webhook does not answer", |s| refused(s, "Internal error occurred: failed calling webhook \"policy.test\": failed to call webhook: Post \"https://policy.system.svc:443/\": dial tcp 10.0.0.9:443: connect: connection refused"), Cause::PermissionDenied, "cart"),
    // Scheduling.
    ("no processor left", |s| pending(s, "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."), Cause::Unschedulable, "cart"),
    ("no memory left", |s| pending(s, "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient memory."), Cause::Unschedulable, "cart"),
    ("a taint", |s| pending(s, "0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: batch}."), Cause::Unschedulable, "cart"),
    ("a selector", |s| pending(s, "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."), Cause::Unschedulable, "cart"),
    ("anti-affinity", |s| pending(s, "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules."), Cause::Unschedulable, "cart"),
    ("cordoned nodes", |s| pending(s, "0/3 nodes are available: 3 node(s) were unschedulable."), Cause::Unschedulable, "cart"),
    ("a claim without a volume", |s| { pending(s, "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."); claim(s, VolumeClaim { phase: "Pending".into(), class: Some("fast".into()), pods: vec![POD.into()], ..VolumeClaim::default() }, "storageclass.storage.k8s.io \"fast\" not found"); }, Cause::VolumeFailure, "cart"),
    ("a claim that nobody made", |s| pending(s, "0/3 nodes are available: persistentvolumeclaim \"cart-data\" not found."), Cause::VolumeFailure, "cart"),
    ("a volume elsewhere", |s| pending(s, "0/3 nodes are available: 3 node(s) had volume node affinity conflict."), Cause::VolumeFailure, "cart"),
    ("no scheduler", |s| { pending(s, ""); let scheduler = Object::namespaced(ObjectKind::Pod, "kube-system", "kube-scheduler-node-0"); s.fact(Source::Kubernetes, 6, scheduler, Fact::Pod(PodState { phase: "Running".into(), containers: vec![ended(1, "Error", 5)], ..PodState::default() })); }, Cause::ComponentDown, "kube-scheduler-node-0"),
    // Images.
    ("no such tag", |s| pulls(s, "rpc error: code = NotFound desc = failed to pull and unpack image \"registry.test/cart:v9\": not found"), Cause::ImagePull, "cart"),
    ("the registry's name does not resolve", |s| pulls(s, "failed to do request: Head \"https://registry.test/v2/cart/manifests/v9\": dial tcp: lookup registry.test on 10.96.0.10:53: no such host"), Cause::ImagePull, "cart"),
    ("too many pulls", |s| pulls(s, "toomanyrequests: You have reached your pull rate limit."), Cause::ImagePull, "cart"),
    ("no pull secret", |s| { pulls(s, "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"); s.event(pod(POD), "FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (registry-login); attempting to pull the image may not succeed.", 9, -20); }, Cause::ImagePull, "cart"),
    ("no valid image name", |s| fails(s, waiting("InvalidImageName", "cart:v9:x", "Failed to apply default image tag \"cart:v9:x\": couldn't parse image name")), Cause::ImagePull, "cart"),
    // Starting.
    ("no such config map", |s| fails(s, waiting("CreateContainerConfigError", "cart:1", "configmap \"cart-config\" not found")), Cause::ConfigMissing, "cart"),
    ("no such key in a secret", |s| fails(s, waiting("CreateContainerConfigError", "cart:1", "couldn't find key password in Secret shop/cart-db")), Cause::ConfigMissing, "cart"),
    ("a secret to mount is not there", |s| { fails(s, waiting("ContainerCreating", "cart:1", "")); s.event(pod(POD), "FailedMount", "MountVolume.SetUp failed for volume \"tls\" : secret \"cart-tls\" not found", 11, -20); }, Cause::ConfigMissing, "cart"),
    ("a volume that cannot be attached", |s| { fails(s, waiting("ContainerCreating", "cart:1", "")); s.event(pod(POD), "FailedAttachVolume", "Multi-Attach error for volume \"pvc-1\" Volume is already used by pod(s) cart-old", 11, -20); }, Cause::VolumeFailure, "cart"),
    ("no such command", |s| fails(s, waiting("RunContainerError", "cart:1", "failed to create containerd task: OCI runtime create failed: exec: \"/serve\": stat /serve: no such file or directory")), Cause::InvalidConfiguration, "cart"),
    ("killed for its memory", |s| fails(s, ContainerState { memory_limit: Some("64Mi".into()), ..ended(137, "OOMKilled", 5) }), Cause::OutOfMemory, "cart"),
    ("killed for its memory and running again", |s| fails(s, ContainerState { waiting: None, message: None, ..ended(137, "OOMKilled", 5) }), Cause::OutOfMemory, "cart"),
    ("a crash that its log does not explain", |s| crashes(s, 1, &["starting", "bye"]), Cause::CrashLoop, "cart"),
    ("a crash of its own code", |s| crashes(s, 2, &["panic: runtime error: invalid memory address or nil pointer dereference"]), Cause::CrashLoop, "cart"),
    ("a variable that is not set", |s| crashes(s, 1, &["fatal: environment variable CART_DB_HOST is not set"]), Cause::ConfigMissing, "cart"),
    ("an image for another processor", |s| crashes(s, 255, &["exec /usr/bin/cart: exec format error"]), Cause::InvalidConfiguration, "cart"),
    ("two containers, one port", |s| crashes(s, 1, &["listen tcp :8080: bind: address already in use"]), Cause::SidecarConflict, "cart"),
    ("a file it may not write", |s| crashes(s, 1, &["open /var/lib/cart/data.db: permission denied"]), Cause::PermissionDenied, "cart"),
    ("the API forbids it", |s| crashes(s, 1, &["configmaps is forbidden: User \"system:serviceaccount:shop:cart\" cannot list resource \"configmaps\" in API group \"\""]), Cause::PermissionDenied, "cart"),
    ("an init container that fails", |s| fails(s, ContainerState { init: true, name: "migrate".into(), ..ended(1, "Error", 4) }), Cause::CrashLoop, "cart"),
    // Probes.
    ("a liveness probe that kills", |s| { fails(s, ended(137, "Error", 6)); s.event(pod(POD), "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 404", 18, -20); }, Cause::ProbeFailure, "cart"),
    ("a liveness probe that kills a process which ends well", |s| { fails(s, ended(0, "Completed", 6)); s.event(pod(POD), "Unhealthy", "Liveness probe failed: Get \"http://10.0.0.7:9999/healthz\": dial tcp 10.0.0.7:9999: connect: connection refused", 18, -20); }, Cause::ProbeFailure, "cart"),
    ("a readiness probe of a wrong port", |s| unready(s, 0, "Readiness probe failed: dial tcp 10.0.0.7:9999: connect: connection refused"), Cause::ProbeFailure, "cart"),
    ("a probe of a wrong protocol", |s| unready(s, 0, "Readiness probe failed: Get \"http://10.0.0.7:6379/\": net/http: HTTP/1.x transport connection broken: malformed HTTP response"), Cause::ProbeFailure, "cart"),
    ("a startup probe that is too short", |s| unready(s, 4, "Startup probe failed: Get \"http://10.0.0.7:8080/ready\": context deadline exceeded"), Cause::ProbeFailure, "cart"),
    // Routing.
    ("a selector that fits no pod", |s| { runs(s); serves(s, "cart", ServiceState { selected: Some(0), ready: Some(0), namesake: Some(deployment("cart")), differs: [("app".into(), ("cart-v2".into(), "cart".into()))].into(), ..ServiceState::default() }); }, Cause::ServiceMismatch, "cart"),
    ("a port that no pod declares", |s| { runs(s); serves(s, "cart", ServiceState { selected: Some(1), ready: Some(1), ports: vec![ServicePort { port: 80, target: "8081".into(), protocol: "TCP".into(), declared: Some(false), ..ServicePort::default() }], ..ServiceState::default() }); log(s, "payment-7c9d5b8f6-k4k4k", &["dial tcp 10.96.1.1:80 (cart): connect: connection refused"]); }, Cause::ServiceMismatch, "cart"),
    ("scaled to nothing", |s| { s.workload(deployment("cart"), 0, 0); serves(s, "cart", ServiceState { selected: Some(0), ready: Some(0), ..ServiceState::default() }); }, Cause::ScaledToZero, "cart"),
    ("a name that is misspelt", |s| { runs(s); serves(s, "mysql", ServiceState { selected: Some(1), ready: Some(1), ..ServiceState::default() }); log(s, POD, &["dial tcp: lookup mysqll on 10.96.0.10:53: no such host"]); }, Cause::InvalidConfiguration, "cart"),
    ("a wrong password", |s| { runs(s); log(s, POD, &["Error 1045 (28000): Access denied for user 'cart'@'10.0.0.7' (using password: YES)"]); }, Cause::InvalidConfiguration, "cart"),
    ("a dependency that refuses", |s| { runs(s); log(s, POD, &["dial tcp 10.96.1.7:3306: connect: connection refused (mysql)"]); }, Cause::DependencyFailure, "mysql"),
    ("a policy that lets nobody in", |s| { runs(s); let policy = NetworkPolicy { selects: vec![deployment("cart")], ingress: Some(vec![]), ..NetworkPolicy::default() }; s.fact(Source::Kubernetes, -30, Object::namespaced(ObjectKind::NetworkPolicy, "shop", "deny-all"), Fact::NetworkPolicy(policy)); log(s, "payment-7c9d5b8f6-k4k4k", &["Get \"http://cart/\": dial tcp 10.96.1.1:80: i/o timeout"]); }, Cause::NetworkPolicyBlock, "deny-all"),
    // What everything stands on.
    ("a kubelet that is gone", |s| { unready(s, 0, "Readiness probe failed: timeout"); node(s, "node-1", NodeState { conditions: vec![condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")], ..NodeState::default() }); }, Cause::NodeDown, "node-1"),
    ("a container runtime that is gone", |s| { fails(s, waiting("ContainerCreating", "cart:1", "")); node(s, "node-1", NodeState { conditions: vec![condition("Ready", "False", "KubeletNotReady", "container runtime is down")], ..NodeState::default() }); }, Cause::NodeDown, "node-1"),
    ("a node without disk", |s| { s.workload(deployment("cart"), 0, 1); let evicted = PodState { phase: "Failed".into(), reason: Some("Evicted".into()), message: Some("The node was low on resource: ephemeral-storage.".into()), node: Some("node-1".into()), owner: Some(deployment("cart")), ..PodState::default() }; s.fact(Source::Kubernetes, 6, pod(POD), Fact::Pod(evicted)); node(s, "node-1", NodeState { ready: true, conditions: vec![condition("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure")], ..NodeState::default() }); }, Cause::NodePressure, "node-1"),
    ("no name server", |s| { runs(s); s.workload(Object::namespaced(ObjectKind::Deployment, "kube-system", "coredns"), 0, 2); log(s, POD, &["getaddrinfo EAI_AGAIN mysql"]); }, Cause::DnsFailure, "coredns"),
    ("no proxy on a node", |s| { runs(s); s.workload(Object::namespaced(ObjectKind::DaemonSet, "kube-system", "kube-proxy"), 2, 3); log(s, POD, &["dial tcp 10.96.1.7:3306: i/o timeout"]); }, Cause::ComponentDown, "kube-proxy"),
    // Load.
    ("all its processor", |s| { runs(s); s.fact(Source::Kubernetes, 6, pod(POD), Fact::Usage(Usage { cpu_cores: 0.199, cpu_limit_cores: Some(0.2), ..Usage::default() })); }, Cause::ContainerCpu, "cart"),
    ("an autoscaler at its end", |s| { runs(s); let hpa = Hpa { target: deployment("cart"), min: 1, max: 3, current: 3, desired: 3, limited: true, reason: Some("TooManyReplicas".into()), inactive: None, last_scaled_at: None, metrics: vec![] }; s.fact(Source::Kubernetes, 6, Object::namespaced(ObjectKind::HorizontalPodAutoscaler, "shop", "cart"), Fact::Hpa(hpa)); }, Cause::HpaLimit, "cart"),
    ("a job that fails", |s| { runs(s); let job = JobState { failed: 4, reason: Some("BackoffLimitExceeded".into()), ..JobState::default() }; s.fact(Source::Kubernetes, 6, Object::namespaced(ObjectKind::Job, "shop", "cart"), Fact::Job(job)); }, Cause::JobFailure, "cart"),
];

/// The causes that have a fault here.
pub(super) fn causes() -> impl Iterator<Item = Cause> {
    FAULTS.iter().map(|(_, _, cause, _)| *cause)
}

/// The faults with their truths, for whom the alert names the failing workload and for whom it names one that depends on it.
pub(super) fn labelled() -> impl Iterator<Item = (Truth, State)> {
    FAULTS.iter().flat_map(|(name, fault, cause, culprit)| {
        ["cart", "frontend"].map(|alerted| {
            let mut story = snapshot(alerted);
            fault(&mut story);
            let culprit = Some((*culprit).to_owned());
            (Truth { incident: (*name).to_owned(), causes: vec![*cause], culprit }, story.state())
        })
    })
}

/// The same where no owner reference was read: a pod's name tells its workload.
fn unowned(state: &State) -> State {
    let mut state = state.clone();
    for finding in state.evidence.iter_mut().flat_map(|e| &mut e.findings) {
        if let Fact::Pod(pod) = &mut finding.fact {
            pod.owner = None;
        }
    }
    state
}

/// The same with its findings the other way round, and a warning about a machine that nobody asked about.
fn noisy(state: &State) -> State {
    let mut state = state.clone();
    for evidence in &mut state.evidence {
        evidence.findings.reverse();
        if evidence.source == Source::Kubernetes
            && let Some(mut noise) = evidence.findings.first().cloned()
        {
            noise.id = "kubernetes-999".into();
            noise.object = Object::new(ObjectKind::Node, "node-7");
            noise.fact = Fact::EventGroup(EventGroup {
                reason: "SystemOOM".into(),
                severity: "Warning".into(),
                count: 3,
                first: Some(noise.at),
                last: Some(noise.at),
                note: "System OOM encountered, victim process: indexer, pid: 4242".into(),
            });
            evidence.findings.push(noise);
        }
    }
    state
}

#[test]
fn each_class_of_fault_is_named_with_its_culprit() {
    let mut wrong = Vec::new();
    let mut told = 0;
    for (name, fault, cause, culprit) in FAULTS {
        for alerted in ALERTED {
            let mut story = snapshot(alerted);
            fault(&mut story);
            let state = story.state();
            for (how, state) in [("", &state), ("unowned", &unowned(&state)), ("noisy", &noisy(&state))] {
                let case = format!("{name}, alert on {alerted:?} {how}");
                told += 1;
                let diagnosis = crate::diagnose(state);
                let struck = grounding::check_all(&diagnosis.root_cause, state).struck;
                wrong.extend(struck.into_iter().map(|struck| format!("{case}: {struck:?}")));
                let lead = diagnosis.leading().next().map(|lead| (lead.cause, lead.culprit.name.as_str()));
                if lead != Some((*cause, *culprit)) {
                    let others: Vec<_> = diagnosis
                        .hypotheses
                        .iter()
                        .map(|h| (h.cause, &h.culprit.name, h.confidence))
                        .collect();
                    wrong.push(format!("{case}: {others:?} {:?}", diagnosis.verdict));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {told} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Where something else fails, what the alert names being whole is no proof of health.
#[test]
fn nothing_is_called_healthy_beside_a_fault() {
    for (name, fault, ..) in FAULTS {
        let mut story = snapshot("frontend");
        fault(&mut story);
        let verdict = crate::diagnose(&story.state()).verdict;
        assert!(!matches!(verdict, Verdict::Healthy { .. }), "{name}: {verdict:?}");
    }
}
