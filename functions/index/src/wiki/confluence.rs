//! Confluence's REST APIs: v2 for pages, v1 for CQL and people. It reads.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use host::http;
use host::{Fault, Secret, Settings};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::source_error::SourceError;

/// The longest any request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Ids in one question for pages by id; the URL has to stay short.
const IDS: usize = 50;

/// A client that reads.
pub(crate) struct Confluence {
    http: reqwest::Client,
    base_url: String,
    credentials: Secret,
    spaces: Vec<String>,
}

/// A page of a list: its entries, and the cursor of the next.
pub(crate) struct Listed<T> {
    pub entries: Vec<T>,
    pub next: Option<String>,
}

/// A page.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page {
    pub id: String,
    #[serde(default)]
    pub status: String,
    pub title: String,
    #[serde(default)]
    pub space_id: String,
    pub parent_id: Option<String>,
    pub version: Option<Version>,
    body: Option<Body>,
}

/// The newest version of a page.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Version {
    pub number: u64,
    pub created_at: Option<incident::Timestamp>,
    pub author_id: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Body {
    storage: Option<Storage>,
}

#[derive(Debug, Clone, Deserialize)]
struct Storage {
    value: String,
}

#[derive(Deserialize)]
struct Answer<T> {
    results: Vec<T>,
    #[serde(default, rename = "_links")]
    links: Links,
}

#[derive(Default, Deserialize)]
struct Links {
    next: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    content: Option<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    id: String,
}

#[derive(Deserialize)]
struct Space {
    id: String,
    key: String,
}

#[derive(Deserialize)]
struct Person {
    #[serde(rename = "displayName")]
    display_name: Option<String>,
}

impl Page {
    /// True without a word in the body.
    pub(crate) fn is_empty(&self) -> bool {
        let storage = self.body.as_ref().and_then(|body| body.storage.as_ref());
        storage.is_none_or(|storage| storage.value.trim().is_empty())
    }

    /// The body in storage format.
    pub(crate) fn storage(self) -> String {
        self.body.and_then(|body| body.storage).map(|storage| storage.value).unwrap_or_default()
    }
}

impl Confluence {
    /// The client, where `CONFLUENCE_URL`, `CONFLUENCE_EMAIL` and `CONFLUENCE_TOKEN` are set; of the spaces (keys, separated by
    /// commas) that `CONFLUENCE_SPACES` names.
    pub(crate) fn new(settings: &Settings) -> Result<Option<Self>, Fault> {
        let (Some(_), Some(email), Some(token)) = (
            settings.get("CONFLUENCE_URL"),
            settings.get("CONFLUENCE_EMAIL"),
            settings.get("CONFLUENCE_TOKEN"),
        ) else {
            return Ok(None);
        };
        let credentials = Secret::new(STANDARD.encode(format!("{email}:{token}")));
        let spaces = settings.get_or("CONFLUENCE_SPACES", "").split(',').map(str::trim);
        let spaces: Vec<String> = spaces.filter(|key| !key.is_empty()).map(str::to_owned).collect();
        if spaces.is_empty() || spaces.iter().any(|key| !is_key(key)) {
            return Err(Fault::bad_setting(
                "CONFLUENCE_SPACES names no spaces: write their keys, as OPS,ARCH",
            ));
        }
        let base_url = settings.url("CONFLUENCE_URL", "");
        Ok(Some(Self { http: http::client()?, base_url, credentials, spaces }))
    }

    /// A page's identity, and where a person reads it: by its id, so that neither a new title nor another parent moves it.
    pub(crate) fn address(&self, id: &str) -> String {
        format!("{}/pages/viewpage.action?pageId={id}", self.base_url)
    }

    /// Ids of the pages that were changed in the last `minutes`, oldest first. Relative, because an absolute time in CQL is read in
    /// the time zone of the token's owner, which nobody here knows.
    pub(crate) async fn changed(
        &self,
        minutes: i64,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Listed<String>, SourceError> {
        let spaces: Vec<String> = self.spaces.iter().map(|key| format!("\"{key}\"")).collect();
        let cql = format!(
            "type=page and space in ({}) and lastmodified >= now(\"-{minutes}m\") order by lastmodified asc",
            spaces.join(",")
        );
        let query = [("cql", cql), ("limit", limit.to_string())];
        let found: Listed<Found> = self.list("/rest/api/search", &query, cursor, "the changed pages").await?;
        let entries = found.entries.into_iter().filter_map(|found| Some(found.content?.id)).collect();
        Ok(Listed { entries, next: found.next })
    }

    /// The ids of the spaces. One that the token does not see is an error: its pages must not be taken for deleted.
    pub(crate) async fn spaces(&self) -> Result<Vec<String>, SourceError> {
        let query = [("keys", self.spaces.join(",")), ("limit", "250".to_owned())];
        let listed: Listed<Space> = self.list("/api/v2/spaces", &query, None, "the spaces").await?;
        let missing: Vec<&str> = self
            .spaces
            .iter()
            .filter(|key| !listed.entries.iter().any(|space| space.key == **key))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            return Err(SourceError::Setting(format!(
                "Confluence shows this token no space {}: check CONFLUENCE_SPACES and what {} may see",
                missing.join(", "),
                "CONFLUENCE_EMAIL"
            )));
        }
        Ok(listed.entries.into_iter().map(|space| space.id).collect())
    }

    /// The current pages of the spaces, a page of the list at a time; with their bodies, or without.
    pub(crate) async fn pages(
        &self,
        spaces: &[String],
        limit: usize,
        bodies: bool,
        cursor: Option<&str>,
    ) -> Result<Listed<Page>, SourceError> {
        let mut query = vec![
            ("space-id", spaces.join(",")),
            ("status", "current".to_owned()),
            ("sort", "id".to_owned()),
            ("limit", limit.min(250).to_string()),
        ];
        query.extend(bodies.then(|| ("body-format", "storage".to_owned())));
        self.list("/api/v2/pages", &query, cursor, "the pages").await
    }

    /// The current ones of some pages, with their bodies.
    pub(crate) async fn pages_by_id(&self, ids: &[String], bodies: bool) -> Result<Vec<Page>, SourceError> {
        let mut pages = Vec::new();
        for ids in ids.chunks(IDS) {
            let mut query =
                vec![("id", ids.join(",")), ("status", "current".to_owned()), ("limit", IDS.to_string())];
            query.extend(bodies.then(|| ("body-format", "storage".to_owned())));
            let listed: Listed<Page> = self.list("/api/v2/pages", &query, None, "the pages").await?;
            pages.extend(listed.entries);
        }
        Ok(pages)
    }

    /// Titles of the pages above a page, outermost first. Pages with the same parent are asked for once.
    pub(crate) async fn ancestors(
        &self,
        page: &Page,
        known: &mut HashMap<String, Vec<String>>,
    ) -> Result<Vec<String>, SourceError> {
        let Some(parent) = &page.parent_id else { return Ok(Vec::new()) };
        if let Some(titles) = known.get(parent) {
            return Ok(titles.clone());
        }
        let path = format!("/api/v2/pages/{}/ancestors", page.id);
        let query = [("limit", "250".to_owned())];
        let above: Listed<Reference> = self.list(&path, &query, None, "the pages above a page").await?;
        let ids: Vec<String> = above.entries.into_iter().map(|reference| reference.id).collect();
        let pages = self.pages_by_id(&ids, false).await?;
        let title = |id: &String| pages.iter().find(|page| page.id == *id).map(|page| page.title.clone());
        // A folder among them has no title here.
        let titles: Vec<String> = ids.iter().filter_map(title).collect();
        known.insert(parent.clone(), titles.clone());
        Ok(titles)
    }

    /// A person's name; `None` where the token may not see it. Asked for once.
    pub(crate) async fn name(
        &self,
        account: &str,
        known: &mut HashMap<String, Option<String>>,
    ) -> Option<String> {
        if let Some(name) = known.get(account) {
            return name.clone();
        }
        let request = self.request("/rest/api/user").query(&[("accountId", account)]);
        let name = http::send::<Person>(request).await.ok().and_then(|person| person.display_name);
        known.insert(account.to_owned(), name.clone());
        name
    }

    async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
        cursor: Option<&str>,
        what: &str,
    ) -> Result<Listed<T>, SourceError> {
        let mut request = self.request(path).query(query);
        if let Some(cursor) = cursor {
            request = request.query(&[("cursor", cursor)]);
        }
        let answer: Answer<T> = http::send(request)
            .await
            .map_err(SourceError::vendor(format!("Confluence, asked for {what},")))?;
        let next = answer.links.next.as_deref().and_then(cursor_of);
        // A list that repeats itself would never end.
        let next = next.filter(|next| Some(next.as_str()) != cursor);
        Ok(Listed { entries: answer.results, next })
    }

    fn request(&self, path: &str) -> reqwest::RequestBuilder {
        self.http
            .get(format!("{}{path}", self.base_url))
            .timeout(PATIENCE)
            .header("Authorization", format!("Basic {}", self.credentials.expose()))
            .header("Accept", "application/json")
    }
}

/// The cursor in a link to the next page of a list. The two APIs root their links differently; the cursor is all that counts.
fn cursor_of(link: &str) -> Option<String> {
    let url = reqwest::Url::parse("http://relative").ok()?.join(link).ok()?;
    url.query_pairs().find(|(name, _)| name == "cursor").map(|(_, value)| value.into_owned())
}

fn is_key(key: &str) -> bool {
    key.chars().all(|c| c.is_ascii_alphanumeric() || "~_-.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_found_in_either_apis_link() {
        assert_eq!(cursor_of("/wiki/api/v2/pages?limit=2&cursor=a%3D%3D").as_deref(), Some("a=="));
        assert_eq!(
            cursor_of("/rest/api/search?next=true&cursor=_x_&cql=type%3Dpage").as_deref(),
            Some("_x_")
        );
        assert_eq!(cursor_of("/wiki/api/v2/pages?limit=2"), None);
    }

    #[test]
    fn a_space_key_cannot_end_its_string_in_cql() {
        let settings = |spaces: &str| {
            Settings::from_values(
                [
                    ("CONFLUENCE_URL", "https://x.example"),
                    ("CONFLUENCE_EMAIL", "e"),
                    ("CONFLUENCE_TOKEN", "t"),
                    ("CONFLUENCE_SPACES", spaces),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
            )
        };
        for bad in ["", " , ", "OPS\") or (\"", "A B"] {
            assert!(Confluence::new(&settings(bad)).is_err(), "{bad}");
        }
        assert_eq!(Confluence::new(&settings("OPS, ~ada")).unwrap().unwrap().spaces, ["OPS", "~ada"]);
    }
}
