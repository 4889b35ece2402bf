//! Measured use of processor and memory, where the cluster has a metrics server.

use incident::evidence::Observation;
use incident::fact::Usage;
use incident::{Fact, Object, Timestamp};

use crate::quantity;
use crate::wire::{Metrics, Node, Pod};

/// What a pod uses, against the limits of its containers.
pub(crate) fn of_pod(metrics: &Metrics, pod: Option<&Pod>) -> Option<Usage> {
    let sum = |name: &str| -> Option<f64> {
        let figures = metrics.containers.iter().map(|container| quantity::parse(container.usage.get(name)?));
        figures.collect::<Option<Vec<f64>>>().filter(|f| !f.is_empty()).map(|f| f.iter().sum())
    };
    // One container without a limit may take all the node has: then the pod has none.
    let limit = |name: &str| -> Option<f64> {
        let limits =
            pod?.spec.containers.iter().map(|spec| quantity::parse(spec.resources.limits.get(name)?));
        limits.collect::<Option<Vec<f64>>>().filter(|l| !l.is_empty()).map(|l| l.iter().sum())
    };
    Some(Usage {
        cpu_cores: sum("cpu")?,
        memory_bytes: sum("memory")?,
        window_s: window(metrics),
        cpu_limit_cores: limit("cpu"),
        memory_limit_bytes: limit("memory"),
    })
}

/// What a node uses, of what pods may have of it.
pub(crate) fn of_node(metrics: &Metrics, node: Option<&Node>) -> Option<Usage> {
    let figure = |name: &str| quantity::parse(metrics.usage.get(name)?);
    let allocatable = |name: &str| quantity::parse(node?.status.allocatable.get(name)?);
    Some(Usage {
        cpu_cores: figure("cpu")?,
        memory_bytes: figure("memory")?,
        window_s: window(metrics),
        cpu_limit_cores: allocatable("cpu"),
        memory_limit_bytes: allocatable("memory"),
    })
}

/// The larger of the two shares of its limits; 0 without any.
pub(crate) fn share(usage: &Usage) -> f64 {
    let share =
        |used: f64, limit: Option<f64>| limit.filter(|limit| *limit > 0.0).map_or(0.0, |limit| used / limit);
    share(usage.cpu_cores, usage.cpu_limit_cores).max(share(usage.memory_bytes, usage.memory_limit_bytes))
}

/// The usage as an observation, at the time it was measured.
pub(crate) fn observe(object: Object, metrics: &Metrics, usage: Usage, as_of: Timestamp) -> Observation {
    const MIB: f64 = 1024.0 * 1024.0;
    let of = |limit: Option<String>| limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
    let summary = format!(
        "{object}: uses {:.2}{} cores and {:.0}{} MiB",
        usage.cpu_cores,
        of(usage.cpu_limit_cores.map(|limit| format!("{limit:.2}"))),
        usage.memory_bytes / MIB,
        of(usage.memory_limit_bytes.map(|limit| format!("{:.0}", limit / MIB))),
    );
    Observation::new(metrics.timestamp.unwrap_or(as_of), object, summary, Fact::Usage(usage))
}

/// `30s` or `1m10.5s` in whole seconds.
fn window(metrics: &Metrics) -> Option<u32> {
    let span: jiff::SignedDuration = metrics.window.as_deref()?.parse().ok()?;
    u32::try_from(span.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use incident::ObjectKind;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pods_containers_are_summed_and_one_without_a_limit_leaves_it_without() {
        let metrics: Metrics = serde_json::from_value(json!({"metadata": {"name": "p", "namespace": "shop"},
            "timestamp": "2026-03-01T10:39:00Z", "window": "17.5s", "containers": [
                {"name": "a", "usage": {"cpu": "250m", "memory": "240Mi"}},
                {"name": "b", "usage": {"cpu": "12345678n", "memory": "10240Ki"}}]}))
        .unwrap();
        let pod: Pod = serde_json::from_value(json!({"spec": {"containers": [
            {"name": "a", "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}}},
            {"name": "b", "resources": {"limits": {"memory": "44Mi"}}}]}}))
        .unwrap();
        let usage = of_pod(&metrics, Some(&pod)).unwrap();
        assert_eq!((usage.window_s, usage.cpu_limit_cores), (Some(17), None));
        assert!((share(&usage) - 250.0 / 300.0).abs() < 1e-9);
        let told = observe(Object::namespaced(ObjectKind::Pod, "shop", "p"), &metrics, usage, Timestamp::MIN);
        assert_eq!(told.summary, "Pod shop/p: uses 0.26 cores and 250 of 300 MiB");
    }

    #[test]
    fn absent_figures_are_no_zero() {
        let metrics: Metrics =
            serde_json::from_value(json!({"metadata": {"name": "p"}, "containers": null})).unwrap();
        assert_eq!(of_pod(&metrics, None), None);
        assert_eq!(of_node(&metrics, None), None);
    }
}
