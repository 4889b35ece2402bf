//! Cases: investigations whose real cause a person told. They are what the diagnosis is measured on next time.

use std::path::PathBuf;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::primitives::ByteStream;
use host::Settings;
use incident::redact::redact;
use incident::{Cause, Timestamp};
use ledger::Briefed;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the format.
const VERSION: u32 = 1;

/// One case: what was seen, what was said, and what it really was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The format's version.
    pub version: u32,
    /// The execution it is of.
    pub execution: String,
    /// When the person said so.
    pub at: Timestamp,
    /// What the brief said.
    pub briefed: Briefed,
    /// What the person said.
    pub correction: Correction,
    /// The state document, redacted once more.
    pub state: Value,
}

/// What the cause really was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// True where the brief was right.
    pub correct: bool,
    /// The cause in words. Redacted.
    #[serde(default)]
    pub text: String,
    /// The cause's name in the taxonomy, where one was told.
    #[serde(default)]
    pub cause: Option<Cause>,
}

impl Case {
    /// A case; nothing in it is kept that must be redacted.
    pub fn new(
        execution: &str,
        at: Timestamp,
        briefed: Briefed,
        mut correction: Correction,
        state: Value,
    ) -> Self {
        correction.text = redact(&correction.text).into_owned();
        let state = redacted(state);
        Self { version: VERSION, execution: execution.to_owned(), at, briefed, correction, state }
    }
}

fn redacted(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(redact(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(redacted).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, field)| (key, redacted(field))).collect())
        }
        other => other,
    }
}

/// Where cases and post-mortems are kept.
pub enum Cases {
    /// Under the prefixes `cases/` and `postmortems/` of the bucket of `CASES_BUCKET`.
    Bucket {
        /// The client.
        client: Client,
        /// The bucket.
        bucket: String,
    },
    /// Folders of those names under the home of embedded defaults.
    Folder(PathBuf),
    /// Nowhere.
    Nowhere,
}

impl Cases {
    /// The place that the settings name.
    pub async fn open(settings: &Settings) -> Self {
        if let Some(bucket) = settings.get("CASES_BUCKET") {
            let mut config = aws_sdk_s3::config::Builder::from(&host::aws::config(settings));
            let endpoint = host::aws::endpoint(settings, "S3");
            // A bucket is no host name anywhere but at AWS.
            config.set_force_path_style(endpoint.is_some().then_some(true));
            config.set_endpoint_url(endpoint);
            return Self::Bucket { client: Client::from_conf(config.build()), bucket: bucket.to_owned() };
        }
        settings.home().map_or(Self::Nowhere, Self::Folder)
    }

    /// Keeps a case; a later one of the same execution replaces it. The error is for the log.
    pub async fn keep(&self, case: &Case) -> Result<(), String> {
        let text = serde_json::to_string_pretty(case).map_err(|error| error.to_string())?;
        self.put(&format!("cases/{}.json", file_name(&case.execution)), text).await
    }

    /// Keeps a post-mortem. The error is for the log.
    pub async fn publish(&self, name: &str, text: String) -> Result<(), String> {
        self.put(&format!("postmortems/{}.md", file_name(name)), text).await
    }

    /// The document of an execution that ran on this machine; in the cloud Step Functions has it.
    pub fn document(&self, execution: &str) -> Option<String> {
        let Self::Folder(home) = self else { return None };
        std::fs::read_to_string(home.join("executions").join(format!("{}.json", file_name(execution)))).ok()
    }

    async fn put(&self, key: &str, text: String) -> Result<(), String> {
        match self {
            Self::Bucket { client, bucket } => {
                let body = ByteStream::from(text.into_bytes());
                let sent = client.put_object().bucket(bucket).key(key).body(body).send().await;
                sent.map(drop).map_err(|error| DisplayErrorContext(error).to_string())
            }
            Self::Folder(home) => {
                let path = home.join(key);
                let failed = |error: std::io::Error| format!("{}: {error}", path.display());
                path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(failed)?;
                std::fs::write(&path, text).map_err(failed)
            }
            Self::Nowhere => Err("there is no place for cases: set CASES_BUCKET".to_owned()),
        }
    }
}

/// No name leads out of its folder.
fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(120).collect()
}
