//! A wiki kept current: what changed since a time, every page, or one page.

mod confluence;

use std::collections::HashMap;

use cutting::{Document, Format};
use incident::{Corpus, Timestamp};

use crate::Work;
use crate::run::{Cursor, Mark};
use crate::source_error::SourceError;
pub(crate) use confluence::{Confluence, Page};

/// Minutes that a poll looks back beyond the last one: CQL's times have minutes, clocks differ, and the search index lags.
const OVERLAP: i64 = 10;
/// Entries of a listing without bodies (Confluence's limit).
const LISTED: usize = 250;

/// A batch of pages that changed since a time, and those of them that are gone.
pub(crate) async fn changed(
    confluence: &Confluence,
    since: Timestamp,
    mark: Timestamp,
    next: Option<String>,
    batch: usize,
) -> Result<Work, SourceError> {
    let minutes = mark.duration_since(since).as_secs().max(0) / 60 + 1 + OVERLAP;
    let listed = confluence.changed(minutes, batch.min(LISTED), next.as_deref()).await?;
    let pages = confluence.pages_by_id(&listed.entries, true).await?;
    // Between the search and the reading a page may have gone, or have been moved out of the spaces.
    let gone = listed.entries.iter().filter(|id| !pages.iter().any(|page| page.id == **id));
    let gone = gone.map(|id| confluence.address(id)).collect::<Vec<_>>().into_iter();
    let cursor = listed.next.map(|next| Cursor::Changed { since, mark, next: Some(next) });
    let (documents, problems, empty) = documents(confluence, pages).await?;
    let gone = gone.chain(empty).collect();
    Ok(Work {
        documents,
        problems,
        gone,
        done: cursor.is_none().then_some(Mark::At(mark)),
        cursor,
        ..Work::default()
    })
}

/// A batch of all pages; after the last one, the identities of all that are there.
pub(crate) async fn everything(
    confluence: &Confluence,
    mark: Timestamp,
    next: Option<String>,
    batch: usize,
) -> Result<Work, SourceError> {
    let spaces = confluence.spaces().await?;
    let listed = confluence.pages(&spaces, batch, true, next.as_deref()).await?;
    let cursor = listed.next.map(|next| Cursor::Pages { mark, next: Some(next) });
    let there = if cursor.is_none() { Some(addresses(confluence, &spaces).await?) } else { None };
    let (documents, problems, gone) = documents(confluence, listed.entries).await?;
    Ok(Work {
        documents,
        problems,
        gone,
        there,
        done: cursor.is_none().then_some(Mark::At(mark)),
        cursor,
        ..Work::default()
    })
}

/// One page: written where it is current and in one of the spaces, else gone.
pub(crate) async fn page(confluence: &Confluence, id: String) -> Result<Work, SourceError> {
    let spaces = confluence.spaces().await?;
    let mut pages = confluence.pages_by_id(std::slice::from_ref(&id), true).await?;
    pages.retain(|page| spaces.contains(&page.space_id));
    let (documents, problems, _) = documents(confluence, pages).await?;
    let gone = if documents.is_empty() { vec![confluence.address(&id)] } else { Vec::new() };
    Ok(Work { documents, problems, gone, done: Some(Mark::Same), ..Work::default() })
}

async fn addresses(confluence: &Confluence, spaces: &[String]) -> Result<Vec<String>, SourceError> {
    let (mut there, mut next) = (Vec::new(), None);
    loop {
        let listed = confluence.pages(spaces, LISTED, false, next.as_deref()).await?;
        there.extend(listed.entries.iter().map(|page| confluence.address(&page.id)));
        next = listed.next;
        if next.is_none() {
            return Ok(there);
        }
    }
}

/// The pages as documents; what is wrong with some, and the identities of those that say nothing.
async fn documents(
    confluence: &Confluence,
    pages: Vec<Page>,
) -> Result<(Vec<Document>, Vec<String>, Vec<String>), SourceError> {
    let (mut titles, mut names) = (HashMap::new(), HashMap::new());
    let (mut documents, mut problems, mut empty) = (Vec::with_capacity(pages.len()), Vec::new(), Vec::new());
    for page in pages.into_iter().filter(|page| page.status.is_empty() || page.status == "current") {
        if page.is_empty() {
            let address = confluence.address(&page.id);
            problems.push(format!("{address} ({}): it is empty", page.title));
            empty.push(address);
            continue;
        }
        let ancestors = confluence.ancestors(&page, &mut titles).await?;
        let version = page.version.clone();
        let author = match version.as_ref().and_then(|version| version.author_id.as_deref()) {
            Some(account) => confluence.name(account, &mut names).await,
            None => None,
        };
        let corpus = corpus_of(&page.title, &ancestors);
        documents.push(Document {
            title: Some(page.title.clone()),
            ancestors,
            author,
            modified: version.as_ref().and_then(|version| version.created_at),
            version: version.map(|version| version.number.to_string()),
            format: Some(Format::Storage),
            ..Document::new(corpus, confluence.address(&page.id), page.storage())
        });
    }
    Ok((documents, problems, empty))
}

/// Post-mortems are where people put them: under a page of that name, or titled so. Everything else is a page to act by.
fn corpus_of(title: &str, ancestors: &[String]) -> Corpus {
    let tells = |title: &str| {
        let title = title.to_lowercase().replace(['-', '_', ' '], "");
        title.contains("postmortem") || title.contains("incidentreport")
    };
    let is_filed = |title: &String| tells(title) || title.trim().eq_ignore_ascii_case("incidents");
    if tells(title) || ancestors.iter().any(is_filed) { Corpus::Incidents } else { Corpus::Runbooks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_mortem_is_told_by_its_title_or_by_where_it_is_filed() {
        let corpus = |title: &str, above: &str| corpus_of(title, &[above.to_owned()]);
        assert_eq!(corpus("Post-mortem: checkout down", "Home"), Corpus::Incidents);
        assert_eq!(corpus("INC-7", "Incidents"), Corpus::Incidents);
        assert_eq!(corpus("INC-7", "Postmortems 2026"), Corpus::Incidents);
        assert_eq!(corpus("Incident response playbook", "Home"), Corpus::Runbooks);
    }
}
