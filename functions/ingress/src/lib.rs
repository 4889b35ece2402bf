//! What functions behind API Gateway share: a request's body and secret, an answer, and the start
//! of an execution, at once or in its turn.
//!
//! The only crate that calls Step Functions and SQS. It knows no vendor and no document.

mod answer;
mod doctor;
mod queue;
mod request;
mod start;

pub use answer::answer;
pub use doctor::doctor;
pub use queue::{Queue, Waiting, most_investigations};
pub use request::{body, event_for, is_secret};
pub use start::{Ran, Started, Starter};
