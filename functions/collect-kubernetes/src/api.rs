//! Listing: pages, expired continuations, and the API server's refusals as call errors.

use collecting::{Answer, CallError};
use incident::size;
use kube::api::ListParams;
use kube::core::Request;
use serde::de::DeserializeOwned;

use crate::scope::Namespaces;
use crate::wire::{Event, List};

/// Objects per page, as `kubectl` asks for.
const PAGE: u32 = 500;
/// Pages read of one list. Beyond it the deadline is lost, and 5,000 objects are more than a brief can weigh.
const MAX_PAGES: usize = 10;
/// Characters of an error message kept for people.
const MESSAGE: usize = 160;

/// The API server, seen through the namespaces an incident is about.
pub(crate) struct Api {
    client: kube::Client,
    namespaces: Namespaces,
}

/// A list that was read, and whether to its end.
struct Listed<T> {
    items: Vec<T>,
    complete: bool,
}

impl Api {
    pub(crate) fn new(client: kube::Client, namespaces: Namespaces) -> Self {
        Self { client, namespaces }
    }

    /// Lists a namespaced resource; `group` is `api/v1` or `apis/<group>/<version>`.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        group: &str,
        resource: &str,
    ) -> Result<Answer<Vec<T>>, CallError> {
        self.list_namespaces(group, resource).await.map_err(|error| call_error(&error))
    }

    /// Lists a resource outside any namespace.
    pub(crate) async fn list_cluster<T: DeserializeOwned>(
        &self,
        group: &str,
        resource: &str,
    ) -> Result<Answer<Vec<T>>, CallError> {
        let listed = self.pages(&format!("/{group}/{resource}"), None).await;
        listed.map(|listed| answer(vec![listed])).map_err(|error| call_error(&error))
    }

    /// Lists events by the API that has them: `events.k8s.io/v1`, else the older core one.
    pub(crate) async fn events(&self) -> Result<Answer<Vec<Event>>, CallError> {
        match self.list_namespaces("apis/events.k8s.io/v1", "events").await {
            Err(error) if matches!(code(&error), Some(403 | 404)) => self.list("api/v1", "events").await,
            other => other.map_err(|error| call_error(&error)),
        }
    }

    /// Lists the warnings of the namespace `default`, where events about nodes live.
    pub(crate) async fn node_events(&self) -> Result<Answer<Vec<Event>>, CallError> {
        let path = "/apis/events.k8s.io/v1/namespaces/default/events";
        let listed: Listed<Event> =
            self.pages(path, Some("type=Warning")).await.map_err(|error| call_error(&error))?;
        Ok(answer(vec![listed]))
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
    ) -> Result<Answer<Vec<T>>, kube::Error> {
        let Namespaces::Only(names) = &self.namespaces else {
            return Ok(answer(vec![self.pages(&format!("/{group}/{resource}"), None).await?]));
        };
        let lists = names.iter().map(|namespace| async move {
            self.pages(&format!("/{group}/namespaces/{namespace}/{resource}"), None).await
        });
        let (mut read, mut refused) = (Vec::new(), Vec::new());
        for (namespace, listed) in names.iter().zip(futures::future::join_all(lists).await) {
            match listed {
                Ok(listed) => read.push(listed),
                Err(error) => refused.push((namespace, error)),
            }
        }
        if read.is_empty()
            && let Some((_, error)) = refused.pop()
        {
            return Err(error);
        }
        if let Some((namespace, error)) = refused.first() {
            let items = read.into_iter().flat_map(|listed| listed.items).collect();
            return Ok(Answer::partial(items, format!("in namespace {namespace}, {}", call_error(error))));
        }
        Ok(answer(read))
    }

    /// Reads a list page by page. A continuation that expired (410) restarts it, once.
    async fn pages<T: DeserializeOwned>(
        &self,
        path: &str,
        selector: Option<&str>,
    ) -> Result<Listed<T>, kube::Error> {
        let mut restarted = false;
        'restart: loop {
            let mut items = Vec::new();
            let mut token: Option<String> = None;
            for _ in 0..MAX_PAGES {
                let page: List<T> = match self.page(path, selector, token.as_deref()).await {
                    Err(error) if code(&error) == Some(410) && token.is_some() && !restarted => {
                        restarted = true;
                        continue 'restart;
                    }
                    page => page?,
                };
                items.extend(page.items);
                token = page.metadata.token.filter(|token| !token.is_empty());
                if token.is_none() {
                    return Ok(Listed { items, complete: true });
                }
            }
            return Ok(Listed { items, complete: false });
        }
    }

    async fn page<T: DeserializeOwned>(
        &self,
        path: &str,
        selector: Option<&str>,
        token: Option<&str>,
    ) -> Result<List<T>, kube::Error> {
        let mut params = ListParams::default().limit(PAGE);
        if let Some(selector) = selector {
            params = params.fields(selector);
        }
        if let Some(token) = token {
            params = params.continue_token(token);
        }
        let request = Request::new(path).list(&params).map_err(kube::Error::BuildRequest)?;
        // `Client::request` would log a body it cannot read, and a pod's environment may hold secrets.
        let text = self.client.request_text(request).await?;
        serde_json::from_str(&text).map_err(kube::Error::SerdeError)
    }
}

fn answer<T>(lists: Vec<Listed<T>>) -> Answer<Vec<T>> {
    let complete = lists.iter().all(|listed| listed.complete);
    let items: Vec<T> = lists.into_iter().flat_map(|listed| listed.items).collect();
    if complete {
        return Answer::list(items);
    }
    let note =
        format!("it is longer than the {} objects that are read of one list", PAGE as usize * MAX_PAGES);
    Answer::partial(items, note)
}

/// The HTTP status of an answer that is an error. An error without a code has its reason.
fn code(error: &kube::Error) -> Option<u16> {
    let kube::Error::Api(status) = error else { return None };
    Some(match (status.code, status.reason.as_str()) {
        (0, "Unauthorized") => 401,
        (0, "Forbidden") => 403,
        (code, _) => code,
    })
}

/// Why a call gave nothing, in the API server's words.
fn call_error(error: &kube::Error) -> CallError {
    let message = match error {
        kube::Error::Api(status) => size::cut(&status.message, MESSAGE),
        _ => size::cut(&innermost(error), MESSAGE),
    };
    match (error, code(error)) {
        (_, Some(401)) => {
            CallError::Denied(format!("refused with 401 ({message}): check the access entry or token"))
        }
        (_, Some(403)) => CallError::Denied(format!("refused with 403: {message}")),
        (_, Some(410)) => CallError::Unavailable("expired twice while it was being read".to_owned()),
        (_, Some(429)) => CallError::Unavailable(format!("hit its rate limit: {message}")),
        // Whoever stands before the API server does not speak its `Status`, and the client keeps nothing else.
        (_, Some(0)) => {
            CallError::Unavailable("refused without a reason the API server would give".to_owned())
        }
        (_, Some(code)) => CallError::Unavailable(format!("answered {code}: {message}")),
        (kube::Error::SerdeError(_) | kube::Error::FromUtf8(_), None) => {
            CallError::Unavailable(format!("answered with something unreadable: {message}"))
        }
        (_, None) => CallError::Unavailable(format!("could not be reached: {message}")),
    }
}

/// The deepest cause: what happened, without the layers that passed it on.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
