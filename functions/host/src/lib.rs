//! The shell: everything that is not the product's own logic.
//!
//! The only crate that knows Lambda, the environment, TLS, secrets, the wall clock and tracing. A function crate implements
//! [`Function`] and calls [`serve`] from its `main`; the `sitrep` command calls the same function in-process. It depends on
//! nothing of ours, so nothing here knows what an alert is.

pub mod aws;
pub mod check;
pub mod clock;
pub mod fault;
pub mod function;
pub mod http;
pub mod metrics;
pub mod secret;
pub mod settings;
pub mod trace;

pub use check::{Check, Outcome};
pub use fault::Fault;
pub use function::{Function, Handler, handler, serve};
pub use secret::Secret;
pub use settings::Settings;
