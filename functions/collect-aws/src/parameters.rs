//! The parameters of a database that decide incidents, as they stand live.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, Parameter};
use collecting::{Answer, CallError, Run};
use futures::future::join_all;
use incident::evidence::Observation;
use incident::{Fact, Object, ObjectKind, Timestamp, fact};

use crate::failure::failure;
use crate::formula::evaluate;
use crate::instance_class::hardware;
use crate::series_text::number;

/// The parameters read: limits on connections, memory, replication and time, for PostgreSQL and MySQL.
const READ: &[&str] = &[
    "max_connections",
    "work_mem",
    "shared_buffers",
    "effective_cache_size",
    "max_wal_senders",
    "max_replication_slots",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "innodb_buffer_pool_size",
    "max_user_connections",
    "wait_timeout",
];
/// The parameter that DatabaseConnections is measured against.
const CONNECTIONS: &str = "max_connections";

/// The parameters of one instance, and the most connections it takes, where that is known.
pub struct Parameters {
    /// The instance.
    pub database: String,
    /// `max_connections`, resolved.
    pub max_connections: Option<f64>,
    /// The findings, about the instance; each names its group.
    pub observations: Vec<Observation>,
}

/// Reads the parameter group of each instance.
///
/// All pages are read and filtered here: asking for `Source=user` alone would hide a `max_connections` that nobody changed.
pub async fn read(
    run: &Run,
    client: &Client,
    instances: &[&DbInstance],
    as_of: Timestamp,
) -> Vec<Parameters> {
    let calls = instances.iter().map(|instance| async move {
        let database = instance.db_instance_identifier()?;
        let group = instance.db_parameter_groups().first()?.db_parameter_group_name()?;
        let tells = format!("the limits of {database}");
        let parameters = run.call("DescribeDBParameters", &tells, ask(client, group)).await?;
        Some(observe(database, group, instance.db_instance_class(), &parameters, as_of))
    });
    join_all(calls).await.into_iter().flatten().collect()
}

async fn ask(client: &Client, group: &str) -> Result<Answer<Vec<Parameter>>, CallError> {
    let mut pages =
        client.describe_db_parameters().db_parameter_group_name(group).into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(parameter) = pages.next().await {
        let parameter = parameter.map_err(|error| failure(error, "rds:DescribeDBParameters"))?;
        if parameter.parameter_name().is_some_and(|name| READ.contains(&name)) {
            found.push(parameter);
        }
    }
    Ok(Answer::list(found))
}

/// A parameter without a value stands at the engine's default, which RDS does not tell: it gives no finding.
fn observe(
    database: &str,
    group: &str,
    class: Option<&str>,
    parameters: &[Parameter],
    as_of: Timestamp,
) -> Parameters {
    let mut facts: Vec<fact::DatabaseParameter> = parameters
        .iter()
        .filter_map(|parameter| {
            let value = parameter.parameter_value().filter(|value| !value.is_empty())?;
            Some(fact::DatabaseParameter {
                name: parameter.parameter_name()?.to_owned(),
                value: value.to_owned(),
                resolved: evaluate(value, class.and_then(hardware)),
                source: parameter.source().map(str::to_owned),
                group: group.to_owned(),
            })
        })
        .collect();
    facts.sort_by_key(|fact| READ.iter().position(|name| *name == fact.name));
    let max_connections = facts.iter().find(|fact| fact.name == CONNECTIONS).and_then(|fact| fact.resolved);
    let observations = facts
        .into_iter()
        .map(|fact| {
            let object = Object::new(ObjectKind::DatabaseInstance, database);
            Observation::new(as_of, object, summary(&fact, class), Fact::DatabaseParameter(fact))
        })
        .collect();
    Parameters { database: database.to_owned(), max_connections, observations }
}

/// `max_connections = 500 in group pg15 (user)`; a formula says that what it comes to is approximate.
fn summary(fact: &fact::DatabaseParameter, class: Option<&str>) -> String {
    let source = fact.source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default();
    let approximate = match (fact.resolved, class) {
        (Some(value), Some(class)) if fact.value.parse::<f64>().is_err() => {
            format!(", about {} on {class}", number(value))
        }
        _ => String::new(),
    };
    format!("{} = {}{approximate} in group {}{source}", fact.name, fact.value, fact.group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, value: Option<&str>, source: &str) -> Parameter {
        Parameter::builder()
            .parameter_name(name)
            .set_parameter_value(value.map(str::to_owned))
            .source(source)
            .build()
    }

    fn read_of(class: &str, parameters: &[Parameter]) -> Parameters {
        observe("db-1", "pg15", Some(class), parameters, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_number_is_the_limit_and_a_default_without_value_says_nothing() {
        let read = read_of(
            "db.r6g.large",
            &[
                parameter("work_mem", None, "engine-default"),
                parameter("max_connections", Some("500"), "user"),
            ],
        );
        assert_eq!(read.max_connections, Some(500.0));
        assert_eq!(read.observations.len(), 1);
        assert_eq!(read.observations[0].summary, "max_connections = 500 in group pg15 (user)");
    }

    #[test]
    fn a_formula_is_resolved_and_marked_as_approximate() {
        let formula = "LEAST({DBInstanceClassMemory/9531392},5000)";
        let read = read_of("db.r6g.large", &[parameter("max_connections", Some(formula), "system")]);
        assert_eq!(read.max_connections, Some(1802.0));
        assert!(read.observations[0].summary.contains(", about 1802 on db.r6g.large in group pg15 (system)"));
        let unknown = read_of("db.serverless", &[parameter("max_connections", Some(formula), "system")]);
        assert_eq!(unknown.max_connections, None);
    }
}
