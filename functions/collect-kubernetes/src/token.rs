//! The bearer token of an EKS cluster: a presigned STS request, signed on this machine and sent nowhere by us.
//!
//! The rule is aws-iam-authenticator's: `k8s-aws-v1.` and the base64url of a `GetCallerIdentity` URL whose signature covers the
//! header `x-k8s-aws-id` with the cluster's name. The token lives 15 minutes from its date, whatever `X-Amz-Expires` says.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use host::Secret;
use jiff::Timestamp;

/// What aws-iam-authenticator and the AWS CLI put into `X-Amz-Expires`.
const EXPIRES: Duration = Duration::from_secs(60);

/// The token for `cluster`, a cluster's name and not its ARN. The error says what could not be signed.
pub(crate) fn mint(
    cluster: &str,
    region: &str,
    credentials: Credentials,
    at: Timestamp,
) -> Result<Secret, String> {
    let url = presign(cluster, region, credentials, at)?;
    Ok(Secret::new(format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(url))))
}

fn presign(cluster: &str, region: &str, credentials: Credentials, at: Timestamp) -> Result<String, String> {
    // The regional host: a token of the global one is refused outside us-east-1.
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let url = format!("https://sts.{region}.{suffix}/?Action=GetCallerIdentity&Version=2011-06-15");
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES);
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(SystemTime::from(at))
        .settings(settings)
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let headers = [("x-k8s-aws-id", cluster)].into_iter();
    let signable = SignableRequest::new("GET", url.as_str(), headers, SignableBody::Bytes(&[]))
        .map_err(|error| error.to_string())?;
    let (instructions, _) = sign(signable, &params).map_err(|error| error.to_string())?.into_parts();
    let mut request = http::Request::get(url).body(()).map_err(|error| error.to_string())?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(request.uri().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by botocore 1.44.5's `RequestSigner.generate_presigned_url`, which `aws eks get-token` uses, with these
    /// credentials and its clock held at 2026-11-14T02:20:00Z.
    const BOTOCORE: &str = include_str!("../fixtures/botocore-presigned.txt");

    fn credentials(session: Option<&str>) -> Credentials {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        Credentials::new("AKIAIOSFODNN7EXAMPLE", secret, session.map(str::to_owned), None, "test")
    }

    fn at() -> Timestamp {
        "2026-11-14T02:20:00Z".parse().unwrap()
    }

    /// Botocore orders the query in another way; the signature covers it sorted.
    fn parts(url: &str) -> (String, Vec<String>) {
        let (base, query) = url.split_once('?').unwrap();
        let mut query: Vec<String> = query.split('&').map(str::to_owned).collect();
        query.sort();
        (base.to_owned(), query)
    }

    #[test]
    fn the_presigned_url_equals_botocores_with_and_without_a_session_token() {
        let mut expected = BOTOCORE.lines();
        for session in [None, Some("IQoJb3JpZ2luX2VjEXAMPLE//token+with/slash==")] {
            let url = presign("nightjar-prod", "us-east-1", credentials(session), at()).unwrap();
            assert_eq!(parts(&url), parts(expected.next().unwrap()));
        }
    }

    #[test]
    fn another_cluster_is_another_signature() {
        let url = |cluster| presign(cluster, "us-east-1", credentials(None), at()).unwrap();
        assert_ne!(url("nightjar-prod"), url("nightjar-test"));
    }

    #[test]
    fn the_token_is_the_url_in_base64url_without_padding() {
        let token = mint("nightjar-prod", "us-east-1", credentials(None), at()).unwrap();
        let encoded = token.expose().strip_prefix("k8s-aws-v1.").unwrap();
        let url = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap();
        assert!(url.starts_with("https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity"));
        assert!(token.expose().len() <= 4096);
    }
}
