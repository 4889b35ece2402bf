//! Database clusters: who of their members writes.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbCluster;
use collecting::{Answer, CallError, Run};
use futures::future::join_all;
use incident::evidence::Observation;
use incident::fact::DatabaseCluster;
use incident::{Fact, Object, ObjectKind, Timestamp};

use crate::databases::Described;
use crate::failure::failure;

/// The clusters that the described instances belong to, and the ids of all their members.
pub async fn read(
    run: &Run,
    client: &Client,
    described: &[Described],
    as_of: Timestamp,
) -> (Vec<Observation>, Vec<String>) {
    let mut ids: Vec<&str> = described
        .iter()
        .filter_map(|d| d.instance.db_cluster_identifier())
        .filter(|id| !id.is_empty())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let calls = ids.into_iter().map(|id| async move {
        let tells = format!("who writes in cluster {id}");
        run.call("DescribeDBClusters", &tells, ask(client, id)).await.flatten()
    });
    let clusters: Vec<DbCluster> = join_all(calls).await.into_iter().flatten().collect();
    let members = clusters.iter().flat_map(|cluster| cluster.db_cluster_members());
    let members = members.filter_map(|member| member.db_instance_identifier()).map(str::to_owned).collect();
    (clusters.iter().filter_map(|cluster| observe(cluster, as_of)).collect(), members)
}

async fn ask(client: &Client, id: &str) -> Result<Answer<Option<DbCluster>>, CallError> {
    let output = client
        .describe_db_clusters()
        .db_cluster_identifier(id)
        .send()
        .await
        .map_err(|error| failure(error, "rds:DescribeDBClusters"))?;
    let found = output.db_clusters.unwrap_or_default().into_iter().next();
    Ok(if found.is_some() { Answer::full(found) } else { Answer::empty(None) })
}

fn observe(cluster: &DbCluster, as_of: Timestamp) -> Option<Observation> {
    let members = |writes: bool| {
        let members = cluster.db_cluster_members().iter();
        let members = members.filter(move |member| member.is_cluster_writer().unwrap_or_default() == writes);
        members.filter_map(|member| member.db_instance_identifier()).map(str::to_owned)
    };
    let fact = DatabaseCluster {
        engine: cluster.engine().unwrap_or_default().to_owned(),
        status: cluster.status().unwrap_or_default().to_owned(),
        writer: members(true).next(),
        readers: members(false).collect(),
    };
    let writer = fact.writer.as_deref().unwrap_or("unknown");
    let mut summary = format!("{} cluster is {}, writer {writer}", fact.engine, fact.status);
    if !fact.readers.is_empty() {
        summary += &format!(", readers {}", fact.readers.join(", "));
    }
    let object = Object::new(ObjectKind::DatabaseCluster, cluster.db_cluster_identifier()?);
    Some(Observation::new(as_of, object, summary, Fact::DatabaseCluster(fact)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_rds::types::DbClusterMember;

    #[test]
    fn a_cluster_names_its_writer_and_readers() {
        let member = |id: &str, writes: bool| {
            DbClusterMember::builder().db_instance_identifier(id).is_cluster_writer(writes).build()
        };
        let cluster = DbCluster::builder()
            .db_cluster_identifier("orders")
            .engine("aurora-postgresql")
            .status("available")
            .db_cluster_members(member("orders-1", false))
            .db_cluster_members(member("orders-2", true))
            .build();
        let told = observe(&cluster, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(told.summary, "aurora-postgresql cluster is available, writer orders-2, readers orders-1");
    }
}
