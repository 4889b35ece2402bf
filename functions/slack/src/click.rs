//! What Slack sends when a button is pressed or a form is sent.

use serde_json::Value;

/// A click, as far as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Click {
    /// The button's name, or `correction` for the form.
    pub action: String,
    /// The cycle it is about.
    pub cycle: String,
    /// Who: Slack's user id.
    pub user: String,
    /// By which a form can be opened, for three seconds.
    pub trigger: String,
    /// What the form says: the real cause in words, and its name in the taxonomy where one was chosen.
    pub correction: Option<(String, Option<String>)>,
}

impl Click {
    /// Reads a body: a form whose field `payload` holds JSON. The error is a sentence for the sender.
    pub fn from_body(body: &[u8]) -> Result<Self, String> {
        let payload = form_urlencoded::parse(body).find(|(name, _)| name == "payload");
        let (_, payload) = payload.ok_or("the body has no field 'payload'")?;
        let payload: Value =
            serde_json::from_str(&payload).map_err(|error| format!("the payload is not JSON: {error}"))?;
        let text = |at: &str| payload.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        let user = text("/user/id");
        // It is mentioned in the channel: nothing but an id may be.
        if user.is_empty() || !user.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) {
            return Err("the payload names no user".to_owned());
        }
        let trigger = text("/trigger_id");
        match text("/type").as_str() {
            "block_actions" => {
                let (action, cycle) = (text("/actions/0/action_id"), text("/actions/0/value"));
                Ok(Self { action, cycle, user, trigger, correction: None })
            }
            "view_submission" => {
                let cause = text("/view/state/values/cause/text/value");
                let label = text("/view/state/values/label/choice/selected_option/value");
                let correction = Some((cause, (!label.is_empty()).then_some(label)));
                let cycle = text("/view/private_metadata");
                Ok(Self { action: "correction".to_owned(), cycle, user, trigger, correction })
            }
            other => Err(format!("'{}' is nothing that is answered here", incident::size::cut(other, 40))),
        }
    }
}
