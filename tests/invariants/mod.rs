//! What must hold of the repository itself.

mod crates;
mod identifiers;
mod machine;
mod names;
