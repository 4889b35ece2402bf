//! The deployed index machine on simulated vendors: whatever happens at a source, the index ends as a fresh one would.

mod forges;
mod runs;
mod secrets;
mod wiki;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use host::Settings;
use incident::{Chunk, Corpus};
use index::Run;
use knowledge::Store;
use platform::{Platform, Scenario, Vendor};
use serde_json::{Value, json};

/// A vendor that changes, and a knowledge base that follows it.
pub struct Desk {
    /// The simulated vendor.
    pub platform: Platform,
    vendor: Vendor,
    home: tempfile::TempDir,
}

impl Desk {
    /// Serves one vendor's file; every other vendor is not configured.
    pub async fn open(vendor: Vendor, file: Value) -> Self {
        Self::with_faults(vendor, file, json!([])).await
    }

    /// The same with faults.
    pub async fn with_faults(vendor: Vendor, file: Value, faults: Value) -> Self {
        let now = host::clock::now().as_millisecond();
        let files = BTreeMap::from([
            ("scenario.yaml".to_owned(), json!({ "title": "a source", "faults": faults })),
            ("alert.json".to_owned(), json!({ "date_ms": now.to_string() })),
            (vendor.file(), file),
        ]);
        let scenario = Scenario::from_files(files).unwrap_or_else(|error| panic!("{error}"));
        let platform = Platform::start(scenario).await.unwrap();
        Self { platform, vendor, home: tempfile::tempdir().unwrap() }
    }

    /// What the vendor knows from now on. Times are offsets from the start.
    pub fn becomes(&self, file: &Value) {
        self.platform.change(self.vendor, file).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The function's settings.
    pub fn settings(&self) -> Settings {
        self.settings_at(self.home.path())
    }

    fn settings_at(&self, home: &Path) -> Settings {
        Settings::from_values(self.platform.environment())
            .with([("SITREP_HOME".to_owned(), home.display().to_string())])
    }

    /// Runs the machine to its end.
    pub async fn run(&self, name: &str, input: Value) -> Run {
        self.try_run(name, input).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same; the error is what the command would say.
    pub async fn try_run(&self, name: &str, input: Value) -> Result<Run, String> {
        run_at(&self.settings(), name, input).await
    }

    /// Ids of all that is held, with what a reader is told of each.
    pub async fn held(&self, origin: &str) -> BTreeSet<String> {
        held(&self.settings(), origin).await
    }

    /// What a fresh index of the vendor's present state holds, made by another ledger and store.
    pub async fn fresh(&self, origin: &str) -> BTreeSet<String> {
        let home = tempfile::tempdir().unwrap();
        let settings = self.settings_at(home.path());
        run_at(&settings, "fresh", json!({ "source": origin, "want": "everything" })).await.unwrap();
        held(&settings, origin).await
    }

    /// Panics unless what is held is what a fresh index would hold, and that is something.
    pub async fn check(&self, origin: &str) {
        let (held, fresh) = (self.held(origin).await, self.fresh(origin).await);
        assert!(!fresh.is_empty());
        let (only_held, only_fresh): (Vec<_>, Vec<_>) =
            (held.difference(&fresh).collect(), fresh.difference(&held).collect());
        assert!(
            only_held.is_empty() && only_fresh.is_empty(),
            "too much: {only_held:?}\nmissing: {only_fresh:?}"
        );
    }

    /// Ends every turn, as time would.
    pub fn let_turns_expire(&self) {
        for entry in std::fs::read_dir(self.home.path().join("ledger")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let mut turn: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                turn["until"] = json!("2020-01-01T00:00:00Z");
                std::fs::write(&path, turn.to_string()).unwrap();
            }
        }
    }

    /// How often a call was made.
    pub fn calls(&self, call: &str) -> usize {
        self.platform.requests().iter().filter(|request| request.call == call).count()
    }

    /// The store itself.
    pub fn store(&self) -> Store {
        Store::open(&self.settings()).unwrap().unwrap()
    }
}

async fn run_at(settings: &Settings, name: &str, input: Value) -> Result<Run, String> {
    local::indexing::bring_up_to_date(settings, name, input, &|_| ())
        .await
        .map_err(|stop| stop.message().to_owned())
}

async fn held(settings: &Settings, origin: &str) -> BTreeSet<String> {
    let store = Store::open(settings).unwrap().unwrap();
    let mut held = BTreeSet::new();
    for corpus in Corpus::ALL {
        held.extend(store.ids(corpus, &Chunk::origin_prefix(corpus, origin)).await.unwrap());
    }
    held
}
