//! Elastic Load Balancing v2: load balancers, target groups, the health of targets.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::call::Refusal;
use super::model;
use super::page::{Parameters, invalid, objects, page, text};

/// Load balancers, in AWS's own members.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// `LoadBalancer` objects.
    #[serde(rename = "LoadBalancers", deserialize_with = "balancers")]
    pub load_balancers: Vec<Value>,
    /// `TargetGroup` objects.
    #[serde(rename = "TargetGroups", deserialize_with = "groups")]
    pub target_groups: Vec<Value>,
    /// `TargetHealthDescription` objects by the ARN of their target group.
    #[serde(rename = "TargetHealth", deserialize_with = "health")]
    pub target_health: BTreeMap<String, Vec<Value>>,
}

fn balancers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    objects(deserializer, "elbv2", "LoadBalancers")
}

fn groups<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    objects(deserializer, "elbv2", "TargetGroups")
}

fn health<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Vec<Value>>, D::Error> {
    let groups = BTreeMap::<String, Vec<Value>>::deserialize(deserializer)?;
    for (group, targets) in &groups {
        model::service("elbv2")
            .check("TargetHealthDescriptions", &Value::Array(targets.clone()))
            .map_err(|error| serde::de::Error::custom(format!("{group}: {error}")))?;
    }
    Ok(groups)
}

impl World {
    /// Load balancers by ARN or name, or all.
    pub fn describe_load_balancers(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let found = chosen(
            &self.load_balancers,
            (parameters.list("LoadBalancerArns.member"), "LoadBalancerArn"),
            (parameters.list("Names.member"), "LoadBalancerName"),
            ("LoadBalancerNotFound", "load balancers"),
        )?;
        let (found, marker) = page(found, parameters.get("Marker"), records(parameters)?)?;
        Ok(json!({"LoadBalancers": found, "NextMarker": marker}))
    }

    /// Target groups by ARN, name or load balancer, or all.
    pub fn describe_target_groups(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let mut found = chosen(
            &self.target_groups,
            (parameters.list("TargetGroupArns.member"), "TargetGroupArn"),
            (parameters.list("Names.member"), "TargetGroupName"),
            ("TargetGroupNotFound", "target groups"),
        )?;
        if let Some(arn) = parameters.get("LoadBalancerArn") {
            found.retain(|group| {
                group["LoadBalancerArns"].as_array().is_some_and(|arns| arns.iter().any(|known| known == arn))
            });
        }
        let (found, marker) = page(found, parameters.get("Marker"), records(parameters)?)?;
        Ok(json!({"TargetGroups": found, "NextMarker": marker}))
    }

    /// The health of one group's targets, all or those asked for.
    pub fn describe_target_health(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let arn = parameters
            .get("TargetGroupArn")
            .ok_or_else(|| Refusal::new(400, "ValidationError", "A target group ARN must be specified"))?;
        if !self.target_groups.iter().any(|group| text(group, "TargetGroupArn") == arn) {
            return Err(not_found("TargetGroupNotFound", "target groups", arn));
        }
        let wanted: Vec<String> = (1..)
            .map_while(|index| parameters.get(&format!("Targets.member.{index}.Id")).map(str::to_owned))
            .collect();
        let found: Vec<&Value> = self
            .target_health
            .get(arn)
            .into_iter()
            .flatten()
            .filter(|target| wanted.is_empty() || wanted.iter().any(|id| text(&target["Target"], "Id") == id))
            .collect();
        Ok(json!({"TargetHealthDescriptions": found}))
    }
}

/// Objects by ARN and by name; one that does not exist is an error.
fn chosen(
    objects: &[Value],
    (arns, arn): (Vec<String>, &str),
    (names, name): (Vec<String>, &str),
    (code, noun): (&'static str, &str),
) -> Result<Vec<Value>, Refusal> {
    let wanted: Vec<(&str, &String)> =
        arns.iter().map(|value| (arn, value)).chain(names.iter().map(|value| (name, value))).collect();
    let is = |object: &Value, (member, value): &(&str, &String)| text(object, member) == value.as_str();
    match wanted.iter().find(|wanted| !objects.iter().any(|object| is(object, wanted))) {
        Some((_, missing)) => Err(not_found(code, noun, missing)),
        None => Ok(objects
            .iter()
            .filter(|object| wanted.is_empty() || wanted.iter().any(|wanted| is(object, wanted)))
            .cloned()
            .collect()),
    }
}

fn not_found(code: &'static str, noun: &str, missing: &str) -> Refusal {
    Refusal::new(400, code, format!("One or more {noun} not found: {missing}"))
}

/// The page size: 1 to 400.
fn records(parameters: &Parameters) -> Result<usize, Refusal> {
    match parameters.number("PageSize")? {
        None => Ok(400),
        Some(size @ 1..=400) => Ok(size as usize),
        Some(other) => Err(invalid("PageSize", &other.to_string())),
    }
}
