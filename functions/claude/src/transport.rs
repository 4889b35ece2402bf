//! Who is asked: Anthropic's own API, or Amazon Bedrock with the same messages.
//!
//! Bedrock's InvokeModel takes the same body without `model` and with a version of its own in it, authenticated by a bearer token or by
//! a signature: <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html>.

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use host::{Fault, Secret, Settings};
use reqwest::RequestBuilder;
use serde_json::Value;

use crate::Error;

/// The version whose rules this client keeps: it sends no sampling parameters, which the older `2023-06-01` tolerated in part and this
/// one always refuses, so a request that works now cannot begin to fail by a change of default.
const VERSION: &str = "2026-10-21";
/// Bedrock's only one.
const BEDROCK_VERSION: &str = "bedrock-2023-05-31";

/// Who is asked, and how the request is authenticated.
#[derive(Debug, Clone)]
pub enum Transport {
    /// `api.anthropic.com`.
    Anthropic {
        /// `ANTHROPIC_BASE_URL`.
        base_url: String,
        /// `ANTHROPIC_API_KEY`.
        key: Secret,
    },
    /// `bedrock-runtime.<region>.amazonaws.com`.
    Bedrock {
        /// `AWS_ENDPOINT_URL_BEDROCK_RUNTIME`, or the region's own.
        base_url: String,
        /// `AWS_REGION`.
        region: String,
        /// A bearer token or a signature.
        auth: Auth,
    },
}

/// How a request to Bedrock is authenticated.
#[derive(Debug, Clone)]
pub enum Auth {
    /// `AWS_BEARER_TOKEN_BEDROCK`.
    Bearer(Secret),
    /// The function's role, or keys of the settings.
    Signature(SharedCredentialsProvider),
}

impl Transport {
    /// By `ANALYSIS_PROVIDER`, `anthropic` by default. `None` without a key; Bedrock needs a region and credentials of any kind.
    pub async fn from_settings(settings: &Settings) -> Result<Option<Self>, Fault> {
        match settings.get_or("ANALYSIS_PROVIDER", "anthropic") {
            "anthropic" => Ok(settings.secret("ANTHROPIC_API_KEY").map(|key| Self::Anthropic {
                base_url: settings.url("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
                key,
            })),
            "bedrock" => Self::bedrock(settings).await,
            other => Err(Fault::bad_setting(format!(
                "ANALYSIS_PROVIDER is {other}; it may be anthropic or bedrock"
            ))),
        }
    }

    async fn bedrock(settings: &Settings) -> Result<Option<Self>, Fault> {
        let Some(region) = settings.get("AWS_REGION").or_else(|| settings.get("AWS_DEFAULT_REGION")) else {
            return Err(Fault::bad_setting("ANALYSIS_PROVIDER is bedrock, and AWS_REGION is not set"));
        };
        let auth = match settings.secret("AWS_BEARER_TOKEN_BEDROCK") {
            Some(token) => Auth::Bearer(token),
            None if !host::aws::is_configured(settings) => return Ok(None),
            None => match SdkConfig::credentials_provider(&host::aws::config(settings)) {
                Some(provider) => Auth::Signature(provider),
                None => return Ok(None),
            },
        };
        let base_url = host::aws::endpoint(settings, "BEDROCK_RUNTIME")
            .unwrap_or_else(|| format!("https://bedrock-runtime.{region}.amazonaws.com"));
        Ok(Some(Self::Bedrock {
            base_url: base_url.trim_end_matches('/').to_owned(),
            region: region.to_owned(),
            auth,
        }))
    }

    /// The name of a model where it is asked: Bedrock puts the vendor before it.
    pub fn model_id(&self, model: &str) -> String {
        match self {
            Self::Bedrock { .. } if !model.contains("anthropic.") && !model.starts_with("arn:") => {
                format!("anthropic.{model}")
            }
            _ => model.to_owned(),
        }
    }

    /// The request for a message. `body` names the model, which Bedrock wants in the path.
    pub async fn request(&self, http: &reqwest::Client, body: &Value) -> Result<RequestBuilder, Error> {
        match self {
            Self::Anthropic { base_url, key } => Ok(http
                .post(format!("{base_url}/v1/messages"))
                .header("x-api-key", sensitive(key.expose())?)
                .header("anthropic-version", VERSION)
                .json(body)),
            Self::Bedrock { base_url, region, auth } => {
                let model = encoded(body["model"].as_str().unwrap_or_default());
                let url = format!("{base_url}/model/{model}/invoke");
                let mut body = body.clone();
                if let Some(fields) = body.as_object_mut() {
                    fields.remove("model");
                    fields.insert("anthropic_version".to_owned(), BEDROCK_VERSION.into());
                }
                let bytes = body.to_string().into_bytes();
                let headers = match auth {
                    Auth::Bearer(token) => {
                        vec![("authorization".to_owned(), format!("Bearer {}", token.expose()))]
                    }
                    Auth::Signature(provider) => signed(provider, region, &url, &bytes).await?,
                };
                let mut request = http
                    .post(url)
                    .header("content-type", "application/json")
                    .header("accept", "application/json");
                for (name, value) in headers {
                    request = request.header(name, sensitive(&value)?);
                }
                Ok(request.body(bytes))
            }
        }
    }

    /// The request for a model's life cycle; Bedrock has none.
    pub fn model(&self, http: &reqwest::Client, model: &str) -> Option<RequestBuilder> {
        let Self::Anthropic { base_url, key } = self else { return None };
        let request = http.get(format!("{base_url}/v1/models/{}", encoded(model)));
        Some(request.header("x-api-key", sensitive(key.expose()).ok()?).header("anthropic-version", VERSION))
    }
}

/// A header value that is kept out of debug output.
fn sensitive(value: &str) -> Result<reqwest::header::HeaderValue, Error> {
    let mut value = reqwest::header::HeaderValue::from_str(value).map_err(|_| Error::Denied {
        status: 0,
        message: "the key holds characters that no header may hold".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A path segment: a model's id may be an ARN.
fn encoded(segment: &str) -> String {
    segment
        .bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// The headers of a Signature Version 4.
async fn signed(
    provider: &SharedCredentialsProvider,
    region: &str,
    url: &str,
    body: &[u8],
) -> Result<Vec<(String, String)>, Error> {
    let refused = |error: String| Error::Denied {
        status: 0,
        message: format!("the request cannot be signed: {error}"),
    };
    let credentials = provider.provide_credentials().await.map_err(|error| refused(error.to_string()))?;
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("bedrock")
        .time(SystemTime::from(host::clock::now()))
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| refused(error.to_string()))?
        .into();
    let headers = [("content-type", "application/json"), ("accept", "application/json")].into_iter();
    let signable = SignableRequest::new("POST", url, headers, SignableBody::Bytes(body))
        .map_err(|error| refused(error.to_string()))?;
    let (instructions, _) = sign(signable, &params).map_err(|error| refused(error.to_string()))?.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::from_values(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    async fn sent(pairs: &[(&str, &str)]) -> reqwest::Request {
        let transport = Transport::from_settings(&settings(pairs)).await.unwrap().unwrap();
        let body = serde_json::json!({"model": transport.model_id("claude-haiku-5-5"), "max_tokens": 9});
        transport.request(&host::http::client().unwrap(), &body).await.unwrap().build().unwrap()
    }

    #[tokio::test]
    async fn bedrock_takes_the_model_in_the_path_and_its_version_in_the_body() {
        let request = sent(&[
            ("ANALYSIS_PROVIDER", "bedrock"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_BEARER_TOKEN_BEDROCK", "token"),
        ])
        .await;
        assert_eq!(
            request.url().as_str(),
            "https://bedrock-runtime.eu-west-1.amazonaws.com/model/anthropic.claude-haiku-5-5/invoke"
        );
        assert_eq!(request.headers()["authorization"], "Bearer token");
        let body: Value = serde_json::from_slice(request.body().unwrap().as_bytes().unwrap()).unwrap();
        assert_eq!(body, serde_json::json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9}));
    }

    #[tokio::test]
    async fn without_a_token_the_request_is_signed_for_bedrock() {
        let keys = [
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "us-east-1"),
        ];
        let request = sent(&[&keys[..], &[("ANALYSIS_PROVIDER", "bedrock")]].concat()).await;
        let authorization = request.headers()["authorization"].to_str().unwrap();
        assert!(
            authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/"),
            "{authorization}"
        );
        assert!(authorization.contains("/us-east-1/bedrock/aws4_request"), "{authorization}");
        assert!(request.headers().contains_key("x-amz-date"));
    }

    #[tokio::test]
    async fn what_is_not_configured_is_none_and_what_is_wrong_is_told() {
        let read = async |pairs: &[(&str, &str)]| Transport::from_settings(&settings(pairs)).await;
        assert!(read(&[]).await.unwrap().is_none());
        assert!(
            read(&[("ANALYSIS_PROVIDER", "bedrock"), ("AWS_REGION", "us-east-1")]).await.unwrap().is_none()
        );
        assert!(read(&[("ANALYSIS_PROVIDER", "bedrock")]).await.unwrap_err().message.contains("AWS_REGION"));
        assert!(read(&[("ANALYSIS_PROVIDER", "vertex")]).await.unwrap_err().message.contains("vertex"));
    }

    #[test]
    fn a_profiles_arn_is_one_segment_of_the_path() {
        assert_eq!(encoded("arn:aws:bedrock:x/y"), "arn%3Aaws%3Abedrock%3Ax%2Fy");
    }
}
