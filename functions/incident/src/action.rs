//! What may be done, as a closed list of typed operations.
//!
//! Commands shown to people are rendered here, from the type. Text from a model, a log line or a wiki page never becomes a
//! command: what such text offers is parsed into these fields, checked, and rendered again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Object;

/// Safety order: a rollback before a change of configuration before a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Safety {
    /// Returns to a state that was known to work.
    Rollback,
    /// Changes a setting, a schema or a capacity.
    ConfigChange,
    /// Interrupts something that runs.
    Restart,
}

/// A column of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IndexColumn {
    /// Column name.
    pub name: String,
    /// Descending.
    #[serde(default)]
    pub descending: bool,
}

/// A typed operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Return a Deployment, StatefulSet or DaemonSet to an earlier revision.
    RollBack {
        /// The workload.
        workload: Object,
        /// The revision to return to; without one nothing safe can be rendered but the history.
        to_revision: Option<u64>,
        /// The version running now.
        from_version: Option<String>,
        /// The version to return to.
        to_version: Option<String>,
    },
    /// Create a database index without locking writes.
    CreateIndex {
        /// The instance.
        database: Object,
        /// Index name.
        index: String,
        /// Table.
        table: String,
        /// Columns in order.
        columns: Vec<IndexColumn>,
    },
    /// Set an environment variable or configuration key of a workload.
    SetConfig {
        /// The workload.
        workload: Object,
        /// `POOL_SIZE`.
        key: String,
        /// `80`.
        value: String,
    },
    /// Set a parameter of a database's parameter group.
    SetDatabaseParameter {
        /// The parameter group.
        group: Object,
        /// Parameter.
        parameter: String,
        /// Value.
        value: String,
    },
    /// Add replicas.
    Scale {
        /// The workload.
        workload: Object,
        /// Replicas wanted.
        replicas: u32,
    },
    /// Raise an autoscaler's upper bound.
    RaiseHpaLimit {
        /// The autoscaler.
        hpa: Object,
        /// New maximum.
        max: u32,
    },
    /// End sessions that hold connections without working.
    TerminateIdleSessions {
        /// The instance.
        database: Object,
    },
    /// Give a database more storage, GiB.
    GrowStorage {
        /// The instance.
        database: Object,
        /// Allocated storage to ask for.
        gib: u32,
    },
    /// Raise a container's memory limit.
    RaiseMemoryLimit {
        /// The workload.
        workload: Object,
        /// Container.
        container: String,
        /// Kubernetes quantity.
        limit: String,
    },
    /// Let a node take no new pods.
    Cordon {
        /// The node.
        node: Object,
    },
    /// Exempt traffic from a firewall rule.
    ExemptFromWafRule {
        /// The rule.
        rule: Object,
        /// The zone.
        zone: String,
    },
    /// Turn on the zone's strictest challenge.
    UnderAttackMode {
        /// The zone.
        zone: String,
    },
    /// Restart a workload's pods one after another.
    Restart {
        /// The workload.
        workload: Object,
    },
}

/// An action, why, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProposedAction {
    /// The operation.
    pub action: Action,
    /// One sentence.
    pub reason: String,
    /// Evidence ids.
    #[serde(default)]
    pub evidence: Vec<String>,
    /// Passage ids.
    #[serde(default)]
    pub passages: Vec<String>,
}

impl Action {
    /// Where it stands in the safety order.
    pub fn safety(&self) -> Safety {
        match self {
            Action::RollBack { .. } => Safety::Rollback,
            Action::Restart { .. } | Action::TerminateIdleSessions { .. } => Safety::Restart,
            _ => Safety::ConfigChange,
        }
    }

    /// The imperative line a person reads: `Roll back cart to v1.8.2`.
    pub fn title(&self) -> String {
        match self {
            Action::RollBack { workload, to_version, to_revision, .. } => {
                let to = match (to_version, to_revision) {
                    (Some(version), _) => format!("to {version}"),
                    (None, Some(revision)) => format!("to revision {revision}"),
                    (None, None) => "to its previous revision".to_owned(),
                };
                format!("Roll back {} {to}", workload.name)
            }
            Action::CreateIndex { table, columns, .. } => {
                format!("Add the index on {table} ({})", column_list(columns))
            }
            Action::SetConfig { workload, key, value } => format!("Set {key}={value} for {}", workload.name),
            Action::SetDatabaseParameter { group, parameter, value } => {
                format!("Set {parameter}={value} in {}", group.name)
            }
            Action::Scale { workload, replicas } => format!("Scale {} to {replicas} replicas", workload.name),
            Action::RaiseHpaLimit { hpa, max } => format!("Raise the upper bound of {} to {max}", hpa.name),
            Action::TerminateIdleSessions { database } => format!("End idle sessions on {}", database.name),
            Action::GrowStorage { database, gib } => {
                format!("Grow the storage of {} to {gib} GiB", database.name)
            }
            Action::RaiseMemoryLimit { workload, container, limit } => {
                format!("Raise the memory limit of {}/{container} to {limit}", workload.name)
            }
            Action::Cordon { node } => format!("Cordon {}", node.name),
            Action::ExemptFromWafRule { rule, zone } => {
                format!("Add an exception to WAF rule {} on {zone}", rule.name)
            }
            Action::UnderAttackMode { zone } => format!("Turn on Under Attack mode for {zone}"),
            Action::Restart { workload } => format!("Restart {}", workload.name),
        }
    }

    /// The exact command to copy, or `None` where the operation has no command line (a dashboard, a pipeline), or where a
    /// field holds anything but the plain characters such a name can have.
    pub fn command(&self) -> Option<String> {
        match self {
            Action::RollBack { workload, to_revision, .. } => {
                let target = kubectl_target(workload)?;
                Some(match to_revision {
                    Some(revision) => format!("kubectl rollout undo {target} --to-revision={revision}"),
                    // "The previous revision" can itself be a rolled-back one: show the history instead of guessing.
                    None => format!("kubectl rollout history {target}"),
                })
            }
            Action::CreateIndex { index, table, columns, .. } => {
                let plain = std::iter::once(index.as_str())
                    .chain(table.split('.'))
                    .chain(columns.iter().map(|c| c.name.as_str()))
                    .all(is_sql_identifier);
                (plain && !columns.is_empty())
                    .then(|| format!("CREATE INDEX CONCURRENTLY {index} ON {table} ({});", column_list(columns)))
            }
            Action::SetConfig { workload, key, value } => {
                let target = kubectl_target(workload)?;
                (is_sql_identifier(key) && is_plain(value)).then(|| format!("kubectl set env {target} {key}={value}"))
            }
            Action::SetDatabaseParameter { group, parameter, value } => {
                (is_plain(&group.name) && is_sql_identifier(parameter) && is_plain(value)).then(|| {
                    format!(
                        "aws rds modify-db-parameter-group --db-parameter-group-name {} --parameters \
                         \"ParameterName={parameter},ParameterValue={value},ApplyMethod=pending-reboot\"",
                        group.name
                    )
                })
            }
            Action::Scale { workload, replicas } => {
                Some(format!("kubectl scale {} --replicas={replicas}", kubectl_target(workload)?))
            }
            Action::RaiseHpaLimit { hpa, max } => {
                let namespace = hpa.namespace.as_deref().filter(|n| is_plain(n))?;
                is_plain(&hpa.name).then(|| {
                    format!("kubectl patch hpa/{} -n {namespace} -p '{{\"spec\":{{\"maxReplicas\":{max}}}}}'", hpa.name)
                })
            }
            Action::TerminateIdleSessions { .. } => Some(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle%' AND \
                 state_change < now() - interval '10 minutes' AND backend_type = 'client backend';"
                    .to_owned(),
            ),
            Action::GrowStorage { database, gib } => is_plain(&database.name).then(|| {
                format!(
                    "aws rds modify-db-instance --db-instance-identifier {} --allocated-storage {gib} --apply-immediately",
                    database.name
                )
            }),
            Action::RaiseMemoryLimit { workload, container, limit } => {
                let target = kubectl_target(workload)?;
                (is_plain(container) && is_plain(limit))
                    .then(|| format!("kubectl set resources {target} -c {container} --limits=memory={limit}"))
            }
            Action::Cordon { node } => is_plain(&node.name).then(|| format!("kubectl cordon {}", node.name)),
            Action::Restart { workload } => Some(format!("kubectl rollout restart {}", kubectl_target(workload)?)),
            Action::ExemptFromWafRule { .. } | Action::UnderAttackMode { .. } => None,
        }
    }
}

fn column_list(columns: &[IndexColumn]) -> String {
    columns
        .iter()
        .map(|c| if c.descending { format!("{} DESC", c.name) } else { c.name.clone() })
        .collect::<Vec<_>>()
        .join(", ")
}

/// `deployment/cart -n shop`, or `None` when a name is not a plain one.
fn kubectl_target(workload: &Object) -> Option<String> {
    if !is_plain(&workload.name) {
        return None;
    }
    let target = format!("{}/{}", workload.kind.to_string().to_lowercase(), workload.name);
    match &workload.namespace {
        Some(namespace) => is_plain(namespace).then(|| format!("{target} -n {namespace}")),
        None => Some(target),
    }
}

/// The characters that names and values on a command line may have here: no blank, quote, dollar or separator.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':'))
}

fn is_sql_identifier(text: &str) -> bool {
    text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectKind;

    #[test]
    fn a_rollback_names_its_revision_and_without_one_shows_the_history() {
        let undo = |to_revision| Action::RollBack {
            workload: Object::namespaced(ObjectKind::Deployment, "prod", "api"),
            to_revision,
            from_version: None,
            to_version: None,
        };
        assert_eq!(
            undo(Some(41)).command().unwrap(),
            "kubectl rollout undo deployment/api -n prod --to-revision=41"
        );
        assert_eq!(undo(None).command().unwrap(), "kubectl rollout history deployment/api -n prod");
    }

    #[test]
    fn a_name_that_could_be_a_shell_word_gets_no_command() {
        for name in ["api; rm -rf /", "$(id)", "a b", "-n", "a`b`", ""] {
            let action =
                Action::Restart { workload: Object::namespaced(ObjectKind::Deployment, "prod", name) };
            assert_eq!(action.command(), None, "{name}");
        }
    }
}
