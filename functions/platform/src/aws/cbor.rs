//! Smithy RPC v2 CBOR: the protocol that today's CloudWatch SDKs speak. Inside the platform a message is JSON, with times as
//! RFC 3339 text; on the wire a time is tag 1 and seconds since 1970.

use ciborium::Value as Cbor;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::model::{Scalar, Service, Shape, scalar};

/// The tag of a time given as seconds since 1970 (RFC 8949, section 3.4.2).
const EPOCH_TIME: u64 = 1;

/// Reads a message; `None` when it is not CBOR or not a map with text keys. An empty body is an empty message.
pub fn decode(body: &[u8]) -> Option<Value> {
    if body.is_empty() {
        return Some(Value::Object(Map::new()));
    }
    json(ciborium::from_reader(body).ok()?).filter(Value::is_object)
}

/// Writes a message of this shape.
pub fn encode(service: &Service, shape: &str, value: &Value) -> Vec<u8> {
    bytes(&cbor(service, shape, value))
}

/// Writes an error: `__type` and a message.
pub fn encode_error(kind: &str, message: &str) -> Vec<u8> {
    let text = |text: &str| Cbor::Text(text.to_owned());
    bytes(&Cbor::Map(vec![(text("__type"), text(kind)), (text("message"), text(message))]))
}

/// A time as it stands on the wire.
pub fn time(at: Timestamp) -> Cbor {
    let seconds = at.as_millisecond() as f64 / 1000.0;
    Cbor::Tag(EPOCH_TIME, Box::new(Cbor::Float(seconds)))
}

/// The bytes of a value.
pub fn bytes(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail; a value that could not be written would be an empty, unreadable body.
    if ciborium::into_writer(value, &mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}

fn cbor(service: &Service, shape: &str, value: &Value) -> Cbor {
    match (service.shape(shape), value) {
        (Some(Shape::Structure(members)), Value::Object(fields)) => Cbor::Map(
            members
                .iter()
                .filter_map(|(name, member)| {
                    let value = fields.get(name).filter(|value| !value.is_null())?;
                    Some((Cbor::Text(name.clone()), cbor(service, &member[0], value)))
                })
                .collect(),
        ),
        (Some(Shape::List(item, _)), Value::Array(items)) => {
            Cbor::Array(items.iter().map(|value| cbor(service, item, value)).collect())
        }
        (_, value) => cbor_scalar(shape, value),
    }
}

fn cbor_scalar(name: &str, value: &Value) -> Cbor {
    match (scalar(name), value) {
        (Scalar::Timestamp, Value::String(text)) => {
            text.parse().map_or_else(|_| Cbor::Text(text.clone()), time)
        }
        (Scalar::Double, Value::Number(number)) => Cbor::Float(number.as_f64().unwrap_or_default()),
        (Scalar::Integer, Value::Number(number)) => Cbor::Integer(number.as_i64().unwrap_or_default().into()),
        (_, Value::Bool(flag)) => Cbor::Bool(*flag),
        (_, Value::String(text)) => Cbor::Text(text.clone()),
        (_, other) => Cbor::Text(other.to_string()),
    }
}

fn json(value: Cbor) -> Option<Value> {
    Some(match value {
        Cbor::Null => Value::Null,
        Cbor::Bool(flag) => Value::Bool(flag),
        Cbor::Integer(number) => Value::from(i64::try_from(number).ok()?),
        Cbor::Float(number) => Value::from(number),
        Cbor::Text(text) => Value::String(text),
        Cbor::Array(items) => Value::Array(items.into_iter().map(json).collect::<Option<_>>()?),
        Cbor::Map(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| Some((name.into_text().ok()?, json(value)?)))
                .collect::<Option<_>>()?,
        ),
        Cbor::Tag(EPOCH_TIME, seconds) => Value::String(epoch(&seconds)?.to_string()),
        _ => return None,
    })
}

fn epoch(seconds: &Cbor) -> Option<Timestamp> {
    let milliseconds = match seconds {
        Cbor::Integer(seconds) => i64::try_from(*seconds).ok()?.checked_mul(1000)?,
        Cbor::Float(seconds) => (seconds * 1000.0).round() as i64,
        _ => return None,
    };
    Timestamp::from_millisecond(milliseconds).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::model::service;
    use super::*;

    #[test]
    fn a_time_is_tag_1_on_the_wire_and_text_inside() {
        let alarm = json!({"MetricAlarms": [{"AlarmName": "a", "Threshold": 80, "Period": 60,
            "StateUpdatedTimestamp": "2026-01-01T00:00:00Z"}]});
        let bytes = encode(service("cloudwatch"), "DescribeAlarmsOutput", &alarm);
        let wire: Cbor = ciborium::from_reader(bytes.as_slice()).unwrap();
        assert!(format!("{wire:?}").contains("Tag(1, Float(1767225600.0))"));
        let mut expected = alarm;
        expected["MetricAlarms"][0]["Threshold"] = json!(80.0);
        assert_eq!(decode(&bytes), Some(expected));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert_eq!(decode(b""), Some(json!({})));
        assert_eq!(decode(&[0xff, 0x00]), None);
        assert_eq!(decode(b"\x63abc"), None);
    }
}
