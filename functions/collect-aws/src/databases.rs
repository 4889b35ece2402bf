//! RDS: the subject's instances, the instances they replicate with, their events and parameters.

use std::collections::BTreeMap;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, DbInstanceStatusInfo, Event, PendingModifiedValues, SourceType};
use collecting::{Answer, CallError, Run};
use futures::future::join_all;
use incident::evidence::Observation;
use incident::{Fact, Object, ObjectKind, Status, Timestamp, fact};
use jiff::SignedDuration;

use crate::failure::failure;
use crate::timestamp;

/// How far back events are asked for: a failover or a parameter change of yesterday can be today's cause.
const EVENT_HOURS: i64 = 24;
/// Events kept per instance, newest first.
const MAX_EVENTS: usize = 12;

/// One instance as RDS knows it.
pub struct Described {
    /// The SDK's record: its class and parameter group lead to further questions.
    pub instance: DbInstance,
    /// The same as a finding; `None` where the record says neither engine nor status.
    pub observation: Option<Observation>,
}

/// Describes instances by id, one call each. An id RDS does not know is told as a gap: the region or the account is wrong.
pub async fn describe(run: &Run, client: &Client, ids: &[String], as_of: Timestamp) -> Vec<Described> {
    let calls = ids.iter().map(|id| async move {
        let found = run
            .call("DescribeDBInstances", &format!("the configuration of {id}"), ask_instance(client, id))
            .await?;
        if found.is_none() {
            let sentence =
                format!("RDS has no instance {id} in this account and region; its configuration is unknown.");
            run.gap("DescribeDBInstances", Status::Empty, sentence);
        }
        let instance = found?;
        let observation = observe(id, &instance, as_of);
        Some(Described { instance, observation })
    });
    join_all(calls).await.into_iter().flatten().collect()
}

/// The instances that the described ones replicate to or from, without those already known. A source in another region
/// is an ARN and cannot be asked here.
pub fn relatives(described: &[Described], known: &[String]) -> Vec<String> {
    let mut relatives: Vec<String> = Vec::new();
    for Described { instance, .. } in described {
        let source = instance.read_replica_source_db_instance_identifier().map(str::to_owned);
        for id in instance.read_replica_db_instance_identifiers().iter().cloned().chain(source) {
            if !id.is_empty() && !id.starts_with("arn:") && !known.contains(&id) && !relatives.contains(&id) {
                relatives.push(id);
            }
        }
    }
    relatives
}

/// Recent events of the instances, newest first.
pub async fn events(run: &Run, client: &Client, ids: &[String]) -> Vec<Observation> {
    let calls = ids.iter().map(|id| async move {
        let tells = format!("what RDS did to {id}");
        run.call("DescribeEvents", &tells, ask_events(client, id, run.window().to)).await
    });
    join_all(calls).await.into_iter().flatten().flatten().collect()
}

async fn ask_instance(client: &Client, id: &str) -> Result<Answer<Option<DbInstance>>, CallError> {
    match client.describe_db_instances().db_instance_identifier(id).send().await {
        Ok(output) => {
            let found = output.db_instances.unwrap_or_default().into_iter().next();
            Ok(if found.is_some() { Answer::full(found) } else { Answer::empty(None) })
        }
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_instance_not_found_fault()) => {
            Ok(Answer::empty(None))
        }
        Err(error) => Err(failure(error, "rds:DescribeDBInstances")),
    }
}

async fn ask_events(
    client: &Client,
    id: &str,
    until: Timestamp,
) -> Result<Answer<Vec<Observation>>, CallError> {
    let since = until.checked_sub(SignedDuration::from_hours(EVENT_HOURS)).unwrap_or(until);
    let mut pages = client
        .describe_events()
        .source_type(SourceType::DbInstance)
        .source_identifier(id)
        .start_time(timestamp::to_aws(since))
        .end_time(timestamp::to_aws(until))
        .into_paginator()
        .items()
        .send();
    let mut events = Vec::new();
    while let Some(event) = pages.next().await {
        events.push(event.map_err(|error| failure(error, "rds:DescribeEvents"))?);
    }
    let mut observed: Vec<Observation> = events.iter().filter_map(|event| observe_event(id, event)).collect();
    observed.sort_by_key(|event| std::cmp::Reverse(event.at));
    observed.truncate(MAX_EVENTS);
    Ok(Answer::list(observed))
}

fn observe_event(id: &str, event: &Event) -> Option<Observation> {
    let at = timestamp::from_aws(event.date()?)?;
    let message = incident::size::cut(&incident::redact::redact(event.message()?), 200);
    let summary = format!("RDS event at {}: {message}", timestamp::clock(at));
    let fact = fact::DatabaseEvent { message, categories: event.event_categories().to_vec() };
    Some(Observation::new(
        at,
        Object::new(ObjectKind::DatabaseInstance, id),
        summary,
        Fact::DatabaseEvent(fact),
    ))
}

fn observe(id: &str, instance: &DbInstance, as_of: Timestamp) -> Option<Observation> {
    instance.engine().or(instance.db_instance_status())?;
    // An empty element in the XML is a value that AWS does not have.
    let owned = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let group = instance.db_parameter_groups().first();
    let fact = fact::DatabaseInstance {
        engine: instance.engine().unwrap_or_default().to_owned(),
        engine_version: owned(instance.engine_version()),
        class: owned(instance.db_instance_class()),
        status: instance.db_instance_status().unwrap_or_default().to_owned(),
        multi_az: instance.multi_az(),
        storage_gib: instance.allocated_storage().map(i64::from),
        parameter_group: group.and_then(|g| owned(g.db_parameter_group_name())),
        parameter_status: group.and_then(|g| owned(g.parameter_apply_status())),
        replica_of: owned(instance.read_replica_source_db_instance_identifier()),
        replicas: instance.read_replica_db_instance_identifiers().to_vec(),
        pending: instance.pending_modified_values().map(pending).unwrap_or_default(),
        performance_insights: instance.performance_insights_enabled(),
        cluster: owned(instance.db_cluster_identifier()),
        zone: owned(instance.availability_zone()),
        max_storage_gib: instance.max_allocated_storage().map(i64::from),
        iops: instance.iops().map(i64::from),
        replication: instance.status_infos().iter().find_map(replication),
    };
    let object = Object::new(ObjectKind::DatabaseInstance, id);
    Some(Observation::new(as_of, object, summary(&fact), Fact::DatabaseInstance(fact)))
}

/// `postgres 15.4 on db.r6g.2xlarge is available, Multi-AZ, 500 GiB, parameters in-sync, replicas db-2`.
fn summary(fact: &fact::DatabaseInstance) -> String {
    let mut line = [Some(fact.engine.as_str()), fact.engine_version.as_deref()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    if let Some(class) = &fact.class {
        line += &format!(" on {class}");
    }
    line += &format!(" is {}", fact.status);
    let more = [
        fact.multi_az.map(|yes| if yes { "Multi-AZ".to_owned() } else { "single-AZ".to_owned() }),
        fact.storage_gib.map(|gib| format!("{gib} GiB")),
        fact.parameter_status.as_ref().map(|status| format!("parameters {status}")),
        fact.replica_of.as_ref().map(|source| format!("replica of {source}")),
        (!fact.replicas.is_empty()).then(|| format!("replicas {}", fact.replicas.join(", "))),
        fact.replication.clone(),
        fact.cluster.as_ref().map(|cluster| format!("member of {cluster}")),
        (!fact.pending.is_empty())
            .then(|| format!("pending {}", fact.pending.keys().cloned().collect::<Vec<_>>().join(", "))),
    ];
    for part in more.into_iter().flatten() {
        line += &format!(", {part}");
    }
    line
}

/// How replication fares, where that is not normal.
fn replication(info: &DbInstanceStatusInfo) -> Option<String> {
    (info.normal() == Some(false)).then(|| {
        let kind = info.status_type().unwrap_or("replication");
        let said =
            info.message().map(|said| format!(": {}", incident::redact::redact(said))).unwrap_or_default();
        incident::size::cut(&format!("{kind} {}{said}", info.status().unwrap_or("not normal")), 160)
    })
}

/// Changes that wait for a maintenance window. A pending password is one of them, but its text is nobody's business.
fn pending(values: &PendingModifiedValues) -> BTreeMap<String, String> {
    let text = |value: Option<&str>| value.map(str::to_owned);
    [
        ("DBInstanceClass", text(values.db_instance_class())),
        ("EngineVersion", text(values.engine_version())),
        ("AllocatedStorage", values.allocated_storage().map(|v| v.to_string())),
        ("StorageType", text(values.storage_type())),
        ("Iops", values.iops().map(|v| v.to_string())),
        ("StorageThroughput", values.storage_throughput().map(|v| v.to_string())),
        ("MultiAZ", values.multi_az().map(|v| v.to_string())),
        ("Port", values.port().map(|v| v.to_string())),
        ("DBInstanceIdentifier", text(values.db_instance_identifier())),
        ("CACertificateIdentifier", text(values.ca_certificate_identifier())),
        ("MasterUserPassword", values.master_user_password().map(|_| incident::redact::MASK.to_owned())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_rds::types::DbParameterGroupStatus;

    fn as_of() -> Timestamp {
        "2026-01-01T02:20:00Z".parse().unwrap()
    }

    fn described(id: &str, instance: DbInstance) -> Described {
        Described { observation: observe(id, &instance, as_of()), instance }
    }

    #[test]
    fn an_instance_is_told_in_awss_words_and_absent_figures_stay_absent() {
        let instance = DbInstance::builder()
            .engine("postgres")
            .engine_version("15.4")
            .db_instance_class("db.r6g.2xlarge")
            .db_instance_status("available")
            .db_parameter_groups(
                DbParameterGroupStatus::builder()
                    .db_parameter_group_name("pg")
                    .parameter_apply_status("pending-reboot")
                    .build(),
            )
            .read_replica_db_instance_identifiers("db-2")
            .pending_modified_values(
                PendingModifiedValues::builder()
                    .allocated_storage(200)
                    .master_user_password("hunter2")
                    .build(),
            )
            .build();
        let told = observe("db-1", &instance, as_of()).unwrap();
        assert_eq!(
            told.summary,
            "postgres 15.4 on db.r6g.2xlarge is available, parameters pending-reboot, replicas db-2, \
             pending AllocatedStorage, MasterUserPassword"
        );
        let Fact::DatabaseInstance(fact) = told.fact else { panic!("an instance") };
        assert_eq!((fact.multi_az, fact.storage_gib), (None, None));
        assert_eq!(fact.pending["MasterUserPassword"], "[redacted]");
    }

    #[test]
    fn replicas_and_sources_are_relatives_but_not_across_regions() {
        let primary = DbInstance::builder()
            .read_replica_db_instance_identifiers("db-2")
            .read_replica_db_instance_identifiers("arn:aws:rds:eu-west-1:1:db:far")
            .build();
        let replica = DbInstance::builder().read_replica_source_db_instance_identifier("db-0").build();
        let alone = DbInstance::builder().read_replica_source_db_instance_identifier("").build();
        let all = [described("db-1", primary), described("db-3", replica), described("db-4", alone)];
        assert_eq!(relatives(&all, &["db-1".into(), "db-3".into()]), ["db-2", "db-0"]);
        assert_eq!(relatives(&all, &["db-0".into(), "db-2".into()]), Vec::<String>::new());
    }

    #[test]
    fn an_event_without_a_time_is_no_event() {
        let dated = Event::builder()
            .date(timestamp::to_aws(as_of()))
            .message("Multi-AZ instance failover started")
            .event_categories("failover")
            .build();
        let told = observe_event("db-1", &dated).unwrap();
        assert_eq!(told.summary, "RDS event at 02:20Z: Multi-AZ instance failover started");
        assert_eq!(observe_event("db-1", &Event::builder().message("x").build()), None);
    }
}
