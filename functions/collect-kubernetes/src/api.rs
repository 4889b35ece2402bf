//! Listing: namespaces, pages, expired continuations, and what was read before the time was up.

use collecting::{Answer, CallError};
use kube::api::ListParams;
use kube::core::Request;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::request::{self, Trouble};
use crate::scope::Namespaces;
use crate::wire::{Event, List};

/// Objects per page, as `kubectl` asks for.
const PAGE: u32 = 500;
/// Pages read of one list. Beyond it the deadline is lost, and 5,000 objects are more than a brief can weigh.
const MAX_PAGES: usize = 10;

/// The API server, seen through the namespaces an incident is about.
pub(crate) struct Api {
    client: kube::Client,
    namespaces: Namespaces,
    /// When the pages read of a list so far must do.
    until: Instant,
}

/// A list that was read, and what kept it from being read to its end.
struct Listed<T> {
    items: Vec<T>,
    cut: Option<String>,
}

/// Which objects of a list are asked for.
#[derive(Clone, Copy, Default)]
pub(crate) struct Selector<'a> {
    pub fields: Option<&'a str>,
    pub labels: Option<&'a str>,
}

impl Api {
    pub(crate) fn new(client: kube::Client, namespaces: Namespaces, until: Instant) -> Self {
        Self { client, namespaces, until }
    }

    /// Lists a namespaced resource; `group` is `api/v1` or `apis/<group>/<version>`.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        group: &str,
        resource: &str,
    ) -> Result<Answer<Vec<T>>, CallError> {
        Ok(self.list_namespaces(group, resource).await?)
    }

    /// Lists a resource outside any namespace.
    pub(crate) async fn list_cluster<T: DeserializeOwned>(
        &self,
        group: &str,
        resource: &str,
    ) -> Result<Answer<Vec<T>>, CallError> {
        Ok(answer(vec![self.pages(&format!("/{group}/{resource}"), Selector::default()).await?]))
    }

    /// Lists what a selector leaves of one namespace, whichever namespaces the incident is about.
    pub(crate) async fn list_in<T: DeserializeOwned>(
        &self,
        namespace: &str,
        group: &str,
        resource: &str,
        selector: Selector<'_>,
    ) -> Result<Answer<Vec<T>>, CallError> {
        let path = format!("/{group}/namespaces/{namespace}/{resource}");
        Ok(answer(vec![self.pages(&path, selector).await?]))
    }

    /// Lists events by the API that has them: `events.k8s.io/v1`, else the older core one.
    pub(crate) async fn events(&self) -> Result<Answer<Vec<Event>>, CallError> {
        match self.list_namespaces("apis/events.k8s.io/v1", "events").await {
            Err(trouble) if matches!(trouble.code(), Some(403 | 404)) => self.list("api/v1", "events").await,
            other => Ok(other?),
        }
    }

    /// Lists the warnings of the namespace `default`, where events about nodes live.
    pub(crate) async fn node_events(&self) -> Result<Answer<Vec<Event>>, CallError> {
        let warnings = Selector { fields: Some("type=Warning"), labels: None };
        self.list_in("default", "apis/events.k8s.io/v1", "events", warnings).await
    }

    /// Lists what a metrics server measured of pods or nodes. A cluster may lack one, or have one that does not answer.
    pub(crate) async fn metrics<T: DeserializeOwned>(
        &self,
        resource: &str,
    ) -> Result<Answer<Vec<T>>, CallError> {
        let group = "apis/metrics.k8s.io/v1beta1";
        let listed = match resource {
            "nodes" => {
                let path = format!("/{group}/{resource}");
                self.pages(&path, Selector::default()).await.map(|listed| answer(vec![listed]))
            }
            _ => self.list_namespaces(group, resource).await,
        };
        listed.map_err(|trouble| match trouble.code() {
            Some(404) => {
                CallError::Unavailable("is not served: the cluster has no metrics server".to_owned())
            }
            Some(503) => CallError::Unavailable(
                "is not served: the cluster's metrics server does not answer (503)".to_owned(),
            ),
            _ => CallError::from(trouble),
        })
    }

    /// The body of any path, such as a log.
    pub(crate) async fn text(&self, path: &str) -> Result<Vec<u8>, CallError> {
        Ok(request::get(&self.client, path).await?)
    }

    /// Whether that namespace is among those being read.
    pub(crate) fn reads(&self, namespace: &str) -> bool {
        match &self.namespaces {
            Namespaces::All => true,
            Namespaces::Only(names) => names.iter().any(|known| known == namespace),
        }
    }

    /// Whether any namespace is being read.
    pub(crate) fn reads_any(&self) -> bool {
        self.namespaces != Namespaces::Only(Vec::new())
    }

    async fn list_namespaces<T: DeserializeOwned>(
        &self,
        group: &str,
        resource: &str,
    ) -> Result<Answer<Vec<T>>, Trouble> {
        let Namespaces::Only(names) = &self.namespaces else {
            let everywhere = self.pages(&format!("/{group}/{resource}"), Selector::default()).await?;
            return Ok(answer(vec![everywhere]));
        };
        let lists = names.iter().map(|namespace| async move {
            let path = format!("/{group}/namespaces/{namespace}/{resource}");
            self.pages(&path, Selector::default()).await
        });
        let (mut read, mut refused) = (Vec::new(), Vec::new());
        for (namespace, listed) in names.iter().zip(futures::future::join_all(lists).await) {
            match listed {
                Ok(listed) => read.push(listed),
                Err(trouble) => refused.push((namespace, trouble)),
            }
        }
        if read.is_empty()
            && let Some((_, trouble)) = refused.pop()
        {
            return Err(trouble);
        }
        if let Some((namespace, trouble)) = refused.pop() {
            let items = read.into_iter().flat_map(|listed| listed.items).collect();
            let why = CallError::from(trouble);
            return Ok(Answer::partial(items, format!("in namespace {namespace}, {why}")));
        }
        Ok(answer(read))
    }

    /// Reads a list page by page. A continuation that expired (410) restarts it, once. What was read before trouble came, or before
    /// the time was up, is kept.
    async fn pages<T: DeserializeOwned>(
        &self,
        path: &str,
        selector: Selector<'_>,
    ) -> Result<Listed<T>, Trouble> {
        let mut restarted = false;
        'restart: loop {
            let mut items = Vec::new();
            let mut token: Option<String> = None;
            for _ in 0..MAX_PAGES {
                let page = tokio::time::timeout_at(self.until, self.page(path, selector, token.as_deref()));
                let page: List<T> = match page.await.unwrap_or(Err(Trouble::Late)) {
                    Err(trouble) if trouble.code() == Some(410) && token.is_some() && !restarted => {
                        restarted = true;
                        continue 'restart;
                    }
                    Err(trouble) if !items.is_empty() && trouble.code() != Some(410) => {
                        let cut = format!("after {} objects, {}", items.len(), CallError::from(trouble));
                        return Ok(Listed { items, cut: Some(cut) });
                    }
                    page => page?,
                };
                items.extend(page.items);
                token = page.metadata.token.filter(|token| !token.is_empty());
                if token.is_none() {
                    return Ok(Listed { items, cut: None });
                }
            }
            let most = PAGE as usize * MAX_PAGES;
            let cut = format!("it is longer than the {most} objects that are read of one list");
            return Ok(Listed { items, cut: Some(cut) });
        }
    }

    async fn page<T: DeserializeOwned>(
        &self,
        path: &str,
        selector: Selector<'_>,
        token: Option<&str>,
    ) -> Result<List<T>, Trouble> {
        let mut params = ListParams::default().limit(PAGE);
        if let Some(fields) = selector.fields {
            params = params.fields(fields);
        }
        if let Some(labels) = selector.labels {
            params = params.labels(labels);
        }
        if let Some(token) = token {
            params = params.continue_token(token);
        }
        let unreadable = |error: String| Trouble::Unreadable(error);
        let request = Request::new(path).list(&params).map_err(|error| unreadable(error.to_string()))?;
        let body = request::get(&self.client, &request.uri().to_string()).await?;
        serde_json::from_slice(&body).map_err(|error| unreadable(error.to_string()))
    }
}

fn answer<T>(lists: Vec<Listed<T>>) -> Answer<Vec<T>> {
    let cut = lists.iter().find_map(|listed| listed.cut.clone());
    let items: Vec<T> = lists.into_iter().flat_map(|listed| listed.items).collect();
    match cut {
        Some(cut) => Answer::partial(items, cut),
        None => Answer::list(items),
    }
}
