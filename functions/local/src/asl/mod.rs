//! An interpreter for the part of the Amazon States Language that the state machines here use.
//!
//! It reads the very file that Terraform deploys. Supported: Task (a function's ARN as `${name}`, or starting an execution), Parallel, Map, Choice, Pass,
//! Wait, Succeed, Fail; Retry, Catch, TimeoutSeconds; InputPath, OutputPath, ResultPath, Parameters, ResultSelector with plain
//! JSONPath. Everything else, a JSONata machine or an intrinsic function among it, is refused when the file is loaded, so that
//! a local run never differs silently from the deployed one. Waits and time-outs run on tokio's clock, which tests pause.

mod choice;
mod definition;
mod path;
mod run;

pub use definition::{Machine, load};
pub use run::{Event, Execution, Failure, Outcome, Started, Tasks};
