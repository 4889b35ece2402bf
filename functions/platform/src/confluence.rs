//! Confluence Cloud: pages and spaces (REST v2), CQL search and people (REST v1), under `/wiki`.

mod cql;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Moment;
use crate::wire::{Answer, Request};

/// The most entries of a page of a list.
const MAX_LIMIT: usize = 250;
/// Entries of a page of a list that does not say.
const LIMIT: usize = 25;

/// One site, as one token sees it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// The account that requests must come from.
    pub email: String,
    /// Its token.
    pub token: String,
    /// Spaces by key.
    pub spaces: BTreeMap<String, Space>,
    /// Pages.
    pub pages: Vec<Page>,
    /// Names of people by account id.
    pub people: BTreeMap<String, String>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            email: "sitrep@example.org".to_owned(),
            token: "ATATT3xSimulated".to_owned(),
            spaces: BTreeMap::new(),
            pages: Vec::new(),
            people: BTreeMap::new(),
        }
    }
}

/// A space.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// Its number, as text.
    pub id: String,
    /// Whether the token may see it. Default true; otherwise it and its pages do not exist.
    #[serde(default = "yes")]
    pub visible: bool,
}

fn yes() -> bool {
    true
}

/// A page. Its newest version is all that is known of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Its number, as text.
    pub id: String,
    /// Its space's key.
    pub space: String,
    /// Title.
    pub title: String,
    /// The page above.
    #[serde(default)]
    pub parent: Option<String>,
    /// `current`, `trashed` or `archived`. Default `current`.
    #[serde(default = "current")]
    pub status: String,
    /// The version's number. Default 1.
    #[serde(default = "one")]
    pub version: u64,
    /// When the version was made.
    pub modified: Timestamp,
    /// Account id of who made it.
    #[serde(default)]
    pub author: Option<String>,
    /// Storage format.
    #[serde(default)]
    pub body: String,
}

fn current() -> String {
    "current".to_owned()
}

fn one() -> u64 {
    1
}

/// `search`, `pages`, `page`, `ancestors`, `spaces` or `user`; the path for anything else.
pub fn call(request: &Request) -> String {
    let segments = request.segments();
    let names: Vec<&str> = segments.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["wiki", "rest", "api", what @ ("search" | "user")] => (*what).to_owned(),
        ["wiki", "api", "v2", what @ ("pages" | "spaces")] => (*what).to_owned(),
        ["wiki", "api", "v2", "pages", _] => "page".to_owned(),
        ["wiki", "api", "v2", "pages", _, "ancestors"] => "ancestors".to_owned(),
        _ => request.path.clone(),
    }
}

impl World {
    /// The settings of a client; of all spaces that are visible.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        let visible = self.spaces.iter().filter(|(_, space)| space.visible).map(|(key, _)| key.as_str());
        vec![
            ("CONFLUENCE_URL", format!("{url}/wiki")),
            ("CONFLUENCE_EMAIL", self.email.clone()),
            ("CONFLUENCE_TOKEN", self.token.clone()),
            ("CONFLUENCE_SPACES", visible.collect::<Vec<_>>().join(",")),
        ]
    }

    /// Answers a request as Confluence would. Wrong credentials see what a stranger sees: nothing.
    pub fn answer(&self, request: &Request, moment: Moment) -> Answer {
        let expected = STANDARD.encode(format!("{}:{}", self.email, self.token));
        match request.header("authorization").map(|value| value.strip_prefix("Basic ").unwrap_or("")) {
            None => return refuse(403, "Request rejected because caller cannot access Confluence"),
            Some(given) if given != expected => return refuse(401, "Unauthorized; scope does not match"),
            Some(_) => {}
        }
        if request.method != Method::GET {
            return refuse(403, "This token may only read");
        }
        let segments = request.segments();
        let names: Vec<&str> = segments.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["wiki", "rest", "api", "search"] => self.search(request, moment),
            ["wiki", "rest", "api", "user"] => self.person(request),
            ["wiki", "api", "v2", "spaces"] => self.list_spaces(request),
            ["wiki", "api", "v2", "pages"] => self.list_pages(request, moment),
            ["wiki", "api", "v2", "pages", id] => match self.seen(moment).find(|page| page.id == *id) {
                Some(page) => Answer::json(200, &self.body(page, request)),
                None => refuse(404, "Page not found"),
            },
            ["wiki", "api", "v2", "pages", id, "ancestors"] => self.ancestors(id, request, moment),
            _ => refuse(404, "No such resource"),
        }
    }

    /// Pages that exist and that the token may see.
    fn seen(&self, moment: Moment) -> impl Iterator<Item = &Page> {
        let visible = |page: &&Page| self.spaces.get(&page.space).is_some_and(|space| space.visible);
        self.pages.iter().filter(visible).filter(move |page| moment.has_seen(page.modified))
    }

    fn list_spaces(&self, request: &Request) -> Answer {
        let keys = words(request, "keys");
        let spaces = self
            .spaces
            .iter()
            .filter(|(key, space)| space.visible && (keys.is_empty() || keys.contains(key)));
        let entries = spaces
            .map(|(key, space)| json!({"id": space.id, "key": key, "name": key, "status": "current"}))
            .collect();
        paged(entries, request, "/wiki/api/v2/spaces")
    }

    fn list_pages(&self, request: &Request, moment: Moment) -> Answer {
        if request.query_value("limit").is_some_and(|limit| !matches!(limit.parse(), Ok(1..=MAX_LIMIT))) {
            return refuse(400, "limit must be between 1 and 250");
        }
        let (ids, spaces, status) =
            (words(request, "id"), words(request, "space-id"), words(request, "status"));
        let status =
            if status.is_empty() { vec!["current".to_owned(), "archived".to_owned()] } else { status };
        let mut pages: Vec<&Page> = self
            .seen(moment)
            .filter(|page| status.contains(&page.status))
            .filter(|page| ids.is_empty() || ids.contains(&page.id))
            .filter(|page| spaces.is_empty() || spaces.contains(&self.spaces[&page.space].id))
            .collect();
        match request.query_value("sort").unwrap_or("id") {
            "id" => pages.sort_by_key(|page| (page.id.len(), page.id.clone())),
            "-modified-date" => pages.sort_by_key(|page| std::cmp::Reverse(page.modified)),
            "modified-date" => pages.sort_by_key(|page| page.modified),
            _ => return refuse(400, "invalid sort"),
        }
        let entries = pages.into_iter().map(|page| self.body(page, request)).collect();
        paged(entries, request, "/wiki/api/v2/pages")
    }

    fn ancestors(&self, id: &str, request: &Request, moment: Moment) -> Answer {
        let page = |id: &str| self.seen(moment).find(|page| page.id == id);
        let Some(first) = page(id) else { return refuse(404, "Page not found") };
        let mut above: Vec<&Page> = Vec::new();
        let mut next = first.parent.as_deref().and_then(page);
        while let Some(parent) = next.filter(|parent| !above.iter().any(|known| known.id == parent.id)) {
            above.push(parent);
            next = parent.parent.as_deref().and_then(page);
        }
        above.reverse();
        // Ids alone: titles have to be asked for.
        let entries = above.iter().map(|page| json!({"id": page.id, "type": "page"})).collect();
        paged(entries, request, &format!("/wiki/api/v2/pages/{id}/ancestors"))
    }

    fn search(&self, request: &Request, moment: Moment) -> Answer {
        let Some(query) = request.query_value("cql").filter(|query| !query.is_empty()) else {
            return refuse(400, "cql query parameter is required");
        };
        let query = match cql::parse(query, moment.as_of) {
            Ok(query) => query,
            Err(problem) => return refuse(400, &format!("Could not parse cql : {query} ({problem})")),
        };
        let mut found: Vec<&Page> =
            self.seen(moment).filter(|page| page.status == "current" && query.matches(page)).collect();
        found.sort_by_key(|page| (page.modified, page.id.clone()));
        if query.newest_first {
            found.reverse();
        }
        let entries = found
            .iter()
            .map(|page| {
                json!({"content": {"id": page.id, "type": "page", "status": page.status, "title": page.title},
                    "title": page.title, "excerpt": "", "url": format!("/spaces/{}/pages/{}", page.space, page.id),
                    "entityType": "content", "lastModified": page.modified.to_string()})
            })
            .collect();
        // The older API's links begin below `/wiki`.
        paged(entries, request, "/rest/api/search")
    }

    fn person(&self, request: &Request) -> Answer {
        let account = request.query_value("accountId").unwrap_or_default();
        match self.people.get(account) {
            Some(name) => {
                Answer::json(200, &json!({"type": "known", "accountId": account, "displayName": name}))
            }
            None => refuse(404, "No user found with account id"),
        }
    }

    fn body(&self, page: &Page, request: &Request) -> Value {
        let mut body = json!({
            "id": page.id, "status": page.status, "title": page.title, "spaceId": self.spaces[&page.space].id,
            "parentId": page.parent, "parentType": page.parent.as_ref().map(|_| "page"), "authorId": page.author,
            "version": {"number": page.version, "createdAt": page.modified.to_string(), "message": "",
                "minorEdit": false, "authorId": page.author},
            "body": {}, "_links": {"webui": format!("/spaces/{}/pages/{}", page.space, page.id)}
        });
        if request.query_value("body-format") == Some("storage") {
            body["body"] = json!({"storage": {"representation": "storage", "value": page.body}});
        }
        body
    }
}

/// A page of a list, and a link to the next: its cursor is the number of entries before it.
fn paged(entries: Vec<Value>, request: &Request, path: &str) -> Answer {
    let limit =
        request.query_value("limit").and_then(|text| text.parse().ok()).unwrap_or(LIMIT).clamp(1, MAX_LIMIT);
    let skip: usize = match request.query_value("cursor") {
        None => 0,
        Some(cursor) => match cursor.strip_prefix("sim-").and_then(|at| at.parse().ok()) {
            Some(skip) => skip,
            None => return refuse(400, "invalid cursor"),
        },
    };
    let goes_on = entries.len() > skip + limit;
    let mut links = json!({"base": "https://simulated.atlassian.net/wiki"});
    if goes_on {
        links["next"] = json!(format!("{path}?limit={limit}&cursor=sim-{}", skip + limit));
    }
    let results: Vec<Value> = entries.into_iter().skip(skip).take(limit).collect();
    Answer::json(200, &json!({"results": results, "_links": links}))
}

/// The values of a parameter: repeated, or separated by commas.
fn words(request: &Request, name: &str) -> Vec<String> {
    let values = request.query.iter().filter(|(key, _)| key == name);
    values
        .flat_map(|(_, value)| value.split(',').map(str::to_owned))
        .filter(|word| !word.is_empty())
        .collect()
}

fn refuse(status: u16, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({"errors": [{"status": status, "code": "", "title": message, "detail": null}], "statusCode": status,
            "message": message}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        let page = |id: &str, space: &str, parent: Option<&str>, modified: &str, status: &str| {
            json!({"id": id, "space": space, "title": format!("Page {id}"), "parent": parent, "modified": modified,
                "status": status, "body": format!("<p>{id}</p>"), "author": "a1"})
        };
        serde_json::from_value(json!({"email": "e", "token": "t", "people": {"a1": "Ada Okafor"},
        "spaces": {"OPS": {"id": "1"}, "HR": {"id": "2", "visible": false}},
        "pages": [
            page("10", "OPS", None, "2026-01-01T10:00:30Z", "current"),
            page("11", "OPS", Some("10"), "2026-01-01T11:00:00Z", "current"),
            page("12", "OPS", Some("11"), "2026-01-01T11:30:45Z", "current"),
            page("13", "OPS", None, "2026-01-01T11:40:00Z", "trashed"),
            page("14", "HR", None, "2026-01-01T11:50:00Z", "current"),
            page("15", "OPS", None, "2026-01-01T13:00:00Z", "current"),
        ]}))
        .unwrap()
    }

    fn ask(target: &str) -> Answer {
        let alert: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let request = Request::new(Method::GET, target)
            .with_header("authorization", &format!("Basic {}", STANDARD.encode("e:t")));
        world().answer(&request, Moment { alert, as_of: alert })
    }

    fn ids(answer: &Answer) -> Vec<String> {
        let text = |entry: &Value| {
            let id = entry.get("id").or_else(|| entry.pointer("/content/id"));
            id.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        answer.value()["results"].as_array().unwrap().iter().map(text).collect()
    }

    #[test]
    fn lists_hold_what_is_current_and_visible_and_come_in_pages() {
        let first = ask("/wiki/api/v2/pages?space-id=1&status=current&limit=2&body-format=storage");
        assert_eq!(ids(&first), ["10", "11"]);
        assert_eq!(first.value()["results"][0]["body"]["storage"]["value"], "<p>10</p>");
        let next = first.value()["_links"]["next"].as_str().unwrap().to_owned();
        assert!(next.starts_with("/wiki/api/v2/pages?limit=2&cursor="), "{next}");
        assert_eq!(ids(&ask(&format!("{next}&space-id=1&status=current"))), ["12"]);
        assert_eq!(ids(&ask("/wiki/api/v2/pages?id=11,13,14&status=current")), ["11"]);
        assert_eq!(ask("/wiki/api/v2/pages?limit=500").status, 400);
        assert_eq!(ids(&ask("/wiki/api/v2/spaces?keys=OPS,HR")), ["1"]);
    }

    #[test]
    fn ancestors_have_no_titles() {
        let answer = ask("/wiki/api/v2/pages/12/ancestors").value();
        assert_eq!(answer["results"], json!([{"id": "10", "type": "page"}, {"id": "11", "type": "page"}]));
    }

    #[test]
    fn a_search_finds_by_space_and_by_the_minute() {
        let search = |cql: &str| {
            let escaped = cql.replace('"', "%22").replace(' ', "+").replace('>', "%3E").replace('=', "%3D");
            ask(&format!("/wiki/rest/api/search?cql={escaped}"))
        };
        let since = |when: &str| {
            ids(&search(&format!(
                "type=page and space in (\"OPS\") and lastmodified >= {when} order by lastmodified asc"
            )))
        };
        assert_eq!(since("now(\"-60m\")"), ["11", "12"]);
        assert_eq!(since("\"2026-01-01 11:30\""), ["12"]);
        assert_eq!(since("\"2026-01-01 11:31\""), Vec::<String>::new());
        assert_eq!(ids(&search("type=page and space = \"NONE\"")), Vec::<String>::new());
        assert_eq!(search("type is page").status, 400);
    }

    #[test]
    fn a_stranger_is_refused() {
        let alert: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let moment = Moment { alert, as_of: alert };
        let request = Request::new(Method::GET, "/wiki/api/v2/pages");
        assert_eq!(world().answer(&request, moment).status, 403);
        let wrong = request.with_header("authorization", "Basic eDp5");
        assert_eq!(world().answer(&wrong, moment).status, 401);
        assert_eq!(ask("/wiki/rest/api/user?accountId=a1").value()["displayName"], "Ada Okafor");
        assert_eq!(ask("/wiki/rest/api/user?accountId=a2").status, 404);
    }
}
