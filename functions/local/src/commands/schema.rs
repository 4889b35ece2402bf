//! `sitrep schema`: JSON Schemas, generated from the types.

use incident::{Catalog, Evidence, State};
use schemars::schema_for;

use super::print_json;
use crate::Stop;
use crate::cli::{Document, Schema};

/// Prints a schema.
pub fn run(options: &Schema) -> Result<(), Stop> {
    match options.document {
        Document::State => print_json(&schema_for!(State)),
        Document::Evidence => print_json(&schema_for!(Evidence)),
        Document::Scenario => print_json(&platform::schema()),
        Document::Catalog => print_json(&schema_for!(Catalog)),
    }
}
