//! ELBv2: which target groups the subject means, who is healthy in them, and which metrics they and their balancers have.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetGroup, TargetHealthDescription, TargetHealthReasonEnum, TargetHealthStateEnum,
};
use collecting::{Answer, CallError, Run};
use futures::future::join_all;
use incident::evidence::Observation;
use incident::{Fact, Object, ObjectKind, Status, Subject, Timestamp, fact};

use crate::failure::failure;
use crate::metric::{self, Wanted};

/// Unhealthy targets told one by one, and characters of AWS's words about each.
const TOLD: usize = 5;
const WORDS: usize = 120;

/// A target group of the subject and the balancers in front of it, all by the suffix of their ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// For DescribeTargetHealth.
    pub arn: String,
    /// `targetgroup/name/id`.
    pub suffix: String,
    /// `app/name/id`, `net/name/id`.
    pub balancers: Vec<String>,
}

/// Lists the target groups and keeps the subject's: those it names, and those behind a load balancer it names.
pub async fn groups(run: &Run, client: &Client, subject: &Subject) -> Vec<Group> {
    if subject.target_groups.is_empty() && subject.load_balancers.is_empty() {
        return Vec::new();
    }
    let tells = "which targets stand behind the load balancers";
    let Some(all) = run.call("DescribeTargetGroups", tells, ask_groups(client)).await else {
        return Vec::new();
    };
    let groups = choose(&all, subject);
    for name in &subject.target_groups {
        if !groups.iter().any(|group| names(name, &group.suffix)) {
            let sentence =
                format!("There is no target group {name} in this account and region; its health is unknown.");
            run.gap("DescribeTargetGroups", Status::Empty, sentence);
        }
    }
    groups
}

/// The health of each group's targets.
pub async fn health(run: &Run, client: &Client, groups: &[Group], as_of: Timestamp) -> Vec<Observation> {
    let calls = groups.iter().map(|group| async move {
        let tells = format!("the health of {}", group.suffix);
        let targets = run.call("DescribeTargetHealth", &tells, ask_health(client, &group.arn)).await?;
        (!targets.is_empty()).then(|| observe(&group.suffix, &targets, as_of))
    });
    join_all(calls).await.into_iter().flatten().collect()
}

/// The metrics of the groups, of their balancers, and of balancers that the subject names by suffix.
pub fn metrics(groups: &[Group], subject: &Subject) -> Vec<Wanted> {
    let mut balancers: Vec<&str> =
        groups.iter().flat_map(|group| &group.balancers).map(String::as_str).collect();
    balancers.extend(
        subject.load_balancers.iter().map(|name| suffix(name)).filter(|name| name.matches('/').count() == 2),
    );
    balancers.sort_unstable();
    balancers.dedup();
    let of_groups = groups.iter().flat_map(|group| {
        group.balancers.iter().flat_map(|balancer| metric::of_target_group(&group.suffix, balancer))
    });
    of_groups.chain(balancers.into_iter().flat_map(metric::of_load_balancer)).collect()
}

async fn ask_groups(client: &Client) -> Result<Answer<Vec<TargetGroup>>, CallError> {
    let mut pages = client.describe_target_groups().into_paginator().items().send();
    let mut groups = Vec::new();
    while let Some(group) = pages.next().await {
        groups.push(group.map_err(|error| failure(error, "elasticloadbalancing:DescribeTargetGroups"))?);
    }
    Ok(Answer::list(groups))
}

async fn ask_health(client: &Client, arn: &str) -> Result<Answer<Vec<TargetHealthDescription>>, CallError> {
    let output = client
        .describe_target_health()
        .target_group_arn(arn)
        .send()
        .await
        .map_err(|error| failure(error, "elasticloadbalancing:DescribeTargetHealth"))?;
    Ok(Answer::list(output.target_health_descriptions.unwrap_or_default()))
}

fn choose(all: &[TargetGroup], subject: &Subject) -> Vec<Group> {
    all.iter()
        .filter_map(|group| {
            let arn = group.target_group_arn()?;
            let balancers = group.load_balancer_arns().iter().map(|arn| suffix(arn).to_owned()).collect();
            Some(Group { arn: arn.to_owned(), suffix: suffix(arn).to_owned(), balancers })
        })
        .filter(|group| {
            subject.target_groups.iter().any(|name| names(name, &group.suffix))
                || subject
                    .load_balancers
                    .iter()
                    .any(|name| group.balancers.iter().any(|balancer| names(name, balancer)))
        })
        .collect()
}

/// Whether a name, suffix or whole ARN means the object of that suffix (`kind/name/id`).
fn names(given: &str, full: &str) -> bool {
    let given = suffix(given);
    given == full || full.split('/').nth(1) == Some(given)
}

/// What CloudWatch's dimensions hold of an ARN: `targetgroup/name/id`, and for a load balancer `app/name/id`.
fn suffix(arn: &str) -> &str {
    let resource = arn.rsplit(':').next().unwrap_or(arn);
    resource.strip_prefix("loadbalancer/").unwrap_or(resource)
}

fn observe(group: &str, targets: &[TargetHealthDescription], as_of: Timestamp) -> Observation {
    let mut fact = fact::TargetHealth::default();
    for health in targets.iter().filter_map(TargetHealthDescription::target_health) {
        let state = health.state().map_or("unknown", TargetHealthStateEnum::as_str);
        *fact.states.entry(state.to_owned()).or_default() += 1;
        if let Some(reason) = health.reason().filter(|_| state != "healthy") {
            *fact.reasons.entry(TargetHealthReasonEnum::as_str(reason).to_owned()).or_default() += 1;
        }
    }
    fact.unhealthy = targets.iter().filter_map(unhealthy).take(TOLD).collect();
    let summary = summary(&fact);
    Observation::new(as_of, Object::new(ObjectKind::TargetGroup, group), summary, Fact::TargetHealth(fact))
}

/// A target that gets no traffic, with AWS's words for why.
fn unhealthy(target: &TargetHealthDescription) -> Option<fact::UnhealthyTarget> {
    let health = target.target_health()?;
    let state = health.state().map_or("unknown", TargetHealthStateEnum::as_str);
    if state == "healthy" {
        return None;
    }
    let of = target.target()?;
    let port = of.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(fact::UnhealthyTarget {
        target: format!("{}{port}", of.id().unwrap_or("unknown")),
        state: state.to_owned(),
        reason: health.reason().map(|reason| reason.as_str().to_owned()),
        description: health.description().map(|text| incident::size::cut(text, WORDS)),
    })
}

/// `4 of 6 targets healthy, 2 unhealthy (Target.Timeout 2)`.
fn summary(fact: &fact::TargetHealth) -> String {
    let all: u32 = fact.states.values().sum();
    let healthy = fact.states.get("healthy").copied().unwrap_or(0);
    let counted = |counts: &BTreeMap<String, u32>, form: fn(&str, u32) -> String| {
        counts
            .iter()
            .filter(|(name, _)| *name != "healthy")
            .map(|(name, n)| form(name, *n))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut line = format!("{healthy} of {all} targets healthy");
    if healthy < all {
        line += &format!(", {}", counted(&fact.states, |name, n| format!("{n} {name}")));
    }
    if !fact.reasons.is_empty() {
        line += &format!(" ({})", counted(&fact.reasons, |name, n| format!("{name} {n}")));
    }
    if let Some(said) = fact.unhealthy.iter().find_map(|target| target.description.as_ref()) {
        line += &format!(": {said}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_elasticloadbalancingv2::types::TargetHealth;

    const ARN: &str = "arn:aws:elasticloadbalancing:us-east-1:1:";

    fn group(name: &str, balancer: &str) -> TargetGroup {
        TargetGroup::builder()
            .target_group_arn(format!("{ARN}targetgroup/{name}/6d0"))
            .load_balancer_arns(format!("{ARN}loadbalancer/{balancer}"))
            .build()
    }

    fn chosen(subject: &Subject) -> Vec<String> {
        let all = [group("shop", "app/front/50d"), group("admin", "net/back/7e1")];
        choose(&all, subject).into_iter().map(|group| group.suffix).collect()
    }

    #[test]
    fn a_group_is_meant_by_name_by_suffix_by_arn_or_through_its_balancer() {
        for name in
            ["shop".to_owned(), "targetgroup/shop/6d0".to_owned(), format!("{ARN}targetgroup/shop/6d0")]
        {
            assert_eq!(
                chosen(&Subject { target_groups: vec![name], ..Subject::default() }),
                ["targetgroup/shop/6d0"]
            );
        }
        for name in ["back", "net/back/7e1"] {
            let subject = Subject { load_balancers: vec![name.into()], ..Subject::default() };
            assert_eq!(chosen(&subject), ["targetgroup/admin/6d0"]);
        }
        assert!(chosen(&Subject { target_groups: vec!["sho".into()], ..Subject::default() }).is_empty());
    }

    #[test]
    fn metrics_carry_both_suffixes_and_the_balancer_is_asked_once() {
        let all = [group("shop", "app/front/50d"), group("cart", "app/front/50d")];
        let subject = Subject { load_balancers: vec!["app/front/50d".into()], ..Subject::default() };
        let wanted = metrics(&choose(&all, &subject), &subject);
        let rejected: Vec<_> = wanted.iter().filter(|w| w.metric.name == "RejectedConnectionCount").collect();
        assert_eq!(rejected.len(), 1);
        let times = wanted.iter().find(|w| w.metric.name == "TargetResponseTime").unwrap();
        assert_eq!(
            times.dimensions,
            [
                ("TargetGroup", "targetgroup/shop/6d0".to_owned()),
                ("LoadBalancer", "app/front/50d".to_owned())
            ]
        );
    }

    #[test]
    fn unhealthy_targets_are_counted_with_their_reasons() {
        let target = |state: TargetHealthStateEnum, reason: Option<TargetHealthReasonEnum>| {
            let health = TargetHealth::builder().state(state).set_reason(reason).build();
            TargetHealthDescription::builder().target_health(health).build()
        };
        let targets = [
            target(TargetHealthStateEnum::Healthy, None),
            target(TargetHealthStateEnum::Unhealthy, Some(TargetHealthReasonEnum::Timeout)),
            target(TargetHealthStateEnum::Unhealthy, Some(TargetHealthReasonEnum::Timeout)),
        ];
        let told = observe("targetgroup/shop/6d0", &targets, "2026-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(told.summary, "1 of 3 targets healthy, 2 unhealthy (Target.Timeout 2)");
        assert_eq!(observe("g", &targets[..1], told.at).summary, "1 of 1 targets healthy");
    }
}
