//! `sitrep check`: which claims stand, which are struck, and why.

use incident::{Claim, State};
use serde_json::json;

use super::{print, print_json, read_json};
use crate::Stop;
use crate::cli::Check;

/// Checks claims against the state document they cite.
pub fn run(options: &Check) -> Result<(), Stop> {
    let state: State = read_json(&options.state, "a state document (see `sitrep schema state`)")?;
    let claims: Vec<Claim> =
        read_json(&options.claims, r#"a list of claims [{"text", "evidence": [], "passages": []}]"#)?;
    let checked = grounding::check_all(&claims, &state);
    if options.json {
        return print_json(&json!({ "stands": checked.stands, "struck": checked.struck }));
    }
    let stands = checked.stands.iter().map(|claim| format!("stands  {}", claim.text));
    let struck =
        checked.struck.iter().map(|struck| format!("struck  {}\n        {}", struck.text, struck.reason));
    print(&stands.chain(struck).collect::<Vec<_>>().join("\n"))
}
