//! The diagnose function.
fn main() {}
