//! The running platform: one listener per configured vendor on loopback, and a record of all that was asked.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use futures::stream;
use serde::Serialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::fault::Faults;
use crate::vendor::World;
use crate::wire::{Answer, Request};
use crate::{Moment, Scenario, ScenarioError, Vendor};

/// The largest request body a vendor reads.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// Simulated vendors, served until dropped.
#[derive(Debug)]
pub struct Platform {
    environment: BTreeMap<String, String>,
    records: Arc<Mutex<Vec<Recorded>>>,
    desks: Vec<Arc<Desk>>,
    listeners: Vec<JoinHandle<()>>,
    /// Kept so that the file named by `CATALOG` lives as long as the platform.
    _catalog: Option<tempfile::NamedTempFile>,
}

/// One request as it was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// Who was asked.
    pub vendor: Vendor,
    /// The call's name.
    pub call: String,
    /// Method.
    pub method: String,
    /// Path.
    pub path: String,
    /// Query parameters, decoded.
    pub query: Vec<(String, String)>,
    /// The request's body.
    pub body: Vec<u8>,
    /// The status that was answered; 0 where the connection was closed without an answer.
    pub status: u16,
}

/// What one listener needs.
#[derive(Debug)]
struct Desk {
    vendor: Vendor,
    world: RwLock<World>,
    moment: Moment,
    faults: Arc<Faults>,
    records: Arc<Mutex<Vec<Recorded>>>,
}

impl Platform {
    /// Serves a scenario on free ports of 127.0.0.1.
    pub async fn start(scenario: Scenario) -> io::Result<Self> {
        Self::start_at(scenario, None).await
    }

    /// Serves a scenario on the ports from `base_port` on, one per vendor in the order of [`Vendor::ALL`], configured or not.
    pub async fn start_at(scenario: Scenario, base_port: Option<u16>) -> io::Result<Self> {
        let moment = scenario.moment();
        let faults = Arc::new(Faults::new(&scenario.about().faults));
        let records = Arc::new(Mutex::new(Vec::new()));
        let catalog = scenario.catalog().map(catalog_file).transpose()?;
        let mut environment = BTreeMap::new();
        if let Some(file) = &catalog {
            environment.insert("CATALOG".to_owned(), file.path().to_string_lossy().into_owned());
        }
        let (mut desks, mut listeners) = (Vec::new(), Vec::new());
        for (vendor, world) in scenario.into_worlds() {
            let port = base_port.map_or(0, |base| base.saturating_add(vendor as u16));
            let listener = TcpListener::bind(("127.0.0.1", port)).await?;
            let url = format!("http://{}", listener.local_addr()?);
            environment
                .extend(world.environment(&url).into_iter().map(|(name, value)| (name.to_owned(), value)));
            let world = RwLock::new(world);
            let desk =
                Arc::new(Desk { vendor, world, moment, faults: faults.clone(), records: records.clone() });
            listeners.push(tokio::spawn(serve(listener, Arc::clone(&desk))));
            desks.push(desk);
        }
        Ok(Self { environment, records, desks, listeners, _catalog: catalog })
    }

    /// The settings that point functions at this platform. A vendor that is not configured has none.
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.environment.clone()
    }

    /// Changes what a vendor that is served knows: `file` is what its file in the scenario would hold now. A vendor that is not
    /// configured stays so.
    pub fn change(&self, vendor: Vendor, file: &Value) -> Result<(), ScenarioError> {
        for desk in self.desks.iter().filter(|desk| desk.vendor == vendor) {
            let changed = crate::scenario::world(&vendor.file(), vendor, file, desk.moment.alert)?;
            *desk.world.write().unwrap_or_else(PoisonError::into_inner) = changed;
        }
        Ok(())
    }

    /// What the simulated Slack holds, as far as `read` wants to know; `None` where Slack is not configured.
    pub fn slack<T>(&self, read: impl FnOnce(&crate::slack::World) -> T) -> Option<T> {
        let desk = self.desks.iter().find(|desk| desk.vendor == Vendor::Slack)?;
        match &*desk.world.read().unwrap_or_else(PoisonError::into_inner) {
            World::Slack(world) => Some(read(world)),
            _ => None,
        }
    }

    /// Every request so far, in the order the answers were ready.
    pub fn requests(&self) -> Vec<Recorded> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.listeners.iter().for_each(JoinHandle::abort);
    }
}

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    let vendor = desk.vendor;
    let service = axum::Router::new().fallback(handle).with_state(desk);
    if let Err(error) = axum::serve(listener, service).await {
        tracing::error!(%vendor, %error, "a simulated vendor stopped");
    }
}

async fn handle(State(desk): State<Arc<Desk>>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let mut request =
        Request::new(parts.method, parts.uri.path_and_query().map_or("/", |target| target.as_str()));
    request.headers = parts.headers;
    request.body = body.to_vec();
    desk.reply(request).await
}

impl Desk {
    async fn reply(&self, request: Request) -> Response {
        let call = self.vendor.call(&request);
        let answer =
            || self.world.read().unwrap_or_else(PoisonError::into_inner).answer(&request, self.moment);
        let outcome = self.faults.apply(self.vendor, &call, &request.path, answer);
        self.record(request, call, outcome.answer.as_ref().map_or(0, |answer| answer.status));
        if !outcome.delay.is_zero() {
            tokio::time::sleep(outcome.delay).await;
        }
        outcome.answer.map_or_else(closed, response)
    }

    fn record(&self, request: Request, call: String, status: u16) {
        let Request { method, path, query, body, .. } = request;
        let recorded =
            Recorded { vendor: self.vendor, call, method: method.to_string(), path, query, body, status };
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
    }
}

fn response(answer: Answer) -> Response {
    let mut builder = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(answer.body)).unwrap_or_else(|_| closed())
}

/// A body that fails before its first byte: the server closes the connection without having written a status line.
fn closed() -> Response {
    let broken = io::Error::new(io::ErrorKind::ConnectionReset, "simulated fault");
    Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(broken)])))
}

fn catalog_file(catalog: &Value) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("catalog-").suffix(".yaml").tempfile()?;
    // JSON is YAML: what was read from the scenario is written as it was understood.
    let text = if catalog.is_null() { String::new() } else { catalog.to_string() };
    file.write_all(text.as_bytes())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn platform(faults: Value) -> Platform {
        let files = [
            ("scenario.yaml", json!({"title": "t", "faults": faults})),
            ("alert.json", json!({"date_ms": "1767268800000"})),
            ("catalog.yaml", json!({"services": {"api": {"owner": "us"}}})),
            ("datadog.yaml", json!({})),
        ];
        let files = files.map(|(name, value)| (name.to_owned(), value));
        Platform::start(Scenario::from_files(files.into()).unwrap()).await.unwrap()
    }

    /// What the server writes for a request without keys.
    async fn raw(platform: &Platform) -> String {
        let url = platform.environment()["DATADOG_URL"].clone();
        let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
        let request =
            "GET /api/v1/monitor/7?group_states=all HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A reset connection is an error or an end; either way nothing was read.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn a_request_is_answered_by_its_vendor_and_recorded() {
        let platform = platform(json!([])).await;
        let answer = raw(&platform).await;
        assert!(
            answer.starts_with("HTTP/1.1 403") && answer.ends_with(r#"{"errors":["Forbidden"]}"#),
            "{answer}"
        );
        let requests = platform.requests();
        assert_eq!((requests.len(), requests[0].status, requests[0].vendor), (1, 403, Vendor::Datadog));
        assert_eq!(requests[0].path, "/api/v1/monitor/7");
        assert_eq!(requests[0].query, [("group_states".to_owned(), "all".to_owned())]);
    }

    #[tokio::test]
    async fn a_reset_closes_the_connection_without_a_status_line() {
        let platform = platform(json!([{"vendor": "datadog", "kind": "reset"}])).await;
        assert_eq!(raw(&platform).await, "");
        assert_eq!(platform.requests()[0].status, 0);
    }

    #[tokio::test]
    async fn only_configured_vendors_have_settings_and_the_catalog_is_a_file() {
        let platform = platform(json!([])).await;
        let environment = platform.environment();
        assert!(environment.contains_key("DD_API_KEY") && !environment.contains_key("SLACK_URL"));
        let catalog = std::fs::read_to_string(&environment["CATALOG"]).unwrap();
        assert_eq!(
            incident::Catalog::from_yaml(&catalog).unwrap().services["api"].owner.as_deref(),
            Some("us")
        );
    }
}
