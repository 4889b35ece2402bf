//! GitHub and GitLab as one: the head of the default branch, what changed between two commits, a file at a commit.

mod github;
mod gitlab;

use std::collections::BTreeMap;

use host::http::HttpError;
use host::{Fault, Settings};

use crate::origin::Origin;
use crate::source_error::SourceError;
pub(crate) use github::GitHub;
pub(crate) use gitlab::GitLab;

/// What became of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is there, new or changed.
    Written,
    /// It is gone.
    Removed,
}

/// Paths with what became of them. A rename is a removal and a new file.
pub(crate) type Changes = BTreeMap<String, Change>;

/// The forges that the settings give access to.
pub(crate) struct Forges {
    github: Option<GitHub>,
    gitlab: Option<GitLab>,
}

/// A repository at its forge.
#[derive(Clone, Copy)]
pub(crate) enum Forge<'a> {
    /// On GitHub.
    GitHub(&'a GitHub, &'a str),
    /// On GitLab.
    GitLab(&'a GitLab, &'a str),
}

impl Forges {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Fault> {
        Ok(Self { github: GitHub::new(settings)?, gitlab: GitLab::new(settings)? })
    }

    /// The repository of an origin; `None` for a wiki.
    pub(crate) fn of<'a>(&'a self, origin: &'a Origin) -> Result<Option<Forge<'a>>, SourceError> {
        let missing =
            |name: &str| SourceError::Setting(format!("{origin} cannot be read: {name} is not set"));
        Ok(match origin {
            Origin::GitHub(name) => {
                let client = self.github.as_ref().ok_or_else(|| missing("GITHUB_TOKEN"))?;
                Some(Forge::GitHub(client, name))
            }
            Origin::GitLab(name) => {
                let client = self.gitlab.as_ref().ok_or_else(|| missing("GITLAB_TOKEN"))?;
                Some(Forge::GitLab(client, name))
            }
            Origin::Confluence | Origin::Postmortems => None,
        })
    }
}

impl Forge<'_> {
    /// The commit that the default branch stands at.
    pub(crate) async fn head(self) -> Result<String, SourceError> {
        match self {
            Self::GitHub(client, name) => client.head(name).await,
            Self::GitLab(client, name) => client.head(name).await,
        }
        .map_err(SourceError::vendor(format!("the head of {}", self.name())))
    }

    /// Every file at a commit with its content's hash. `None`: the forge does not know the commit.
    pub(crate) async fn tree(self, commit: &str) -> Result<Option<BTreeMap<String, String>>, SourceError> {
        let tree = match self {
            Self::GitHub(client, name) => client.tree(name, commit).await,
            Self::GitLab(client, name) => client.tree(name, commit).await,
        };
        found(tree).map_err(SourceError::vendor(format!("the files of {}", self.name())))
    }

    /// What is different at `to`. `None`: the forge does not know one of the commits any more.
    ///
    /// The forge's comparison is asked first. Where it does not list everything, the two trees are compared: their hashes say
    /// what changed whatever lies between, a forced push and ten thousand files included.
    pub(crate) async fn changes(self, from: &str, to: &str) -> Result<Option<Changes>, SourceError> {
        if from == to {
            return Ok(Some(Changes::new()));
        }
        let compared = match self {
            Self::GitHub(client, name) => client.compare(name, from, to).await,
            Self::GitLab(client, name) => client.compare(name, from, to).await,
        };
        let compared =
            found(compared).map_err(SourceError::vendor(format!("the changes of {}", self.name())))?;
        if let Some(Some(changes)) = compared {
            return Ok(Some(changes));
        }
        let (Some(before), Some(after)) = (self.tree(from).await?, self.tree(to).await?) else {
            return Ok(None);
        };
        Ok(Some(difference(&before, &after)))
    }

    /// The first `limit` bytes of a file at a commit; `None` where it is not there.
    pub(crate) async fn read(
        self,
        path: &str,
        commit: &str,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, SourceError> {
        let bytes = match self {
            Self::GitHub(client, name) => client.read(name, path, commit, limit).await,
            Self::GitLab(client, name) => client.read(name, path, commit, limit).await,
        };
        found(bytes).map_err(SourceError::vendor(format!("{path} of {}", self.name())))
    }

    fn name(self) -> String {
        match self {
            Self::GitHub(_, name) => format!("github:{name}"),
            Self::GitLab(_, name) => format!("gitlab:{name}"),
        }
    }
}

fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Changes {
    let written = after.iter().filter(|(path, sha)| before.get(*path) != Some(sha));
    let removed = before.keys().filter(|path| !after.contains_key(*path));
    let written = written.map(|(path, _)| (path.clone(), Change::Written));
    written.chain(removed.map(|path| (path.clone(), Change::Removed))).collect()
}

/// An absent thing is no failure.
fn found<T>(answer: Result<T, HttpError>) -> Result<Option<T>, HttpError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(HttpError::Status { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A path, or a name, in a URL: everything but plain characters and those of `kept` is escaped.
fn encoded(text: &str, kept: &str) -> String {
    text.bytes()
        .map(|byte| match char::from(byte) {
            c if c.is_ascii_alphanumeric() || "-_.~".contains(c) || kept.contains(c) => c.to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_trees_tell_what_was_written_and_removed() {
        let tree = |files: &[(&str, &str)]| {
            files.iter().map(|(path, sha)| ((*path).to_owned(), (*sha).to_owned())).collect()
        };
        let (before, after) =
            (tree(&[("a", "1"), ("b", "2"), ("c", "3")]), tree(&[("a", "1"), ("b", "9"), ("d", "3")]));
        let told: Vec<_> = difference(&before, &after).into_iter().collect();
        let expected = [("b", Change::Written), ("c", Change::Removed), ("d", Change::Written)];
        assert_eq!(told, expected.map(|(path, change)| (path.to_owned(), change)));
    }

    #[test]
    fn a_path_cannot_leave_its_place_in_a_url() {
        assert_eq!(encoded("a b/é?x=1#.md", "/"), "a%20b/%C3%A9%3Fx%3D1%23.md");
        assert_eq!(encoded("group/sub/project", ""), "group%2Fsub%2Fproject");
    }
}
