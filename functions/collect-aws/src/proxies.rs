//! RDS proxies in front of the subject's databases.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbProxy, DbProxyTarget};
use collecting::{Answer, CallError, Run};
use futures::future::join_all;
use incident::evidence::Observation;
use incident::fact::DatabaseProxy;
use incident::{Fact, Object, ObjectKind, Status, Timestamp};

use crate::failure::failure;

/// Proxies whose targets are asked for.
const MOST: usize = 8;

/// The proxies that lead to one of `databases` (instances or clusters), by their findings; the object's name is the proxy's.
pub async fn read(run: &Run, client: &Client, databases: &[String], as_of: Timestamp) -> Vec<Observation> {
    if databases.is_empty() {
        return Vec::new();
    }
    let tells = "whether a proxy stands before the databases";
    let proxies = run.call("DescribeDBProxies", tells, ask_proxies(client)).await.unwrap_or_default();
    if proxies.len() > MOST {
        let sentence =
            format!("Of {} RDS proxies the first {MOST} were asked for their targets.", proxies.len());
        run.gap("DescribeDBProxyTargets", Status::Partial, sentence);
    }
    let calls = proxies.iter().take(MOST).map(|proxy| async move {
        let name = proxy.db_proxy_name()?;
        let tells = format!("what proxy {name} leads to");
        let targets = run.call("DescribeDBProxyTargets", &tells, ask_targets(client, name)).await?;
        let leads_here = targets.iter().any(|target| {
            let named = [target.rds_resource_id(), target.tracked_cluster_id()];
            named.into_iter().flatten().any(|id| databases.iter().any(|known| known == id))
        });
        leads_here.then(|| observe(name, proxy, &targets, as_of))
    });
    join_all(calls).await.into_iter().flatten().collect()
}

async fn ask_proxies(client: &Client) -> Result<Answer<Vec<DbProxy>>, CallError> {
    let mut pages = client.describe_db_proxies().into_paginator().items().send();
    let mut proxies = Vec::new();
    while let Some(proxy) = pages.next().await {
        proxies.push(proxy.map_err(|error| failure(error, "rds:DescribeDBProxies"))?);
    }
    Ok(Answer::list(proxies))
}

async fn ask_targets(client: &Client, name: &str) -> Result<Answer<Vec<DbProxyTarget>>, CallError> {
    let mut pages = client.describe_db_proxy_targets().db_proxy_name(name).into_paginator().items().send();
    let mut targets = Vec::new();
    while let Some(target) = pages.next().await {
        targets.push(target.map_err(|error| failure(error, "rds:DescribeDBProxyTargets"))?);
    }
    Ok(Answer::list(targets))
}

fn observe(name: &str, proxy: &DbProxy, targets: &[DbProxyTarget], as_of: Timestamp) -> Observation {
    let target = |target: &DbProxyTarget| {
        let health = target.target_health();
        let state = health.and_then(|health| health.state()).map_or("UNKNOWN", |state| state.as_str());
        let reason = health.filter(|_| state != "AVAILABLE").and_then(|health| {
            health.description().map(str::to_owned).or_else(|| health.reason().map(|r| r.as_str().to_owned()))
        });
        Some((target.rds_resource_id()?.to_owned(), (state.to_owned(), reason)))
    };
    let fact = DatabaseProxy {
        status: proxy.status().map_or("unknown", |status| status.as_str()).to_owned(),
        targets: targets.iter().filter_map(target).collect(),
    };
    let told = fact.targets.iter().map(|(id, (state, reason))| {
        let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{id} {}{reason}", state.to_lowercase())
    });
    let summary = format!("proxy {name} is {}, {}", fact.status, told.collect::<Vec<_>>().join(", "));
    Observation::new(as_of, Object::new(ObjectKind::DatabaseProxy, name), summary, Fact::DatabaseProxy(fact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_rds::types::{DbProxyStatus, TargetHealth, TargetState};

    #[test]
    fn a_target_that_is_not_available_says_why() {
        let health = TargetHealth::builder()
            .state(TargetState::Unavailable)
            .description("DBProxy Target unavailable due to an internal error")
            .build();
        let target = DbProxyTarget::builder().rds_resource_id("orders-db").target_health(health).build();
        let proxy = DbProxy::builder().db_proxy_name("orders").status(DbProxyStatus::Available).build();
        let told = observe("orders", &proxy, &[target], Timestamp::UNIX_EPOCH);
        assert_eq!(
            told.summary,
            "proxy orders is available, orders-db unavailable (DBProxy Target unavailable due to an internal error)"
        );
    }
}
