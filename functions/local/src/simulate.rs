//! Everything simulated: a scenario's vendors on loopback, and settings that point every function at them.

use std::path::{Path, PathBuf};

use ::index::Times;
use host::Settings;
use platform::{Platform, Scenario};
use tempfile::TempDir;

use crate::Stop;
use crate::commands::index::index_folder;

/// A running simulation. Dropping it stops the vendors and removes its folder.
pub struct Simulation {
    /// The simulated vendors.
    pub platform: Platform,
    /// Settings for the functions: nothing of the process' own environment, so that no real key is ever used.
    pub settings: Settings,
    _home: TempDir,
}

impl Simulation {
    /// Starts the scenario's vendors and indexes its knowledge into an embedded store of its own.
    pub async fn start(scenario: Scenario) -> Result<Self, Stop> {
        let failed = |what: &str, error: &dyn std::fmt::Display| Stop::Failed(format!("{what}: {error}"));
        let knowledge = scenario.knowledge().map(Path::to_path_buf);
        let platform =
            Platform::start(scenario).await.map_err(|error| failed("the platform did not start", &error))?;
        let home = tempfile::tempdir().map_err(|error| failed("no temporary folder", &error))?;
        let settings = Settings::from_values(platform.environment())
            .with([("SITREP_HOME".to_owned(), home.path().display().to_string())]);
        // The catalog is indexed with the documents: what a metric means is knowledge too.
        let catalog = settings.get("CATALOG").map(PathBuf::from);
        let paths: Vec<PathBuf> = knowledge.into_iter().chain(catalog).collect();
        if !paths.is_empty() {
            for path in &paths {
                // A checkout's file times say when it was checked out, not when a page was written.
                index_folder(&settings, path, Times::FrontMatterOnly).await?;
            }
        }
        Ok(Self { platform, settings, _home: home })
    }
}

/// The demo scenario's folder: in the working directory or one above it, else where this binary was built.
pub fn demo_folder() -> Result<PathBuf, Stop> {
    let relative = Path::new("tests/scenarios/demo");
    let here = std::env::current_dir().unwrap_or_default();
    here.ancestors()
        .map(|folder| folder.join(relative))
        .chain([Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(relative)])
        .find(|folder| folder.join("scenario.yaml").is_file())
        .ok_or_else(|| {
            Stop::Usage(
                "the demo scenario (tests/scenarios/demo) is not here: run inside a checkout, or name a scenario with \
                 --scenario DIR"
                    .to_owned(),
            )
        })
}
