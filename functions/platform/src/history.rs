//! Commits with whole trees: what a forge knows of a repository.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Commits by hash, and the branches that name some of them.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// Branches and tags to the commits they name.
    pub refs: BTreeMap<String, String>,
    /// Commits by hash, whole or its beginning (seven digits or more). One that is left out has been forgotten.
    pub commits: BTreeMap<String, Snapshot>,
}

/// The state of a repository at one commit.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Snapshot {
    /// The commit before.
    pub parent: Option<String>,
    /// Path to text: every file there is.
    pub files: BTreeMap<String, String>,
}

/// What became of a file between two commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It is new.
    Added(String),
    /// Its text changed.
    Modified(String),
    /// It is gone.
    Removed(String),
    /// It has another path, the second one.
    Renamed(String, String),
}

impl History {
    /// The commit of a branch, a tag, or a hash of seven digits or more.
    pub fn commit(&self, name: &str) -> Option<(&str, &Snapshot)> {
        let hash = self.refs.get(name).map_or(name, String::as_str);
        let same = |known: &&String| {
            hash.len() >= 7 && known.len() >= 7 && (known.starts_with(hash) || whole(known) == whole(hash))
        };
        self.commits.keys().find(same).map(|known| (known.as_str(), &self.commits[known]))
    }

    /// A commit and those before it, newest first.
    fn line<'a>(&'a self, name: &str) -> Vec<&'a str> {
        let mut line = Vec::new();
        let mut next = self.commit(name);
        while let Some((hash, snapshot)) = next.filter(|(hash, _)| !line.contains(hash)) {
            line.push(hash);
            next = snapshot.parent.as_deref().and_then(|parent| self.commit(parent));
        }
        line
    }

    /// The newest commit that two have in common, and how many commits each is ahead of it.
    pub fn merge_base(&self, from: &str, to: &str) -> Option<(&str, usize, usize)> {
        let (before, after) = (self.line(from), self.line(to));
        let base = before.iter().find(|hash| after.contains(hash))?;
        let distance = |line: &[&str]| line.iter().position(|hash| hash == base).unwrap_or(0);
        Some((base, distance(&before), distance(&after)))
    }
}

impl Snapshot {
    /// What is different in another commit. A file whose text moved whole to another path is renamed.
    pub fn differences(&self, to: &Self) -> Vec<Difference> {
        let gone: Vec<&String> = self.files.keys().filter(|path| !to.files.contains_key(*path)).collect();
        let mut moved = BTreeSet::new();
        let mut found = Vec::new();
        for (path, text) in &to.files {
            match self.files.get(path) {
                Some(before) if before == text => {}
                Some(_) => found.push(Difference::Modified(path.clone())),
                None => {
                    let origin = gone.iter().find(|old| !moved.contains(**old) && self.files[**old] == *text);
                    match origin {
                        Some(old) => {
                            moved.insert((*old).clone());
                            found.push(Difference::Renamed((*old).clone(), path.clone()));
                        }
                        None => found.push(Difference::Added(path.clone())),
                    }
                }
            }
        }
        let removed = gone.into_iter().filter(|path| !moved.contains(*path));
        found.extend(removed.map(|path| Difference::Removed(path.clone())));
        found
    }

    /// Folders and files under a folder (`""`: the root) with their hashes: everything below, or the first level.
    pub fn entries(&self, under: &str, recursive: bool) -> Vec<Entry> {
        let prefix = if under.is_empty() { String::new() } else { format!("{under}/") };
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        for (path, text) in self.files.iter().filter(|(path, _)| path.starts_with(&prefix)) {
            let rest = &path[prefix.len()..];
            let folders = rest.match_indices('/').map(|(at, _)| &rest[..at]);
            for folder in folders.take(if recursive { usize::MAX } else { 1 }) {
                let path = format!("{prefix}{folder}");
                entries.entry(path.clone()).or_insert_with(|| Entry {
                    sha: folder_hash(&path),
                    path,
                    size: None,
                });
            }
            if recursive || !rest.contains('/') {
                let (path, sha, size) = (path.clone(), hash(text), Some(text.len()));
                entries.insert(path.clone(), Entry { path, sha, size });
            }
        }
        entries.into_values().collect()
    }

    /// The folder that a tree's hash names.
    pub fn folder(&self, sha: &str) -> Option<String> {
        self.entries("", true)
            .into_iter()
            .find(|entry| entry.size.is_none() && entry.sha == sha)
            .map(|e| e.path)
    }
}

/// An entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The whole path.
    pub path: String,
    /// Of the text; of the path, for a folder.
    pub sha: String,
    /// Bytes of a file; `None` for a folder.
    pub size: Option<usize>,
}

/// A commit's forty digits: a short hash is filled with its own digits.
pub fn whole(sha: &str) -> String {
    let digits = if sha.is_empty() { "0" } else { sha };
    digits.chars().cycle().take(40.max(digits.len())).collect()
}

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

fn folder_hash(path: &str) -> String {
    hash(&format!("tree {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        serde_json::from_value(serde_json::json!({"refs": {"main": "3333333"}, "commits": {
            "1111111": {"files": {"a.go": "a", "x/b.go": "b", "x/y/c.go": "c"}},
            "2222222": {"parent": "1111111", "files": {"a.go": "a", "x/b.go": "b2", "d.go": "c"}},
            "3333333": {"parent": "1111111", "files": {"a.go": "a"}}}}))
        .unwrap()
    }

    #[test]
    fn what_lies_between_two_commits_and_where_they_part() {
        let history = history();
        let (_, first) = history.commit("1111111111").unwrap();
        let (_, second) = history.commit("2222222").unwrap();
        assert_eq!(
            first.differences(second),
            [Difference::Renamed("x/y/c.go".into(), "d.go".into()), Difference::Modified("x/b.go".into()),]
        );
        assert_eq!(history.merge_base("2222222", "main"), Some(("1111111", 1, 1)));
        assert_eq!(history.merge_base("1111111", "2222222"), Some(("1111111", 0, 1)));
        assert!(history.commit("4444444").is_none());
    }

    #[test]
    fn a_tree_lists_folders_and_files() {
        let history = history();
        let (_, first) = history.commit("1111111").unwrap();
        let paths = |entries: Vec<Entry>| entries.into_iter().map(|e| e.path).collect::<Vec<_>>();
        assert_eq!(paths(first.entries("", false)), ["a.go", "x"]);
        assert_eq!(paths(first.entries("", true)), ["a.go", "x", "x/b.go", "x/y", "x/y/c.go"]);
        let folder = first.entries("", false).remove(1);
        assert_eq!(first.folder(&folder.sha).as_deref(), Some("x"));
        assert_eq!(paths(first.entries("x", false)), ["x/b.go", "x/y"]);
    }
}
