//! How asking the model can fail.

use serde::Deserialize;

use crate::Usage;

/// How much of the vendor's message is kept.
const MESSAGE_CHARS: usize = 200;

/// Why there is no answer. A caller tells apart what a person must mend, what another time may mend, and what the model did.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// 401 or 403: the key, or what it may do.
    #[error("the key was refused with {status}: {message}")]
    Denied {
        /// HTTP status.
        status: u16,
        /// The vendor's words.
        message: String,
    },
    /// 400, 404, 413 and other client errors: the request, the model's name, its size, the account's credit.
    #[error("the request was refused with {status}: {message}")]
    BadRequest {
        /// HTTP status.
        status: u16,
        /// The vendor's words.
        message: String,
    },
    /// 429. `spend_limit` where waiting does not help.
    #[error("the rate limit was hit: {message}")]
    Throttled {
        /// The vendor's words.
        message: String,
        /// The account's own limit was reached.
        spend_limit: bool,
    },
    /// 529: the vendor has no capacity now.
    #[error("the model is overloaded")]
    Overloaded,
    /// 408, 409, 424 (Bedrock: the model failed) and 5xx.
    #[error("the service failed with {status}: {message}")]
    Failed {
        /// HTTP status.
        status: u16,
        /// The vendor's words.
        message: String,
    },
    /// No connection, or it broke.
    #[error("the service could not be reached: {0}")]
    Unreachable(String),
    /// The deadline passed.
    #[error("it did not answer in time")]
    Timeout,
    /// The model declined; the call is billed all the same.
    #[error("the model refused{}", category.as_ref().map(|c| format!(" ({c})")).unwrap_or_default())]
    Refused {
        /// The vendor's category, such as `cyber`.
        category: Option<String>,
        /// The model that refused.
        model: String,
        /// What it used.
        usage: Usage,
    },
    /// The answer was cut at `max_tokens` or at the context's end.
    #[error("the answer was cut short")]
    CutShort {
        /// The model.
        model: String,
        /// What it used.
        usage: Usage,
    },
    /// It stopped for a reason this client does not know.
    #[error("the answer stopped for the reason “{0}”")]
    Stopped(String),
    /// The answer is not of the type that was asked for.
    #[error("the answer could not be read: {reason}")]
    Garbled {
        /// Where reading failed.
        reason: String,
        /// The model.
        model: String,
        /// What it used.
        usage: Usage,
    },
}

/// `{"type":"error","error":{…},"request_id":"…"}`; Bedrock's is `{"message":"…"}`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    error: Details,
    #[serde(alias = "Message")]
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    message: String,
    details: Option<Code>,
}

#[derive(Deserialize)]
struct Code {
    error_code: Option<String>,
}

impl Error {
    /// The error of an answer that is not a success.
    pub(crate) fn from_response(status: u16, body: &[u8]) -> Self {
        let Body { error, message } = serde_json::from_slice(body).unwrap_or_default();
        let told = if error.message.is_empty() { &message } else { &error.message };
        let mut message: String = told.chars().take(MESSAGE_CHARS).collect();
        if message.is_empty() {
            "no reason given".clone_into(&mut message);
        }
        let code = error.details.and_then(|details| details.error_code);
        match status {
            401 | 403 => Self::Denied { status, message },
            429 => Self::Throttled {
                message,
                spend_limit: code.as_deref() == Some("enforced_spend_limit_reached"),
            },
            529 => Self::Overloaded,
            408 | 409 | 424 | 500.. => Self::Failed { status, message },
            _ => Self::BadRequest { status, message },
        }
    }

    /// What the failed call used, where it was billed, and by which model.
    pub fn billed(&self) -> Option<(&str, Usage)> {
        match self {
            Self::Refused { model, usage, .. }
            | Self::CutShort { model, usage }
            | Self::Garbled { model, usage, .. } => Some((model, *usage)),
            _ => None,
        }
    }
}
