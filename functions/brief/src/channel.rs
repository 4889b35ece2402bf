//! Where a brief goes: a channel through a bot, a channel through a plain webhook, or whoever runs the workflow.

use host::{Fault, Settings};
use ledger::Ledger;

use crate::hook::Hook;
use crate::slack::Slack;

/// The channel.
#[derive(Debug)]
pub enum Channel {
    /// A bot: messages are replaced, and have threads.
    Bot(Slack),
    /// An incoming webhook: messages are posted and nothing else.
    Hook(Hook),
    /// The terminal.
    Terminal,
}

impl Channel {
    /// `SLACK_BOT_TOKEN` and `SLACK_CHANNEL`, else `SLACK_WEBHOOK_URL`, else the terminal.
    pub fn open(settings: &Settings, ledger: &Ledger) -> Result<Self, Fault> {
        if let Some(slack) = Slack::from_settings(settings, ledger)? {
            return Ok(Self::Bot(slack));
        }
        Ok(Hook::from_settings(settings)?.map_or(Self::Terminal, Self::Hook))
    }
}
