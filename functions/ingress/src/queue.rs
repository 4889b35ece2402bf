//! Executions that wait for their turn: SQS in the cloud, a folder locally.

use std::path::{Path, PathBuf};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use host::{Fault, Settings, clock};
use serde_json::{Value, json};

/// Investigations at a time, where `MAX_INVESTIGATIONS` says nothing.
const MOST: usize = 10;

/// How many investigations may run at a time.
pub fn most_investigations(settings: &Settings) -> Result<usize, Fault> {
    let Some(most) = settings.get("MAX_INVESTIGATIONS") else { return Ok(MOST) };
    most.parse().map_err(|error| Fault::bad_setting(format!("MAX_INVESTIGATIONS is not a number: {error}")))
}

/// Where executions wait.
#[derive(Debug, Clone)]
pub enum Queue {
    /// The queue of `QUEUE_URL`. It delivers to the function by itself, again and again until the function says it is done.
    Sqs {
        /// The client.
        client: Client,
        /// The queue.
        url: String,
    },
    /// A file per execution, the oldest first by name.
    Folder(PathBuf),
    /// Nothing waits: everything is started at once.
    None,
}

/// An execution that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Its name.
    pub name: String,
    /// Its input.
    pub input: Value,
}

impl Waiting {
    /// What a message says.
    pub fn from_body(body: &str) -> Option<Self> {
        let body: Value = serde_json::from_str(body).ok()?;
        Some(Self { name: body["name"].as_str()?.to_owned(), input: body.get("input")?.clone() })
    }

    /// The message.
    pub fn body(&self) -> String {
        json!({ "name": self.name, "input": self.input }).to_string()
    }
}

impl Queue {
    /// The queue the settings name: `QUEUE_URL`, else a folder under the home of embedded defaults.
    pub async fn open(settings: &Settings) -> Self {
        if let Some(url) = settings.get("QUEUE_URL") {
            let mut config = aws_sdk_sqs::config::Builder::from(&host::aws::config(settings));
            config.set_endpoint_url(host::aws::endpoint(settings, "SQS"));
            return Self::Sqs { client: Client::from_conf(config.build()), url: url.to_owned() };
        }
        settings.home().map_or(Self::None, |home| Self::Folder(home.join("queue")))
    }

    /// Puts an execution at the end. The error is for the log.
    pub async fn put(&self, waiting: &Waiting) -> Result<(), String> {
        match self {
            Self::Sqs { client, url } => {
                let sent = client.send_message().queue_url(url).message_body(waiting.body()).send().await;
                sent.map(drop).map_err(|error| DisplayErrorContext(error).to_string())
            }
            Self::Folder(folder) => {
                let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
                std::fs::create_dir_all(folder).map_err(failed)?;
                let path = folder.join(format!("{:020}-{}.json", clock::now().as_nanosecond(), waiting.name));
                std::fs::write(path, waiting.body()).map_err(failed)
            }
            Self::None => Err("there is no queue".to_owned()),
        }
    }

    /// The first that waits in a folder, which stays there until it is removed. SQS delivers by itself: there is none.
    pub fn first(&self) -> Option<Waiting> {
        let Self::Folder(folder) = self else { return None };
        Waiting::from_body(&std::fs::read_to_string(first(folder)?).ok()?)
    }

    /// Removes the first that waits in a folder.
    pub fn remove_first(&self) {
        if let Self::Folder(folder) = self
            && let Some(path) = first(folder)
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!(%error, "what was started still waits");
        }
    }

    /// How many wait in a folder.
    pub fn len(&self) -> usize {
        match self {
            Self::Folder(folder) => std::fs::read_dir(folder).map_or(0, Iterator::count),
            _ => 0,
        }
    }

    /// Whether nothing waits in a folder.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn first(folder: &Path) -> Option<PathBuf> {
    std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_came_first_is_taken_first_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let queue = Queue::Folder(folder.path().join("queue"));
        let waiting = |name: &str| Waiting { name: name.to_owned(), input: json!({"n": name}) };
        let take = || queue.first().inspect(|_| queue.remove_first());
        assert_eq!(take(), None);
        for name in ["z", "a", "m"] {
            queue.put(&waiting(name)).await.unwrap();
        }
        assert_eq!((queue.len(), take()), (3, Some(waiting("z"))));
        assert_eq!((take(), take(), take()), (Some(waiting("a")), Some(waiting("m")), None));
    }
}
