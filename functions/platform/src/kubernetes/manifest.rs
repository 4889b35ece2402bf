//! An object as its manifest describes it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A manifest.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    /// Such as `apps/v1`.
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// Metadata.
    pub metadata: Metadata,
    /// `spec`, `status` and whatever else the kind has.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// An object's metadata.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    /// Name.
    name: String,
    /// Namespace; none for what belongs to the cluster.
    #[serde(default)]
    namespace: Option<String>,
    /// Unique id. Default: one made from kind, namespace and name.
    #[serde(default)]
    uid: Option<String>,
    /// When it was created.
    #[serde(default)]
    creation_timestamp: Option<Timestamp>,
    /// Labels, annotations, owners and the like.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Manifest {
    /// Group and version of `apiVersion`; the core group is empty.
    pub fn group_version(&self) -> (&str, &str) {
        self.api_version.split_once('/').unwrap_or(("", &self.api_version))
    }

    /// Namespace.
    pub fn namespace(&self) -> Option<&str> {
        self.metadata.namespace.as_deref()
    }

    /// When it was created.
    pub fn created_at(&self) -> Option<Timestamp> {
        self.metadata.creation_timestamp
    }

    /// The whole object. Ids that were left out are made up, an owner's as its own object has it; nothing else is added.
    pub fn object(&self, all: &[Self]) -> Value {
        let mut metadata = self.metadata.rest.clone();
        metadata.insert("name".to_owned(), json!(self.metadata.name));
        metadata.insert("uid".to_owned(), json!(self.uid()));
        metadata.entry("resourceVersion").or_insert_with(|| json!(super::RESOURCE_VERSION));
        if let Some(namespace) = &self.metadata.namespace {
            metadata.insert("namespace".to_owned(), json!(namespace));
        }
        if let Some(at) = self.metadata.creation_timestamp {
            metadata.insert("creationTimestamp".to_owned(), json!(at));
        }
        if let Some(Value::Array(owners)) = metadata.get_mut("ownerReferences") {
            owners.iter_mut().for_each(|owner| self.complete(owner, all));
        }
        let mut object = self.rest.clone();
        object.insert("apiVersion".to_owned(), json!(self.api_version));
        object.insert("kind".to_owned(), json!(self.kind));
        object.insert("metadata".to_owned(), Value::Object(metadata));
        Value::Object(object)
    }

    fn complete(&self, owner: &mut Value, all: &[Self]) {
        if owner["uid"].is_string() {
            return;
        }
        let found = all.iter().find(|other| {
            owner["kind"] == *other.kind
                && owner["name"] == *other.metadata.name
                && (other.namespace().is_none() || other.namespace() == self.namespace())
        });
        if let Some(found) = found {
            owner["uid"] = json!(found.uid());
            owner["apiVersion"] = json!(found.api_version);
            owner["controller"] = json!(true);
        }
    }

    fn uid(&self) -> String {
        use sha2::{Digest, Sha256};
        if let Some(uid) = &self.metadata.uid {
            return uid.clone();
        }
        let name = format!("{}/{}/{}", self.kind, self.namespace().unwrap_or_default(), self.metadata.name);
        let hash = Sha256::digest(name.as_bytes());
        let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}
