//! For `sitrep doctor`: the wiki, the forges and the bucket that knowledge comes from.

use futures::future::join_all;
use host::http::HttpError;
use host::{Check, Fault, Outcome, Settings};

use crate::forge::{GitHub, GitLab};
use crate::postmortems::Postmortems;
use crate::source_error::SourceError;
use crate::wiki::Confluence;

const TOKEN: &str = "token";

/// Checks Confluence, GitHub (on these repositories, `owner/name`), GitLab and the approved post-mortems.
pub async fn doctor(settings: &Settings, repositories: &[String]) -> Result<Vec<Check>, Fault> {
    let (confluence, github, gitlab, postmortems) = tokio::join!(
        confluence(settings),
        github(settings, repositories),
        gitlab(settings),
        Check::attempt("Cases", "CASES_BUCKET", postmortems(settings)),
    );
    Ok([confluence?, github?, gitlab?, vec![postmortems]].concat())
}

async fn confluence(settings: &Settings) -> Result<Vec<Check>, Fault> {
    const OF: &str = "Confluence";
    let needed = ["CONFLUENCE_URL", "CONFLUENCE_EMAIL", "CONFLUENCE_TOKEN", "CONFLUENCE_SPACES"];
    if let Some(unset) = Check::unset(OF, "spaces", settings, &needed) {
        return Ok(vec![unset]);
    }
    let client = match Confluence::new(settings) {
        Ok(Some(client)) => client,
        Ok(None) => return Ok(Vec::new()),
        Err(fault) => {
            let outcome =
                Outcome::failed(fault.message, "write their keys in CONFLUENCE_SPACES, as OPS,ARCH");
            return Ok(vec![Check::new(OF, "spaces", outcome)]);
        }
    };
    let fix = "see that CONFLUENCE_URL is https://SITE.atlassian.net/wiki, make a token of CONFLUENCE_EMAIL's account \
        (id.atlassian.com → Security → API tokens) with read:page, read:space and search:confluence, and let the account see the spaces";
    let keys = settings.get_or("CONFLUENCE_SPACES", "");
    let (spaces, search) = tokio::join!(
        Check::attempt(OF, format!("spaces {keys}"), async {
            client.spaces().await.map(|_| "seen".to_owned()).map_err(|error| outcome(&error, fix))
        }),
        Check::attempt(OF, "search", async {
            client.changed(1, 1, None).await.map(|_| "allowed".to_owned()).map_err(|e| outcome(&e, fix))
        }),
    );
    Ok(vec![spaces, search])
}

async fn github(settings: &Settings, repositories: &[String]) -> Result<Vec<Check>, Fault> {
    const OF: &str = "GitHub";
    let Some(client) = GitHub::new(settings)? else {
        return Ok(vec![Check::new(OF, TOKEN, Outcome::absent("GITHUB_TOKEN not set"))]);
    };
    let token = Check::attempt(OF, TOKEN, async {
        let fix = "make a fine-grained token (Settings → Developer settings), Contents: read, and put it in GITHUB_TOKEN";
        let left = client.left().await.map_err(|error| Outcome::refused(&error, fix))?;
        Ok(format!("valid, {left} requests left in this hour"))
    })
    .await;
    if !token.is_ok() {
        return Ok(vec![token]);
    }
    let client = &client;
    let repositories = repositories.iter().map(|name| {
        Check::attempt(OF, format!("repository {name}"), async move {
            let fix = format!(
                "give the token {name} under Repository access, and Contents: read; see that the catalog names it right"
            );
            client.head(name).await.map_err(|error| Outcome::refused(&error, fix))?;
            Ok("may be read".to_owned())
        })
    });
    Ok([vec![token], join_all(repositories).await].concat())
}

async fn gitlab(settings: &Settings) -> Result<Vec<Check>, Fault> {
    const OF: &str = "GitLab";
    const FIX: &str = "make a token with the scopes read_api and read_repository, and put it in GITLAB_TOKEN";
    let Some(client) = GitLab::new(settings)? else {
        return Ok(vec![Check::new(OF, TOKEN, Outcome::absent("GITLAB_TOKEN not set"))]);
    };
    let token = Check::attempt(OF, TOKEN, async {
        let scopes = client.scopes().await.map_err(|error| Outcome::refused(&error, FIX))?;
        let lacks = |scope: &&str| !scopes.iter().any(|has| has == scope || has == "api");
        let missing: Vec<&str> = ["read_api", "read_repository"].into_iter().filter(lacks).collect();
        match missing.as_slice() {
            [] => Ok(format!("valid, {}", scopes.join(", "))),
            missing => Err(Outcome::failed(format!("the token lacks {}", missing.join(", ")), FIX)),
        }
    });
    Ok(vec![token.await])
}

async fn postmortems(settings: &Settings) -> Result<String, Outcome> {
    let absent = || Outcome::absent("CASES_BUCKET not set: files under SITREP_HOME");
    let bucket = settings.get("CASES_BUCKET").ok_or_else(absent)?;
    let kept = Postmortems::open(settings).await.ok_or_else(absent)?;
    let fix =
        format!("see that the bucket {bucket} is there and allow s3:ListBucket on it (Terraform makes both)");
    let listed = kept.list().await.map_err(|error| Outcome::failed(error.to_string(), fix))?;
    Ok(format!("{} approved post-mortems", listed.len()))
}

fn outcome(error: &SourceError, fix: &str) -> Outcome {
    match error {
        SourceError::Vendor { cause: HttpError::Denied { .. } | HttpError::Status { .. }, .. }
        | SourceError::Setting(_) => Outcome::failed(error.to_string(), fix),
        _ => Outcome::unavailable(error.to_string()),
    }
}
