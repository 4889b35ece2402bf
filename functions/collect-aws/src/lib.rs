//! What AWS knows of an incident: metrics, databases, load balancers, instances, alarms.
//!
//! Input: the state document. Output: the evidence of the source `aws`, read through a read-only role with five SDK clients,
//! all calls at once under one deadline; what depends on an answer (a replica's metrics, a parameter group) follows as soon
//! as that answer is there. Nothing AWS does makes this function fail: a call that gave nothing is a gap. Deliberately
//! absent: what a metric means for the incident, which is the diagnosis' business.

mod alarm_history;
mod alarms;
mod clients;
mod clusters;
mod databases;
mod doctor;
mod failure;
mod formula;
mod instance_class;
mod instances;
mod load;
mod load_balancers;
mod maintenance;
mod metric;
mod metric_data;
mod parameters;
mod proxies;
mod series_text;
mod telling;
mod timestamp;

use std::time::Duration;

use aws_config::SdkConfig;
use collecting::Run;
use futures::FutureExt;
use host::{Fault, Function, Settings};
use incident::{Evidence, Source, State, Status, Subject, Timestamp, Window};
use jiff::SignedDuration;

use clients::Clients;
pub use doctor::doctor;
use instances::Checks;
use metric_data::Measured;
use telling::{Focus, Reading};

/// The state machine gives the function seven seconds. What has arrived by then is returned, the rest is a gap.
const DEADLINE: Duration = Duration::from_millis(5500);
/// How far back metrics are asked for: long enough for a level before the incident, short enough to draw minute by minute.
const WINDOW: SignedDuration = SignedDuration::from_mins(60);

/// The function `collect-aws`.
pub struct CollectAws {
    settings: Settings,
    /// Absent without credentials.
    aws: Option<(SdkConfig, Clients)>,
}

impl Function for CollectAws {
    const NAME: &'static str = "collect-aws";
    type Input = State;
    type Output = Evidence;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        incident::redact::configure(settings.get("REDACT_PATTERN"), settings.get("REDACT_NAMES"))
            .map_err(Fault::bad_setting)?;
        let aws = if host::aws::is_configured(settings) {
            let config = host::aws::config(settings);
            let clients = Clients::new(&config, settings);
            Some((config, clients))
        } else {
            None
        };
        Ok(Self { settings: settings.clone(), aws })
    }

    async fn handle(&self, state: State) -> Result<Evidence, Fault> {
        let Some((config, own)) = &self.aws else {
            let sentence = "AWS was not asked: there are no credentials (AWS_ACCESS_KEY_ID, or AWS_PROFILE for the command).";
            return Ok(Evidence::not_configured(Source::Aws, sentence));
        };
        let elsewhere = clients::elsewhere(config, state.subject.region.as_deref())
            .map(|config| Clients::new(&config, &self.settings));
        let clients = elsewhere.as_ref().unwrap_or(own);
        let run = Run::new(Source::Aws, window(state.as_of), DEADLINE);
        // Boxed: calls within calls within calls nest deeper than the compiler follows a future's layout.
        let reading = collect(&run, clients, &state.subject, state.as_of).boxed().await;
        let observations = reading.into_observations(Focus {
            metric: state.alert.metric.as_deref().and_then(|metric| metric.rsplit('.').next()),
            databases: &state.subject.databases,
        });
        Ok(run.finish(observations))
    }
}

/// The whole minutes before `as_of`: the minute under way is not complete, and its sums would look like a collapse.
fn window(as_of: Timestamp) -> Window {
    let to = timestamp::minute(as_of);
    Window { from: to.checked_sub(WINDOW).unwrap_or(to), to }
}

async fn collect(run: &Run, clients: &Clients, subject: &Subject, as_of: Timestamp) -> Reading {
    if subject.databases.is_empty() {
        run.gap(
            "databases",
            Status::Empty,
            "Neither the alert nor the catalog names a database, so RDS was not asked.",
        );
    }
    let alarms = async {
        let (ringing, changes) = futures::join!(
            alarms::read(run, &clients.cloudwatch, as_of),
            alarm_history::read(run, &clients.cloudwatch, as_of),
        );
        alarm_history::join(ringing, changes, run.window())
    };
    let (databases, measured, balancers, (checks, hosts), alarms) = futures::join!(
        read_databases(run, clients, &subject.databases, as_of).boxed(),
        read_metrics(
            run,
            clients,
            "what the databases' metrics did",
            metric::of_databases(&subject.databases)
        ),
        read_load_balancers(run, clients, subject, as_of).boxed(),
        read_instances(run, clients, &subject.hosts, as_of),
        alarms,
    );
    let mut reading = Reading { checks, alarms, ..databases };
    reading.measured.extend(measured);
    reading.measured.extend(balancers.measured);
    reading.measured.extend(hosts);
    reading.targets = balancers.targets;
    reading
}

/// The instances, their events and parameters, and the same of those they replicate with.
async fn read_databases(run: &Run, clients: &Clients, ids: &[String], as_of: Timestamp) -> Reading {
    let rds = &clients.rds;
    let known = async {
        let described = databases::describe(run, rds, ids, as_of).await;
        let (clusters, members) = clusters::read(run, rds, &described, as_of).await;
        let mut relatives = databases::relatives(&described, ids);
        relatives.extend(members.into_iter().filter(|id| !ids.contains(id)));
        relatives.sort_unstable();
        relatives.dedup();
        let instances: Vec<_> = described.iter().map(|d| &d.instance).collect();
        let tells = "what the replicas' metrics did";
        let (parameters, loads, related, events, measured) = futures::join!(
            parameters::read(run, rds, &instances, as_of),
            load::read(run, &clients.insights, &instances),
            databases::describe(run, rds, &relatives, as_of),
            databases::events(run, rds, &relatives),
            read_metrics(run, clients, tells, metric::of_databases(&relatives)),
        );
        let instances = described.into_iter().chain(related).filter_map(|d| d.observation).collect();
        Reading { instances, clusters, loads, parameters, events, measured, ..Reading::default() }
    };
    let proxied = async {
        let proxies = proxies::read(run, rds, ids, as_of).await;
        let names = proxies.iter().map(|proxy| proxy.object.name.as_str());
        let measured =
            read_metrics(run, clients, "what the proxies' metrics did", metric::of_proxies(names)).await;
        (proxies, measured)
    };
    let (mut reading, mut events, maintenance, (proxies, measured)) = futures::join!(
        known.boxed(),
        databases::events(run, rds, ids),
        maintenance::read(run, rds, ids, as_of),
        proxied.boxed(),
    );
    events.append(&mut reading.events);
    reading.measured.extend(measured);
    Reading { events, maintenance, proxies, ..reading }
}

/// The checks of all instances, and the metrics of the hosts that the subject names.
async fn read_instances(
    run: &Run,
    clients: &Clients,
    hosts: &[String],
    as_of: Timestamp,
) -> (Checks, Vec<Measured>) {
    let (checks, ids) = instances::read(run, &clients.ec2, hosts, as_of).await;
    let measured =
        read_metrics(run, clients, "what the hosts' metrics did", metric::of_instances(&ids)).await;
    (checks, measured)
}

/// Target groups first: their ARNs lead to the balancers' metrics.
async fn read_load_balancers(run: &Run, clients: &Clients, subject: &Subject, as_of: Timestamp) -> Reading {
    let groups = load_balancers::groups(run, &clients.load_balancing, subject).await;
    let wanted = load_balancers::metrics(&groups, subject);
    let (targets, measured) = futures::join!(
        load_balancers::health(run, &clients.load_balancing, &groups, as_of),
        read_metrics(run, clients, "what the load balancers' metrics did", wanted),
    );
    Reading { targets, measured, ..Reading::default() }
}

async fn read_metrics(
    run: &Run,
    clients: &Clients,
    tells: &str,
    wanted: Vec<metric::Wanted>,
) -> Vec<Measured> {
    metric_data::read(run, &clients.cloudwatch, tells, &wanted).await
}
