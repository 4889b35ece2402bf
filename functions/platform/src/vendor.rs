//! The eleven vendors: their names, their files, and one world of each.

use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wire::{Answer, Request};
use crate::{
    Moment, anthropic, aws, cloudflare, confluence, datadog, github, gitlab, kubernetes, openai, pinecone,
    slack,
};

/// A vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// Datadog.
    Datadog,
    /// One Kubernetes API server.
    Kubernetes,
    /// AWS: one endpoint for all its services.
    Aws,
    /// Cloudflare.
    Cloudflare,
    /// GitHub.
    Github,
    /// Pinecone: control plane and both indexes.
    Pinecone,
    /// OpenAI.
    Openai,
    /// Anthropic.
    Anthropic,
    /// Slack.
    Slack,
    /// GitLab.
    Gitlab,
    /// Confluence.
    Confluence,
}

impl Vendor {
    /// All of them, in the order of their listeners.
    pub const ALL: [Self; 11] = [
        Self::Datadog,
        Self::Kubernetes,
        Self::Aws,
        Self::Cloudflare,
        Self::Github,
        Self::Pinecone,
        Self::Openai,
        Self::Anthropic,
        Self::Slack,
        Self::Gitlab,
        Self::Confluence,
    ];

    /// The name used in scenario files and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Datadog => "datadog",
            Self::Kubernetes => "kubernetes",
            Self::Aws => "aws",
            Self::Cloudflare => "cloudflare",
            Self::Github => "github",
            Self::Pinecone => "pinecone",
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Slack => "slack",
            Self::Gitlab => "gitlab",
            Self::Confluence => "confluence",
        }
    }

    /// The scenario file that holds its world.
    pub fn file(self) -> String {
        format!("{}.yaml", self.name())
    }

    /// The name of the call that a request makes, such as `query` or `list pods`: what faults and records speak of.
    pub fn call(self, request: &Request) -> String {
        match self {
            Self::Datadog => datadog::call(request),
            Self::Kubernetes => kubernetes::call(request),
            Self::Aws => aws::call(request),
            Self::Cloudflare => cloudflare::call(request),
            Self::Github => github::call(request),
            Self::Pinecone => pinecone::call(request),
            Self::Openai => openai::call(request),
            Self::Anthropic => anthropic::call(request),
            Self::Slack => slack::call(request),
            Self::Gitlab => gitlab::call(request),
            Self::Confluence => confluence::call(request),
        }
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One vendor's world, as its file describes it.
#[derive(Debug)]
pub enum World {
    /// See [`datadog::World`].
    Datadog(datadog::World),
    /// See [`kubernetes::World`].
    Kubernetes(kubernetes::World),
    /// See [`aws::World`].
    Aws(Box<aws::World>),
    /// See [`cloudflare::World`].
    Cloudflare(cloudflare::World),
    /// See [`github::World`].
    Github(github::World),
    /// See [`pinecone::World`].
    Pinecone(pinecone::World),
    /// See [`openai::World`].
    Openai(openai::World),
    /// See [`anthropic::World`].
    Anthropic(anthropic::World),
    /// See [`slack::World`].
    Slack(slack::World),
    /// See [`gitlab::World`].
    Gitlab(gitlab::World),
    /// See [`confluence::World`].
    Confluence(confluence::World),
}

impl World {
    /// Reads a world whose times are resolved. The error is a place and what is wrong there.
    pub fn parse(vendor: Vendor, file: Value) -> Result<Self, (String, String)> {
        Ok(match vendor {
            Vendor::Datadog => Self::Datadog(typed(file)?),
            Vendor::Kubernetes => Self::Kubernetes(typed(file)?),
            Vendor::Aws => Self::Aws(Box::new(typed(file)?)),
            Vendor::Cloudflare => Self::Cloudflare(typed(file)?),
            Vendor::Github => Self::Github(typed(file)?),
            Vendor::Pinecone => Self::Pinecone(typed(file)?),
            Vendor::Openai => Self::Openai(typed(file)?),
            Vendor::Anthropic => Self::Anthropic(typed(file)?),
            Vendor::Slack => Self::Slack(typed(file)?),
            Vendor::Gitlab => Self::Gitlab(typed(file)?),
            Vendor::Confluence => Self::Confluence(typed(file)?),
        })
    }

    /// The answer the vendor would give.
    pub fn answer(&self, request: &Request, moment: Moment) -> Answer {
        match self {
            Self::Datadog(world) => world.answer(request, moment),
            Self::Kubernetes(world) => world.answer(request, moment),
            Self::Aws(world) => world.answer(request, moment),
            Self::Cloudflare(world) => world.answer(request, moment),
            Self::Github(world) => world.answer(request, moment),
            Self::Pinecone(world) => world.answer(request, moment),
            Self::Openai(world) => world.answer(request, moment),
            Self::Anthropic(world) => world.answer(request, moment),
            Self::Slack(world) => world.answer(request, moment),
            Self::Gitlab(world) => world.answer(request),
            Self::Confluence(world) => world.answer(request, moment),
        }
    }

    /// The settings that point a client at `url`, credentials included.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        match self {
            Self::Datadog(world) => world.environment(url),
            Self::Kubernetes(world) => world.environment(url),
            Self::Aws(world) => world.environment(url),
            Self::Cloudflare(world) => world.environment(url),
            Self::Github(world) => world.environment(url),
            Self::Pinecone(world) => world.environment(url),
            Self::Openai(world) => world.environment(url),
            Self::Anthropic(world) => world.environment(url),
            Self::Slack(world) => world.environment(url),
            Self::Gitlab(world) => world.environment(url),
            Self::Confluence(world) => world.environment(url),
        }
    }
}

/// Reads a value as a type; the error is the place and the reason.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, (String, String)> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let place = error.path().to_string();
        (place, error.into_inner().to_string())
    })
}
