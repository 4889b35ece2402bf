//! The collect-kubernetes function.
fn main() {}
