//! What the cluster says: which revision runs since when, which pods fail and why, what is short.
//!
//! Input: the state document. Output: [`Evidence`] from the Kubernetes API, read with list requests and the logs of failing
//! containers, scoped to the subject first, its namespaces second, the cluster's nodes always. Whatever cannot be read is a gap; nothing the cluster does is an error.
//! Deliberately absent: secrets, config maps, and any judgement of what caused what.

mod api;
mod began;
mod claim;
mod connection;
mod doctor;
mod event;
mod job;
mod limits;
mod moment;
mod node;
mod observe;
mod pod;
mod pod_log;
mod policy;
mod probe;
mod quantity;
mod read;
mod request;
mod revision;
mod rollout;
mod scope;
mod service;
mod template;
mod token;
mod usage;
mod wire;
mod workload;
mod world;

use std::time::Duration;

use collecting::{Answer, Run};
use host::{Fault, Settings};
use incident::{Evidence, Source, State, Status, Timestamp, Window};
use jiff::SignedDuration;
use tokio::time::Instant;

use crate::api::Api;
use crate::connection::Connection;
pub use crate::doctor::doctor;
use crate::observe::Report;
use crate::world::World;

/// The state machine gives the function seven seconds. What has arrived by then is returned, the rest is a gap.
const DEADLINE: Duration = Duration::from_millis(5500);
/// What has arrived of a list by then must do: the logs are read afterwards.
const LISTS: Duration = Duration::from_millis(4500);
/// Events live about an hour.
const BEFORE: SignedDuration = SignedDuration::from_mins(60);
/// The cluster's clock may be ahead of ours.
const AFTER: SignedDuration = SignedDuration::from_mins(1);

/// The `collect-kubernetes` function.
pub struct CollectKubernetes {
    connection: Connection,
}

impl host::Function for CollectKubernetes {
    const NAME: &'static str = "collect-kubernetes";
    type Input = State;
    type Output = Evidence;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        incident::redact::configure(settings.get("REDACT_PATTERN"), settings.get("REDACT_NAMES"))
            .map_err(Fault::bad_setting)?;
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
        let api = Api::new(client, scope::namespaces(subject), Instant::now() + LISTS);
        let running = async {
            let world = read::running(&run, &api, subject).await;
            let wanted = observe::logs(&world, subject, run.window(), state.as_of);
            let logs = pod_log::read(&run, &api, &wanted, state.as_of).await;
            (world, logs)
        };
        let ((running, logs), around) = tokio::join!(running, read::around(&run, &api));
        let World { pods, deployments, replica_sets, stateful_sets, daemon_sets, .. } = running;
        let world = World { pods, deployments, replica_sets, stateful_sets, daemon_sets, ..around };
        let cluster = self.connection.cluster();
        let report = observe::observe(&world, subject, run.window(), state.as_of, cluster, logs);
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
