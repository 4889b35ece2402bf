//! The HTTP request as API Gateway's event: its secret and its body.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use host::Secret;
use http::{HeaderMap, HeaderName};
use subtle::ConstantTimeEq as _;

/// Whether a header of the request carries the secret. The comparison takes the same time wherever the two differ.
///
/// During a rotation the setting may hold two secrets, separated by a comma: both are accepted.
pub fn is_secret(request: &ApiGatewayV2httpRequest, header: &str, secret: &Secret) -> bool {
    let Some(given) = request.headers.get(header) else { return false };
    secret
        .expose()
        .split(',')
        .map(str::trim)
        .filter(|accepted| !accepted.is_empty())
        .fold(false, |found, accepted| found | bool::from(accepted.as_bytes().ct_eq(given.as_bytes())))
}

/// The body's bytes, `limit` at most. The error is a sentence for the sender.
pub fn body(request: &ApiGatewayV2httpRequest, limit: usize) -> Result<Vec<u8>, String> {
    let text = request.body.as_deref().unwrap_or_default();
    let bytes = if request.is_base64_encoded {
        STANDARD.decode(text).map_err(|error| format!("the body is not base64 as announced: {error}"))?
    } else {
        text.as_bytes().to_vec()
    };
    if bytes.len() > limit {
        return Err(format!("the body has {} bytes; at most {limit} are accepted", bytes.len()));
    }
    Ok(bytes)
}

/// The event that API Gateway would make of a delivery to a path.
pub fn event_for(path: &str, body: &str, headers: &[(&'static str, &str)]) -> ApiGatewayV2httpRequest {
    let mut request = ApiGatewayV2httpRequest::default();
    request.raw_path = Some(path.to_owned());
    request.body = Some(body.to_owned());
    request.headers = headers
        .iter()
        .filter_map(|(name, value)| Some((HeaderName::from_static(name), value.parse().ok()?)))
        .collect::<HeaderMap>();
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_must_match_whole_and_a_rotation_accepts_both() {
        let request = event_for("/", "{}", &[("x-secret", "new")]);
        let carries = |secret: &str| is_secret(&request, "x-secret", &Secret::new(secret));
        assert!(carries("new") && carries("old, new"));
        assert!(!carries("newer") && !carries("") && !carries("ne"));
        assert!(!is_secret(&request, "x-other", &Secret::new("new")));
    }

    #[test]
    fn a_base64_body_is_decoded_and_a_large_one_refused() {
        let mut request = event_for("/", "e30=", &[]);
        request.is_base64_encoded = true;
        assert_eq!(body(&request, 2).unwrap(), b"{}");
        assert!(body(&event_for("/", "xxx", &[]), 2).is_err());
    }
}
