//! JSON Schemas the vendor compiles: from Rust types, without what it does not support.
//!
//! The rules of structured outputs (<https://platform.claude.com/docs/en/build-with-claude/structured-outputs>): every object closed and
//! all its properties required, no bounds on numbers, lengths or counts, no format but a few, at most one in `minItems`. Where those
//! leave room, as the vendor's Python SDK writes it (`transform_schema`): a reference stands alone, an enumeration has no type.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// Keywords that are kept; every other one is dropped, because the raw API refuses what it does not know.
const KEPT: &[&str] = &[
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "anyOf",
    "allOf",
    "$defs",
    "description",
    "format",
    "minItems",
];
/// Formats the vendor compiles.
const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// The schema of a type, vendor-legal.
pub fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
    legal(SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value())
}

/// The schema with every keyword the vendor does not support taken out, and every object closed.
pub fn legal(schema: Value) -> Value {
    let Value::Object(map) = schema else {
        // `true` is a schema that allows anything, which cannot be compiled: an object without properties can.
        return json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false});
    };
    if let Some(reference) = map.get("$ref") {
        return match map.get("$defs") {
            Some(definitions) => json!({"$ref": reference, "$defs": named(definitions.clone())}),
            None => json!({"$ref": reference}),
        };
    }
    let listed = map.contains_key("enum") || map.contains_key("const");
    let mut kept = Map::new();
    for (key, value) in map {
        let key = if key == "oneOf" { "anyOf".to_owned() } else { key };
        let value = match key.as_str() {
            "properties" | "$defs" => named(value),
            "items" => legal(value),
            "anyOf" | "allOf" => list(value),
            "type" if listed => continue,
            "format" if !value.as_str().is_some_and(|format| FORMATS.contains(&format)) => continue,
            "minItems" if !matches!(value.as_u64(), Some(0 | 1)) => continue,
            known if KEPT.contains(&known) => value,
            _ => continue,
        };
        kept.insert(key, value);
    }
    if kept.get("type").and_then(Value::as_str) == Some("object") {
        let properties = kept.get("properties").and_then(Value::as_object);
        let names: Vec<String> = properties.into_iter().flat_map(|p| p.keys().cloned()).collect();
        kept.insert("required".to_owned(), json!(names));
        kept.insert("additionalProperties".to_owned(), json!(false));
    }
    Value::Object(kept)
}

fn named(schemas: Value) -> Value {
    match schemas {
        Value::Object(map) => map.into_iter().map(|(name, schema)| (name, legal(schema))).collect(),
        other => other,
    }
}

fn list(schemas: Value) -> Value {
    match schemas {
        Value::Array(schemas) => schemas.into_iter().map(legal).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    struct Inner {
        #[schemars(range(min = 0, max = 1))]
        score: f64,
        count: u8,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    struct Outer {
        /// A list.
        #[schemars(length(max = 4))]
        inner: Vec<Inner>,
        #[serde(default)]
        optional: String,
    }

    #[test]
    fn a_derived_schema_holds_nothing_the_vendor_refuses() {
        let schema = of::<Outer>();
        let text = schema.to_string();
        for refused in ["maximum", "minimum", "maxItems", "$schema", "\"format\"", "default", "title"] {
            assert!(!text.contains(refused), "{refused} in {text}");
        }
        assert_eq!(schema["required"], json!(["inner", "optional"]));
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema["$defs"]["Inner"]["additionalProperties"], json!(false));
        assert_eq!(schema["properties"]["inner"]["description"], json!("A list."));
        assert_eq!(legal(json!({"type": "string", "enum": ["a"]})), json!({"enum": ["a"]}));
        assert_eq!(legal(json!({"$ref": "#/$defs/A", "description": "An A."})), json!({"$ref": "#/$defs/A"}));
    }
}
