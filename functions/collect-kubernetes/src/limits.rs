//! Autoscalers at their bound and quotas that are nearly used up.

use std::collections::BTreeMap;

use incident::evidence::Observation;
use incident::redact::redact;
use incident::{Fact, Object, ObjectKind, fact, size};
use jiff::Timestamp;

use crate::event::one_line;
use crate::quantity;
use crate::wire::{Hpa, HpaMetric, LimitRange, MetricValue, Quota, condition};
use crate::world::{object, object_kind};

/// The share of a quota beyond which it is worth a word: the next pod may not fit.
const NEARLY: f64 = 0.9;
/// Characters of a message.
const MESSAGE: usize = 120;

/// What an autoscaler scales.
pub(crate) fn target(hpa: &Hpa) -> Object {
    let target = &hpa.spec.scale_target_ref;
    let kind = object_kind(&target.kind).unwrap_or(ObjectKind::Deployment);
    object(kind, hpa.metadata.namespace.as_deref(), &target.name)
}

/// The autoscaler's figures; `None` before its controller has written any.
pub(crate) fn autoscaler(hpa: &Hpa) -> Option<fact::Hpa> {
    let limited = condition(&hpa.status.conditions, "ScalingLimited").filter(|c| c.status == "True");
    Some(fact::Hpa {
        target: target(hpa),
        min: hpa.spec.min_replicas.unwrap_or(1),
        max: hpa.spec.max_replicas,
        current: hpa.status.current_replicas?,
        desired: hpa.status.desired_replicas?,
        limited: limited.is_some(),
        reason: limited.and_then(|limited| limited.reason.clone()),
        inactive: inactive(hpa),
        last_scaled_at: hpa.status.last_scale_time,
        metrics: metrics(hpa),
    })
}

/// It wants more than it may have: the desired count is the maximum, and scaling is limited.
pub(crate) fn is_saturated(hpa: &fact::Hpa) -> bool {
    hpa.limited && hpa.desired == hpa.max
}

/// Why an autoscaler does not scale at all, such as `FailedGetResourceMetric: no metrics returned`.
pub(crate) fn inactive(hpa: &Hpa) -> Option<String> {
    let active =
        condition(&hpa.status.conditions, "ScalingActive").filter(|active| active.status == "False")?;
    let reason = active.reason.as_deref().filter(|reason| *reason != "ScalingDisabled")?;
    let said = active.message.as_deref().map(|said| size::cut(&redact(&one_line(said)), MESSAGE));
    Some(said.map_or_else(|| reason.to_owned(), |said| format!("{reason}: {said}")))
}

/// What it scales by: each metric wanted, and what was measured of it.
fn metrics(hpa: &Hpa) -> Vec<fact::HpaMetric> {
    let read = |metric: &HpaMetric| {
        let named = metric.resource.as_ref().or(metric.pods.as_ref())?;
        Some((named.name.clone().unwrap_or_else(|| named.metric.name.clone()), figure(&named.target)?))
    };
    let current: BTreeMap<String, String> = hpa.status.current_metrics.iter().filter_map(read).collect();
    let wanted = hpa.spec.metrics.iter().filter_map(read);
    wanted
        .map(|(name, target)| fact::HpaMetric { current: current.get(&name).cloned(), name, target })
        .collect()
}

fn figure(value: &MetricValue) -> Option<String> {
    let percent = value.average_utilization.map(|percent| format!("{percent}%"));
    percent.or_else(|| value.average_value.clone()).or_else(|| value.value.clone())
}

/// The autoscaler as an observation.
pub(crate) fn observe_hpa(hpa: &Hpa, state: fact::Hpa, as_of: Timestamp) -> Observation {
    let limited = condition(&hpa.status.conditions, "ScalingLimited").filter(|c| c.status == "True");
    let since = limited.and_then(|limited| limited.last_transition_time).filter(|_| is_saturated(&state));
    let object =
        object(ObjectKind::HorizontalPodAutoscaler, hpa.metadata.namespace.as_deref(), &hpa.metadata.name);
    let mut summary = format!(
        "{object}: {} replicas, {} wanted, {} to {} allowed",
        state.current, state.desired, state.min, state.max
    );
    for metric in &state.metrics {
        let current = metric.current.as_deref().unwrap_or("unknown");
        summary += &format!(", {} {current} of {}", metric.name, metric.target);
    }
    if is_saturated(&state) {
        summary += &format!(", at its maximum ({})", state.reason.as_deref().unwrap_or("ScalingLimited"));
    }
    if let Some(reason) = inactive(hpa) {
        summary += &format!(", not scaling ({reason})");
    }
    Observation::new(since.unwrap_or(as_of), object, summary, Fact::Hpa(state))
}

/// A quota that is `named` by a refusal, or of which some resource is nearly or fully used; `None` for the others.
pub(crate) fn observe_quota(quota: &Quota, named: bool, as_of: Timestamp) -> Option<Observation> {
    let resources: BTreeMap<String, (String, String)> = quota
        .status
        .hard
        .iter()
        .filter_map(|(name, hard)| Some((name.clone(), (quota.status.used.get(name)?.clone(), hard.clone()))))
        .collect();
    let tight: Vec<String> = resources
        .iter()
        .filter(|(_, (used, hard))| match (quantity::parse(used), quantity::parse(hard)) {
            (Some(used), Some(hard)) => hard > 0.0 && used >= NEARLY * hard,
            _ => false,
        })
        .map(|(name, (used, hard))| format!("{name} {used} of {hard}"))
        .collect();
    if tight.is_empty() && !named {
        return None;
    }
    let said = |(name, (used, hard)): (&String, &(String, String))| format!("{name} {used} of {hard}");
    let tight = if tight.is_empty() { resources.iter().map(said).collect() } else { tight };
    let object = object(ObjectKind::ResourceQuota, quota.metadata.namespace.as_deref(), &quota.metadata.name);
    let summary = format!("{object}: {} used", tight.join(", "));
    Some(Observation::new(as_of, object, summary, Fact::Quota(fact::Quota { resources })))
}

/// The bounds that a namespace sets on its containers.
pub(crate) fn observe_range(range: &LimitRange, as_of: Timestamp) -> Observation {
    let bounds = range.spec.limits.iter().map(|item| fact::Bounds {
        of: item.kind.clone(),
        min: item.min.clone(),
        max: item.max.clone(),
        default_limit: item.default.clone(),
        default_request: item.default_request.clone(),
    });
    let bounds: Vec<fact::Bounds> = bounds.collect();
    let said = |of: &fact::Bounds| {
        let parts = [("min", &of.min), ("max", &of.max), ("default", &of.default_limit)];
        let parts = parts
            .iter()
            .flat_map(|(word, map)| map.iter().map(move |(name, value)| format!("{word} {name} {value}")));
        format!("{} {}", of.of, parts.collect::<Vec<_>>().join(", "))
    };
    let object = object(ObjectKind::LimitRange, range.metadata.namespace.as_deref(), &range.metadata.name);
    let summary = format!("{object}: {}", bounds.iter().map(said).collect::<Vec<_>>().join("; "));
    Observation::new(as_of, object, summary, Fact::LimitRange(fact::LimitRange { bounds }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn as_of() -> Timestamp {
        "2026-03-01T10:40:00Z".parse().unwrap()
    }

    fn hpa(desired: u32, limited: &str, reason: &str) -> Hpa {
        let object: Value = json!({"metadata": {"name": "api", "namespace": "shop"},
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "api"}, "minReplicas": 2, "maxReplicas": 10},
            "status": {"currentReplicas": desired, "desiredReplicas": desired, "currentMetrics": null,
                "conditions": [{"type": "ScalingLimited", "status": limited, "reason": reason}]}});
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn an_autoscaler_is_saturated_at_its_maximum_and_not_at_its_minimum() {
        let state = |hpa: &Hpa| autoscaler(hpa).unwrap();
        assert!(is_saturated(&state(&hpa(10, "True", "TooManyReplicas"))));
        assert!(!is_saturated(&state(&hpa(2, "True", "TooFewReplicas"))));
        assert!(!is_saturated(&state(&hpa(10, "False", "DesiredWithinRange"))));
        let full = hpa(10, "True", "TooManyReplicas");
        assert_eq!(
            observe_hpa(&full, state(&full), as_of()).summary,
            "HorizontalPodAutoscaler shop/api: 10 replicas, 10 wanted, 2 to 10 allowed, at its maximum (TooManyReplicas)"
        );
    }

    #[test]
    fn only_a_tight_quota_is_observed() {
        let quota = |used: &str| -> Quota {
            let object = json!({"metadata": {"name": "team", "namespace": "shop"},
                "status": {"hard": {"requests.cpu": "8", "pods": "50"}, "used": {"requests.cpu": used, "pods": "3"}}});
            serde_json::from_value(object).unwrap()
        };
        let tight = observe_quota(&quota("7900m"), false, as_of()).unwrap();
        assert_eq!(tight.summary, "ResourceQuota shop/team: requests.cpu 7900m of 8 used");
        assert!(observe_quota(&quota("4"), false, as_of()).is_none());
    }
}
