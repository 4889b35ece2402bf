//! The brief function.
fn main() {}
