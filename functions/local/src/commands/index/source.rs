//! What `sitrep index` is given: where from, and what is there.

use std::path::{Path, PathBuf};

use ::index::{Origin, Times, clone, folder_origin, git_origin, read_folder, read_git};
use cutting::Document;

use crate::Stop;

/// A source as the command line names it.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// A file or a folder.
    Folder(PathBuf),
    /// A folder that is a git repository.
    Repository(PathBuf),
    /// The URL of a git repository.
    Url(String),
    /// A wiki or a repository behind an API.
    Kept(Origin),
}

/// What was read of a source.
pub struct Read {
    /// Its identity.
    pub origin: String,
    /// Documents.
    pub documents: Vec<Document>,
    /// What could not be read, by name.
    pub problems: Vec<String>,
}

impl Source {
    /// Reads an argument. Something that lies on this machine is what it is, whatever its name.
    pub fn parse(text: &str, must_exist: bool) -> Result<Self, Stop> {
        let path = Path::new(text);
        if path.exists() {
            let is_repository = path.join(".git").exists();
            return Ok(if is_repository {
                Self::Repository(path.to_owned())
            } else {
                Self::Folder(path.to_owned())
            });
        }
        if text.contains("://") || text.starts_with("git@") {
            return Ok(Self::Url(text.to_owned()));
        }
        match Origin::try_from(text.to_owned()) {
            Ok(origin) => Ok(Self::Kept(origin)),
            Err(_) if !must_exist => Ok(Self::Folder(path.to_owned())),
            Err(_) => Err(Stop::Usage(format!(
                "{text} does not exist, and is neither a git URL, confluence:, postmortems:, github:OWNER/NAME nor gitlab:GROUP/PROJECT"
            ))),
        }
    }

    /// The identities it may have been indexed under.
    pub fn origins(&self) -> Vec<String> {
        match self {
            Self::Folder(path) | Self::Repository(path) => {
                vec![folder_origin(path), git_origin(&path.display().to_string())]
            }
            Self::Url(url) => vec![git_origin(url)],
            Self::Kept(origin) => vec![origin.to_string()],
        }
    }

    /// Reads what is there; `None` for what only the index machine reads.
    pub fn read(&self, times: Times) -> Result<Option<Read>, Stop> {
        Ok(Some(match self {
            Self::Folder(path) => folder(path, times),
            Self::Repository(path) => match read_git(path) {
                Ok(checkout) => repository(git_origin(&path.display().to_string()), checkout),
                Err(why) => {
                    eprintln!("  · {}: read as a folder, git says: {why}", path.display());
                    folder(path, times)
                }
            },
            Self::Url(url) => {
                let here = tempfile::tempdir()
                    .map_err(|error| Stop::Failed(format!("no temporary folder: {error}")))?;
                let into = here.path().join("clone");
                let refused =
                    |why: String| Stop::Failed(format!("{} cannot be cloned: {why}", git_origin(url)));
                clone(url, &into).map_err(refused)?;
                let checkout = read_git(&into).map_err(refused)?;
                repository(git_origin(url), checkout)
            }
            Self::Kept(_) => return Ok(None),
        }))
    }
}

fn folder(path: &Path, times: Times) -> Read {
    let (documents, problems) = read_folder(path, times);
    Read { origin: folder_origin(path), documents, problems }
}

fn repository(origin: String, checkout: ::index::Checkout) -> Read {
    let ::index::Checkout { commit, documents, problems } = checkout;
    eprintln!("  · {origin}: {} files as committed at {}", documents.len(), &commit[..commit.len().min(12)]);
    Read { origin, documents, problems }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_a_folder_a_repository_a_url_or_an_origin() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        assert_eq!(Source::parse(&path, true).unwrap(), Source::Folder(folder.path().to_owned()));
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        assert_eq!(Source::parse(&path, true).unwrap(), Source::Repository(folder.path().to_owned()));
        for url in ["https://git.example/a.git", "git@git.example:a.git"] {
            assert_eq!(Source::parse(url, true).unwrap(), Source::Url(url.to_owned()));
        }
        assert_eq!(Source::parse("confluence:", true).unwrap(), Source::Kept(Origin::Confluence));
        let error = Source::parse("no/such/folder", true).unwrap_err();
        assert!(matches!(&error, Stop::Usage(text) if text.contains("no/such/folder")), "{error:?}");
        assert!(matches!(Source::parse("no/such/folder", false), Ok(Source::Folder(_))));
    }
}
