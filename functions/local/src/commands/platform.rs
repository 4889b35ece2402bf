//! `sitrep platform`: the simulated vendors, served until interrupted.

use ::platform::Scenario;

use super::print;
use crate::Stop;
use crate::cli::Platform;
use crate::simulate::Simulation;

/// Serves a scenario and prints `export NAME='value'` lines.
pub async fn run(options: &Platform) -> Result<(), Stop> {
    let scenario = Scenario::load(&options.scenario).map_err(|error| Stop::Usage(error.to_string()))?;
    let as_of = scenario.moment().as_of;
    let simulation = Simulation::start(scenario).await?;
    let lines: Vec<String> = simulation
        .settings
        .iter()
        .map(|(name, value)| format!("export {name}='{}'", value.replace('\'', r"'\''")))
        .collect();
    print(&lines.join("\n"))?;
    eprintln!("Serving until Ctrl-C. The scenario's now is {as_of}.");
    tokio::signal::ctrl_c().await.map_err(|error| Stop::Failed(format!("no signal handler: {error}")))
}
