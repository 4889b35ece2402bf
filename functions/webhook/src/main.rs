//! The webhook function.
fn main() {}
