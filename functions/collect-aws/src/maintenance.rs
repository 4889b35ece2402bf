//! What RDS will do to the databases: pending maintenance actions.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{Filter, PendingMaintenanceAction, ResourcePendingMaintenanceActions};
use collecting::{Answer, CallError, Run};
use incident::evidence::Observation;
use incident::fact::Maintenance;
use incident::{Fact, Object, ObjectKind, Timestamp};

use crate::failure::failure;
use crate::timestamp;

/// Reads the actions that wait for the instances, all in one call.
pub async fn read(run: &Run, client: &Client, ids: &[String], as_of: Timestamp) -> Vec<Observation> {
    if ids.is_empty() {
        return Vec::new();
    }
    let call = ask(client, ids);
    let resources = run.call("DescribePendingMaintenanceActions", "which maintenance RDS plans", call).await;
    resources.unwrap_or_default().iter().flat_map(|resource| observe(resource, as_of)).collect()
}

async fn ask(
    client: &Client,
    ids: &[String],
) -> Result<Answer<Vec<ResourcePendingMaintenanceActions>>, CallError> {
    let filter = Filter::builder().name("db-instance-id").set_values(Some(ids.to_vec())).build();
    let mut pages =
        client.describe_pending_maintenance_actions().filters(filter).into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(resource) = pages.next().await {
        found.push(resource.map_err(|error| failure(error, "rds:DescribePendingMaintenanceActions"))?);
    }
    Ok(Answer::list(found))
}

fn observe(resource: &ResourcePendingMaintenanceActions, as_of: Timestamp) -> Vec<Observation> {
    // `arn:aws:rds:us-east-1:123456789012:db:orders-db`
    let Some(name) = resource.resource_identifier().and_then(|arn| arn.rsplit(':').next()) else {
        return Vec::new();
    };
    let observe = |action: &PendingMaintenanceAction| {
        let time = |time: Option<&aws_smithy_types::DateTime>| time.and_then(timestamp::from_aws);
        let fact = Maintenance {
            action: action.action()?.to_owned(),
            description: action.description().map(str::to_owned),
            current_apply_at: time(action.current_apply_date()),
            auto_applied_after: time(action.auto_applied_after_date()),
            forced_apply_at: time(action.forced_apply_date()),
            opt_in: action.opt_in_status().map(str::to_owned),
        };
        let mut summary = format!("pending maintenance {}", fact.action);
        for (word, at) in [
            ("applied", fact.current_apply_at),
            ("in the window after", fact.auto_applied_after),
            ("forced", fact.forced_apply_at),
        ] {
            summary += &at.map(|at| format!(", {word} {at}")).unwrap_or_default();
        }
        summary += &fact.description.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
        let object = Object::new(ObjectKind::DatabaseInstance, name);
        Some(Observation::new(as_of, object, summary, Fact::Maintenance(fact)))
    };
    resource.pending_maintenance_action_details().iter().filter_map(observe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_says_when_and_what_for() {
        let as_of: Timestamp = "2026-01-01T02:20:00Z".parse().unwrap();
        let action = PendingMaintenanceAction::builder()
            .action("system-update")
            .description("New operating system")
            .current_apply_date(timestamp::to_aws(as_of))
            .build();
        let resource = ResourcePendingMaintenanceActions::builder()
            .resource_identifier("arn:aws:rds:us-east-1:1:db:orders-db")
            .pending_maintenance_action_details(action)
            .build();
        let told = observe(&resource, as_of);
        assert_eq!(
            told[0].summary,
            "pending maintenance system-update, applied 2026-01-01T02:20:00Z: New operating system"
        );
        assert_eq!(told[0].object.to_string(), "DatabaseInstance orders-db");
    }
}
