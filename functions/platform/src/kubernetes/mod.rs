//! One Kubernetes API server: real manifests, listed and selected as the server would, and nothing writable.
//!
//! World: manifests, container logs and what the user may not read. An unknown token gets 401, a denied resource or any
//! write 403, an unknown object or resource 404, each as the server's own `Status`.

mod discovery;
mod event;
mod list;
mod log;
mod manifest;
mod select;
mod status;

use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Moment;
use crate::wire::{Answer, Request};
use discovery::Resource;
use manifest::Manifest;

/// The token that is let in.
const TOKEN: &str = "simulated-kubernetes-token";
/// The version of every list: nothing changes while an investigation looks.
const RESOURCE_VERSION: &str = "100000";

/// `kubernetes.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// Server version, as `/version` tells it.
    #[serde(default = "version")]
    version: String,
    /// Manifests, as `kubectl get -o yaml` prints them. A `uid` may be left out, an owner's too. What was created after the
    /// investigation's time is not there yet.
    #[serde(default)]
    objects: Vec<Manifest>,
    /// Container logs.
    #[serde(default)]
    logs: Vec<log::ContainerLog>,
    /// What the token's user may read.
    #[serde(default)]
    permissions: Permissions,
}

/// What the token's user may read. It may write nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Permissions {
    /// Its name, as refusals print it.
    #[serde(default = "user")]
    user: String,
    /// Resources it may not read, such as `nodes` or `pods/log`. Default: `secrets` and `configmaps`.
    #[serde(default = "private")]
    deny: Vec<String>,
    /// The only namespaces it may read; then nothing cluster-wide either. Default: all.
    #[serde(default)]
    namespaces: Option<Vec<String>>,
}

impl Default for Permissions {
    fn default() -> Self {
        Self { user: user(), deny: private(), namespaces: None }
    }
}

impl Default for World {
    fn default() -> Self {
        Self {
            version: version(),
            objects: Vec::new(),
            logs: Vec::new(),
            permissions: Permissions::default(),
        }
    }
}

fn version() -> String {
    "v1.33.5-eks-3025e55".to_owned()
}

fn user() -> String {
    "arn:aws:sts::123456789012:assumed-role/sitrep-collect-kubernetes/sitrep".to_owned()
}

fn private() -> Vec<String> {
    vec!["secrets".to_owned(), "configmaps".to_owned()]
}

/// What a path under a group and version names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    group: String,
    version: String,
    namespace: Option<String>,
    resource: String,
    name: Option<String>,
    subresource: Option<String>,
}

impl World {
    /// The settings that point a client at `url`.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![("KUBERNETES_URL", url.to_owned()), ("KUBERNETES_TOKEN", TOKEN.to_owned())]
    }

    /// Answers as the API server would.
    pub fn answer(&self, request: &Request, moment: Moment) -> Answer {
        if !is_known(request) {
            return status::unauthorized();
        }
        match Target::read(request) {
            Some(target) => self.resource(request, &target, moment).unwrap_or_else(|refusal| refusal),
            None => self.about(request),
        }
    }

    /// Version, health and discovery.
    fn about(&self, request: &Request) -> Answer {
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["version"] => Answer::json(200, &discovery::version(&self.version)),
            ["healthz" | "livez" | "readyz"] => Answer::text(200, "text/plain", "ok"),
            ["api"] => Answer::json(200, &json!({"kind": "APIVersions", "versions": ["v1"]})),
            ["apis"] => Answer::json(200, &discovery::groups(&self.objects)),
            ["api", version] => self.resources("", version),
            ["apis", group, version] => self.resources(group, version),
            _ => Answer::text(404, "text/plain", "404 page not found\n"),
        }
    }

    fn resources(&self, group: &str, version: &str) -> Answer {
        match discovery::resources(&self.objects, group, version) {
            Some(list) => Answer::json(200, &list),
            None => Answer::text(404, "text/plain", "404 page not found\n"),
        }
    }

    fn resource(&self, request: &Request, target: &Target, moment: Moment) -> Result<Answer, Answer> {
        let resource = discovery::find(&self.objects, &target.group, &target.version, &target.resource)
            .ok_or_else(|| Answer::text(404, "text/plain", "404 page not found\n"))?;
        let verb = verb(request, target);
        if !self.permissions.allow(verb, target) {
            return Err(status::forbidden(&self.permissions.user, verb, target));
        }
        let objects = self.objects_of(&resource, target, moment);
        match (&target.name, target.subresource.as_deref()) {
            (None, _) => list::list(request, &resource, objects),
            (Some(name), subresource) => {
                let object = objects.into_iter().find(|object| object["metadata"]["name"] == *name);
                let object = object.ok_or_else(|| status::not_found(target))?;
                match subresource {
                    None | Some("status") => Ok(Answer::json(200, &object)),
                    Some("log") if target.resource == "pods" => {
                        log::read(&self.logs, request, &object, moment)
                    }
                    Some(_) => Err(status::no_resource()),
                }
            }
        }
    }

    /// The objects of a resource in the target's namespace, in the server's order.
    fn objects_of(&self, resource: &Resource, target: &Target, moment: Moment) -> Vec<Value> {
        let is_event = resource.kind == "Event";
        let mut objects: Vec<Value> = self
            .objects
            .iter()
            .filter(|manifest| resource.holds(manifest))
            .filter(|manifest| {
                target.namespace.is_none() || manifest.namespace() == target.namespace.as_deref()
            })
            .filter(|manifest| manifest.created_at().is_none_or(|at| moment.has_seen(at)))
            .map(|manifest| manifest.object(&self.objects))
            .map(|object| if is_event { event::to(object, &resource.group) } else { object })
            .collect();
        let key =
            |object: &Value, name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
        objects.sort_by_cached_key(|object| (key(object, "namespace"), key(object, "name")));
        objects
    }
}

impl Permissions {
    /// Reading is allowed but for what is denied; writing never is.
    fn allow(&self, verb: &str, target: &Target) -> bool {
        let resource = target.full_resource();
        let in_scope = self.namespaces.as_ref().is_none_or(|namespaces| {
            target.namespace.as_ref().is_some_and(|namespace| namespaces.contains(namespace))
        });
        ["get", "list", "watch"].contains(&verb)
            && in_scope
            && !self
                .deny
                .iter()
                .any(|denied| *denied == resource || *denied == format!("{}/{resource}", target.group))
    }
}

impl Target {
    /// Reads `/api/v1/…` and `/apis/{group}/{version}/…`; `None` for discovery and everything else.
    fn read(request: &Request) -> Option<Self> {
        let segments = request.segments();
        let (group, version, rest) = match segments.as_slice() {
            [api, version, rest @ ..] if api == "api" => (String::new(), version, rest),
            [apis, group, version, rest @ ..] if apis == "apis" => (group.clone(), version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            // `/namespaces/x` alone is the namespace itself.
            [word, namespace, rest @ ..] if word == "namespaces" && !rest.is_empty() => {
                (Some(namespace), rest)
            }
            _ => (None, rest),
        };
        let (resource, rest) = rest.split_first()?;
        Some(Self {
            group,
            version: version.clone(),
            namespace: namespace.cloned(),
            resource: resource.clone(),
            name: rest.first().cloned(),
            subresource: rest.get(1).cloned(),
        })
    }

    /// `pods`, or `pods/log`.
    fn full_resource(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.resource),
            None => self.resource.clone(),
        }
    }
}

/// True with the token; and without any for `kubectl`, which never sends one over plain HTTP.
fn is_known(request: &Request) -> bool {
    let is_kubectl = request.header("user-agent").is_some_and(|agent| agent.starts_with("kubectl/"));
    request.bearer() == Some(TOKEN) || (is_kubectl && request.header("authorization").is_none())
}

/// The verb as authorisation sees it.
fn verb(request: &Request, target: &Target) -> &'static str {
    match (&request.method, &target.name) {
        (&Method::GET | &Method::HEAD, Some(_)) => "get",
        (&Method::GET | &Method::HEAD, None) if is_watch(request) => "watch",
        (&Method::GET | &Method::HEAD, None) => "list",
        (&Method::POST, _) => "create",
        (&Method::PUT, _) => "update",
        (&Method::DELETE, Some(_)) => "delete",
        (&Method::DELETE, None) => "deletecollection",
        _ => "patch",
    }
}

fn is_watch(request: &Request) -> bool {
    matches!(request.query_value("watch"), Some("true" | "1"))
}

/// The name of the call a request makes: `list pods`, `list pods continued`, `get deployments`, `get pods/log`.
pub fn call(request: &Request) -> String {
    let continued = request.query_value("continue").is_some_and(|token| !token.is_empty());
    let suffix = if continued { " continued" } else { "" };
    match Target::read(request) {
        Some(target) => format!("{} {}{suffix}", verb(request, &target), target.full_resource()),
        None => format!("{} {}", request.method, request.path),
    }
}

#[cfg(test)]
mod tests;
