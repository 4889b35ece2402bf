//! For `sitrep doctor`: what one incident may use of the models.

use host::{Check, Outcome, Settings};

use crate::ceiling::Ceiling;

const NAMES: [&str; 2] = ["ANALYSIS_MAX_TOKENS", "ANALYSIS_MAX_DOLLARS"];

/// Reads `ANALYSIS_MAX_TOKENS` and `ANALYSIS_MAX_DOLLARS` as the function does, which does not start with what is no number.
pub fn doctor(settings: &Settings) -> Check {
    let names = NAMES.join(", ");
    let outcome = match Ceiling::from_settings(settings) {
        Err(fault) => {
            Outcome::failed(fault.message, format!("write plain numbers in {names}, such as 60000 and 0.50"))
        }
        Ok(_) if NAMES.iter().all(|name| settings.get(name).is_none()) => {
            Outcome::absent(format!("{names} not set: their defaults hold"))
        }
        Ok(_) => Outcome::Ok { seen: "understood".to_owned() },
    };
    Check::new("Claude", names, outcome)
}
