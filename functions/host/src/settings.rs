//! Settings: the environment, read once, as a value that can be passed about.
//!
//! Handlers get a [`Settings`] instead of reading the environment, so that the `sitrep` command can run the same handlers
//! against a simulated platform without touching the process.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_credential_types::provider::SharedCredentialsProvider;

use crate::{Fault, Secret, aws};

/// Names to values, as in the environment. Empty values count as absent.
#[derive(Clone, Default)]
pub struct Settings {
    values: BTreeMap<String, String>,
    /// Where AWS keys come from that the values do not hold: see [`aws::of_machine`].
    pub(crate) credentials: Option<SharedCredentialsProvider>,
}

impl Settings {
    /// The process' environment.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn from_process() -> Self {
        Self::from_values(std::env::vars())
    }

    /// Settings from name and value pairs.
    pub fn from_values(values: impl IntoIterator<Item = (String, String)>) -> Self {
        let values = values.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        Self { values, credentials: None }
    }

    /// The same with `other`'s values on top.
    pub fn with(mut self, other: impl IntoIterator<Item = (String, String)>) -> Self {
        self.values.extend(other.into_iter().filter(|(_, value)| !value.is_empty()));
        self
    }

    /// The same without a name.
    pub fn without(mut self, name: &str) -> Self {
        self.values.remove(name);
        self
    }

    /// Every name and value, by name. Values may be credentials.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// A value or its default.
    pub fn get_or<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.get(name).unwrap_or(default)
    }

    /// A base URL: the value or its default, without a trailing slash.
    pub fn url(&self, name: &str, default: &str) -> String {
        self.get_or(name, default).trim_end_matches('/').to_owned()
    }

    /// A credential.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.get(name).map(Secret::new)
    }

    /// True under the Lambda runtime, where an absent service is a gap and never an embedded default.
    pub fn on_lambda(&self) -> bool {
        self.get("AWS_LAMBDA_RUNTIME_API").is_some()
    }

    /// Where embedded defaults live (store, ledger): `SITREP_HOME`, else, off Lambda, the user's data directory.
    pub fn home(&self) -> Option<PathBuf> {
        if let Some(home) = self.get("SITREP_HOME") {
            return Some(PathBuf::from(home));
        }
        if self.on_lambda() {
            return None;
        }
        self.get("XDG_DATA_HOME")
            .map(PathBuf::from)
            .or_else(|| self.get("HOME").map(|home| PathBuf::from(home).join(".local/share")))
            .map(|data| data.join("sitrep"))
    }

    /// The catalog's text: the file named by `CATALOG`, else `catalog.yaml` beside the binary on Lambda. `None` without one.
    pub fn catalog_text(&self) -> Result<Option<String>, Fault> {
        let (path, named) = match (self.get("CATALOG"), self.get("LAMBDA_TASK_ROOT")) {
            (Some(path), _) => (PathBuf::from(path), true),
            (None, Some(root)) => (PathBuf::from(root).join("catalog.yaml"), false),
            (None, None) => return Ok(None),
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(_) if !named => Ok(None),
            Err(error) => Err(Fault::bad_setting(format!(
                "CATALOG names {}, which cannot be read: {error}",
                path.display()
            ))),
        }
    }

    /// Replaces every value that is a Secrets Manager ARN by the secret it names, each fetched once.
    ///
    /// A secret that is a JSON object holds several settings: the one of the same name is taken.
    pub async fn resolve_secrets(self) -> Result<Self, Fault> {
        let arns: Vec<(String, String)> = self
            .values
            .iter()
            .filter(|(_, value)| value.starts_with("arn:") && value.contains(":secretsmanager:"))
            .map(|(name, arn)| (name.clone(), arn.clone()))
            .collect();
        if arns.is_empty() {
            return Ok(self);
        }
        let resolved = aws::secrets(&self, arns).await?;
        Ok(self.with(resolved))
    }
}

/// Names only: a value may be a credential.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::from_values(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn an_empty_value_is_absent() {
        assert_eq!(settings(&[("A", "")]).get("A"), None);
    }

    #[test]
    fn on_lambda_there_is_no_embedded_home_unless_it_is_named() {
        assert_eq!(settings(&[("HOME", "/h"), ("AWS_LAMBDA_RUNTIME_API", "x")]).home(), None);
        assert_eq!(settings(&[("HOME", "/h")]).home(), Some(PathBuf::from("/h/.local/share/sitrep")));
    }

    #[test]
    fn debug_prints_names_and_no_values() {
        assert_eq!(format!("{:?}", settings(&[("KEY", "hunter2")])), r#"{"KEY"}"#);
    }
}
