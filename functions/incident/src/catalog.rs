//! The catalog: what the user knows of their platform and no API tells. `catalog.yaml`, optional.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Object, ObjectKind};

/// The catalog file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// Services by the name their `service:` tag has.
    #[serde(default)]
    pub services: BTreeMap<String, Service>,
    /// Metrics by the name their vendor gives them.
    #[serde(default)]
    pub metrics: BTreeMap<String, Metric>,
    /// Actions that may be recommended; empty allows every action of the enum.
    #[serde(default)]
    pub allowed_actions: Vec<String>,
}

/// A service and where it runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// The team that owns it.
    #[serde(default)]
    pub owner: Option<String>,
    /// `env:` tag.
    #[serde(default)]
    pub env: Option<String>,
    /// Kubernetes namespace.
    #[serde(default)]
    pub namespace: Option<String>,
    /// `Kind/name`, such as `Deployment/cart`; a bare name is a Deployment.
    #[serde(default)]
    pub workload: Option<String>,
    /// RDS instance identifiers it uses.
    #[serde(default)]
    pub databases: Vec<String>,
    /// Target groups, by name or ARN suffix.
    #[serde(default)]
    pub target_groups: Vec<String>,
    /// Cloudflare zone name.
    #[serde(default)]
    pub zone: Option<String>,
    /// Services it calls.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// `owner/name` on GitHub.
    #[serde(default)]
    pub repository: Option<String>,
    /// How a version becomes a Git tag, `{version}` replaced by the image tag. Default: the image tag itself.
    #[serde(default)]
    pub tag: Option<String>,
}

/// A metric's meaning.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// One sentence: what it means to the business.
    pub meaning: String,
    /// Unit, in words.
    #[serde(default)]
    pub unit: String,
    /// The resource it belongs to, such as an RDS identifier.
    #[serde(default)]
    pub resource: Option<String>,
    /// Lowest normal value.
    #[serde(default)]
    pub normal_min: Option<f64>,
    /// Highest normal value.
    #[serde(default)]
    pub normal_max: Option<f64>,
}

impl Catalog {
    /// Reads the YAML text. The error names the line.
    pub fn from_yaml(text: &str) -> Result<Self, serde_norway::Error> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_norway::from_str(text)
    }
}

impl Service {
    /// The Kubernetes object that runs the service, when the catalog says.
    pub fn workload_object(&self) -> Option<Object> {
        let workload = self.workload.as_deref()?;
        let (kind, name) = workload.split_once('/').unwrap_or(("Deployment", workload));
        let kind = match kind {
            "StatefulSet" => ObjectKind::StatefulSet,
            "DaemonSet" => ObjectKind::DaemonSet,
            "Job" | "CronJob" => ObjectKind::Job,
            _ => ObjectKind::Deployment,
        };
        Some(Object { kind, namespace: self.namespace.clone(), name: name.to_owned() })
    }

    /// The Git tag of a version.
    pub fn git_tag(&self, version: &str) -> String {
        self.tag.as_deref().unwrap_or("{version}").replace("{version}", version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_in_the_catalog_is_refused_with_its_line() {
        let error = Catalog::from_yaml("services:\n  api:\n    namespce: x\n").unwrap_err().to_string();
        assert!(error.contains("namespce") && error.contains("line 3"), "{error}");
    }
}
