//! The rules of the Messages API that clients break: what is wrong with a request, in the vendor's manner.

use serde_json::{Map, Value};

const VERSIONS: [&str; 2] = ["2023-06-01", "2026-10-21"];
const PARAMETERS: [&str; 15] = [
    "model",
    "max_tokens",
    "messages",
    "system",
    "thinking",
    "output_config",
    "metadata",
    "tools",
    "tool_choice",
    "stop_sequences",
    "stream",
    "service_tier",
    "inference_geo",
    "cache_control",
    "container",
];
const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];
/// The most optional and union-typed properties of a request's schemas.
const MAX_OPTIONAL: usize = 24;
const MAX_UNIONS: usize = 16;
/// Keywords that structured outputs understand.
const KEYWORDS: [&str; 18] = [
    "$defs",
    "$ref",
    "$schema",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "default",
    "definitions",
    "description",
    "enum",
    "format",
    "items",
    "minItems",
    "pattern",
    "properties",
    "required",
    "title",
];
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// Checks the `anthropic-version` header.
pub fn version(header: Option<&str>) -> Result<(), String> {
    match header {
        None => Err("anthropic-version: header is required".to_owned()),
        Some(version) if VERSIONS.contains(&version) => Ok(()),
        Some(version) => Err(format!("anthropic-version: {version} is not a valid version")),
    }
}

/// Checks the body of a message request; gives the model's id.
pub fn check(body: &Value) -> Result<String, String> {
    let model = body["model"].as_str().ok_or("model: Field required")?;
    for name in body.as_object().into_iter().flat_map(Map::keys) {
        if matches!(name.as_str(), "temperature" | "top_p" | "top_k") {
            return Err(format!("{name}: sampling parameters are not supported on {model}"));
        }
        if !PARAMETERS.contains(&name.as_str()) {
            return Err(format!("{name}: Extra inputs are not permitted"));
        }
    }
    if body["max_tokens"].as_u64().is_none() {
        return Err("max_tokens: Field required".to_owned());
    }
    if body["stream"] == Value::Bool(true) {
        return Err("stream: streaming is not simulated".to_owned());
    }
    messages(&body["messages"])?;
    thinking(model, body)?;
    let forced = matches!(body["tool_choice"]["type"].as_str(), Some("any" | "tool"));
    if forced && model.contains("sonnet") {
        return Err(format!("tool_choice: forced tool use is not supported on {model}"));
    }
    output_config(body)?;
    if count_key(body, "cache_control") > 4 {
        return Err("A maximum of 4 blocks with cache_control may be provided.".to_owned());
    }
    Ok(model.to_owned())
}

fn messages(messages: &Value) -> Result<(), String> {
    let messages = messages.as_array().ok_or("messages: Field required")?;
    let roles: Vec<&str> =
        messages.iter().map(|message| message["role"].as_str().unwrap_or_default()).collect();
    if roles.first() != Some(&"user") {
        return Err("messages: first message must use the \"user\" role".to_owned());
    }
    if roles.last() == Some(&"assistant") {
        return Err("messages: prefilling the assistant turn is not supported; the last message must use the \"user\" role".to_owned());
    }
    for (index, message) in messages.iter().enumerate() {
        let empty = match &message["content"] {
            Value::String(text) => text.is_empty(),
            Value::Array(blocks) => {
                blocks.is_empty()
                    || blocks
                        .iter()
                        .any(|b| b["type"] == "text" && b["text"].as_str().is_none_or(str::is_empty))
            }
            _ => true,
        };
        if empty {
            return Err(format!("messages.{index}: text content blocks must be non-empty"));
        }
    }
    Ok(())
}

fn thinking(model: &str, body: &Value) -> Result<(), String> {
    let thinking = &body["thinking"];
    if thinking.is_null() {
        return Ok(());
    }
    if !thinking["budget_tokens"].is_null() {
        return Err(format!("thinking.budget_tokens: not supported on {model}; use output_config.effort"));
    }
    let effort = body["output_config"]["effort"].as_str().unwrap_or("medium");
    match thinking["type"].as_str() {
        Some("adaptive") => Ok(()),
        Some("disabled") if model.contains("sonnet") => {
            Err(format!("thinking.type: \"disabled\" is not supported on {model}; use \"between_tools\""))
        }
        Some("disabled" | "between_tools") if matches!(effort, "xhigh" | "max") => {
            Err(format!("thinking.type: not supported at effort {effort}"))
        }
        Some("disabled" | "between_tools") => Ok(()),
        other => Err(format!("thinking.type: {} is not supported on {model}", other.unwrap_or_default())),
    }
}

fn output_config(body: &Value) -> Result<(), String> {
    let Some(config) = body["output_config"].as_object() else {
        return if body["output_config"].is_null() {
            Ok(())
        } else {
            Err("output_config: expected an object".to_owned())
        };
    };
    if let Some(name) = config.keys().find(|name| !matches!(name.as_str(), "effort" | "format")) {
        return Err(format!("output_config.{name}: Extra inputs are not permitted"));
    }
    if let Some(effort) = config.get("effort").filter(|effort| !EFFORTS.iter().any(|known| effort == known)) {
        return Err(format!("output_config.effort: {effort} is not one of {}", EFFORTS.join(", ")));
    }
    let Some(format) = config.get("format") else { return Ok(()) };
    if format["type"] != "json_schema" || !format["schema"].is_object() {
        return Err("output_config.format: expected a json_schema with a schema".to_owned());
    }
    if count_key(&body["messages"], "citations") > 0 {
        return Err("output_config.format: cannot be used with citations".to_owned());
    }
    schema(&format["schema"])
}

/// Checks a schema for structured output.
fn schema(schema: &Value) -> Result<(), String> {
    let place = "output_config.format.schema";
    let mut counts = Counts::default();
    walk(schema, place, &mut counts)?;
    if counts.optional > MAX_OPTIONAL {
        return Err(format!(
            "{place}: {} optional properties, at most {MAX_OPTIONAL} are supported",
            counts.optional
        ));
    }
    if counts.unions > MAX_UNIONS {
        return Err(format!(
            "{place}: {} union-typed properties, at most {MAX_UNIONS} are supported",
            counts.unions
        ));
    }
    Ok(())
}

#[derive(Default)]
struct Counts {
    optional: usize,
    unions: usize,
}

fn walk(schema: &Value, place: &str, counts: &mut Counts) -> Result<(), String> {
    let Some(fields) = schema.as_object() else {
        return Err(format!("{place}: boolean schemas are not supported"));
    };
    keywords(fields, place)?;
    let is_object =
        fields.get("type").is_some_and(|kind| kind == "object") || fields.contains_key("properties");
    if is_object && fields.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err(format!(
            "{place}: For 'object' type, 'additionalProperties' must be explicitly set to false"
        ));
    }
    counts.unions +=
        usize::from(fields.contains_key("anyOf") || fields.get("type").is_some_and(Value::is_array));
    let required = fields.get("required").and_then(Value::as_array);
    for (name, property) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let is_required =
            required.is_some_and(|required| required.iter().any(|known| known == name.as_str()));
        counts.optional += usize::from(!is_required);
        walk(property, &format!("{place}.properties.{name}"), counts)?;
    }
    for name in ["$defs", "definitions"] {
        for (key, part) in fields.get(name).and_then(Value::as_object).into_iter().flatten() {
            walk(part, &format!("{place}.{name}.{key}"), counts)?;
        }
    }
    for name in ["anyOf", "allOf"] {
        for (index, part) in fields.get(name).and_then(Value::as_array).into_iter().flatten().enumerate() {
            walk(part, &format!("{place}.{name}.{index}"), counts)?;
        }
    }
    fields.get("items").map_or(Ok(()), |items| walk(items, &format!("{place}.items"), counts))
}

fn keywords(fields: &Map<String, Value>, place: &str) -> Result<(), String> {
    for (name, value) in fields {
        let supported = match name.as_str() {
            "type" => true,
            "minItems" => value.as_u64().is_some_and(|count| count <= 1),
            "format" => FORMATS.iter().any(|format| value == format),
            "$ref" => value.as_str().is_some_and(|target| target.starts_with('#')),
            "enum" => {
                value.as_array().is_some_and(|values| !values.iter().any(|v| v.is_object() || v.is_array()))
            }
            name => KEYWORDS.contains(&name),
        };
        if !supported {
            return Err(format!("{place}: '{name}' with value {value} is not supported"));
        }
    }
    Ok(())
}

/// How often a key stands anywhere in a value.
fn count_key(value: &Value, key: &str) -> usize {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| usize::from(name == key) + count_key(value, key)).sum()
        }
        Value::Array(items) => items.iter().map(|item| count_key(item, key)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(extra: Value) -> Result<String, String> {
        let mut body = json!({"model": "claude-sonnet-5-5", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        check(&body)
    }

    fn with_schema(schema: Value) -> Result<String, String> {
        with(
            json!({"output_config": {"effort": "medium", "format": {"type": "json_schema", "schema": schema}}}),
        )
    }

    #[test]
    fn what_the_new_models_refuse_is_refused_by_name() {
        for (extra, named) in [
            (json!({"temperature": 0.2}), "temperature"),
            (json!({"output_format": {}}), "output_format"),
            (json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}), "budget_tokens"),
            (json!({"thinking": {"type": "disabled"}}), "disabled"),
            (json!({"tool_choice": {"type": "any"}}), "tool_choice"),
            (
                json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "{"}]}),
                "prefill",
            ),
            (json!({"messages": [{"role": "user", "content": ""}]}), "non-empty"),
            (json!({"output_config": {"effort": "extreme"}}), "effort"),
        ] {
            let error = with(extra).unwrap_err();
            assert!(error.contains(named), "{named}: {error}");
        }
        assert_eq!(with(json!({"thinking": {"type": "adaptive"}})).as_deref(), Ok("claude-sonnet-5-5"));
        assert!(with(json!({"model": "claude-haiku-5-5", "thinking": {"type": "disabled"}})).is_ok());
    }

    #[test]
    fn a_schema_may_use_only_what_structured_outputs_understand() {
        let object = |property: Value| json!({"type": "object", "additionalProperties": false, "required": ["a"], "properties": {"a": property}});
        assert!(
            with_schema(object(json!({"type": "array", "minItems": 1, "items": {"enum": ["x", "y"]}})))
                .is_ok()
        );
        for (property, named) in [
            (json!({"type": "number", "minimum": 0}), "minimum"),
            (json!({"type": "string", "maxLength": 9}), "maxLength"),
            (json!({"type": "array", "minItems": 2}), "minItems"),
            (json!({"type": "string", "format": "regex"}), "format"),
            (json!({"oneOf": []}), "oneOf"),
            (json!({"type": "object", "properties": {}}), "additionalProperties"),
        ] {
            let error = with_schema(object(property)).unwrap_err();
            assert!(error.contains(named), "{named}: {error}");
        }
    }

    #[test]
    fn optional_and_union_properties_are_counted() {
        let many = |count: usize, property: Value| {
            let properties: Map<String, Value> =
                (0..count).map(|i| (format!("p{i}"), property.clone())).collect();
            json!({"type": "object", "additionalProperties": false, "properties": properties})
        };
        assert!(with_schema(many(24, json!({"type": "string"}))).is_ok());
        assert!(with_schema(many(25, json!({"type": "string"}))).unwrap_err().contains("optional"));
        assert!(with_schema(many(17, json!({"type": ["string", "null"]}))).unwrap_err().contains("union"));
    }
}
