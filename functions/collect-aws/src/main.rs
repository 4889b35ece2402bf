//! The collect-aws function.
fn main() {}
