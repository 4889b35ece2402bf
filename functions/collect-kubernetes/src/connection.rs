//! How the cluster is reached: an explicit token, an EKS cluster, or a kubeconfig.
//!
//! All three end in one kubeconfig, which kube turns into a client.

use std::path::Path;
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use collecting::CallError;
use host::{Secret, Settings};
use jiff::{SignedDuration, Timestamp};
use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext,
};
use serde_json::json;
use tokio::sync::Mutex;

use crate::token;

/// A token lives 15 minutes; one this old is not used again.
const TOKEN_AGE: SignedDuration = SignedDuration::from_mins(10);
/// A cluster endpoint that does not accept a connection by then is a gap.
const CONNECT: Duration = Duration::from_secs(2);

/// How the cluster is reached.
pub(crate) enum Connection {
    /// It is not: why, and what would mend it.
    Absent(String),
    /// With credentials that do not change.
    Fixed(Box<Kubeconfig>),
    /// With a token minted from AWS credentials.
    Eks(Box<Eks>),
}

/// An EKS cluster.
pub(crate) struct Eks {
    name: String,
    url: String,
    ca: Option<String>,
    region: String,
    aws: aws_config::SdkConfig,
    minted: Mutex<Option<(Timestamp, Secret)>>,
}

impl Connection {
    /// `KUBERNETES_URL` with `KUBERNETES_TOKEN`, which is the most explicit; else `EKS_CLUSTER`; else `KUBECONFIG`.
    pub(crate) async fn new(settings: &Settings) -> Self {
        let url = settings.get("KUBERNETES_URL").map(|url| url.trim_end_matches('/').to_owned());
        let ca = settings.get("KUBERNETES_CA").map(str::to_owned);
        if let Some(url) =
            url.as_deref().filter(|url| !url.starts_with("https://") && !url.starts_with("http://"))
        {
            return absent(&format!(
                "Kubernetes was not asked: KUBERNETES_URL is {url}; write it with https:// as `aws eks describe-cluster` tells it."
            ));
        }
        match (url, settings.secret("KUBERNETES_TOKEN"), settings.get("EKS_CLUSTER")) {
            (Some(url), Some(token), _) => fixed(kubeconfig(url, ca, &token)),
            (Some(url), None, Some(cluster)) => Self::eks(settings, cluster, url, ca).await,
            (None, _, Some(_)) => {
                absent("EKS_CLUSTER is set, but KUBERNETES_URL, the cluster's endpoint, is not.")
            }
            (_, _, None) => match settings.get("KUBECONFIG") {
                Some(path) => from_file(path),
                None => absent(
                    "Kubernetes was not asked: set EKS_CLUSTER and KUBERNETES_URL, or KUBECONFIG, or KUBERNETES_URL and KUBERNETES_TOKEN.",
                ),
            },
        }
    }

    /// The cluster's name, where the settings say it.
    pub(crate) fn cluster(&self) -> Option<&str> {
        match self {
            Self::Eks(eks) => Some(&eks.name),
            _ => None,
        }
    }

    /// A client. Made per incident: Lambda freezes between two, and a socket that idled is dead.
    pub(crate) async fn client(&self) -> Result<kube::Client, CallError> {
        let kubeconfig = match self {
            Self::Absent(why) => return Err(CallError::Unavailable(why.clone())),
            Self::Fixed(kubeconfig) => kubeconfig.as_ref().clone(),
            Self::Eks(eks) => eks.kubeconfig().await?,
        };
        let unusable = |error: String| CallError::Unavailable(format!("cannot be set up: {error}"));
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .map_err(|error| unusable(error.to_string()))?;
        config.connect_timeout = Some(CONNECT);
        // kube would take HTTPS_PROXY from the environment, and refuse, because proxies are not compiled in.
        config.proxy_url = None;
        // Its retries are for controllers, which have minutes; ours are in `request`.
        config.default_retry = false;
        kube::Client::try_from(config).map_err(|error| unusable(error.to_string()))
    }

    async fn eks(settings: &Settings, cluster: &str, url: String, ca: Option<String>) -> Self {
        if !host::aws::is_configured(settings) {
            return absent("EKS_CLUSTER is set, but there are no AWS credentials to sign its token with.");
        }
        let aws = host::aws::config(settings);
        let Some(region) = aws.region().map(ToString::to_string) else {
            return absent("EKS_CLUSTER is set, but AWS_REGION, where its token is signed for, is not.");
        };
        let minted = Mutex::new(None);
        Self::Eks(Box::new(Eks { name: cluster.to_owned(), url, ca, region, aws, minted }))
    }
}

impl Eks {
    async fn kubeconfig(&self) -> Result<Kubeconfig, CallError> {
        let token = self.token(host::clock::now()).await?;
        kubeconfig(self.url.clone(), self.ca.clone(), &token).map_err(CallError::Unavailable)
    }

    async fn token(&self, now: Timestamp) -> Result<Secret, CallError> {
        let mut minted = self.minted.lock().await;
        if let Some((at, token)) = minted.as_ref()
            && now.duration_since(*at) < TOKEN_AGE
        {
            return Ok(token.clone());
        }
        let refused = |why: String| CallError::Denied(format!("not authenticated: {why}"));
        let provider = self
            .aws
            .credentials_provider()
            .ok_or_else(|| refused("there is no provider of AWS credentials".to_owned()))?;
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| refused(format!("the AWS credentials could not be read ({error})")))?;
        let token = token::mint(&self.name, &self.region, credentials, now).map_err(refused)?;
        *minted = Some((now, token.clone()));
        Ok(token)
    }
}

fn absent(why: &str) -> Connection {
    Connection::Absent(why.to_owned())
}

fn fixed(kubeconfig: Result<Kubeconfig, String>) -> Connection {
    match kubeconfig {
        Ok(kubeconfig) => Connection::Fixed(Box::new(kubeconfig)),
        Err(why) => Connection::Absent(format!("Kubernetes was not asked: {why}.")),
    }
}

/// One cluster, one user, one context; `ca` is base64 PEM, as a kubeconfig has it.
fn kubeconfig(url: String, ca: Option<String>, token: &Secret) -> Result<Kubeconfig, String> {
    // The token's type is that of a crate which kube does not re-export, so the user is read from JSON.
    let user: AuthInfo = serde_json::from_value(json!({ "token": token.expose() }))
        .map_err(|_| "its token is not text".to_owned())?;
    let cluster = Cluster { server: Some(url), certificate_authority_data: ca, ..Cluster::default() };
    let context =
        Context { cluster: "sitrep".to_owned(), user: Some("sitrep".to_owned()), ..Context::default() };
    let name = || "sitrep".to_owned();
    Ok(Kubeconfig {
        clusters: vec![NamedCluster { name: name(), cluster: Some(cluster), ..NamedCluster::default() }],
        auth_infos: vec![NamedAuthInfo { name: name(), auth_info: Some(user), ..NamedAuthInfo::default() }],
        contexts: vec![NamedContext { name: name(), context: Some(context), ..NamedContext::default() }],
        current_context: Some(name()),
        ..Kubeconfig::default()
    })
}

/// The file that `KUBECONFIG` names, if its current user authenticates by a token or a certificate.
fn from_file(path: &str) -> Connection {
    let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let kubeconfig = read.and_then(|text| parse(&text, Path::new(path).parent().unwrap_or(Path::new(""))));
    let kubeconfig = kubeconfig.map_err(|error| format!("KUBECONFIG names {path}: {error}"));
    fixed(kubeconfig.and_then(|kubeconfig| match unsupported(&kubeconfig) {
        Some(what) => Err(format!(
            "the current user of KUBECONFIG authenticates by {what}, which is not supported here; use a token or a client certificate"
        )),
        None => Ok(kubeconfig),
    }))
}

/// A kubeconfig whose relative paths start from its folder. Read by the catalog's parser: kube's own would be a tenth of the function.
fn parse(text: &str, folder: &Path) -> Result<Kubeconfig, String> {
    let mut kubeconfig: Kubeconfig = serde_norway::from_str(text).map_err(|error| error.to_string())?;
    let clusters = kubeconfig.clusters.iter_mut().filter_map(|known| known.cluster.as_mut());
    let users = kubeconfig.auth_infos.iter_mut().filter_map(|known| known.auth_info.as_mut());
    let paths = clusters.filter_map(|cluster| cluster.certificate_authority.as_mut()).chain(
        users
            .flat_map(|user| [&mut user.client_certificate, &mut user.client_key, &mut user.token_file])
            .flatten(),
    );
    for path in paths {
        *path = folder.join(&path).display().to_string();
    }
    Ok(kubeconfig)
}

/// How the current user authenticates, where that would run a command or log in somewhere.
fn unsupported(kubeconfig: &Kubeconfig) -> Option<&'static str> {
    let current = kubeconfig.current_context.as_deref()?;
    let context = kubeconfig.contexts.iter().find(|context| context.name == current)?.context.as_ref()?;
    let user = context.user.as_deref()?;
    let user = kubeconfig.auth_infos.iter().find(|known| known.name == user)?.auth_info.as_ref()?;
    if user.exec.is_some() {
        return Some("running a command (for EKS, set EKS_CLUSTER and KUBERNETES_URL instead)");
    }
    user.auth_provider.is_some().then_some("an auth provider")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::from_values(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    const AWS: [(&str, &str); 3] = [
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_REGION", "us-east-1"),
    ];

    async fn why_absent(pairs: &[(&str, &str)]) -> String {
        match Connection::new(&settings(pairs)).await {
            Connection::Absent(why) => why,
            _ => panic!("expected no connection"),
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_said() {
        assert!(why_absent(&[]).await.contains("EKS_CLUSTER"));
        assert!(why_absent(&[("EKS_CLUSTER", "c")]).await.contains("KUBERNETES_URL"));
        let url = ("KUBERNETES_URL", "https://k");
        assert!(why_absent(&[("EKS_CLUSTER", "c"), url]).await.contains("AWS credentials"));
        assert!(
            why_absent(&[("KUBERNETES_URL", "k:6443"), ("KUBERNETES_TOKEN", "t")]).await.contains("https://")
        );
        assert!(why_absent(&[("KUBECONFIG", "no-such-file")]).await.contains("no-such-file"));
    }

    #[tokio::test]
    async fn an_eks_token_is_minted_once_in_ten_minutes() {
        let pairs = [&AWS[..], &[("EKS_CLUSTER", "nightjar-prod"), ("KUBERNETES_URL", "https://k")]].concat();
        let Connection::Eks(eks) = Connection::new(&settings(&pairs)).await else {
            panic!("expected an EKS connection");
        };
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let first = eks.token(at("2026-11-14T02:20:00Z")).await.unwrap();
        assert_eq!(eks.token(at("2026-11-14T02:29:59Z")).await.unwrap(), first);
        assert_ne!(eks.token(at("2026-11-14T02:30:00Z")).await.unwrap(), first);
    }

    #[test]
    fn a_user_that_runs_a_command_is_refused_with_a_way_out() {
        let text = r"
current-context: a
contexts: [{name: a, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'https://k'}}]
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: aws}}}]";
        let kubeconfig = parse(text, Path::new("")).unwrap();
        assert!(unsupported(&kubeconfig).unwrap().contains("EKS_CLUSTER"));
    }

    #[test]
    fn a_kubeconfig_is_read_as_kube_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let text = r"
apiVersion: v1
kind: Config
preferences: {}
current-context: a
contexts: [{name: a, context: {cluster: c, user: u, namespace: shop}}]
clusters: [{name: c, cluster: {server: 'https://k', certificate-authority: ca.crt, tls-server-name: k}}]
users: [{name: u, user: {client-certificate: certs/u.crt, client-key: /etc/u.key}}, {name: t, user: {tokenFile: secrets/t}}]";
        std::fs::write(&path, text).unwrap();
        let kubes = Kubeconfig::read_from(&path).unwrap();
        let ours = parse(text, folder.path()).unwrap();
        assert_eq!(serde_json::to_value(ours).unwrap(), serde_json::to_value(kubes).unwrap());
    }
}
