//! Metadata filters: `{"field": "x"}`, `{"field": {"$in": [..]}}`, `$and`, `$or`.

use serde_json::Value;

const COMPARISONS: [&str; 9] = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists"];

/// Says what is wrong with a filter. No filter is fine.
pub fn check(filter: &Value) -> Result<(), String> {
    let fields = match filter {
        Value::Null => return Ok(()),
        Value::Object(fields) => fields,
        _ => return Err("filter must be an object".to_owned()),
    };
    for (name, condition) in fields {
        match (name.as_str(), condition) {
            ("$and" | "$or", Value::Array(parts)) if !parts.is_empty() => parts.iter().try_for_each(check)?,
            (name, _) if name.starts_with('$') => return Err(format!("{name} is not a valid operator here")),
            (_, Value::Object(operators)) => {
                if let Some(unknown) = operators.keys().find(|name| !COMPARISONS.contains(&name.as_str())) {
                    return Err(format!("{unknown} is not a valid operator"));
                }
            }
            (_, Value::Null | Value::Array(_)) => return Err(format!("{name} needs a value or an operator")),
            _ => {}
        }
    }
    Ok(())
}

/// True where metadata meets a filter that was checked.
pub fn matches(filter: &Value, metadata: &Value) -> bool {
    let Value::Object(fields) = filter else { return true };
    fields.iter().all(|(name, condition)| match (name.as_str(), condition) {
        ("$and", Value::Array(parts)) => parts.iter().all(|part| matches(part, metadata)),
        ("$or", Value::Array(parts)) => parts.iter().any(|part| matches(part, metadata)),
        (name, Value::Object(operators)) => {
            operators.iter().all(|(operator, operand)| compare(operator, operand, metadata.get(name)))
        }
        (name, value) => compare("$eq", value, metadata.get(name)),
    })
}

/// A list of strings equals each of its items.
fn compare(operator: &str, operand: &Value, value: Option<&Value>) -> bool {
    let is = |wanted: &Value| match value {
        Some(Value::Array(items)) => items.contains(wanted),
        Some(Value::Number(number)) => number.as_f64() == wanted.as_f64(),
        Some(value) => value == wanted,
        None => false,
    };
    let among = || operand.as_array().is_some_and(|wanted| wanted.iter().any(is));
    let numbers = value.and_then(Value::as_f64).zip(operand.as_f64());
    match operator {
        "$eq" => is(operand),
        "$ne" => !is(operand),
        "$in" => among(),
        "$nin" => !among(),
        "$gt" => numbers.is_some_and(|(value, limit)| value > limit),
        "$gte" => numbers.is_some_and(|(value, limit)| value >= limit),
        "$lt" => numbers.is_some_and(|(value, limit)| value < limit),
        "$lte" => numbers.is_some_and(|(value, limit)| value <= limit),
        _ => operand.as_bool() == Some(value.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operators_are_joined_and_an_unknown_one_is_refused() {
        let record = json!({"corpus": "runbooks", "year": 2024, "tags": ["db"]});
        for (filter, expected) in [
            (json!({"corpus": {"$eq": "runbooks"}, "year": {"$lt": 2025}}), true),
            (json!({"$or": [{"corpus": "code"}, {"tags": "db"}]}), true),
            (json!({"$and": [{"corpus": "code"}, {"tags": "db"}]}), false),
            (json!({"owner": {"$exists": false}}), true),
            (json!({"corpus": {"$nin": ["runbooks"]}}), false),
        ] {
            assert_eq!(check(&filter), Ok(()));
            assert_eq!(matches(&filter, &record), expected, "{filter}");
        }
        for bad in [json!({"a": {"$like": "x"}}), json!({"$not": []}), json!([]), json!({"a": null})] {
            assert!(check(&bad).is_err(), "{bad}");
        }
    }
}
