//! Changes: what somebody did, whether it came before the onset, and whether it touches what the alert is about.

use incident::fact::{CodeChange, DatabaseEvent, DeployEvent, Rollout, TimeSource};
use incident::{Fact, Finding, Object, ObjectKind, Timestamp};

use crate::scene::Scene;
use crate::words::{clock, names, span};

/// What was done.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deed<'a> {
    /// A new revision of a workload.
    Rollout(&'a Rollout),
    /// A pipeline said it deployed something, and no rollout of it was seen.
    Deploy(&'a DeployEvent),
    /// The database's configuration was changed.
    Database,
}

/// Where a change stands to the onset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// So many seconds before it.
    Before(i64),
    /// Too close to tell which came first.
    Unclear,
    /// So many seconds after it.
    After(i64),
}

/// Whether a change touches what the alert is about, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Touch {
    Yes(String),
    No(String),
    Unknown(String),
}

/// A change and how it stands to the incident.
#[derive(Debug, Clone)]
pub(crate) struct Change<'a> {
    pub(crate) deed: Deed<'a>,
    pub(crate) at: Timestamp,
    pub(crate) uncertainty_s: u32,
    pub(crate) object: Object,
    /// `api v2 (before: v1)`.
    pub(crate) label: String,
    /// The finding, and the deploy events that tell of the same.
    pub(crate) evidence: Vec<String>,
    pub(crate) order: Order,
    pub(crate) touch: Touch,
}

impl Change<'_> {
    /// True when it may be a cause as far as time and place go.
    pub(crate) fn is_suspect(&self) -> bool {
        matches!(self.order, Order::Before(_) | Order::Unclear) && !matches!(self.touch, Touch::No(_))
    }

    /// `rolled out`, `deployed`, `changed`.
    pub(crate) fn verb(&self) -> &'static str {
        match self.deed {
            Deed::Rollout(r) if r.is_rollback => "rolled back to",
            Deed::Rollout(r) if r.restart_only => "restarted",
            Deed::Rollout(_) => "rolled out",
            Deed::Deploy(_) => "deployed",
            Deed::Database => "changed",
        }
    }

    /// What was changed, without what was there before: `api v2`.
    pub(crate) fn short(&self) -> &str {
        self.label.split(" (before: ").next().unwrap_or(&self.label)
    }

    /// The version now running.
    pub(crate) fn version(&self) -> Option<&str> {
        match self.deed {
            Deed::Rollout(rollout) => Some(&rollout.version),
            Deed::Deploy(deploy) => deploy.version.as_deref(),
            Deed::Database => None,
        }
    }
}

/// Every change seen, oldest first; a deploy event of a rollout that was seen itself is folded into it.
pub(crate) fn changes<'a>(scene: &Scene<'a>) -> Vec<Change<'a>> {
    let mut changes: Vec<Change<'a>> = Vec::new();
    for (finding, rollout) in scene.rollouts() {
        changes.push(of_rollout(scene, finding, rollout));
    }
    for (finding, _) in &scene.findings {
        match &finding.fact {
            Fact::DeployEvent(deploy) => {
                match changes.iter_mut().find(|change| tells_of(deploy, finding, change)) {
                    Some(known) => known.evidence.push(finding.id.clone()),
                    None => changes.push(of_deploy(scene, finding, deploy)),
                }
            }
            Fact::DatabaseEvent(event) if is_configuration(event) => {
                changes.push(of_database(scene, finding, event));
            }
            _ => {}
        }
    }
    changes.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.object.cmp(&b.object)));
    changes
}

/// The source change of a rollout, when it was read. Nothing else may claim that a diff was read.
pub(crate) fn code_of<'a>(scene: &Scene<'a>, change: &Change<'_>) -> Option<(&'a Finding, &'a CodeChange)> {
    let version = change.version().filter(|v| !v.is_empty())?;
    scene.findings.iter().find_map(|(finding, _)| match &finding.fact {
        Fact::CodeChange(code) if code.to == version || code.to.ends_with(version) => Some((*finding, code)),
        _ => None,
    })
}

fn of_rollout<'a>(scene: &Scene<'a>, finding: &'a Finding, rollout: &'a Rollout) -> Change<'a> {
    let before = rollout.previous_version.as_deref().filter(|v| *v != rollout.version);
    let name = &finding.object.name;
    let label = match (before, rollout.revision) {
        (Some(before), _) => format!("{name} {} (before: {before})", rollout.version),
        (None, Some(revision)) if rollout.same_version() => format!("{name} revision {revision}"),
        _ => format!("{name} {}", rollout.version),
    };
    let uncertainty_s = match rollout.time_source {
        TimeSource::ScalingEvent | TimeSource::ManagedFields => 1,
        TimeSource::PodStart => 10,
        TimeSource::ReplicaSetCreation => 60,
        TimeSource::DeployEvent => 60,
        // It tells the finish; a rollout takes minutes.
        TimeSource::ProgressingCondition => 600,
    };
    place(scene, Deed::Rollout(rollout), finding, finding.object.clone(), label, uncertainty_s)
}

fn of_deploy<'a>(scene: &Scene<'a>, finding: &'a Finding, deploy: &'a DeployEvent) -> Change<'a> {
    let service = deploy.service.clone().unwrap_or_else(|| finding.object.name.clone());
    let object = scene
        .state
        .subject
        .workloads
        .iter()
        .find(|w| w.name == service)
        .cloned()
        .unwrap_or_else(|| Object::new(ObjectKind::Application, service.clone()));
    let label = match &deploy.version {
        Some(version) => format!("{service} {version}"),
        None => service,
    };
    let mut change = place(scene, Deed::Deploy(deploy), finding, object, label, 60);
    if deploy.service.is_none() && matches!(change.touch, Touch::No(_)) {
        change.touch = Touch::Unknown("the deploy event names no service".to_owned());
    }
    change
}

fn of_database<'a>(scene: &Scene<'a>, finding: &'a Finding, event: &DatabaseEvent) -> Change<'a> {
    let said = incident::size::cut(event.message.trim_end_matches('.'), 90);
    let label = format!("{} ({said})", finding.object.name);
    place(scene, Deed::Database, finding, finding.object.clone(), label, 60)
}

fn place<'a>(
    scene: &Scene<'a>,
    deed: Deed<'a>,
    finding: &'a Finding,
    object: Object,
    label: String,
    uncertainty_s: u32,
) -> Change<'a> {
    let order = order(scene, finding.at, uncertainty_s);
    let touch = touch(scene, &object);
    let evidence = vec![finding.id.clone()];
    Change { deed, at: finding.at, uncertainty_s, object, label, evidence, order, touch }
}

/// Strictly before the onset precedes; what lies within the uncertainty of either is unclear.
fn order(scene: &Scene<'_>, at: Timestamp, uncertainty_s: u32) -> Order {
    let Some(onset) = &scene.onset else { return Order::Unclear };
    let after = at.as_second() - onset.at.as_second();
    // A point of a series stands for the period that begins with it; a copied series may also be late.
    let late = i64::from(onset.uncertainty_s.min(300)) * i64::from(onset.uncertainty_s >= 180);
    // Seconds of a rollout's own start do not make its minute vague.
    let vague = i64::from(uncertainty_s) * i64::from(uncertainty_s > 10);
    // Whatever the alert is about had begun when it fired.
    let until_alert = (scene.state.alert.at.as_second() - onset.at.as_second()).max(0);
    if after < -late {
        Order::Before(-after)
    } else if after - vague < i64::from(onset.uncertainty_s).min(until_alert).max(1) {
        Order::Unclear
    } else {
        Order::After(after)
    }
}

fn touch(scene: &Scene<'_>, object: &Object) -> Touch {
    let databases = &scene.state.subject.databases;
    if object.kind == ObjectKind::DatabaseInstance {
        return if databases.is_empty() || databases.contains(&object.name) {
            Touch::Yes(format!("it is {} itself", object.name))
        } else {
            Touch::No(format!("it is not {}", databases.join(", ")))
        };
    }
    let mentioned =
        scene.logs().find(|(_, log)| log.status == "error" && mentions(&log.sample, &object.name));
    match scene.concerns(object) {
        Some(true) if databases.is_empty() => Touch::Yes("it is what the alert is about".to_owned()),
        Some(true) => Touch::Yes(format!("it uses {}", databases.join(", "))),
        _ if mentioned.is_some() => Touch::Yes(format!("the errors name {}", object.name)),
        Some(false) if !databases.is_empty() => {
            Touch::No(format!("{} is not known to use {}", object.name, databases.join(", ")))
        }
        Some(false) => Touch::No(format!(
            "{} is not among what the alert concerns ({})",
            object.name,
            if scene.state.subject.workloads.is_empty() {
                scene.state.subject.services.join(", ")
            } else {
                names(&scene.state.subject.workloads)
            }
        )),
        None => Touch::Unknown(format!("nothing tells whether {} is concerned", object.name)),
    }
}

/// True when `text` holds `name` as a word of its own.
pub(crate) fn mentions(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !name.is_empty()
        && text.match_indices(name).any(|(i, _)| {
            !text[..i].chars().next_back().is_some_and(part)
                && !text[i + name.len()..].chars().next().is_some_and(part)
        })
}

fn tells_of(deploy: &DeployEvent, finding: &Finding, change: &Change<'_>) -> bool {
    let Some(version) = change.version().filter(|v| !v.is_empty()) else { return false };
    let same_service = deploy.service.as_deref().map_or_else(
        || mentions(&deploy.title, &change.object.name),
        |service| service == change.object.name,
    );
    let same_version =
        deploy.version.as_deref().map_or_else(|| mentions(&deploy.title, version), |v| v == version);
    let near = (finding.at.as_second() - change.at.as_second()).abs() <= 3600;
    same_service && same_version && near
}

fn is_configuration(event: &DatabaseEvent) -> bool {
    event.categories.iter().any(|c| c.eq_ignore_ascii_case("configuration change"))
}

/// When a change happened, in words, against the onset, else against the alert: `02:11 UTC, 2 min before the onset`.
pub(crate) fn when(scene: &Scene<'_>, change: &Change<'_>) -> String {
    let at = clock(change.at, scene.now());
    match change.order {
        Order::Before(seconds) => format!("{at}, {} before the {}", span(seconds), scene.anchor()),
        Order::Unclear if scene.seen_onset().is_none() => {
            format!("{at}, close to the alert, and when it began was not seen")
        }
        Order::Unclear => format!("{at}, too close to the onset to tell which came first"),
        Order::After(seconds) => match &scene.onset {
            Some(onset) => format!(
                "{at}, {} after the {} at {}",
                span(seconds),
                scene.anchor(),
                clock(onset.at, scene.now())
            ),
            None => at,
        },
    }
}
