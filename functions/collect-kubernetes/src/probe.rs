//! How the kubelet asks whether a container is well, in a line.

use incident::fact::Probe;
use incident::redact::redact;
use incident::size;

use crate::wire::{self, Container, PortOrName};

/// Characters of what is asked.
const CHECK: usize = 80;

/// The probes of a container. Figures left out are the API's defaults.
pub(crate) fn all(container: &Container) -> Vec<Probe> {
    let probes = [
        ("startup", &container.startup_probe),
        ("liveness", &container.liveness_probe),
        ("readiness", &container.readiness_probe),
    ];
    let read = |(kind, probe): (&str, &Option<wire::Probe>)| {
        let probe = probe.as_ref()?;
        Some(Probe {
            kind: kind.to_owned(),
            check: size::cut(&redact(&check(probe)), CHECK),
            delay_s: probe.initial_delay_seconds.unwrap_or(0),
            period_s: probe.period_seconds.unwrap_or(10),
            timeout_s: probe.timeout_seconds.unwrap_or(1),
            failures: probe.failure_threshold.unwrap_or(3),
        })
    };
    probes.into_iter().filter_map(read).collect()
}

fn check(probe: &wire::Probe) -> String {
    let port = |port: &Option<PortOrName>| port.as_ref().map(ToString::to_string).unwrap_or_default();
    if let Some(get) = &probe.http_get {
        let scheme = get.scheme.as_deref().filter(|scheme| *scheme != "HTTP");
        let scheme = scheme.map(|scheme| format!("{} ", scheme.to_lowercase())).unwrap_or_default();
        return format!("GET {scheme}:{}{}", port(&get.port), get.path.as_deref().unwrap_or("/"));
    }
    if let Some(socket) = &probe.tcp_socket {
        return format!("TCP :{}", port(&socket.port));
    }
    if let Some(socket) = &probe.grpc {
        return format!("gRPC :{}", port(&socket.port));
    }
    let exec = probe.exec.as_ref().map(|exec| exec.command.join(" ")).unwrap_or_default();
    format!("exec {exec}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_probe_is_one_line_and_a_secret_in_it_is_none() {
        let container: Container = serde_json::from_value(json!({"name": "api",
            "startupProbe": {"tcpSocket": {"port": 6379}},
            "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTPS"}, "timeoutSeconds": 2},
            "readinessProbe": {"exec": {"command": ["sh", "-c", "curl password=hunter22 localhost"]}, "periodSeconds": 5}}))
        .unwrap();
        let probes = all(&container);
        let checks: Vec<&str> = probes.iter().map(|probe| probe.check.as_str()).collect();
        assert_eq!(checks[..2], ["TCP :6379", "GET https :http/healthz"]);
        assert!(checks[2].starts_with("exec sh -c curl") && !checks[2].contains("hunter22"));
        assert_eq!((probes[1].timeout_s, probes[1].period_s, probes[1].failures), (2, 10, 3));
    }
}
