//! What the operations have in common: the parameters of a query request, filters, and pages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::call::Refusal;
use super::model;

/// The decoded form of a query request.
#[derive(Debug, Clone, Default)]
pub struct Parameters(Vec<(String, String)>);

/// A filter: a name, and values of which one must match.
#[derive(Debug, PartialEq, Eq)]
pub struct Filter {
    pub name: String,
    pub values: Vec<String>,
}

impl Parameters {
    /// From name and value pairs.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// A parameter that is present and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
    }

    /// A parameter that the operation requires.
    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| {
            Refusal::new(400, "MissingParameter", format!("The request must contain the parameter {name}."))
        })
    }

    /// The values of `Name.1`, `Name.2`, … where `name` includes any middle part (`Names.member`).
    pub fn list(&self, name: &str) -> Vec<String> {
        (1..).map_while(|index| self.get(&format!("{name}.{index}"))).map(str::to_owned).collect()
    }

    /// The filters written as `<filter>.1.Name` and `<filter>.1.<values>.1`.
    pub fn filters(&self, filter: &str, values: &str) -> Vec<Filter> {
        (1..)
            .map_while(|index| {
                let name = self.get(&format!("{filter}.{index}.Name"))?.to_owned();
                Some(Filter { name, values: self.list(&format!("{filter}.{index}.{values}")) })
            })
            .collect()
    }

    /// A whole number, refused when it is none.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.get(name).map(|text| text.parse().map_err(|_| invalid(name, text))).transpose()
    }

    /// A time, refused when it is none.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        self.get(name).map(|text| text.parse().map_err(|_| invalid(name, text))).transpose()
    }
}

/// The refusal of a value that is not of its parameter's kind.
pub fn invalid(name: &str, value: &str) -> Refusal {
    Refusal::new(400, "InvalidParameterValue", format!("Invalid value {value} for {name}"))
}

/// One page of `items` from where `token` left off, and the token of the next.
pub fn page(
    items: Vec<Value>,
    token: Option<&str>,
    size: usize,
) -> Result<(Vec<Value>, Option<String>), Refusal> {
    let start = token.map_or(Some(0), offset).ok_or_else(|| {
        Refusal::new(400, "InvalidParameterValue", "The pagination token is not one that was given out")
    })?;
    let end = start.saturating_add(size).min(items.len());
    let next = (end < items.len()).then(|| token_at(end));
    Ok((items.into_iter().skip(start).take(size).collect(), next))
}

/// The opaque token that continues at an offset.
pub fn token_at(offset: usize) -> String {
    STANDARD.encode(format!("offset:{offset}"))
}

/// The offset that a token continues at.
pub fn offset(token: &str) -> Option<usize> {
    String::from_utf8(STANDARD.decode(token).ok()?).ok()?.strip_prefix("offset:")?.parse().ok()
}

/// Reads a list of AWS's objects and holds their members against the model.
pub fn objects<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
    service: &str,
    shape: &str,
) -> Result<Vec<Value>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    model::service(service).check(shape, &value).map_err(serde::de::Error::custom)?;
    Vec::deserialize(value).map_err(serde::de::Error::custom)
}

/// A member's text; empty when absent.
pub fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object[member].as_str().unwrap_or_default()
}

/// A member's time.
pub fn time(object: &Value, member: &str) -> Option<Timestamp> {
    object[member].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_filters_are_read_by_their_numbers() {
        let pairs = [("Id.1", "a"), ("Id.2", "b"), ("Filter.1.Name", "n"), ("Filter.1.Value.1", "v")];
        let parameters =
            Parameters::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        assert_eq!(parameters.list("Id"), ["a", "b"]);
        let expected = Filter { name: "n".to_owned(), values: vec!["v".to_owned()] };
        assert_eq!(parameters.filters("Filter", "Value"), [expected]);
    }

    #[test]
    fn pages_follow_each_other_to_the_end_and_a_forged_token_is_refused() {
        let items: Vec<Value> = (0..5).map(Value::from).collect();
        let (first, next) = page(items.clone(), None, 3).unwrap();
        assert_eq!(first.len(), 3);
        let (second, end) = page(items.clone(), next.as_deref(), 3).unwrap();
        assert_eq!(second, [Value::from(3), Value::from(4)]);
        assert_eq!(end, None);
        assert!(page(items, Some("nonsense"), 3).is_err());
    }
}
