//! The rules of a Choice state.

use serde_json::{Map, Value};

use super::path::Path;

/// A choice rule's test.
#[derive(Debug, Clone)]
pub enum Test {
    /// `And`.
    And(Vec<Test>),
    /// `Or`.
    Or(Vec<Test>),
    /// `Not`.
    Not(Box<Test>),
    /// `IsPresent`.
    IsPresent(Path, bool),
    /// `BooleanEquals`, `StringEquals`, `NumericEquals`.
    Equals(Path, Value),
    /// `NumericLessThan`.
    LessThan(Path, f64),
    /// `NumericGreaterThan`.
    GreaterThan(Path, f64),
}

/// Parses a rule without its Next. The error is a sentence.
pub fn test(mut rule: Map<String, Value>) -> Result<Test, String> {
    rule.remove("Comment");
    let variable = rule.remove("Variable");
    let mut rest = rule.into_iter();
    let (Some((operator, operand)), None) = (rest.next(), rest.next()) else {
        return Err("a choice rule needs exactly one comparison".to_owned());
    };
    let all = |operand: Value| -> Result<Vec<Test>, String> {
        let rules: Vec<Map<String, Value>> =
            serde_json::from_value(operand).map_err(|error| error.to_string())?;
        rules.into_iter().map(test).collect()
    };
    let path = || -> Result<Path, String> {
        Path::parse(variable.as_ref().and_then(Value::as_str).ok_or("a choice rule without Variable")?)
    };
    let number = |value: &Value| value.as_f64().ok_or_else(|| format!("{operator} needs a number"));
    Ok(match operator.as_str() {
        "And" => Test::And(all(operand)?),
        "Or" => Test::Or(all(operand)?),
        "Not" => match operand {
            Value::Object(rule) => Test::Not(Box::new(test(rule)?)),
            _ => return Err("Not needs a rule".to_owned()),
        },
        "IsPresent" => Test::IsPresent(path()?, operand.as_bool().ok_or("IsPresent needs true or false")?),
        "BooleanEquals" | "StringEquals" | "NumericEquals" => Test::Equals(path()?, operand),
        "NumericLessThan" => Test::LessThan(path()?, number(&operand)?),
        "NumericGreaterThan" => Test::GreaterThan(path()?, number(&operand)?),
        other => return Err(format!("the comparison {other} is not supported here")),
    })
}

impl Test {
    /// Whether the rule holds.
    pub fn holds(&self, input: &Value, context: &Value) -> bool {
        let number = |path: &Path| path.get(input, context).and_then(Value::as_f64);
        match self {
            Self::And(tests) => tests.iter().all(|test| test.holds(input, context)),
            Self::Or(tests) => tests.iter().any(|test| test.holds(input, context)),
            Self::Not(test) => !test.holds(input, context),
            Self::IsPresent(path, expected) => path.get(input, context).is_some() == *expected,
            Self::Equals(path, expected) => {
                path.get(input, context).is_some_and(|value| equal(value, expected))
            }
            Self::LessThan(path, bound) => number(path).is_some_and(|value| value < *bound),
            Self::GreaterThan(path, bound) => number(path).is_some_and(|value| value > *bound),
        }
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() < f64::EPSILON,
        _ => a == b,
    }
}
