//! What must hold of the repository itself.

mod crates;
mod docs;
mod identifiers;
mod machine;
mod names;
mod permissions;
