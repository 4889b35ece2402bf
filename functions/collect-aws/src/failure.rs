//! What an SDK error means for the evidence: denied, timed out, or unavailable.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use collecting::CallError;
use incident::size;

/// Error codes that say the credentials themselves are not accepted: no permission mends those.
const CREDENTIALS: &[&str] = &[
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "UnrecognizedClient",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "MissingAuthenticationToken",
    "IncompleteSignature",
];
/// Beginnings of the codes that say a permission is missing; services spell them differently.
const PERMISSION: &[&str] = &["AccessDenied", "Unauthorized", "NotAuthorized"];
/// Beginnings of the codes that say "slow down".
const THROTTLED: &[&str] =
    &["Throttl", "RequestLimitExceeded", "RequestThrottled", "TooManyRequests", "LimitExceeded"];
/// How much of a cause is kept for people.
const CAUSE_CHARS: usize = 140;

/// The call error of an SDK error. `action` is the IAM action that the call needs, such as `rds:DescribeEvents`.
pub fn failure<E>(error: SdkError<E, HttpResponse>, action: &str) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match &error {
        SdkError::TimeoutError(_) => CallError::Timeout,
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => CallError::Timeout,
        SdkError::DispatchFailure(_) => {
            CallError::Unavailable(format!("could not be reached: {}", root_cause(&error)))
        }
        SdkError::ServiceError(refused) => {
            let status = refused.raw().status().as_u16();
            refusal(refused.err().code(), refused.err().message(), status, action)
        }
        SdkError::ResponseError(_) => {
            CallError::Unavailable(format!("answered with something unreadable: {}", root_cause(&error)))
        }
        _ => CallError::Unavailable(format!("could not be asked: {}", root_cause(&error))),
    }
}

/// True where the credentials themselves are not accepted.
pub fn is_about_credentials(code: &str) -> bool {
    CREDENTIALS.contains(&code)
}

fn refusal(code: Option<&str>, message: Option<&str>, status: u16, action: &str) -> CallError {
    let named = code.unwrap_or_default();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| named.starts_with(prefix));
    if is_about_credentials(named) {
        return CallError::Denied(format!("refused with {named}; check the collector's AWS credentials"));
    }
    if starts(PERMISSION) || (code.is_none() && matches!(status, 401 | 403)) {
        let named = code.map_or_else(|| status.to_string(), str::to_owned);
        return CallError::Denied(format!("refused with {named}; the role needs {action}"));
    }
    if starts(THROTTLED) || status == 429 {
        return CallError::Unavailable(format!("was throttled ({})", code.unwrap_or("429")));
    }
    if code.is_none() && (200..300).contains(&status) {
        return CallError::Unavailable("answered with something unreadable".to_owned());
    }
    let answer = code.map_or_else(|| status.to_string(), |code| format!("{status} {code}"));
    match message {
        Some(message) => {
            CallError::Unavailable(format!("answered {answer}: {}", size::cut(message, CAUSE_CHARS)))
        }
        None => CallError::Unavailable(format!("answered {answer}")),
    }
}

/// The innermost error: the layers above it repeat that something failed, this one says what.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    size::cut(&cause.to_string(), CAUSE_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_permission_names_the_action_to_grant() {
        for code in ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"] {
            let CallError::Denied(text) =
                refusal(Some(code), Some("long story"), 403, "ec2:DescribeInstances")
            else {
                panic!("{code} is a refusal")
            };
            assert_eq!(text, format!("refused with {code}; the role needs ec2:DescribeInstances"));
        }
    }

    #[test]
    fn bad_credentials_are_denied_without_blaming_a_permission() {
        for code in ["ExpiredToken", "InvalidClientTokenId", "UnrecognizedClientException"] {
            let error = refusal(Some(code), None, 403, "rds:DescribeEvents");
            assert!(matches!(&error, CallError::Denied(text) if !text.contains("rds:")), "{code}: {error:?}");
        }
    }

    #[test]
    fn throttling_and_failures_are_unavailable() {
        assert_eq!(
            refusal(Some("ThrottlingException"), None, 400, "x:Y"),
            CallError::Unavailable("was throttled (ThrottlingException)".into())
        );
        assert_eq!(
            refusal(Some("InternalFailure"), Some("oops"), 500, "x:Y"),
            CallError::Unavailable("answered 500 InternalFailure: oops".into())
        );
        assert_eq!(refusal(None, None, 503, "x:Y"), CallError::Unavailable("answered 503".into()));
    }
}
