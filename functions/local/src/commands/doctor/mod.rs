//! `sitrep doctor`: whether everything that the settings name works, and what mends what does not.
//!
//! Each service is checked by the crate that calls it, with that crate's own client. Everything is asked at once; nothing is
//! written, posted or started.

mod here;
mod quiet;
mod table;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::platform::{Platform, Scenario};
use futures::future::{BoxFuture, join_all};
use host::{Check, Fault, Outcome, Settings, aws::of_machine};
use incident::Catalog;

use super::{print, print_json};
use crate::Stop;
use crate::cli::Doctor;
use quiet::Quiet;
pub use table::table;

/// Longer than this, and people are told whom they wait for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Checks what the settings name, or a scenario's simulated vendors.
pub async fn run(options: &Doctor) -> Result<(), Stop> {
    let checks = match &options.scenario {
        None => examine(&of_machine(Settings::from_process()).await).await?,
        Some(folder) => {
            let scenario = Scenario::load(folder).map_err(|error| Stop::Usage(error.to_string()))?;
            let failed = |error: std::io::Error| Stop::Failed(format!("the platform did not start: {error}"));
            let platform = Platform::start(scenario).await.map_err(failed)?;
            let home = tempfile::tempdir().map_err(failed)?;
            let home = [("SITREP_HOME".to_owned(), home.path().display().to_string())];
            examine(&Settings::from_values(platform.environment()).with(home)).await?
        }
    };
    if options.json {
        print_json(&checks)?;
    } else {
        print(&table(&checks))?;
    }
    match checks.iter().filter(|check| check.is_failed()).count() {
        0 => Ok(()),
        failed => Err(Stop::Failed(format!("{failed} of {} checks failed", checks.len()))),
    }
}

/// Every check, in reading order; no text holds a secret of the settings.
pub async fn examine(settings: &Settings) -> Result<Vec<Check>, Fault> {
    let (settings, secrets) = resolved(settings).await;
    let checks = everything(&settings).await?;
    let quiet = Quiet::new(&settings);
    Ok(secrets.into_iter().chain(checks).map(|check| quiet.check(check)).collect())
}

/// The settings with their secrets fetched, each by itself. Those that cannot be are taken out, and told.
async fn resolved(settings: &Settings) -> (Settings, Vec<Check>) {
    let arns = settings.iter().filter(|(_, value)| value.contains(":secretsmanager:"));
    let arns: Vec<(String, String)> = arns.map(|(name, arn)| (name.to_owned(), arn.to_owned())).collect();
    let rest = arns.iter().fold(settings.clone(), |rest, (name, _)| rest.without(name));
    let fetched = arns.into_iter().map(|(name, arn)| {
        let alone = rest.clone().with([(name.clone(), arn)]);
        async move { (name, alone.resolve_secrets().await) }
    });
    let fetched = join_all(fetched).await;
    let (mut settings, mut checks, mut read) = (rest, Vec::new(), 0);
    for (name, fetched) in fetched {
        match fetched {
            Ok(fetched) => {
                read += 1;
                settings = settings.with(fetched.get(&name).map(|value| (name.clone(), value.to_owned())));
            }
            Err(fault) => {
                let fix = "put a value in it (aws secretsmanager put-secret-value), and allow these credentials secretsmanager:GetSecretValue on it";
                let outcome = Outcome::failed(fault.message, fix);
                checks.push(Check::new("Settings", format!("secret {name}"), outcome));
            }
        }
    }
    if read > 0 {
        let seen = format!("{read} read by their ARN");
        checks.push(Check::new("Settings", "secrets", Outcome::Ok { seen }));
    }
    (settings, checks)
}

/// What one service answered, or why nothing could be asked of anyone.
type Answer<'a> = BoxFuture<'a, Result<Vec<Check>, Fault>>;

async fn everything(settings: &Settings) -> Result<Vec<Check>, Fault> {
    let repositories = repositories(settings);
    let services: [(&str, Answer<'_>); 11] = [
        ("this machine", Box::pin(async { Ok(here::doctor(settings)) })),
        ("Datadog", Box::pin(collect_datadog::doctor(settings))),
        ("Kubernetes", Box::pin(collect_kubernetes::doctor(settings))),
        ("AWS", Box::pin(collect_aws::doctor(settings))),
        ("Cloudflare", Box::pin(collect_cloudflare::doctor(settings))),
        ("the knowledge base", Box::pin(async { Ok(knowledge::doctor(settings).await) })),
        ("Claude", Box::pin(models(settings))),
        ("Slack", Box::pin(brief::doctor(settings))),
        ("the ledger", Box::pin(async { Ok(ledger::doctor(settings).await) })),
        ("the state machine", Box::pin(ingress::doctor(settings))),
        ("the wiki and the forges", Box::pin(index::doctor(settings, &repositories))),
    ];
    let waiting: Mutex<BTreeSet<&str>> = Mutex::new(services.iter().map(|(name, _)| *name).collect());
    let left = || waiting.lock().unwrap_or_else(PoisonError::into_inner);
    let all = join_all(services.map(|(name, checks)| async move {
        let checks = checks.await;
        left().remove(name);
        checks
    }));
    tokio::pin!(all);
    let checks = tokio::select! {
        checks = &mut all => checks,
        () = tokio::time::sleep(PATIENCE) => {
            let names: Vec<&str> = left().iter().copied().collect();
            eprintln!("  · waiting for {}", names.join(", "));
            all.await
        }
    };
    Ok(checks.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

/// Both models, and what one incident may use of them.
async fn models(settings: &Settings) -> Result<Vec<Check>, Fault> {
    let mut checks = claude::doctor(settings).await?;
    checks.push(analyze::doctor(settings));
    Ok(checks)
}

/// The repositories that the catalog names, once each. A catalog that cannot be read is [`here`]'s to tell.
fn repositories(settings: &Settings) -> Vec<String> {
    let text = settings.catalog_text().ok().flatten().unwrap_or_default();
    let services = Catalog::from_yaml(&text).map(|catalog| catalog.services).unwrap_or_default();
    let named: BTreeSet<String> = services.into_values().filter_map(|service| service.repository).collect();
    named.into_iter().collect()
}
