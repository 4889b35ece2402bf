//! The HTTP request as API Gateway's event: its secret and its body.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use host::Secret;
use http::HeaderMap;
use subtle::ConstantTimeEq as _;

/// The custom header that Datadog's webhook integration is configured to send.
pub const SECRET_HEADER: &str = "x-sitrep-secret";

/// Bodies above this are refused: Datadog's own events are far smaller.
const MAX_BODY: usize = 256 * 1024;

/// Whether the request carries the secret. The comparison takes the same time wherever the two differ.
///
/// During a rotation the setting may hold two secrets, separated by a comma: both are accepted.
pub fn carries(request: &ApiGatewayV2httpRequest, secret: &Secret) -> bool {
    let Some(given) = request.headers.get(SECRET_HEADER) else { return false };
    secret
        .expose()
        .split(',')
        .map(str::trim)
        .filter(|accepted| !accepted.is_empty())
        .fold(false, |found, accepted| found | bool::from(accepted.as_bytes().ct_eq(given.as_bytes())))
}

/// The body's bytes. The error is a sentence for the sender.
pub fn body(request: &ApiGatewayV2httpRequest) -> Result<Vec<u8>, String> {
    let text = request.body.as_deref().unwrap_or_default();
    let bytes = if request.is_base64_encoded {
        STANDARD.decode(text).map_err(|error| format!("the body is not base64 as announced: {error}"))?
    } else {
        text.as_bytes().to_vec()
    };
    if bytes.len() > MAX_BODY {
        return Err(format!("the body has {} bytes; at most {MAX_BODY} are accepted", bytes.len()));
    }
    Ok(bytes)
}

/// The event that API Gateway would make of a webhook delivery: what the `sitrep` command sends.
pub fn event_for(body: &str, secret: &Secret) -> ApiGatewayV2httpRequest {
    let mut request = ApiGatewayV2httpRequest::default();
    request.body = Some(body.to_owned());
    let mut headers = HeaderMap::new();
    if let Ok(value) = secret.expose().parse() {
        headers.insert(SECRET_HEADER, value);
    }
    request.headers = headers;
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_must_match_whole_and_a_rotation_accepts_both() {
        let request = event_for("{}", &Secret::new("new"));
        assert!(carries(&request, &Secret::new("new")));
        assert!(carries(&request, &Secret::new("old, new")));
        assert!(!carries(&request, &Secret::new("newer")));
        assert!(!carries(&request, &Secret::new("")));
        assert!(!carries(&ApiGatewayV2httpRequest::default(), &Secret::new("new")));
    }

    #[test]
    fn a_base64_body_is_decoded_and_a_large_one_refused() {
        let mut request = event_for("e30=", &Secret::new("s"));
        request.is_base64_encoded = true;
        assert_eq!(body(&request).unwrap(), b"{}");
        assert!(body(&event_for(&"x".repeat(MAX_BODY + 1), &Secret::new("s"))).is_err());
    }
}
