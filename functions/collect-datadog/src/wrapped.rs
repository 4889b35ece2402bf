//! The JSON:API form in which version 2 of the API takes most questions: `{"data": {"type": …, "attributes": …}}`.

use serde::Serialize;

/// A question in its wrapping.
#[derive(Serialize)]
pub struct Wrapped<A> {
    data: Data<A>,
}

#[derive(Serialize)]
struct Data<A> {
    #[serde(rename = "type")]
    kind: &'static str,
    attributes: A,
}

impl<A> Wrapped<A> {
    /// `kind` is what the specification calls the question's type.
    pub fn new(kind: &'static str, attributes: A) -> Self {
        Self { data: Data { kind, attributes } }
    }
}
