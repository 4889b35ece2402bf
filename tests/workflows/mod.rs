//! The deployed workflow on simulated vendors: an alert in, a brief out.

mod clock;
mod collectors;
mod demo;
mod doctor;
mod faults;
mod field;
mod injection;
mod input;
mod metamorphic;
mod model;
mod onset;
mod readonly;
pub mod reliability;
mod secrets;
mod webhook;

use std::collections::BTreeMap;
use std::time::Duration;

use incident::State;
use local::simulate::Simulation;
use local::workflow::{Request, investigate};
use platform::{Recorded, Scenario};
use serde_json::Value;

use crate::repository;

/// What an investigation left behind.
pub struct Investigated {
    /// The final document.
    pub state: State,
    /// The machine's own time.
    pub took: Duration,
    /// Every request that the vendors received, as they came.
    pub requests: Vec<Recorded>,
}

impl Investigated {
    /// The brief's text.
    pub fn brief(&self) -> &str {
        &self.state.brief.as_ref().expect("a brief").text
    }

    /// The leading cause and its culprit, as `cause Kind namespace/name`; the verdict's name where none leads.
    pub fn verdict(&self) -> String {
        let diagnosis = self.state.weighed.as_ref().expect("a weighed diagnosis");
        match diagnosis.leading().next() {
            Some(leading) => format!("{} of {}", leading.cause.title(), leading.culprit),
            None => format!("{:?}", diagnosis.verdict),
        }
    }
}

/// Runs the deployed machine over a scenario, all vendors simulated.
pub async fn run(scenario: Scenario) -> Investigated {
    let (alert, as_of) = (scenario.alert().to_string(), scenario.moment().as_of);
    let simulation = Simulation::start(scenario).await.unwrap_or_else(|stop| panic!("{}", stop.message()));
    let request = Request {
        alert: &alert,
        as_of: Some(as_of),
        settings: &simulation.settings,
        invoke: None,
        observe: &|_| (),
    };
    let ended = investigate(request).await.unwrap_or_else(|stop| panic!("{}", stop.message()));
    assert_eq!(ended.failure, None);
    let state = serde_json::from_value(ended.document).expect("the final document is a state document");
    let requests = simulation.platform.requests();
    requests.iter().for_each(readonly::check);
    Investigated { state, took: ended.took, requests }
}

/// A scenario of the repository.
pub fn scenario(name: &str) -> Scenario {
    Scenario::load(&repository("tests/scenarios").join(name)).unwrap_or_else(|error| panic!("{error}"))
}

/// A scenario of the repository with its files changed.
pub fn changed(name: &str, change: impl FnOnce(&mut BTreeMap<String, Value>)) -> Scenario {
    let mut files = scenario(name).files().clone();
    change(&mut files);
    Scenario::from_files(files).unwrap_or_else(|error| panic!("{error}"))
}
