//! Post-mortems that people approved in Slack, from where `slack` keeps them: `postmortems/` in the bucket of cases, or of that
//! name under the home of embedded defaults. They are few, so that every look lists all of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::DisplayErrorContext;
use cutting::Document;
use host::Settings;
use incident::{Corpus, Timestamp};

use crate::Work;
use crate::reading::{MAX_BYTES, text_of};
use crate::run::{Cursor, Mark};
use crate::source_error::SourceError;

const FOLDER: &str = "postmortems/";
/// What was kept while the last look went on may bear a time before its mark.
const OVERLAP: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// Where they are kept.
pub(crate) enum Postmortems {
    Bucket { client: Client, bucket: String },
    Folder(PathBuf),
}

/// A look at them: what changed since a time, or all, a batch at a time.
pub(crate) struct Look {
    /// Those that changed since; `None`: all.
    pub since: Option<Timestamp>,
    /// When the look began.
    pub mark: Timestamp,
    /// The last name that is done.
    pub after: Option<String>,
}

impl Postmortems {
    /// The place that the settings name, if any.
    pub(crate) async fn open(settings: &Settings) -> Option<Self> {
        let Some(bucket) = settings.get("CASES_BUCKET") else {
            return settings.home().map(Self::Folder);
        };
        let mut config = aws_sdk_s3::config::Builder::from(&host::aws::config(settings));
        let endpoint = host::aws::endpoint(settings, "S3");
        // A bucket is no host name anywhere but at AWS.
        config.set_force_path_style(endpoint.is_some().then_some(true));
        config.set_endpoint_url(endpoint);
        Some(Self::Bucket { client: Client::from_conf(config.build()), bucket: bucket.to_owned() })
    }

    /// The next batch of a look. At its end, everything that is there.
    pub(crate) async fn batch(&self, look: Look, size: usize) -> Result<Work, SourceError> {
        let listed = self.list().await?;
        let since = look.since.map(|since| since.checked_sub(OVERLAP).unwrap_or(since));
        let todo: Vec<(&String, &Timestamp)> = listed
            .iter()
            .filter(|(name, _)| look.after.as_ref().is_none_or(|after| *name > after))
            .filter(|(_, modified)| since.is_none_or(|since| **modified >= since))
            .collect();
        let now = &todo[..todo.len().min(size)];
        let mut work = Work::default();
        for (name, modified) in now {
            let Some(bytes) = self.read(name).await? else { continue };
            let (text, problems) = text_of(bytes);
            work.problems.extend(problems.into_iter().map(|problem| format!("{name}: {problem}")));
            match text {
                Some(text) => work.documents.push(Document {
                    modified: Some(**modified),
                    ..Document::new(Corpus::Incidents, (*name).clone(), text)
                }),
                None => work.gone.push((*name).clone()),
            }
        }
        if todo.len() > size {
            let after = now.last().map(|(name, _)| (*name).clone());
            work.cursor = Some(Cursor::Postmortems { since: look.since, mark: look.mark, after });
        } else {
            work.done = Some(Mark::At(look.mark));
            work.there = Some(listed.into_keys().collect());
        }
        Ok(work)
    }

    /// Names with `postmortems/` before them, and when each was kept.
    pub(crate) async fn list(&self) -> Result<BTreeMap<String, Timestamp>, SourceError> {
        match self {
            Self::Bucket { client, bucket } => list_bucket(client, bucket).await,
            Self::Folder(home) => list_folder(&home.join(FOLDER)).map_err(SourceError::Unreadable),
        }
    }

    /// `None`: it left since it was listed.
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let (client, bucket) = match self {
            Self::Bucket { client, bucket } => (client, bucket),
            Self::Folder(home) => return read_file(&home.join(name)).map_err(SourceError::Unreadable),
        };
        let range = format!("bytes=0-{MAX_BYTES}");
        let answer = match client.get_object().bucket(bucket).key(name).range(range).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => {
                return Ok(None);
            }
            Err(error) => return Err(told(name, &error)),
        };
        let body = answer.body.collect().await;
        body.map(|body| Some(body.to_vec()))
            .map_err(|error| SourceError::Unreadable(format!("{name}: {error}")))
    }
}

async fn list_bucket(client: &Client, bucket: &str) -> Result<BTreeMap<String, Timestamp>, SourceError> {
    let mut pages = client.list_objects_v2().bucket(bucket).prefix(FOLDER).into_paginator().send();
    let mut listed = BTreeMap::new();
    while let Some(page) = pages.next().await {
        for object in page.map_err(|error| told(bucket, &error))?.contents.unwrap_or_default() {
            let modified = object.last_modified.and_then(|at| Timestamp::new(at.secs(), 0).ok());
            if let (Some(key), Some(modified)) = (object.key, modified)
                && is_one(&key)
            {
                listed.insert(key, modified);
            }
        }
    }
    Ok(listed)
}

fn list_folder(folder: &Path) -> Result<BTreeMap<String, Timestamp>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // Nothing was approved yet.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut listed = BTreeMap::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = format!("{FOLDER}{}", entry.file_name().to_string_lossy());
        let modified = entry.metadata().and_then(|metadata| metadata.modified()).map_err(failed)?;
        if is_one(&name) {
            listed.insert(name, Timestamp::try_from(modified).map_err(|error| error.to_string())?);
        }
    }
    Ok(listed)
}

fn read_file(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

fn is_one(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "md")
}

fn told<E: std::error::Error + 'static>(what: &str, error: &E) -> SourceError {
    SourceError::Unreadable(format!("{what}: {}", DisplayErrorContext(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(since: Option<Timestamp>, after: Option<&str>) -> Look {
        Look { since, mark: host::clock::now(), after: after.map(str::to_owned) }
    }

    fn paths(work: &Work) -> Vec<&str> {
        work.documents.iter().map(|document| document.path.as_str()).collect()
    }

    #[tokio::test]
    async fn they_are_read_a_batch_at_a_time_and_then_all_that_are_there_are_known() {
        let home = tempfile::tempdir().unwrap();
        let place = Postmortems::Folder(home.path().to_owned());
        let none = place.batch(look(None, None), 2).await.unwrap();
        assert_eq!((paths(&none), none.there.as_deref()), (vec![], Some([].as_slice())));
        std::fs::create_dir(home.path().join("postmortems")).unwrap();
        for name in ["a.md", "b.md", "c.md", "note.txt"] {
            std::fs::write(home.path().join(FOLDER).join(name), format!("# {name}\nWords.\n")).unwrap();
        }
        let first = place.batch(look(None, None), 2).await.unwrap();
        assert_eq!(paths(&first), ["postmortems/a.md", "postmortems/b.md"]);
        let Some(Cursor::Postmortems { since, mark, after }) = first.cursor else { panic!("no cursor") };
        let rest = place.batch(Look { since, mark, after }, 2).await.unwrap();
        assert_eq!(paths(&rest), ["postmortems/c.md"]);
        assert_eq!(rest.there.unwrap(), ["postmortems/a.md", "postmortems/b.md", "postmortems/c.md"]);
        assert_eq!(rest.done, Some(Mark::At(mark)));
        let later = mark.checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
        let later = place.batch(look(Some(later), None), 2).await.unwrap();
        assert_eq!((paths(&later), later.there.as_ref().unwrap().len()), (vec![], 3));
    }
}
