//! The sitrep command.
fn main() {}
