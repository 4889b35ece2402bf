//! The retrieve function.
fn main() {}
