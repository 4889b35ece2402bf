//! What lies on this machine: the folder for embedded defaults, the catalog, the patterns of what leaves masked.

use host::{Check, Outcome, Settings};
use incident::Catalog;

const OF: &str = "Settings";

/// Checks `SITREP_HOME`, `CATALOG`, `REDACT_PATTERN` and `REDACT_NAMES`.
pub fn doctor(settings: &Settings) -> Vec<Check> {
    let checks = [
        ("SITREP_HOME", home(settings)),
        ("CATALOG", catalog(settings)),
        ("REDACT_PATTERN", redact(settings)),
    ];
    let check = |(what, outcome): (&str, Result<String, Outcome>)| {
        Check::new(OF, what, outcome.map_or_else(|outcome| outcome, |seen| Outcome::Ok { seen }))
    };
    checks.map(check).into()
}

fn home(settings: &Settings) -> Result<String, Outcome> {
    let Some(home) = settings.home() else { return Err(Outcome::absent("SITREP_HOME, HOME not set")) };
    let place = home.display().to_string();
    // The nearest folder that is there: looking makes none.
    let there = home.ancestors().find(|folder| folder.is_dir());
    match there.map(tempfile::tempfile_in) {
        Some(Ok(_)) => Ok(place),
        Some(Err(error)) => Err(Outcome::failed(
            format!("{place} cannot be written: {error}"),
            "set SITREP_HOME to a folder that you may write",
        )),
        None => Err(Outcome::failed(format!("{place} cannot be made"), "set SITREP_HOME to a folder")),
    }
}

fn catalog(settings: &Settings) -> Result<String, Outcome> {
    let fix = "write the file that CATALOG names as sitrep schema catalog describes it";
    let text = settings.catalog_text().map_err(|fault| Outcome::failed(fault.message, fix))?;
    let Some(text) = text else {
        return Err(Outcome::absent("CATALOG not set: services are known by their tags alone"));
    };
    let catalog = Catalog::from_yaml(&text).map_err(|error| Outcome::failed(error.to_string(), fix))?;
    Ok(format!("{} services", catalog.services.len()))
}

fn redact(settings: &Settings) -> Result<String, Outcome> {
    let (pattern, names) = (settings.get("REDACT_PATTERN"), settings.get("REDACT_NAMES"));
    let fix =
        "write a regular expression in REDACT_PATTERN and names with commas between them in REDACT_NAMES";
    incident::redact::configure(pattern, names).map_err(|error| Outcome::failed(error, fix))?;
    match (pattern, names) {
        (None, None) => Err(Outcome::absent(
            "REDACT_PATTERN, REDACT_NAMES not set: secrets and e-mail addresses alone are masked",
        )),
        _ => Ok("understood".to_owned()),
    }
}
