//! The `sitrep` command: the deployed state machines and the deployed handlers, run on one machine.
//!
//! It stands where AWS stands: it takes StartExecution from the webhook, interprets the state machine, and shows each state as
//! the Step Functions console would. It adds no logic to an investigation. Results go to stdout, everything else to stderr.

pub mod asl;
pub mod cli;
pub mod commands;
pub mod functions;
pub mod html;
pub mod indexing;
pub mod progress;
pub mod report;
pub mod simulate;
pub mod start;
pub mod workflow;

/// Why a command could not do its work, and the exit code that says so.
#[derive(Debug)]
pub enum Stop {
    /// Wrong usage or unusable input: exit code 2. The text says what, where and how to mend it.
    Usage(String),
    /// The work could not be done: exit code 1.
    Failed(String),
    /// Ctrl-C: exit code 130, as a shell would say it.
    Interrupted,
}

impl Stop {
    /// The process' exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) => 1,
            Self::Interrupted => 130,
        }
    }

    /// The line for people.
    pub fn message(&self) -> &str {
        match self {
            Self::Usage(message) | Self::Failed(message) => message,
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<host::Fault> for Stop {
    fn from(fault: host::Fault) -> Self {
        match fault.name {
            host::fault::BAD_INPUT | host::fault::BAD_SETTING => Self::Usage(fault.message),
            _ => Self::Failed(fault.message),
        }
    }
}
