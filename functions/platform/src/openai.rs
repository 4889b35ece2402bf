//! OpenAI: embeddings. Not a language model: each text becomes a bag of its words and word pairs, hashed into the asked number
//! of dimensions, so that texts that share words are near each other, the same in every run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Moment;
use crate::wire::{Answer, Request};

/// Limits of one request: inputs, tokens of one input, tokens in all.
const MAX_INPUTS: usize = 2048;
const MAX_INPUT_TOKENS: usize = 8192;
const MAX_REQUEST_TOKENS: usize = 300_000;
/// Bytes per token, near enough for English and code.
const TOKEN_BYTES: usize = 4;
/// How much a pair of neighbouring words counts beside a word.
const PAIR_WEIGHT: f32 = 0.5;
/// Words too common to say what a text is about.
const STOP_WORDS: [&str; 24] = [
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "of", "on", "or",
    "that", "the", "this", "to", "was", "were", "what", "with",
];

/// One account.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// The key that requests must carry.
    pub api_key: String,
}

impl Default for World {
    fn default() -> Self {
        Self { api_key: "sk-simulated".to_owned() }
    }
}

/// `embeddings`; the path for anything else.
pub fn call(request: &Request) -> String {
    if request.path.ends_with("/embeddings") { "embeddings".to_owned() } else { request.path.clone() }
}

impl World {
    /// The settings of a client.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![("OPENAI_BASE_URL", format!("{url}/v1")), ("OPENAI_API_KEY", self.api_key.clone())]
    }

    /// Answers a request as OpenAI would.
    pub fn answer(&self, request: &Request, _moment: Moment) -> Answer {
        let answer = match request.bearer() {
            None => refuse(
                401,
                "You didn't provide an API key.",
                "invalid_request_error",
                Value::Null,
                Value::Null,
            ),
            Some(key) if key != self.api_key => refuse(
                401,
                "Incorrect API key provided.",
                "invalid_request_error",
                Value::Null,
                json!("invalid_api_key"),
            ),
            Some(_) if request.path == "/v1/embeddings" && request.method == Method::POST => {
                embeddings(&request.json().unwrap_or_default()).unwrap_or_else(|answer| answer)
            }
            Some(_) => {
                let message = format!("Invalid URL ({} {})", request.method, request.path);
                refuse(404, &message, "invalid_request_error", Value::Null, Value::Null)
            }
        };
        answer.with_header("x-simulated", "sitrep-platform").with_header("x-request-id", "req_simulated")
    }
}

fn embeddings(body: &Value) -> Result<Answer, Answer> {
    let model = body["model"].as_str().ok_or_else(|| bad("model", "you must provide a model parameter"))?;
    let largest = match model {
        "text-embedding-3-large" => 3072,
        "text-embedding-3-small" | "text-embedding-ada-002" => 1536,
        other => {
            let message = format!("The model `{other}` does not exist or you do not have access to it.");
            return Err(refuse(
                404,
                &message,
                "invalid_request_error",
                Value::Null,
                json!("model_not_found"),
            ));
        }
    };
    let dimensions = match &body["dimensions"] {
        Value::Null => largest,
        _ if model.ends_with("ada-002") => {
            return Err(bad("dimensions", "This model does not support specifying dimensions."));
        }
        asked => match asked.as_u64() {
            Some(asked) if (1..=largest as u64).contains(&asked) => asked as usize,
            _ => {
                return Err(bad(
                    "dimensions",
                    &format!("Invalid value for 'dimensions': must be 1 to {largest}."),
                ));
            }
        },
    };
    let inputs = inputs(&body["input"])?;
    let tokens: Vec<usize> = inputs.iter().map(|text| text.len().div_ceil(TOKEN_BYTES)).collect();
    if let Some(count) = tokens.iter().find(|count| **count > MAX_INPUT_TOKENS) {
        let message = format!(
            "This model's maximum context length is {MAX_INPUT_TOKENS} tokens, however you requested {count} tokens."
        );
        let code = json!("context_length_exceeded");
        return Err(refuse(400, &message, "invalid_request_error", json!("input"), code));
    }
    let total: usize = tokens.iter().sum();
    if total > MAX_REQUEST_TOKENS {
        let message = format!("Requested {total} tokens, max {MAX_REQUEST_TOKENS} tokens per request");
        return Err(refuse(400, &message, "max_tokens_per_request", json!("input"), Value::Null));
    }
    let packed = body["encoding_format"] == "base64";
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = embed(text, dimensions);
            let vector = if packed { json!(pack(&vector)) } else { json!(vector) };
            json!({"object": "embedding", "index": index, "embedding": vector})
        })
        .collect();
    let usage = json!({"prompt_tokens": total, "total_tokens": total});
    Ok(Answer::json(200, &json!({"object": "list", "data": data, "model": model, "usage": usage})))
}

/// The texts of `input`: one, or a list of them, none of them empty.
fn inputs(input: &Value) -> Result<Vec<&str>, Answer> {
    let texts: Option<Vec<&str>> = match input {
        Value::String(text) => Some(vec![text.as_str()]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    };
    match texts {
        Some(texts) if texts.is_empty() || texts.contains(&"") => {
            Err(bad("input", "'$.input' is invalid: it must not be empty, nor hold an empty string."))
        }
        Some(texts) if texts.len() > MAX_INPUTS => {
            Err(bad("input", &format!("'$.input' is invalid: the array is longer than {MAX_INPUTS}.")))
        }
        Some(texts) => Ok(texts),
        None => Err(bad("input", "'$.input' is invalid: expected a string or a list of strings.")),
    }
}

/// The unit vector of a text. A text without words points along the first axis.
pub fn embed(text: &str, dimensions: usize) -> Vec<f32> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !STOP_WORDS.contains(word))
        .collect();
    let mut vector = vec![0.0f32; dimensions];
    for word in &words {
        add(&mut vector, word, 1.0);
    }
    for pair in words.windows(2) {
        add(&mut vector, &pair.join(" "), PAIR_WEIGHT);
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    } else if let Some(first) = vector.first_mut() {
        *first = 1.0;
    }
    vector
}

/// Adds a feature at the place its hash gives, with the sign its hash gives (signed feature hashing, Weinberger 2009).
fn add(vector: &mut [f32], feature: &str, weight: f32) {
    let hash = Sha256::digest(feature.as_bytes());
    let place =
        hash.iter().take(4).fold(0usize, |place, byte| place << 8 | usize::from(*byte)) % vector.len();
    vector[place] += if hash[4] & 1 == 0 { weight } else { -weight };
}

/// Little-endian 32-bit floats in base64.
fn pack(vector: &[f32]) -> String {
    STANDARD.encode(vector.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
}

fn bad(parameter: &str, message: &str) -> Answer {
    refuse(400, message, "invalid_request_error", json!(parameter), Value::Null)
}

fn refuse(status: u16, message: &str, kind: &str, parameter: Value, code: Value) -> Answer {
    Answer::json(
        status,
        &json!({"error": {"message": message, "type": kind, "param": parameter, "code": code}}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(body: &Value, key: &str) -> Answer {
        let request = Request::new(Method::POST, "/v1/embeddings")
            .with_header("authorization", &format!("Bearer {key}"))
            .with_json(body);
        let alert = "2026-01-01T00:00:00Z".parse().unwrap();
        World::default().answer(&request, Moment { alert, as_of: alert })
    }

    #[test]
    fn texts_that_share_words_are_near_and_vectors_have_unit_length() {
        let nearness =
            |a: &str, b: &str| -> f32 { embed(a, 256).iter().zip(embed(b, 256)).map(|(x, y)| x * y).sum() };
        let question = "database connections exhausted";
        let near =
            nearness(question, "Runbook: when connections to the database are exhausted, cap the pool");
        let far = nearness(question, "Lunch menu for the summer party in the garden");
        assert!(near > far + 0.3, "{near} {far}");
        for text in [question, "?!"] {
            assert!((nearness(text, text) - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn an_answer_has_one_vector_per_input_of_the_asked_size() {
        let body = json!({"model": "text-embedding-3-large", "input": ["a cat", "a dog"], "dimensions": 8});
        let answer = ask(&body, "sk-simulated").value();
        assert_eq!(answer["data"][1]["index"], 1);
        assert_eq!(answer["data"][1]["embedding"].as_array().unwrap().len(), 8);
        let mut packed = body;
        packed["encoding_format"] = json!("base64");
        let packed = ask(&packed, "sk-simulated").value();
        let bytes = STANDARD.decode(packed["data"][0]["embedding"].as_str().unwrap()).unwrap();
        assert_eq!(bytes.len(), 32);
    }

    #[test]
    fn limits_are_enforced_and_never_met_by_cutting() {
        let model = "text-embedding-3-large";
        let code = |input: Value| {
            ask(&json!({"model": model, "input": input}), "sk-simulated").value()["error"].clone()
        };
        assert_eq!(code(json!("x".repeat(8192 * 4 + 1)))["code"], "context_length_exceeded");
        assert_eq!(code(json!(vec!["x"; 2049]))["param"], "input");
        assert_eq!(code(json!(["", "x"]))["param"], "input");
        assert_eq!(code(json!(vec!["x".repeat(32_000); 40]))["type"], "max_tokens_per_request");
        assert_eq!(
            ask(&json!({"model": model, "input": "x"}), "sk-wrong").value()["error"]["code"],
            "invalid_api_key"
        );
        assert_eq!(ask(&json!({"model": "gpt", "input": "x"}), "sk-simulated").status, 404);
    }
}
