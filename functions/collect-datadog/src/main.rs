//! The collect-datadog function.
fn main() {}
