//! Why a pod does not run, read from its containers, its events and its log: the cause, and what proves it in the vendor's words.

use incident::fact::{ContainerState, PodState};
use incident::{Cause, Finding};

use crate::complaint::{Complaint, Kind};
use crate::scene::Scene;
use crate::words::count;

use super::scheduling;

/// A container that restarted this often within its pod's life and is not ready does not run.
const MANY_RESTARTS: u32 = 3;

/// Why a pod does not run.
#[derive(Debug, Clone)]
pub(super) struct Fault<'a> {
    pub(super) cause: Cause,
    /// In the vendor's words.
    pub(super) detail: String,
    /// A finding other than the pod that shows it, and what it shows.
    pub(super) shown: Option<(&'a Finding, String)>,
}

impl<'a> Fault<'a> {
    fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into(), shown: None }
    }

    fn shown(mut self, finding: &'a Finding, text: String) -> Self {
        self.shown = Some((finding, text));
        self
    }
}

/// Why the pod does not run; `None` when it runs, ended well, or nothing tells.
pub(super) fn classify<'a>(
    scene: &Scene<'a>,
    complaints: &[Complaint<'a>],
    pod: &'a Finding,
    state: &PodState,
) -> Option<Fault<'a>> {
    if state.ready || state.phase == "Succeeded" {
        return None;
    }
    if state.reason.as_deref() == Some("Evicted") {
        let message = state.message.clone().unwrap_or_else(|| "evicted".to_owned());
        return Some(Fault::new(Cause::NodePressure, format!("evicted: {message}")));
    }
    if let Some(fault) = scheduling::fault(scene, pod, state) {
        return Some(fault);
    }
    let own: Vec<&Complaint<'a>> = complaints.iter().filter(|c| speaks_for(c, pod)).collect();
    let waiting = state.containers.iter().filter(|c| !c.ready && !ended_well(c));
    let init_first = waiting.clone().filter(|c| c.init).chain(waiting.filter(|c| !c.init));
    let found = init_first.into_iter().find_map(|c| container(scene, &own, pod, c));
    found.or_else(|| by_events(scene, pod)).or_else(|| unready(scene, &own, pod, state))
}

fn ended_well(container: &ContainerState) -> bool {
    container.init && container.exit_code == Some(0) && container.waiting.is_none()
}

/// True for a log line of this pod, by its object or because the line stands under the pod's name.
fn speaks_for(complaint: &Complaint<'_>, pod: &Finding) -> bool {
    complaint.by == pod.object || complaint.by.name == pod.object.name
}

fn container<'a>(
    scene: &Scene<'a>,
    own: &[&Complaint<'a>],
    pod: &'a Finding,
    container: &ContainerState,
) -> Option<Fault<'a>> {
    let waiting = container.waiting.as_deref().unwrap_or_default();
    let message = container.message.as_deref().unwrap_or_default();
    let named = if container.init { format!("init container {}", container.name) } else { String::new() };
    let said = |what: &str| {
        let parts = [what, message].into_iter().filter(|part| !part.is_empty());
        let text = parts.collect::<Vec<_>>().join(": ");
        if named.is_empty() { text } else { format!("{named} {text}") }
    };
    match waiting {
        "ImagePullBackOff"
        | "ErrImagePull"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "RegistryUnavailable"
        | "ImageInspectError"
        | "SignatureValidationFailed" => {
            let image = container.image.as_deref().map(|image| format!(" for {image}")).unwrap_or_default();
            Some(Fault::new(Cause::ImagePull, said(&format!("{waiting}{image}"))))
        }
        "CreateContainerConfigError" if message.contains("runAsNonRoot") => {
            Some(Fault::new(Cause::PermissionDenied, said(waiting)))
        }
        "CreateContainerConfigError" => Some(Fault::new(Cause::ConfigMissing, said(waiting))),
        _ if container.terminated.as_deref() == Some("OOMKilled") => {
            let limit = container.memory_limit.as_deref().map(|l| format!(", limit {l}")).unwrap_or_default();
            let restarts = count(container.restarts as usize, "restart");
            Some(Fault::new(
                Cause::OutOfMemory,
                format!("{} was OOMKilled{limit}, {restarts}", container.name),
            ))
        }
        "CreateContainerError" | "RunContainerError" => Some(Fault::new(start_error(message), said(waiting))),
        "CrashLoopBackOff" => Some(crash(scene, own, pod, container, said("CrashLoopBackOff"))),
        _ if container.restarts >= MANY_RESTARTS => Some(crash(scene, own, pod, container, named)),
        _ if container.terminated.as_deref().is_some_and(|t| t != "Completed") => {
            Some(crash(scene, own, pod, container, named))
        }
        _ => None,
    }
}

/// What the container runtime complains of when it cannot start a container.
fn start_error(message: &str) -> Cause {
    match crate::complaint::kind(message) {
        Some(Kind::NoCommand) => Cause::InvalidConfiguration,
        _ if message.contains("no such file") || message.contains("not a directory") => {
            if message.contains("mount") { Cause::VolumeFailure } else { Cause::InvalidConfiguration }
        }
        Some(Kind::Forbidden) => Cause::PermissionDenied,
        _ => Cause::CrashLoop,
    }
}

/// Why a container ends again and again: a probe kills it, its log says why, or its exit code does.
fn crash<'a>(
    scene: &Scene<'a>,
    own: &[&Complaint<'a>],
    pod: &'a Finding,
    container: &ContainerState,
    said: String,
) -> Fault<'a> {
    let restarts = count(container.restarts as usize, "restart");
    let ended = exit(container);
    let parts = [said.split(": ").next().unwrap_or_default().to_owned() + &ended, restarts.clone()];
    let detail = parts.into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join(", ");
    let killed = probe_note(scene, pod, &["liveness", "startup"]);
    // A process that ended by its own doing within a second was not killed by a probe.
    if let Some((finding, note)) =
        killed.filter(|_| container.exit_code.is_none_or(|c| matches!(c, 0 | 137 | 143 | 2)))
    {
        let not_memory = match container.exit_code {
            Some(code) => format!("{note}; exit code {code}: not OOM"),
            None => note.clone(),
        };
        return Fault::new(Cause::ProbeFailure, format!("{restarts}: {not_memory}")).shown(finding, note);
    }
    let Some(complaint) = own.iter().find(|c| c.kind != Kind::Upstream) else {
        let cause = match (container.exit_code, container.terminated.as_deref()) {
            (Some(126..=128), _) | (_, Some("StartError" | "ContainerCannotRun")) => {
                Cause::InvalidConfiguration
            }
            _ => Cause::CrashLoop,
        };
        return Fault::new(cause, detail);
    };
    let text = format!("its log: {}", complaint.line);
    Fault::new(cause_of(complaint), format!("{detail}; {text}")).shown(complaint.finding, text)
}

/// The cause that a crashing process' own words speak for.
fn cause_of(complaint: &Complaint<'_>) -> Cause {
    match complaint.kind {
        Kind::MissingConfig => Cause::ConfigMissing,
        Kind::Credentials | Kind::BadValue | Kind::NoCommand => Cause::InvalidConfiguration,
        Kind::PortTaken => Cause::SidecarConflict,
        Kind::Forbidden => Cause::PermissionDenied,
        Kind::NoMemory => Cause::OutOfMemory,
        Kind::DiskFull => Cause::VolumeFailure,
        Kind::Unresolved => Cause::DnsFailure,
        Kind::Refused | Kind::NoAnswer | Kind::Upstream => Cause::DependencyFailure,
        Kind::Code => Cause::CrashLoop,
    }
}

fn exit(container: &ContainerState) -> String {
    match (container.exit_code, container.terminated.as_deref()) {
        (Some(code), Some(reason)) => format!(" after exit code {code} ({reason})"),
        (Some(code), None) => format!(" after exit code {code}"),
        _ => String::new(),
    }
}

/// The kubelet's note about a probe of this pod, of one of these kinds, that fails again and again.
fn probe_note<'a>(scene: &Scene<'a>, pod: &Finding, kinds: &[&str]) -> Option<(&'a Finding, String)> {
    let mut notes: Vec<_> = scene
        .events()
        .filter(|(f, group)| {
            f.object.name == pod.object.name && group.reason == "Unhealthy" && group.count >= 2
        })
        .filter(|(_, group)| {
            let note = group.note.to_lowercase();
            kinds.iter().any(|kind| note.contains(kind))
        })
        .collect();
    notes.sort_by_key(|(_, group)| std::cmp::Reverse(group.count));
    let (finding, group) = notes.first()?;
    Some((finding, format!("{} ({})", group.note, count(group.count as usize, "event"))))
}

/// What events say of a pod whose containers never began.
fn by_events<'a>(scene: &Scene<'a>, pod: &Finding) -> Option<Fault<'a>> {
    let about =
        || scene.events().filter(|(f, e)| f.object.name == pod.object.name && e.severity == "Warning");
    about().find_map(|(finding, event)| {
        let note = event.note.to_lowercase();
        let cause = match event.reason.as_str() {
            "FailedMount" | "FailedAttachVolume" | "FailedMapVolume" => mount(&note),
            "FailedCreatePodSandBox" | "NetworkNotReady" => Cause::ComponentDown,
            _ => return None,
        };
        Some(
            Fault::new(cause, format!("{}: {}", event.reason, event.note)).shown(finding, event.note.clone()),
        )
    })
}

/// A mount of something that does not exist is missing configuration, where that is a ConfigMap or a Secret.
pub(super) fn mount(note: &str) -> Cause {
    let absent = note.contains("not found") || note.contains("references non-existent");
    let config = note.contains("configmap") || note.contains("secret");
    if absent && config { Cause::ConfigMissing } else { Cause::VolumeFailure }
}

/// Runs, has not restarted, and is not ready: its readiness probe, or what its log says.
fn unready<'a>(
    scene: &Scene<'a>,
    own: &[&Complaint<'a>],
    pod: &'a Finding,
    state: &PodState,
) -> Option<Fault<'a>> {
    let (finding, note) = probe_note(scene, pod, &["readiness", "startup", "liveness"])?;
    let asks = state.containers.iter().flat_map(wrong_port).next();
    let detail = match asks {
        Some(text) => format!("{note}; {text}"),
        None => note.clone(),
    };
    let blames = own
        .iter()
        .find(|c| matches!(c.kind, Kind::Refused | Kind::Unresolved | Kind::Credentials | Kind::NoAnswer));
    Some(match blames {
        Some(complaint) => Fault::new(cause_of(complaint), format!("{note}; its log: {}", complaint.line))
            .shown(complaint.finding, format!("its log: {}", complaint.line)),
        None => Fault::new(Cause::ProbeFailure, detail).shown(finding, note),
    })
}

/// A probe that asks a port which the container does not declare.
fn wrong_port(container: &ContainerState) -> Option<String> {
    container.probes.iter().find_map(|probe| {
        let asked = probe.check.split_once(':')?.1;
        let asked: String = asked.chars().take_while(char::is_ascii_digit).collect();
        let declared: Vec<&str> = container.ports.iter().filter_map(|p| p.split('/').next()).collect();
        let wrong = !asked.is_empty() && !declared.is_empty() && !declared.contains(&asked.as_str());
        wrong.then(|| {
            format!(
                "the {} probe asks port {asked}, the container declares {}",
                probe.kind,
                declared.join(", ")
            )
        })
    })
}
