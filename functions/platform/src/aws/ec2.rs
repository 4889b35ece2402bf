//! EC2: instances and their status checks.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::call::Refusal;
use super::page::{Filter, Parameters, objects, page, text};

/// Instances, in AWS's own members.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// `Instance` objects. One without a `State` is running.
    #[serde(rename = "Instances", deserialize_with = "instances")]
    pub instances: Vec<Value>,
    /// `InstanceStatus` objects. An instance that runs and is not named here passes its checks.
    #[serde(rename = "InstanceStatuses", deserialize_with = "statuses")]
    pub instance_statuses: Vec<Value>,
}

fn instances<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    objects(deserializer, "ec2", "InstanceList")
}

fn statuses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    objects(deserializer, "ec2", "InstanceStatusList")
}

impl World {
    /// The instances asked for, each in a reservation of its own.
    pub fn describe_instances(&self, parameters: &Parameters, account: &str) -> Result<Value, Refusal> {
        let instances: Vec<Value> = self.instances.iter().cloned().map(with_state).collect();
        let found = chosen(instances, parameters, instance_member)?;
        let (found, next) = page(found, parameters.get("NextToken"), results(parameters, 1000)?)?;
        let reservations: Vec<Value> = found
            .into_iter()
            .map(|instance| {
                let id = text(&instance, "InstanceId").replacen("i-", "r-", 1);
                json!({"ReservationId": id, "OwnerId": account, "Instances": [instance]})
            })
            .collect();
        Ok(json!({"Reservations": reservations, "NextToken": next}))
    }

    /// The status checks of running instances, or of all.
    pub fn describe_instance_status(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let mut statuses = self.instance_statuses.clone();
        for instance in self.instances.iter().cloned().map(with_state) {
            if !statuses.iter().any(|status| status["InstanceId"] == instance["InstanceId"]) {
                statuses.push(status_of(&instance));
            }
        }
        let all = parameters.get("IncludeAllInstances") == Some("true");
        let mut found = chosen(statuses, parameters, status_member)?;
        found.retain(|status| all || status_member(status, "instance-state-name") == Some(vec!["running"]));
        let (found, next) = page(found, parameters.get("NextToken"), results(parameters, 100)?)?;
        Ok(json!({"InstanceStatuses": found, "NextToken": next}))
    }
}

/// The objects with the ids and by the filters of a request. An id that does not exist is an error.
fn chosen(
    mut objects: Vec<Value>,
    parameters: &Parameters,
    member: for<'a> fn(&'a Value, &str) -> Option<Vec<&'a str>>,
) -> Result<Vec<Value>, Refusal> {
    let ids = parameters.list("InstanceId");
    if let Some(unknown) =
        ids.iter().find(|id| !objects.iter().any(|object| text(object, "InstanceId") == *id))
    {
        let message = format!("The instance ID '{unknown}' does not exist");
        return Err(Refusal::new(400, "InvalidInstanceID.NotFound", message));
    }
    objects.retain(|object| ids.is_empty() || ids.iter().any(|id| text(object, "InstanceId") == id));
    for Filter { name, values } in parameters.filters("Filter", "Value") {
        if member(&Value::Null, &name).is_none() {
            let message = format!("The filter '{name}' is invalid");
            return Err(Refusal::new(400, "InvalidParameterValue", message));
        }
        objects.retain(|object| {
            member(object, &name)
                .is_some_and(|has| has.iter().any(|has| values.iter().any(|v| matches(v, has))))
        });
    }
    Ok(objects)
}

/// What a filter of this name looks at; `None` for a filter that does not exist.
fn instance_member<'a>(instance: &'a Value, filter: &str) -> Option<Vec<&'a str>> {
    let direct = |member: &str| Some(vec![text(instance, member)]);
    match filter {
        "instance-id" => direct("InstanceId"),
        "private-dns-name" => direct("PrivateDnsName"),
        "private-ip-address" => direct("PrivateIpAddress"),
        "vpc-id" => direct("VpcId"),
        "instance-type" => direct("InstanceType"),
        "instance-state-name" => Some(vec![text(&instance["State"], "Name")]),
        "availability-zone" => Some(vec![text(&instance["Placement"], "AvailabilityZone")]),
        "tag-key" => Some(tags(instance).map(|tag| text(tag, "Key")).collect()),
        filter => {
            let key = filter.strip_prefix("tag:")?;
            Some(tags(instance).filter(|tag| text(tag, "Key") == key).map(|tag| text(tag, "Value")).collect())
        }
    }
}

fn status_member<'a>(status: &'a Value, filter: &str) -> Option<Vec<&'a str>> {
    match filter {
        "instance-state-name" => Some(vec![text(&status["InstanceState"], "Name")]),
        "instance-status.status" => Some(vec![text(&status["InstanceStatus"], "Status")]),
        "system-status.status" => Some(vec![text(&status["SystemStatus"], "Status")]),
        "availability-zone" => Some(vec![text(status, "AvailabilityZone")]),
        _ => None,
    }
}

fn tags(instance: &Value) -> impl Iterator<Item = &Value> {
    instance["Tags"].as_array().into_iter().flatten()
}

/// A filter's value with `*` for any text.
fn matches(pattern: &str, value: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| value.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn with_state(mut instance: Value) -> Value {
    if instance["State"].is_null() {
        instance["State"] = json!({"Code": 16, "Name": "running"});
    }
    instance
}

fn status_of(instance: &Value) -> Value {
    let running = text(&instance["State"], "Name") == "running";
    let checks = if running {
        json!({"Status": "ok", "Details": [{"Name": "reachability", "Status": "passed"}]})
    } else {
        json!({"Status": "not-applicable"})
    };
    json!({"InstanceId": instance["InstanceId"], "AvailabilityZone": instance["Placement"]["AvailabilityZone"],
        "InstanceState": instance["State"], "InstanceStatus": checks, "SystemStatus": checks})
}

/// The page size: 5 to 1000.
fn results(parameters: &Parameters, default: usize) -> Result<usize, Refusal> {
    match parameters.number("MaxResults")? {
        None => Ok(default),
        Some(results @ 5..=1000) => Ok(results as usize),
        Some(other) => {
            let message =
                format!("Value ({other}) for parameter maxResults is invalid. Expecting 5 to 1000.");
            Err(Refusal::new(400, "InvalidParameterValue", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, value, expected) in [
            ("ip-10*", "ip-10-0-3-17", true),
            ("*web*", "a web b", true),
            ("a*", "b", false),
            ("a", "ab", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, value), expected, "{pattern} {value}");
        }
    }
}
