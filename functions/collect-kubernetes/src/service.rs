//! Services: what they select, who answers for them, and where a selector misses.

use std::collections::BTreeMap;

use incident::evidence::Observation;
use incident::fact::{ServicePort, ServiceState};
use incident::{Fact, Object, ObjectKind, Timestamp};

use crate::wire::{self, Container, EndpointSlice, Pod, PortOrName, Service};
use crate::world::{World, object};

/// The label by which a slice belongs to a service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// A service as it stands.
pub(crate) fn state(service: &Service, world: &World) -> ServiceState {
    let spec = &service.spec;
    let selected = selected(service, world);
    let endpoints = world.endpoint_slices.as_ref().map(|slices| count(service, slices));
    let namesake = match &selected {
        Some(pods) if pods.is_empty() => namesake(service, world),
        _ => None,
    };
    let (namesake, differs) =
        namesake.map_or_else(Default::default, |(object, differs)| (Some(object), differs));
    ServiceState {
        kind: spec.kind.clone().unwrap_or_else(|| "ClusterIP".to_owned()),
        headless: spec.cluster_ip.as_deref() == Some("None"),
        selector: spec.selector.clone(),
        ports: spec
            .ports
            .iter()
            .map(|port| read_port(port, selected.as_deref().unwrap_or_default()))
            .collect(),
        selected: selected.map(|pods| pods.len() as u32),
        ready: endpoints.map(|(ready, _)| ready),
        not_ready: endpoints.map(|(_, not_ready)| not_ready),
        namesake,
        differs,
    }
}

/// Nobody answers, or a port leads where no pod says it listens.
pub(crate) fn is_unwell(state: &ServiceState) -> bool {
    let selects = !state.selector.is_empty();
    selects
        && (state.ready == Some(0)
            || state.selected == Some(0)
            || state.ports.iter().any(|port| port.declared == Some(false)))
}

/// The service as an observation.
pub(crate) fn observe(service: &Service, state: ServiceState, as_of: Timestamp) -> Observation {
    let object = object(ObjectKind::Service, service.metadata.namespace.as_deref(), &service.metadata.name);
    let mut summary = format!("{object}: ");
    summary += &match (state.ready, state.not_ready) {
        (Some(ready), Some(0) | None) => format!("{ready} ready endpoints"),
        (Some(ready), Some(not_ready)) => format!("{ready} ready endpoints, {not_ready} not ready"),
        (None, _) => "endpoints unknown".to_owned(),
    };
    if state.selected == Some(0) {
        let selector: Vec<String> =
            state.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        summary += &format!(", its selector {} matches no pod", selector.join(","));
    }
    for (key, (wanted, has)) in &state.differs {
        let of = state.namesake.as_ref().map(|object| object.name.as_str()).unwrap_or_default();
        let has = if has.is_empty() { "none" } else { has };
        summary += &format!(", {key} wants {wanted} and the pods of {of} have {has}");
    }
    for port in state.ports.iter().filter(|port| port.declared == Some(false)) {
        summary += &format!(
            ", port {} leads to {}/{}, which no selected pod declares",
            port.port, port.target, port.protocol
        );
    }
    Observation::new(as_of, object, summary, Fact::Service(state))
}

/// The pods a service's selector matches; `None` without a selector, or without pods to look at.
pub(crate) fn selected<'w>(service: &Service, world: &'w World) -> Option<Vec<&'w Pod>> {
    let selector = &service.spec.selector;
    let pods = world.pods.as_ref().filter(|_| !selector.is_empty())?;
    let matches = |pod: &&Pod| {
        pod.metadata.namespace == service.metadata.namespace
            && pod.status.phase != "Succeeded"
            && pod.status.phase != "Failed"
            && selector.iter().all(|(key, value)| pod.metadata.labels.get(key) == Some(value))
    };
    Some(pods.iter().filter(matches).collect())
}

fn count(service: &Service, slices: &[EndpointSlice]) -> (u32, u32) {
    let own = slices.iter().filter(|slice| {
        slice.metadata.namespace == service.metadata.namespace
            && slice.metadata.labels.get(SERVICE_NAME) == Some(&service.metadata.name)
    });
    // A dual-stack service has every pod once in a slice of each address type: the larger count is the pods'.
    let mut by_type: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for slice in own {
        let counts = by_type.entry(slice.address_type.as_str()).or_default();
        for endpoint in &slice.endpoints {
            let addresses = endpoint.addresses.len().max(1) as u32;
            if endpoint.conditions.ready.unwrap_or(true) {
                counts.0 += addresses;
            } else {
                counts.1 += addresses;
            }
        }
    }
    by_type.into_values().max().unwrap_or_default()
}

fn read_port(port: &wire::ServicePort, pods: &[&Pod]) -> ServicePort {
    let target = port.target_port.clone().unwrap_or(PortOrName::Number(port.port));
    let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
    let containers = || pods.iter().flat_map(|pod| &pod.spec.containers);
    let any_declared = containers().any(|container| !container.ports.is_empty());
    let is_it = |container: &Container| {
        container.ports.iter().any(|declared| {
            let same = match &target {
                PortOrName::Number(number) => declared.container_port == *number,
                PortOrName::Name(name) => declared.name.as_ref() == Some(name),
            };
            same && declared.protocol.as_deref().unwrap_or("TCP") == protocol
        })
    };
    ServicePort {
        name: port.name.clone(),
        port: port.port,
        target: target.to_string(),
        declared: any_declared.then(|| containers().any(is_it)),
        protocol,
    }
}

/// A workload and the labels on which the selector differs from its pods: key → (wanted, has).
type Differing = (Object, BTreeMap<String, (String, String)>);

/// The workload of the service's name, else the one that most of the selector fits.
fn namesake(service: &Service, world: &World) -> Option<Differing> {
    let selector = &service.spec.selector;
    let differs = |labels: &BTreeMap<String, String>| -> BTreeMap<String, (String, String)> {
        let wrong = selector.iter().filter(|(key, value)| labels.get(*key) != Some(value));
        wrong
            .map(|(key, value)| (key.clone(), (value.clone(), labels.get(key).cloned().unwrap_or_default())))
            .collect()
    };
    let here = world.workloads().filter(|(_, w)| w.metadata.namespace == service.metadata.namespace);
    let candidates = here.map(|(kind, workload)| {
        let differs = differs(&workload.spec.template.metadata.labels);
        let object = object(kind, workload.metadata.namespace.as_deref(), &workload.metadata.name);
        (object, differs)
    });
    let fits = |(object, differs): &Differing| {
        !differs.is_empty() && (object.name == service.metadata.name || differs.len() < selector.len())
    };
    candidates
        .filter(fits)
        .min_by_key(|(object, differs)| (object.name != service.metadata.name, differs.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn world(labels: Value, ready: Value) -> World {
        let pod = json!({"metadata": {"name": "cart-1", "namespace": "shop", "labels": labels}, "status": {"phase": "Running"},
            "spec": {"containers": [{"name": "cart", "ports": [{"name": "http", "containerPort": 8080}]}]}});
        let slice = json!({"metadata": {"name": "cart-x", "namespace": "shop", "labels": {SERVICE_NAME: "cart"}},
            "addressType": "IPv4", "endpoints": ready});
        let deployment = json!({"metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"template": {"metadata": {"labels": labels}}}});
        World {
            pods: serde_json::from_value(json!([pod])).unwrap(),
            endpoint_slices: serde_json::from_value(json!([slice])).unwrap(),
            deployments: serde_json::from_value(json!([deployment])).unwrap(),
            ..World::default()
        }
    }

    fn told(world: &World, target: Value) -> (String, bool) {
        let service: Service =
            serde_json::from_value(json!({"metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"selector": {"app": "cart"}, "ports": [{"port": 80, "targetPort": target}]}}))
            .unwrap();
        let state = state(&service, world);
        let unwell = is_unwell(&state);
        (observe(&service, state, "2026-03-01T10:40:00Z".parse().unwrap()).summary, unwell)
    }

    #[test]
    fn a_service_whose_pods_answer_is_well() {
        let ready = json!([{"addresses": ["10.0.0.1"], "conditions": {"ready": true}},
            {"addresses": ["10.0.0.2"], "conditions": {}}, {"addresses": ["10.0.0.3"], "conditions": {"ready": false}}]);
        let world = world(json!({"app": "cart"}), ready);
        let expected = "Service shop/cart: 2 ready endpoints, 1 not ready";
        assert_eq!(told(&world, json!("http")), (expected.to_owned(), false));
    }

    #[test]
    fn a_selector_that_misses_says_on_which_label() {
        let world = world(json!({"app": "cart-v2"}), json!(null));
        assert_eq!(
            told(&world, json!(8080)),
            ("Service shop/cart: 0 ready endpoints, its selector app=cart matches no pod, app wants cart and the pods of cart have cart-v2"
                .to_owned(), true)
        );
    }

    #[test]
    fn a_port_that_no_pod_declares_is_said() {
        let world = world(json!({"app": "cart"}), json!([{"addresses": ["10.0.0.1"]}]));
        let (summary, unwell) = told(&world, json!(8081));
        assert!(
            unwell && summary.ends_with("port 80 leads to 8081/TCP, which no selected pod declares"),
            "{summary}"
        );
    }
}
