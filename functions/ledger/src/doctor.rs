//! For `sitrep doctor`: the table of `LEDGER_TABLE`.

use host::{Check, Outcome, Settings};

use crate::{Ledger, Record};

/// Reads a record that nobody keeps.
pub async fn doctor(settings: &Settings) -> Vec<Check> {
    let attempt = async {
        let Some(table) = settings.get("LEDGER_TABLE") else {
            return Err(Outcome::absent("LEDGER_TABLE not set: files under SITREP_HOME"));
        };
        let fix = format!(
            "see that the table {table} is there and allow dynamodb:GetItem and dynamodb:PutItem on it (Terraform makes both)"
        );
        let read = Ledger::open(settings).await.read::<Record>("doctor/nobody").await;
        read.map(|_| "may be read".to_owned()).map_err(|error| Outcome::failed(error.to_string(), fix))
    };
    vec![Check::attempt("Ledger", "LEDGER_TABLE", attempt).await]
}
