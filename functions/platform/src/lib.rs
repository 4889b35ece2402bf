//! Never deployed: every vendor's API on loopback, driven by a scenario.
//!
//! Input: a folder of data, one file per vendor's world, with times relative to the alert (`docs/scenarios.md`). Output: one
//! HTTP listener per vendor that answers as the vendor would, and a record of every request. A query that would find
//! nothing in production finds nothing here. The wire formats are written from the vendors' references, not from our
//! clients, so that the two can disagree.
//!
//! A vendor is one module: a `World` read from `<vendor>.yaml`, with `answer` (a request to an answer, pure but for the
//! vendors that store things), `environment` (the settings that point a client at it) and a free function `call` (the
//! name of the call a request makes).

pub mod anthropic;
pub mod aws;
pub mod cloudflare;
pub mod confluence;
pub mod datadog;
pub mod fault;
mod folder;
pub mod github;
pub mod gitlab;
mod history;
pub mod kubernetes;
pub mod moment;
pub mod openai;
pub mod pinecone;
pub mod scenario;
pub mod server;
pub mod shape;
pub mod slack;
pub mod vendor;
pub mod wire;

pub use moment::Moment;
pub use scenario::{Scenario, ScenarioError, schema};
pub use server::{Platform, Recorded};
pub use vendor::Vendor;
