//! A repository kept current: a batch of the files that changed between two commits.

use cutting::Document;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use incident::Corpus;

use crate::Work;
use crate::forge::{Change, Changes, Forge};
use crate::reading::{MAX_BYTES, corpus_of_path, text_of};
use crate::run::{Cursor, Mark};
use crate::source_error::SourceError;

/// Files read at once.
const READS: usize = 8;

/// The next batch after the path `after`. Every call asks anew what changed between the two commits, which never changes, so
/// that nothing but a path has to be remembered.
pub(crate) async fn batch(
    forge: Forge<'_>,
    (from, to): (Option<String>, String),
    sweep: bool,
    after: Option<String>,
    size: usize,
) -> Result<Work, SourceError> {
    let known = match &from {
        Some(from) => forge.changes(from, &to).await?,
        None => None,
    };
    // A commit that the forge has forgotten says nothing about what is held: everything is read, and the rest swept.
    let (from, sweep) = if known.is_some() { (from, sweep) } else { (None, true) };
    let mut tree = None;
    let changes = match known {
        Some(changes) => changes,
        None => {
            let Some(files) = forge.tree(&to).await? else { return Ok(Work::restart()) };
            let paths: Vec<String> = files.into_keys().collect();
            let written = paths.iter().map(|path| (path.clone(), Change::Written)).collect();
            tree = Some(paths);
            written
        }
    };
    let todo = in_order(changes, after.as_deref());
    let is_last = todo.len() <= size;
    let now = &todo[..todo.len().min(size)];
    let mut work = read(forge, now, &to).await?;
    if !is_last {
        let after = now.last().map(|(path, _)| path.clone());
        work.cursor = Some(Cursor::Files { from, to, sweep, after });
        return Ok(work);
    }
    if sweep {
        let paths = match tree {
            Some(paths) => paths,
            None => match forge.tree(&to).await? {
                Some(files) => files.into_keys().collect(),
                None => return Ok(Work::restart()),
            },
        };
        work.there = Some(paths.into_iter().filter(|path| corpus_of_path(path).is_some()).collect());
    }
    work.done = Some(Mark::Commit(to));
    Ok(work)
}

/// The changes that concern the knowledge base, after a path: the metrics schema first, so that an index that is interrupted
/// holds it, then by path.
fn in_order(changes: Changes, after: Option<&str>) -> Vec<(String, Change)> {
    let rank = |path: &str| (corpus_of_path(path) != Some(Corpus::Metrics), path.to_owned());
    let after = after.map(rank);
    let mut todo: Vec<(String, Change)> = changes
        .into_iter()
        .filter(|(path, _)| corpus_of_path(path).is_some())
        .filter(|(path, _)| after.as_ref().is_none_or(|after| rank(path) > *after))
        .collect();
    todo.sort_by_key(|(path, _)| rank(path));
    todo
}

async fn read(forge: Forge<'_>, todo: &[(String, Change)], commit: &str) -> Result<Work, SourceError> {
    let reads = todo.iter().cloned().map(|(path, change)| async move {
        let bytes = match change {
            Change::Written => forge.read(&path, commit, MAX_BYTES + 1).await?,
            Change::Removed => None,
        };
        Ok::<_, SourceError>((path, bytes))
    });
    let read: Vec<_> = stream::iter(reads).buffered(READS).try_collect().await?;
    let mut work = Work::default();
    for (path, bytes) in read {
        let (text, problems) = match bytes {
            Some(bytes) => text_of(bytes),
            None => (None, Vec::new()),
        };
        work.problems.extend(problems.into_iter().map(|problem| format!("{path}: {problem}")));
        let corpus = text.as_deref().and_then(|text| cutting::corpus_of(&path, text));
        match text.zip(corpus) {
            Some((text, corpus)) => work
                .documents
                .push(Document { version: Some(commit.to_owned()), ..Document::new(corpus, path, text) }),
            // Gone, or nothing that can be read any more: what is held of it is not true.
            None => work.gone.push(path),
        }
    }
    Ok(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_goes_first_and_a_batch_goes_on_after_the_last_path() {
        let changes = |paths: &[&str]| -> Changes {
            paths.iter().map(|path| ((*path).to_owned(), Change::Written)).collect()
        };
        let all = ["a.go", "b.md", "logo.png", "z/catalog.yaml", "vendor/x.go"];
        let order = |after| -> Vec<String> {
            in_order(changes(&all), after).into_iter().map(|(path, _)| path).collect()
        };
        assert_eq!(order(None), ["z/catalog.yaml", "a.go", "b.md"]);
        assert_eq!(order(Some("z/catalog.yaml")), ["a.go", "b.md"]);
        assert_eq!(order(Some("a.go")), ["b.md"]);
        assert_eq!(order(Some("b.md")), Vec::<String>::new());
    }
}
