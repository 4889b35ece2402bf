//! AWS SDK configuration: credentials, region and endpoints from [`Settings`], one HTTP client on ring.

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::time::Duration;

use crate::{Fault, Settings};

/// The longest a single SDK operation may take, its retries included; collectors set shorter deadlines around it.
const OPERATION: Duration = Duration::from_secs(5);
/// The longest pause before the second attempt; the third waits twice that. The SDK's own second is too long for a brief.
const BACKOFF: Duration = Duration::from_millis(250);

/// The shared configuration of every AWS client.
///
/// The keys are those of the settings, as Lambda gives them to a function, or come from what [`of_machine`] found. The SDK's own
/// search for credentials is left out of here, and so out of the functions: it is a tenth of their size and Lambda has no use for it.
/// Retries are two and quick: Step Functions does the outer loop, and a collector has less than six seconds.
pub fn config(settings: &Settings) -> SdkConfig {
    let timeouts =
        TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).operation_timeout(OPERATION).build();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http())
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(BACKOFF))
        .timeout_config(timeouts);
    config.set_region(region(settings).map(Region::new));
    config.set_credentials_provider(keys(settings).or_else(|| settings.credentials.clone()));
    config.build()
}

/// The settings with what the SDK finds on this machine where they hold no keys: a profile, a web identity or a container's role, and
/// the profile's region. For the command; a function has its keys in its environment.
pub async fn of_machine(mut settings: Settings) -> Settings {
    let named = [
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ]
    .iter()
    .any(|name| settings.get(name).is_some());
    // Without any of them the search ends in a slow call of an instance-metadata service.
    if is_configured(&settings) || !named {
        return settings;
    }
    let found = aws_config::defaults(BehaviorVersion::latest()).http_client(http()).load().await;
    settings.credentials = found.credentials_provider();
    match (region(&settings), found.region()) {
        (None, Some(region)) => settings.with([("AWS_REGION".to_owned(), region.to_string())]),
        _ => settings,
    }
}

/// Whether there is anything to sign with.
pub fn is_configured(settings: &Settings) -> bool {
    settings.credentials.is_some() || keys(settings).is_some()
}

fn keys(settings: &Settings) -> Option<SharedCredentialsProvider> {
    let (key, secret) = (settings.get("AWS_ACCESS_KEY_ID")?, settings.get("AWS_SECRET_ACCESS_KEY")?);
    let token = settings.get("AWS_SESSION_TOKEN").map(str::to_owned);
    Some(SharedCredentialsProvider::new(Credentials::new(key, secret, token, None, "settings")))
}

fn region(settings: &Settings) -> Option<String> {
    settings.get("AWS_REGION").or_else(|| settings.get("AWS_DEFAULT_REGION")).map(str::to_owned)
}

fn http() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https()
}

/// The endpoint of one service: `AWS_ENDPOINT_URL_<SERVICE>`, else `AWS_ENDPOINT_URL`, else the SDK's own.
///
/// `service` is the suffix AWS documents: `CLOUDWATCH`, `RDS`, `EC2`, `ELASTIC_LOAD_BALANCING_V2`, `PI`, `SFN`, `SECRETS_MANAGER`,
/// `STS`, `DYNAMODB`.
pub fn endpoint(settings: &Settings, service: &str) -> Option<String> {
    settings
        .get(&format!("AWS_ENDPOINT_URL_{service}"))
        .or_else(|| settings.get("AWS_ENDPOINT_URL"))
        .map(str::to_owned)
}

/// Fetches secrets by ARN: `(setting, arn)` in, `(setting, value)` out. Each ARN is asked once.
pub(crate) async fn secrets(
    settings: &Settings,
    arns: Vec<(String, String)>,
) -> Result<Vec<(String, String)>, Fault> {
    let mut builder = aws_sdk_secretsmanager::config::Builder::from(&config(settings));
    builder.set_endpoint_url(endpoint(settings, "SECRETS_MANAGER"));
    let client = aws_sdk_secretsmanager::Client::from_conf(builder.build());
    let mut unique: Vec<&String> = arns.iter().map(|(_, arn)| arn).collect();
    unique.sort();
    unique.dedup();
    let client = &client;
    let fetched = futures::future::try_join_all(unique.into_iter().map(|arn| async move {
        let answer = client.get_secret_value().secret_id(arn.as_str()).send().await.map_err(|error| {
            let cause = aws_sdk_secretsmanager::error::DisplayErrorContext(&error).to_string();
            Fault::bad_setting(format!("the secret {arn} cannot be read: {cause}"))
        })?;
        Ok::<_, Fault>((arn.clone(), answer.secret_string.unwrap_or_default()))
    }))
    .await?;
    arns.into_iter()
        .map(|(name, arn)| {
            let text = fetched.iter().find(|(known, _)| *known == arn).map_or("", |(_, text)| text);
            match secret_value(text, &name) {
                Some(value) => Ok((name, value)),
                None => Err(Fault::bad_setting(format!("the secret {arn} holds no text for {name}"))),
            }
        })
        .collect()
}

/// The value of a setting in a secret: the entry of that name where the secret is a JSON object, else the whole text. An empty one is
/// none: the ARN itself must never be taken for the credential.
fn secret_value(text: &str, name: &str) -> Option<String> {
    let value = match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
        Ok(object) => object.get(name)?.as_str()?.to_owned(),
        Err(_) => text.to_owned(),
    };
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_its_text_or_the_entry_of_the_settings_name() {
        assert_eq!(secret_value("hunter2", "A").as_deref(), Some("hunter2"));
        assert_eq!(secret_value(r#"{"A": "x", "B": "y"}"#, "B").as_deref(), Some("y"));
        for useless in ["", r#"{"A": "x"}"#, r#"{"B": 7}"#, r#"{"B": ""}"#] {
            assert_eq!(secret_value(useless, "B"), None, "{useless}");
        }
    }
}
