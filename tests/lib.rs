//! See `main.rs`: this package is one test binary.
