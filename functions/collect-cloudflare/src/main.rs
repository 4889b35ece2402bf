//! The collect-cloudflare function.
fn main() {}
