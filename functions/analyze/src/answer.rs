//! The shape of the model's answer. Flat, everything required, nothing a model could turn into a command.

use incident::redact::Pseudonyms;
use schemars::JsonSchema;
use serde::Deserialize;

/// What the model returns. Enumerations are strings, because their case may change on the way.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Answer {
    /// The root cause, most important statement first; at most six.
    pub root_cause: Vec<Statement>,
    /// How sure.
    #[schemars(with = "Sureness")]
    pub confidence: String,
    /// What speaks for and against; at most eight.
    pub reasons: Vec<Ground>,
    /// True where the items do not show the cause.
    pub inconclusive: bool,
    /// Ids of proposed actions that fit, such as a1.
    pub actions: Vec<String>,
    /// Anything else worth doing, in plain words, without commands or links; at most three.
    pub suggestions: Vec<String>,
}

impl Answer {
    /// With the names that were kept from the model in the places of those it was given.
    pub fn restored(mut self, names: &Pseudonyms) -> Self {
        let texts = self.root_cause.iter_mut().map(|statement| &mut statement.text);
        let texts =
            texts.chain(self.reasons.iter_mut().map(|ground| &mut ground.text)).chain(&mut self.suggestions);
        texts.for_each(|text| *text = names.restore(text));
        self
    }
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Statement {
    /// One or two sentences.
    pub text: String,
    /// Ids of findings it rests on.
    pub evidence: Vec<String>,
    /// Ids of passages it rests on.
    pub passages: Vec<String>,
}

/// One reason of the confidence.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Ground {
    /// True where it raises the confidence.
    pub supports: bool,
    /// One line.
    pub text: String,
    /// Ids of findings it rests on.
    pub evidence: Vec<String>,
    /// Ids of passages it rests on.
    pub passages: Vec<String>,
}

/// For the schema alone: see [`Answer::confidence`].
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)] // A reference could not carry the field's description.
#[expect(dead_code, reason = "the schema names the values; the answer is read as a string")]
enum Sureness {
    High,
    Medium,
    Low,
}
