//! Answers of the query protocols: XML with the element names of the service's model.

use quick_xml::escape::escape;
use serde_json::Value;

use super::model::{Service, Shape};

/// The request id of every answer: the platform answers the same request the same way.
pub const REQUEST_ID: &str = "7a62c49f-347e-4fc4-9331-6e8e00000000";

/// The answer of the query protocol (RDS, ELBv2): `<XResponse><XResult>…</XResult><ResponseMetadata>…`.
pub fn query_answer(service: &Service, operation: &str, output: &Value) -> String {
    let shape = service.operations.get(operation).map_or("", String::as_str);
    format!(
        "<{operation}Response xmlns=\"{}\"><{operation}Result>{}</{operation}Result>\
         <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></{operation}Response>",
        service.namespace,
        content(service, shape, output)
    )
}

/// The answer of EC2's protocol: no result wrapper, and `requestId` inside.
pub fn ec2_answer(service: &Service, operation: &str, output: &Value) -> String {
    let shape = service.operations.get(operation).map_or("", String::as_str);
    format!(
        "<{operation}Response xmlns=\"{}\"><requestId>{REQUEST_ID}</requestId>{}</{operation}Response>",
        service.namespace,
        content(service, shape, output)
    )
}

/// The error of the query protocol.
pub fn query_error(namespace: &str, code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message>\
         </Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>",
        escape(message)
    )
}

/// The error of EC2's protocol.
pub fn ec2_error(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{}</Message>\
         </Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>",
        escape(message)
    )
}

/// The answer of STS's GetCallerIdentity.
pub fn caller_identity(namespace: &str, identity: &Value) -> String {
    let field = |name: &str| element(name, &escape(identity[name].as_str().unwrap_or_default()));
    format!(
        "<GetCallerIdentityResponse xmlns=\"{namespace}\"><GetCallerIdentityResult>{}{}{}</GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
        field("Arn"),
        field("UserId"),
        field("Account")
    )
}

/// What stands inside the element of a value.
fn content(service: &Service, shape: &str, value: &Value) -> String {
    match (service.shape(shape), value) {
        (Some(Shape::Structure(members)), Value::Object(fields)) => members
            .iter()
            .filter_map(|(name, member)| {
                let value = fields.get(name).filter(|value| !value.is_null())?;
                Some(element(member.get(1).unwrap_or(name), &content(service, &member[0], value)))
            })
            .collect(),
        (Some(Shape::List(item, name)), Value::Array(items)) => {
            items.iter().map(|value| element(name, &content(service, item, value))).collect()
        }
        (_, Value::String(text)) => escape(text.as_str()).into_owned(),
        (_, other) => other.to_string(),
    }
}

fn element(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::model::service;
    use super::*;

    #[test]
    fn lists_and_members_carry_the_names_of_the_model() {
        let output = json!({"DBInstances": [{"DBInstanceIdentifier": "a<b", "MultiAZ": true,
            "DBParameterGroups": [{"DBParameterGroupName": "p", "ParameterApplyStatus": "in-sync"}]}]});
        let xml = query_answer(service("rds"), "DescribeDBInstances", &output);
        assert!(
            xml.starts_with(
                "<DescribeDBInstancesResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\">"
            )
        );
        assert!(xml.contains("<DBInstances><DBInstance><DBInstanceIdentifier>a&lt;b</DBInstanceIdentifier>"));
        assert!(
            xml.contains(
                "<DBParameterGroups><DBParameterGroup><DBParameterGroupName>p</DBParameterGroupName>"
            )
        );
        assert!(xml.contains("<MultiAZ>true</MultiAZ>"));
    }

    #[test]
    fn ec2_has_its_own_names_and_no_result_wrapper() {
        let output = json!({"InstanceStatuses": [{"InstanceId": "i-1", "InstanceState": {"Code": 16, "Name": "running"}}]});
        let xml = ec2_answer(service("ec2"), "DescribeInstanceStatus", &output);
        assert!(
            xml.contains(
                "<instanceStatusSet><item><instanceId>i-1</instanceId><instanceState><code>16</code>"
            )
        );
        assert!(!xml.contains("Result>"));
    }
}
