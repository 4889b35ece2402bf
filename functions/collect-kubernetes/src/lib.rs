//! What the cluster says: which revision runs since when, which pods fail and why, what is short.
//!
//! Input: the state document. Output: [`Evidence`] from the Kubernetes API, read with list requests alone, scoped to the
//! namespaces the incident is about. Whatever cannot be read is a gap; nothing the cluster does is an error.
//! Deliberately absent: secrets, config maps, logs, usage metrics, and any judgement of what caused what.

mod api;
mod connection;
mod event;
mod limits;
mod moment;
mod node;
mod observe;
mod pod;
mod rollout;
mod scope;
mod template;
mod token;
mod wire;
mod workload;
mod world;

use std::time::Duration;

use collecting::{Answer, Run};
use host::{Fault, Settings};
use incident::{Evidence, Source, State, Status, Timestamp, Window};
use jiff::SignedDuration;

use crate::api::Api;
use crate::connection::Connection;
use crate::observe::Report;
use crate::world::World;

/// The state machine gives the function seven seconds. What has arrived by then is returned, the rest is a gap.
const DEADLINE: Duration = Duration::from_millis(5500);
/// Events live about an hour.
const BEFORE: SignedDuration = SignedDuration::from_mins(60);
/// The cluster's clock may be ahead of ours.
const AFTER: SignedDuration = SignedDuration::from_mins(1);

/// API groups.
const CORE: &str = "api/v1";
const APPS: &str = "apis/apps/v1";
const AUTOSCALING: &str = "apis/autoscaling/v2";

/// The `collect-kubernetes` function.
pub struct CollectKubernetes {
    connection: Connection,
}

impl host::Function for CollectKubernetes {
    const NAME: &'static str = "collect-kubernetes";
    type Input = State;
    type Output = Evidence;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        host::http::install_tls();
        Ok(Self { connection: Connection::new(settings).await })
    }

    async fn handle(&self, state: State) -> Result<Evidence, Fault> {
        Ok(self.collect(&state).await)
    }
}

impl CollectKubernetes {
    async fn collect(&self, state: &State) -> Evidence {
        if let Connection::Absent(why) = &self.connection {
            return Evidence::not_configured(Source::Kubernetes, why.as_str());
        }
        let run = Run::new(Source::Kubernetes, window(state.as_of), DEADLINE);
        let client = match self.connection.client().await {
            Ok(client) => client,
            Err(error) => {
                run.call("connect", "everything about the cluster", async { Err::<Answer<()>, _>(error) })
                    .await;
                return run.finish(Vec::new());
            }
        };
        let subject = &state.subject;
        let api = Api::new(client, scope::namespaces(subject));
        let world = read(&run, &api).await;
        let cluster = self.connection.cluster();
        let report = observe::observe(&world, subject, run.window(), state.as_of, cluster);
        if let (Some(named), Some(read)) = (subject.cluster.as_deref(), cluster)
            && named != read
        {
            let sentence = format!("The alert names cluster {named}; what was read is cluster {read}.");
            run.gap("cluster", Status::Partial, sentence);
        }
        note_gaps(&run, &report);
        run.finish(report.observations)
    }
}

/// The span that events are asked of. At the ends of time it is shorter.
fn window(as_of: Timestamp) -> Window {
    Window { from: as_of.checked_sub(BEFORE).unwrap_or(as_of), to: as_of.checked_add(AFTER).unwrap_or(as_of) }
}

/// All lists at once.
async fn read(run: &Run, api: &Api) -> World {
    let node_events = async {
        // Events about nodes live in the namespace `default`.
        if api.reads("default") {
            return None;
        }
        run.call("list node events", "what nodes complain about", api.node_events()).await
    };
    let (namespaced, nodes, node_events) = tokio::join!(
        read_namespaced(run, api),
        run.call("list nodes", "whether nodes are healthy", api.list_cluster(CORE, "nodes")),
        node_events,
    );
    World { nodes, node_events, ..namespaced }
}

/// What lives in a namespace.
async fn read_namespaced(run: &Run, api: &Api) -> World {
    if !api.reads_any() {
        let sentence = "No namespace can have a name that the incident gives, so only nodes were read.";
        run.gap("namespaces", Status::Partial, sentence);
        return World::default();
    }
    let (pods, events, deployments, replica_sets, stateful_sets, daemon_sets, hpas, quotas) = tokio::join!(
        run.call("list pods", "which pods fail", api.list(CORE, "pods")),
        run.call("list events", "what the cluster complains about", api.events()),
        run.call("list deployments", "how many replicas are ready", api.list(APPS, "deployments")),
        run.call("list replicasets", "what rolled out", api.list(APPS, "replicasets")),
        run.call("list statefulsets", "how many stateful replicas are ready", api.list(APPS, "statefulsets")),
        run.call("list daemonsets", "which node agents are ready", api.list(APPS, "daemonsets")),
        run.call(
            "list hpas",
            "whether autoscaling is at its limit",
            api.list(AUTOSCALING, "horizontalpodautoscalers")
        ),
        run.call("list resourcequotas", "whether a quota is used up", api.list(CORE, "resourcequotas")),
    );
    World {
        pods,
        events,
        deployments,
        replica_sets,
        stateful_sets,
        daemon_sets,
        hpas,
        quotas,
        ..World::default()
    }
}

fn note_gaps(run: &Run, report: &Report) {
    for (what, count) in &report.left_out {
        let sentence = format!("{count} more {what} were left out as less telling than those shown.");
        run.gap(*what, Status::Partial, sentence);
    }
    for object in &report.missing {
        let sentence = format!("{object}, which the incident names, is not in what was read of the cluster.");
        run.gap(object.to_string(), Status::Empty, sentence);
    }
}

#[cfg(test)]
mod tests;
