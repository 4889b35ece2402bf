//! Source code: what changed between two versions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Commit {
    /// Abbreviated to seven characters.
    pub sha: String,
    /// First line of the message.
    pub subject: String,
    /// Author's name.
    #[serde(default)]
    pub author: Option<String>,
}

/// A bounded piece of a diff around what the symptom names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hunk {
    /// File.
    pub path: String,
    /// First line in the new file.
    pub line: u32,
    /// The hunk's lines with their `+`, `-` and blank prefixes, redacted and cut.
    pub text: String,
    /// The word of the incident that made this hunk interesting.
    pub matched: String,
}

/// The source change between two versions. Nothing else may claim that a diff was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeChange {
    /// `owner/name`.
    pub repository: String,
    /// Base tag.
    pub from: String,
    /// Head tag.
    pub to: String,
    /// Commits, oldest first: the newest of them.
    pub commits: Vec<Commit>,
    /// Commits before those.
    #[serde(default)]
    pub more_commits: usize,
    /// Changed files: some of them.
    pub files: Vec<String>,
    /// Changed files beyond those.
    #[serde(default)]
    pub more_files: usize,
    /// Whether still more files changed than GitHub lists.
    #[serde(default)]
    pub is_cut: bool,
    /// Hunks that touch what the incident is about.
    #[serde(default)]
    pub hunks: Vec<Hunk>,
}

impl CodeChange {
    /// Commits in all.
    pub fn commit_count(&self) -> usize {
        self.commits.len().saturating_add(self.more_commits)
    }

    /// Changed files in all, as far as GitHub lists them.
    pub fn file_count(&self) -> usize {
        self.files.len().saturating_add(self.more_files)
    }
}
