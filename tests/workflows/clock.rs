//! Time: the one "now" comes from the input where it is given, and from the execution's start where not.

use local::workflow::{Request, investigate};

use super::{Simulation, scenario};

#[tokio::test(flavor = "multi_thread")]
async fn without_as_of_the_start_of_the_execution_is_now() {
    let scenario = scenario("demo");
    let alert = scenario.alert().to_string();
    let simulation = Simulation::start(scenario).await.unwrap_or_else(|stop| panic!("{}", stop.message()));
    let request = Request {
        alert: &alert,
        as_of: None,
        settings: &simulation.settings,
        invoke: None,
        observe: &|_| (),
    };
    let ended = investigate(request).await.unwrap_or_else(|stop| panic!("{}", stop.message()));
    let state: incident::State = serde_json::from_value(ended.document).unwrap();
    let started = host::clock::now();
    assert!(started.as_second() - state.as_of.as_second() < 60, "{} is not about {started}", state.as_of);
    // Nothing of the scenario lies in that window: the vendors have nothing to tell, and no cause may be made up.
    let weighed = state.weighed.unwrap();
    assert!(weighed.hypotheses.iter().all(|h| h.level != incident::Level::High), "{:?}", weighed.verdict);
}
