//! AWS on one endpoint: CloudWatch and Performance Insights (Smithy RPC v2 CBOR), RDS, EC2, ELBv2 and STS (query in, XML out), Secrets Manager (JSON).
//!
//! A request is understood by its protocol, as AWS does it: who signed it, may they do this, and only then what it asks.
//! A request signed for another region finds that region empty.

mod call;
mod cbor;
mod cloudwatch;
mod ec2;
mod elbv2;
mod model;
mod page;
mod pi;
mod rds;
mod xml;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Moment;
use crate::wire::{Answer, Request};
use call::{Call, Protocol, Refusal, Service};

/// What one account holds in one region.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// The access key that requests must be signed with. The signature itself is not checked.
    pub access_key_id: String,
    /// The secret handed to clients beside it.
    pub secret_access_key: String,
    /// The account's number.
    pub account: String,
    /// The one region that holds anything.
    pub region: String,
    /// Operations that the credentials may not call.
    pub denied: Vec<Operation>,
    /// Metrics and alarms.
    pub cloudwatch: cloudwatch::World,
    /// Databases.
    pub rds: rds::World,
    /// What the databases' sessions do.
    pub pi: pi::World,
    /// Instances.
    pub ec2: ec2::World,
    /// Load balancers.
    pub elbv2: elbv2::World,
    /// Secrets Manager: name or ARN to the secret's text.
    pub secrets: BTreeMap<String, String>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            access_key_id: "AKIASIMULATEDPLATFORM".to_owned(),
            secret_access_key: "simulated-secret-access-key".to_owned(),
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            denied: Vec::new(),
            cloudwatch: cloudwatch::World::default(),
            rds: rds::World::default(),
            pi: pi::World::default(),
            ec2: ec2::World::default(),
            elbv2: elbv2::World::default(),
            secrets: BTreeMap::new(),
        }
    }
}

/// The operations that are served; any other is unknown to the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "these are AWS's own names")]
pub enum Operation {
    GetMetricData,
    DescribeAlarms,
    DescribeAlarmHistory,
    DescribeDBInstances,
    DescribeDBClusters,
    DescribeDBProxies,
    DescribeDBProxyTargets,
    GetResourceMetrics,
    DescribeEvents,
    DescribeDBParameters,
    DescribePendingMaintenanceActions,
    DescribeInstances,
    DescribeInstanceStatus,
    DescribeLoadBalancers,
    DescribeTargetGroups,
    DescribeTargetHealth,
    GetCallerIdentity,
    GetSecretValue,
}

/// The operation a request names, such as `GetMetricData`; its path where it names none.
pub fn call(request: &Request) -> String {
    Call::read(request).map_or_else(|_| request.path.clone(), |call| call.operation)
}

impl World {
    /// The settings of a client of this account.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", url.to_owned()),
            ("AWS_REGION", self.region.clone()),
            ("AWS_ACCESS_KEY_ID", self.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key.clone()),
        ]
    }

    /// Answers a request as AWS would.
    pub fn answer(&self, request: &Request, moment: Moment) -> Answer {
        let call = match Call::read(request) {
            Ok(call) => call,
            Err(refusal) => return Protocol::of(request).refuse("", &refusal),
        };
        let output = self.permitted(request, &call).and_then(|(operation, elsewhere)| {
            if elsewhere {
                return Self { account: self.account.clone(), ..Self::default() }
                    .output(operation, &call, moment);
            }
            self.output(operation, &call, moment)
        });
        match output {
            Ok(output) => call.succeed(output),
            Err(refusal) => call.refuse(&refusal),
        }
    }

    /// The operation, where the signature and the permissions allow it, and whether it goes to another region.
    fn permitted(&self, request: &Request, call: &Call) -> Result<(Operation, bool), Refusal> {
        let scope = call::scope(request).ok_or_else(|| call.unsigned())?;
        if scope.access_key_id != self.access_key_id {
            return Err(call.unknown_key());
        }
        if scope.service != call.service.signing_name() {
            let message =
                format!("Credential should be scoped to correct service: '{}'.", call.service.signing_name());
            return Err(Refusal::new(403, "SignatureDoesNotMatch", message));
        }
        let operation: Operation = serde_json::from_value(Value::String(call.operation.clone()))
            .map_err(|_| call.unknown_operation())?;
        // No policy can refuse sts:GetCallerIdentity.
        if self.denied.contains(&operation) && operation != Operation::GetCallerIdentity {
            return Err(call.denied(&self.account));
        }
        Ok((operation, scope.region != self.region))
    }

    fn output(&self, operation: Operation, call: &Call, moment: Moment) -> Result<call::Output, Refusal> {
        let parameters = &call.parameters;
        let value = match (operation, call.service) {
            (Operation::GetMetricData, Service::CloudWatch) => {
                return self.cloudwatch.get_metric_data(&call.message, moment).map(call::Output::Cbor);
            }
            (Operation::DescribeAlarms, Service::CloudWatch) => {
                self.cloudwatch.describe_alarms(&call.message)
            }
            (Operation::DescribeAlarmHistory, Service::CloudWatch) => {
                self.cloudwatch.describe_alarm_history(&call.message, moment)
            }
            (Operation::GetResourceMetrics, Service::Pi) => {
                return self.pi.get_resource_metrics(&call.message, moment).map(call::Output::Cbor);
            }
            (Operation::DescribeDBClusters, Service::Rds) => self.rds.describe_db_clusters(parameters),
            (Operation::DescribeDBProxies, Service::Rds) => self.rds.describe_db_proxies(parameters),
            (Operation::DescribeDBProxyTargets, Service::Rds) => {
                self.rds.describe_db_proxy_targets(parameters)
            }
            (Operation::DescribeDBInstances, Service::Rds) => self.rds.describe_db_instances(parameters),
            (Operation::DescribeEvents, Service::Rds) => self.rds.describe_events(parameters, moment),
            (Operation::DescribeDBParameters, Service::Rds) => self.rds.describe_db_parameters(parameters),
            (Operation::DescribePendingMaintenanceActions, Service::Rds) => {
                self.rds.describe_pending_maintenance_actions(parameters)
            }
            (Operation::DescribeInstances, Service::Ec2) => {
                self.ec2.describe_instances(parameters, &self.account)
            }
            (Operation::DescribeInstanceStatus, Service::Ec2) => {
                self.ec2.describe_instance_status(parameters)
            }
            (Operation::DescribeLoadBalancers, Service::Elbv2) => {
                self.elbv2.describe_load_balancers(parameters)
            }
            (Operation::DescribeTargetGroups, Service::Elbv2) => {
                self.elbv2.describe_target_groups(parameters)
            }
            (Operation::DescribeTargetHealth, Service::Elbv2) => {
                self.elbv2.describe_target_health(parameters)
            }
            (Operation::GetCallerIdentity, Service::Sts) => Ok(self.caller_identity()),
            (Operation::GetSecretValue, Service::SecretsManager) => self.secret_value(&call.message),
            _ => Err(call.unknown_operation()),
        };
        value.map(call::Output::Json)
    }

    fn caller_identity(&self) -> Value {
        json!({"Arn": format!("arn:aws:iam::{}:user/sitrep", self.account), "UserId": "AIDASIMULATEDPLATFORM",
            "Account": self.account})
    }

    fn secret_value(&self, message: &Value) -> Result<Value, Refusal> {
        let id = message["SecretId"].as_str().unwrap_or_default();
        let (name, text) = self.secrets.get_key_value(id).ok_or_else(|| {
            Refusal::new(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        })?;
        Ok(json!({"ARN": name, "Name": name, "SecretString": text, "VersionStages": ["AWSCURRENT"]}))
    }
}

#[cfg(test)]
mod tests;
