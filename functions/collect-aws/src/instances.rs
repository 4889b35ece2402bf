//! EC2: the checks of the running instances, and of the hosts the subject names.

use std::collections::BTreeMap;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, Instance, InstanceStatus, InstanceStatusEvent};
use collecting::{Answer, CallError, Run};
use incident::evidence::Observation;
use incident::{Fact, Object, ObjectKind, Status, Timestamp, fact};

use crate::failure::failure;
use crate::timestamp;

/// What EC2 told, by how much it matters.
#[derive(Debug, Default)]
pub struct Checks {
    /// Instances that fail a check, wait for a scheduled event, or were named by the subject and do not run.
    pub troubled: Vec<Observation>,
    /// Named hosts that are well, and one line about all the others.
    pub well: Vec<Observation>,
}

/// Reads the checks of all running instances, and finds the named hosts among all instances.
///
/// With them come the ids of the named ones: their metrics follow.
pub async fn read(run: &Run, client: &Client, hosts: &[String], as_of: Timestamp) -> (Checks, Vec<String>) {
    let statuses =
        run.call("DescribeInstanceStatus", "whether the instances pass their checks", ask_status(client));
    let (statuses, named) = futures::join!(statuses, named(run, client, hosts));
    (sort(&statuses.unwrap_or_default(), &named, as_of), named.into_keys().collect())
}

/// Instance id → (host name, state) of the named hosts.
async fn named(run: &Run, client: &Client, hosts: &[String]) -> BTreeMap<String, (String, String)> {
    // EC2 reads these characters in a filter as wildcards. No host has them in its name, but an alert's text can.
    let (patterns, hosts): (Vec<String>, Vec<String>) =
        hosts.iter().cloned().partition(|host| host.contains(['*', '?']));
    if !patterns.is_empty() {
        let sentence =
            format!("EC2 was not asked for {}, which is a pattern and no host.", patterns.join(", "));
        run.gap("DescribeInstances", Status::Partial, sentence);
    }
    if hosts.is_empty() {
        return BTreeMap::new();
    }
    let tells = format!("which instance runs {}", hosts.join(", "));
    let instances =
        run.call("DescribeInstances", &tells, ask_instances(client, &hosts)).await.unwrap_or_default();
    instances
        .iter()
        .filter_map(|instance| {
            let id = instance.instance_id()?.to_owned();
            let host = instance.private_dns_name().unwrap_or_default().to_owned();
            let state = instance.state().and_then(|s| s.name()).map_or("unknown", |name| name.as_str());
            Some((id, (host, state.to_owned())))
        })
        .collect()
}

async fn ask_status(client: &Client) -> Result<Answer<Vec<InstanceStatus>>, CallError> {
    let mut pages = client.describe_instance_status().into_paginator().items().send();
    let mut statuses = Vec::new();
    while let Some(status) = pages.next().await {
        statuses.push(status.map_err(|error| failure(error, "ec2:DescribeInstanceStatus"))?);
    }
    Ok(Answer::list(statuses))
}

/// Hosts come as instance ids or as private DNS names; the filters of one request would have to hold together, so the ids
/// and the names are two requests.
async fn ask_instances(client: &Client, hosts: &[String]) -> Result<Answer<Vec<Instance>>, CallError> {
    let (ids, names): (Vec<String>, Vec<String>) =
        hosts.iter().cloned().partition(|host| host.starts_with("i-"));
    let mut instances = Vec::new();
    for (filter, values) in [("instance-id", ids), ("private-dns-name", names)] {
        if values.is_empty() {
            continue;
        }
        let filter = Filter::builder().name(filter).set_values(Some(values)).build();
        let output = client
            .describe_instances()
            .filters(filter)
            .send()
            .await
            .map_err(|error| failure(error, "ec2:DescribeInstances"))?;
        instances.extend(
            output.reservations.unwrap_or_default().into_iter().flat_map(|r| r.instances.unwrap_or_default()),
        );
    }
    Ok(Answer::list(instances))
}

fn sort(statuses: &[InstanceStatus], named: &BTreeMap<String, (String, String)>, as_of: Timestamp) -> Checks {
    let mut checks = Checks::default();
    let mut passing = 0;
    for status in statuses {
        let Some(id) = status.instance_id() else { continue };
        let host = named.get(id).map(|(host, _)| host.as_str());
        let troubled = is_troubled(status);
        passing += usize::from(!troubled);
        if troubled {
            checks.troubled.push(observe(id, host, status, as_of));
        } else if host.is_some() {
            checks.well.push(observe(id, host, status, as_of));
        }
    }
    for (id, (host, state)) in named {
        if !statuses.iter().any(|status| status.instance_id() == Some(id)) {
            checks.troubled.push(unchecked(id, host, state, as_of));
        }
    }
    if passing > 0 {
        let summary = format!("{passing} of {} running instances pass their checks", statuses.len());
        checks.well.push(Observation::new(
            as_of,
            Object::new(ObjectKind::Instance, "running instances"),
            summary,
            Fact::InstanceStatus(fact::InstanceStatus {
                state: "running".to_owned(),
                instance_check: "ok".to_owned(),
                system_check: "ok".to_owned(),
                ..fact::InstanceStatus::default()
            }),
        ));
    }
    checks
}

fn is_troubled(status: &InstanceStatus) -> bool {
    // A young instance says "initializing": not passed yet, and not impaired.
    let bad = |check: &str| matches!(check, "impaired" | "insufficient-data");
    [instance_check(status), system_check(status), disk_check(status)].into_iter().flatten().any(bad)
        || !scheduled(status).is_empty()
}

fn instance_check(status: &InstanceStatus) -> Option<&str> {
    Some(status.instance_status()?.status()?.as_str())
}

fn system_check(status: &InstanceStatus) -> Option<&str> {
    Some(status.system_status()?.status()?.as_str())
}

fn disk_check(status: &InstanceStatus) -> Option<&str> {
    Some(status.attached_ebs_status()?.status()?.as_str())
}

/// Events still to come: EC2 keeps finished ones in the list and marks them in their description.
fn scheduled(status: &InstanceStatus) -> Vec<String> {
    status
        .events()
        .iter()
        .filter(is_ahead)
        .map(|event| {
            let code = event.code().map_or("event", |code| code.as_str());
            let from = event
                .not_before()
                .and_then(timestamp::from_aws)
                .map(|at| format!(" from {at}"))
                .unwrap_or_default();
            format!("{code}{from}: {}", event.description().unwrap_or_default())
        })
        .collect()
}

fn is_ahead(event: &&InstanceStatusEvent) -> bool {
    !event.description().is_some_and(|d| d.starts_with("[Completed]") || d.starts_with("[Canceled]"))
}

/// Since when the first failing check fails.
fn impaired_since(status: &InstanceStatus) -> Option<Timestamp> {
    let checks = [status.instance_status(), status.system_status()];
    let details = checks.into_iter().flatten().flat_map(|summary| summary.details());
    details.filter_map(|detail| timestamp::from_aws(detail.impaired_since()?)).min()
}

fn observe(id: &str, host: Option<&str>, status: &InstanceStatus, as_of: Timestamp) -> Observation {
    let word = |check: Option<&str>| check.unwrap_or("unknown").to_owned();
    let fact = fact::InstanceStatus {
        state: status
            .instance_state()
            .and_then(|s| s.name())
            .map_or("unknown", |name| name.as_str())
            .to_owned(),
        instance_check: word(instance_check(status)),
        system_check: word(system_check(status)),
        scheduled: scheduled(status),
        scheduled_at: status
            .events()
            .iter()
            .filter(is_ahead)
            .find_map(|e| timestamp::from_aws(e.not_before()?)),
        impaired_since: impaired_since(status),
        volume_check: disk_check(status).map(str::to_owned),
    };
    let mut summary = format!(
        "{}{} is {}, instance check {}, system check {}",
        id,
        host.map(|host| format!(" ({host})")).unwrap_or_default(),
        fact.state,
        fact.instance_check,
        fact.system_check
    );
    if let Some(since) = fact.impaired_since {
        summary += &format!(", failing since {}", timestamp::clock(since));
    }
    if let Some(disk) = disk_check(status).filter(|disk| *disk != "ok") {
        summary += &format!(", attached volumes {disk}");
    }
    if let Some(event) = fact.scheduled.first() {
        summary += &format!(", scheduled {event}");
    }
    Observation::new(as_of, Object::new(ObjectKind::Instance, id), summary, Fact::InstanceStatus(fact))
}

/// A named host without checks: EC2 checks only what runs.
fn unchecked(id: &str, host: &str, state: &str, as_of: Timestamp) -> Observation {
    let fact = fact::InstanceStatus {
        state: state.to_owned(),
        instance_check: "unknown".to_owned(),
        system_check: "unknown".to_owned(),
        ..fact::InstanceStatus::default()
    };
    let summary = format!("{id} ({host}) is {state}, its checks are not reported");
    Observation::new(as_of, Object::new(ObjectKind::Instance, id), summary, Fact::InstanceStatus(fact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::{InstanceState, InstanceStateName, InstanceStatusSummary, SummaryStatus};

    fn status(id: &str, instance: SummaryStatus) -> InstanceStatus {
        let check = |status: SummaryStatus| InstanceStatusSummary::builder().status(status).build();
        InstanceStatus::builder()
            .instance_id(id)
            .instance_state(InstanceState::builder().name(InstanceStateName::Running).build())
            .instance_status(check(instance))
            .system_status(check(SummaryStatus::Ok))
            .build()
    }

    fn sorted(statuses: &[InstanceStatus], named: &[(&str, &str, &str)]) -> Checks {
        let named = named
            .iter()
            .map(|(id, host, state)| ((*id).to_owned(), ((*host).to_owned(), (*state).to_owned())))
            .collect();
        sort(statuses, &named, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn only_the_impaired_one_is_told_and_the_rest_is_one_line() {
        let checks = sorted(
            &[
                status("i-1", SummaryStatus::Ok),
                status("i-2", SummaryStatus::Impaired),
                status("i-3", SummaryStatus::Ok),
            ],
            &[],
        );
        assert_eq!(checks.troubled.len(), 1);
        assert_eq!(checks.troubled[0].summary, "i-2 is running, instance check impaired, system check ok");
        assert_eq!(checks.well.len(), 1);
        assert_eq!(checks.well[0].summary, "2 of 3 running instances pass their checks");
    }

    #[test]
    fn a_named_host_is_told_even_when_well_and_when_it_does_not_run() {
        let named =
            [("i-1", "ip-10-0-0-1.ec2.internal", "running"), ("i-9", "ip-10-0-0-9.ec2.internal", "stopped")];
        let checks = sorted(&[status("i-1", SummaryStatus::Ok)], &named);
        assert!(checks.well[0].summary.starts_with("i-1 (ip-10-0-0-1.ec2.internal) is running"));
        assert_eq!(
            checks.troubled[0].summary,
            "i-9 (ip-10-0-0-9.ec2.internal) is stopped, its checks are not reported"
        );
    }

    #[test]
    fn no_instance_is_no_finding() {
        let checks = sorted(&[], &[]);
        assert!(checks.troubled.is_empty() && checks.well.is_empty());
    }
}
