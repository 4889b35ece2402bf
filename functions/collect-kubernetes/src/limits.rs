//! Autoscalers at their bound and quotas that are nearly used up.

use std::collections::BTreeMap;

use incident::evidence::Observation;
use incident::{Fact, Object, ObjectKind, fact};
use jiff::Timestamp;

use crate::wire::{Hpa, Quota, condition};
use crate::world::{object, object_kind};

/// The share of a quota beyond which it is worth a word: the next pod may not fit.
const NEARLY: f64 = 0.9;

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
        inactive: inactive(hpa).map(str::to_owned),
        last_scaled_at: None,
        metrics: Vec::new(),
    })
}

/// It wants more than it may have: the desired count is the maximum, and scaling is limited.
pub(crate) fn is_saturated(hpa: &fact::Hpa) -> bool {
    hpa.limited && hpa.desired == hpa.max
}

/// Why an autoscaler does not scale at all, such as `FailedGetResourceMetric`.
pub(crate) fn inactive(hpa: &Hpa) -> Option<&str> {
    let active =
        condition(&hpa.status.conditions, "ScalingActive").filter(|active| active.status == "False")?;
    active.reason.as_deref().filter(|reason| *reason != "ScalingDisabled")
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
    if is_saturated(&state) {
        summary += &format!(", at its maximum ({})", state.reason.as_deref().unwrap_or("ScalingLimited"));
    }
    if let Some(reason) = inactive(hpa) {
        summary += &format!(", not scaling ({reason})");
    }
    Observation::new(since.unwrap_or(as_of), object, summary, Fact::Hpa(state))
}

/// A quota of which some resource is nearly or fully used; `None` for the others.
pub(crate) fn observe_quota(quota: &Quota, as_of: Timestamp) -> Option<Observation> {
    let resources: BTreeMap<String, (String, String)> = quota
        .status
        .hard
        .iter()
        .filter_map(|(name, hard)| Some((name.clone(), (quota.status.used.get(name)?.clone(), hard.clone()))))
        .collect();
    let tight: Vec<String> = resources
        .iter()
        .filter(|(_, (used, hard))| match (quantity(used), quantity(hard)) {
            (Some(used), Some(hard)) => hard > 0.0 && used >= NEARLY * hard,
            _ => false,
        })
        .map(|(name, (used, hard))| format!("{name} {used} of {hard}"))
        .collect();
    if tight.is_empty() {
        return None;
    }
    let object = object(ObjectKind::ResourceQuota, quota.metadata.namespace.as_deref(), &quota.metadata.name);
    let summary = format!("{object}: {} used", tight.join(", "));
    Some(Observation::new(as_of, object, summary, Fact::Quota(fact::Quota { resources })))
}

/// A Kubernetes quantity as a number: `7900m`, `8`, `16Gi`, `1e3`.
fn quantity(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 15] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    if let Ok(plain) = text.parse() {
        return Some(plain);
    }
    let (suffix, factor) = SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix))?;
    Some(text.strip_suffix(suffix)?.parse::<f64>().ok()? * factor)
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
    fn quantities_of_every_spelling_compare() {
        assert_eq!(quantity("7900m"), Some(7.9));
        assert_eq!(quantity("16Gi"), Some(17_179_869_184.0));
        assert_eq!(quantity("1e3"), Some(1000.0));
        assert_eq!(quantity("much"), None);
    }

    #[test]
    fn only_a_tight_quota_is_observed() {
        let quota = |used: &str| -> Quota {
            let object = json!({"metadata": {"name": "team", "namespace": "shop"},
                "status": {"hard": {"requests.cpu": "8", "pods": "50"}, "used": {"requests.cpu": used, "pods": "3"}}});
            serde_json::from_value(object).unwrap()
        };
        let tight = observe_quota(&quota("7900m"), as_of()).unwrap();
        assert_eq!(tight.summary, "ResourceQuota shop/team: requests.cpu 7900m of 8 used");
        assert!(observe_quota(&quota("4"), as_of()).is_none());
    }
}
