//! The part of AWS's service models that is served: which members an object has, of which type, and their wire names.
//!
//! `model.json` is cut from botocore 1.44.5 (Apache-2.0): the output shapes of the served operations. It decides both how an
//! answer is written and which members a scenario may use, so a misspelt member is an error and not a silent absence.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

/// One service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// XML namespace of its answers.
    pub namespace: String,
    /// The version its requests name.
    pub version: String,
    /// Operation to the shape of its output.
    pub operations: BTreeMap<String, String>,
    shapes: BTreeMap<String, Shape>,
}

/// A shape that is not a scalar.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Member to its type and, where it differs from the member's name, its wire name.
    Structure(BTreeMap<String, Vec<String>>),
    /// Type and XML element of the items.
    List(String, String),
}

/// What a name in the model stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// RFC 3339 in scenarios.
    Timestamp,
    /// A whole number.
    Integer,
    /// A number.
    Double,
    /// True or false.
    Boolean,
    /// Text.
    String,
}

static SERVICES: LazyLock<BTreeMap<String, Service>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
    serde_json::from_str(include_str!("model.json")).expect("model.json is well formed")
});

/// A service of the model: `rds`, `ec2`, `elbv2`, `cloudwatch`.
pub fn service(name: &str) -> &'static Service {
    &SERVICES[name]
}

impl Service {
    /// The shape of this name; `None` for a scalar.
    pub fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.get(name)
    }

    /// Says what is wrong with a value that should have this shape: the place, and why.
    pub fn check(&self, name: &str, value: &Value) -> Result<(), String> {
        match (self.shape(name), value) {
            (Some(Shape::Structure(members)), Value::Object(fields)) => {
                fields.iter().try_for_each(|(field, value)| match members.get(field) {
                    Some(member) => {
                        self.check(&member[0], value).map_err(|error| format!("{field}: {error}"))
                    }
                    None => Err(format!("AWS has no member {field} in {name}")),
                })
            }
            (Some(Shape::List(item, _)), Value::Array(items)) => {
                items.iter().enumerate().try_for_each(|(index, value)| {
                    self.check(item, value).map_err(|error| format!("[{index}] {error}"))
                })
            }
            (Some(Shape::Structure(_)), _) => Err("expected an object".to_owned()),
            (Some(Shape::List(..)), _) => Err("expected a list".to_owned()),
            (None, value) => check_scalar(name, value),
        }
    }
}

/// The scalar of this name. Everything that is not known better is text.
pub fn scalar(name: &str) -> Scalar {
    match name {
        "timestamp" => Scalar::Timestamp,
        "integer" => Scalar::Integer,
        "double" => Scalar::Double,
        "boolean" => Scalar::Boolean,
        _ => Scalar::String,
    }
}

fn check_scalar(name: &str, value: &Value) -> Result<(), String> {
    let fits = match scalar(name) {
        Scalar::Timestamp => value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        Scalar::Integer => value.is_i64() || value.is_u64(),
        Scalar::Double => value.is_number(),
        Scalar::Boolean => value.is_boolean(),
        // YAML reads an unquoted 15 or 500 as a number; on the wire both are text.
        Scalar::String => value.is_string() || value.is_number(),
    };
    if fits { Ok(()) } else { Err(format!("{value} is no {name}")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_misspelt_member_and_a_wrong_type_are_named_with_their_place() {
        let check = |value| service("rds").check("DBInstanceList", &value).unwrap_err();
        assert_eq!(
            check(json!([{"DBInstanceIdentifer": "a"}])),
            "[0] AWS has no member DBInstanceIdentifer in DBInstance"
        );
        assert_eq!(check(json!([{"MultiAZ": "yes"}])), "[0] MultiAZ: \"yes\" is no boolean");
        assert_eq!(check(json!([{"Endpoint": 1}])), "[0] Endpoint: expected an object");
    }

    #[test]
    fn every_served_operation_has_an_output_shape() {
        for name in ["rds", "ec2", "elbv2", "cloudwatch"] {
            let service = service(name);
            assert!(service.operations.values().all(|shape| service.shape(shape).is_some()), "{name}");
        }
    }
}
