//! Where documents come from, by an identity that a person can write.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is kept current. Written `github:owner/name`, `gitlab:group/project`, `confluence`, `postmortems`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Origin {
    /// The default branch of a repository on GitHub, `owner/name`.
    GitHub(String),
    /// The default branch of a project on GitLab, with its groups.
    GitLab(String),
    /// The spaces that `CONFLUENCE_SPACES` names.
    Confluence,
    /// The post-mortems that were approved in Slack.
    Postmortems,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GitHub(name) => write!(f, "github:{name}"),
            Self::GitLab(name) => write!(f, "gitlab:{name}"),
            Self::Confluence => f.write_str("confluence"),
            Self::Postmortems => f.write_str("postmortems"),
        }
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused = || {
            format!(
                "`{text}` is no source: write github:owner/name, gitlab:group/project, confluence or postmortems"
            )
        };
        match text.split_once(':') {
            Some(("github", name)) if segments(name) == Some(2) => Ok(Self::GitHub(name.to_owned())),
            Some(("gitlab", name)) if segments(name).is_some_and(|n| n >= 2) => {
                Ok(Self::GitLab(name.to_owned()))
            }
            None | Some((_, "")) => match text.trim_end_matches(':') {
                "confluence" => Ok(Self::Confluence),
                "postmortems" => Ok(Self::Postmortems),
                _ => Err(refused()),
            },
            _ => Err(refused()),
        }
    }
}

/// The number of a name's parts; `None` where a part is not what the forges allow.
fn segments(name: &str) -> Option<usize> {
    let plain = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    name.split('/').all(plain).then(|| name.split('/').count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_as_it_is_written() {
        for text in ["github:acme/shop.api", "gitlab:acme/platform/shop", "confluence", "postmortems"] {
            assert_eq!(Origin::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        assert_eq!(Origin::try_from("confluence:".to_owned()).unwrap(), Origin::Confluence);
        for text in ["github:acme", "github:a/b/c", "github:a/..", "gitlab:a b/c", "svn:a/b", "", "wiki"] {
            assert!(Origin::try_from(text.to_owned()).unwrap_err().contains("github:owner/name"), "{text}");
        }
    }
}
