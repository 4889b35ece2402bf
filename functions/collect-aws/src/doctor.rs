//! For `sitrep doctor`: the credentials, and the smallest request of each action that the role needs.

use std::error::Error;
use std::time::Duration;

use aws_sdk_cloudwatch::types::{Metric, MetricDataQuery, MetricStat};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::DateTime;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};
use host::{Check, Fault, Outcome, Settings};
use incident::Window;

use crate::clients::Clients;
use crate::failure::{failure, is_about_credentials};
use crate::load::ask;

const OF: &str = "AWS";
/// The name of something that nobody has. IAM is asked before it is looked for.
const NOBODY: &str = "sitrep-doctor";
/// What is read of metrics.
const SPAN: Duration = Duration::from_secs(120);

/// Checks the AWS credentials and each action of the role of `collect-aws`, in the settings' own region.
pub async fn doctor(settings: &Settings) -> Result<Vec<Check>, Fault> {
    if !host::aws::is_configured(settings) {
        let why = "AWS_ACCESS_KEY_ID, AWS_PROFILE or a role not set";
        return Ok(vec![Check::new(OF, "credentials", Outcome::absent(why))]);
    }
    let config = host::aws::config(settings);
    let Some(region) = config.region().map(ToString::to_string) else {
        let outcome = Outcome::failed("no region is named", "set AWS_REGION to where the databases are");
        return Ok(vec![Check::new(OF, "credentials", outcome)]);
    };
    let clients = Clients::new(&config, settings);
    let alarms = clients.cloudwatch.describe_alarms().max_records(1).send().await;
    if let Err(error) = &alarms
        && let Some(outcome) = credentials(error)
    {
        return Ok(vec![Check::new(OF, "credentials", outcome)]);
    }
    let taken = Check::new(OF, "credentials", Outcome::Ok { seen: format!("taken in {region}") });
    let alarms = action("cloudwatch:DescribeAlarms", async { alarms });
    let (alarms, rest) = futures::join!(alarms, join_all(actions(&clients)));
    Ok([vec![taken, alarms], rest].concat())
}

fn actions(clients: &Clients) -> Vec<BoxFuture<'_, Check>> {
    let Clients { cloudwatch, rds, ec2, load_balancing, .. } = clients;
    vec![
        action("cloudwatch:DescribeAlarmHistory", cloudwatch.describe_alarm_history().max_records(1).send()),
        metric_data(cloudwatch).boxed(),
        action("rds:DescribeDBInstances", rds.describe_db_instances().max_records(20).send()),
        action("rds:DescribeDBClusters", rds.describe_db_clusters().max_records(20).send()),
        action("rds:DescribeDBProxies", rds.describe_db_proxies().max_records(20).send()),
        action("rds:DescribeDBProxyTargets", rds.describe_db_proxy_targets().db_proxy_name(NOBODY).send()),
        action(
            "rds:DescribeDBParameters",
            rds.describe_db_parameters().db_parameter_group_name(NOBODY).send(),
        ),
        action(
            "rds:DescribePendingMaintenanceActions",
            rds.describe_pending_maintenance_actions().max_records(20).send(),
        ),
        action("rds:DescribeEvents", rds.describe_events().duration(1).max_records(20).send()),
        load(clients).boxed(),
        action("ec2:DescribeInstances", ec2.describe_instances().max_results(5).send()),
        action("ec2:DescribeInstanceStatus", ec2.describe_instance_status().max_results(5).send()),
        action(
            "elasticloadbalancing:DescribeTargetGroups",
            load_balancing.describe_target_groups().page_size(1).send(),
        ),
        target_health(load_balancing).boxed(),
    ]
}

async fn metric_data(client: &aws_sdk_cloudwatch::Client) -> Check {
    let metric = Metric::builder().namespace("AWS/RDS").metric_name("CPUUtilization").build();
    let stat = MetricStat::builder().metric(metric).period(60).stat("Average").build();
    let query = MetricDataQuery::builder().id("cpu").metric_stat(stat).build();
    let now = host::clock::now().as_second();
    let sent = client
        .get_metric_data()
        .metric_data_queries(query)
        .start_time(DateTime::from_secs(now - SPAN.as_secs() as i64))
        .end_time(DateTime::from_secs(now))
        .send();
    action("cloudwatch:GetMetricData", sent).await
}

/// Performance Insights answers for a database that has it, and for no other.
async fn load(clients: &Clients) -> Check {
    const ACTION: &str = "pi:GetResourceMetrics";
    let attempt = async {
        let listed = clients.rds.describe_db_instances().max_records(100).send().await;
        let instances = listed.map_err(|_| Outcome::absent("no database could be listed"))?.db_instances;
        let watched = instances.unwrap_or_default().into_iter();
        let watched = watched.filter(|instance| instance.performance_insights_enabled() == Some(true));
        let resource = watched.filter_map(|instance| instance.dbi_resource_id).next();
        let resource = resource.ok_or_else(|| Outcome::absent("no database has Performance Insights on"))?;
        let to = host::clock::now();
        let window = Window { from: to.checked_sub(SPAN).unwrap_or(to), to };
        let asked = ask(&clients.insights, &resource, window).await;
        asked.map(|_| "allowed".to_owned()).map_err(|error| error.outcome(grant(ACTION)))
    };
    Check::attempt(OF, ACTION, attempt).await
}

async fn target_health(client: &aws_sdk_elasticloadbalancingv2::Client) -> Check {
    const ACTION: &str = "elasticloadbalancing:DescribeTargetHealth";
    let listed = client.describe_target_groups().page_size(1).send().await;
    let first = listed.ok().and_then(|listed| listed.target_groups?.into_iter().next()?.target_group_arn);
    match first {
        Some(arn) => action(ACTION, client.describe_target_health().target_group_arn(arn).send()).await,
        None => Check::new(OF, ACTION, Outcome::absent("there is no target group to try it on")),
    }
}

/// A request by the action that it needs. What is not found was looked for, so it is allowed.
fn action<'a, T, E>(
    action: &'static str,
    sent: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'a,
) -> BoxFuture<'a, Check>
where
    E: ProvideErrorMetadata + Error + Send + 'static,
{
    let attempt = async move {
        match sent.await {
            Ok(_) => Ok("allowed".to_owned()),
            Err(SdkError::ServiceError(refused))
                if refused.err().code().is_some_and(|code| code.contains("NotFound")) =>
            {
                Ok("allowed".to_owned())
            }
            Err(error) => Err(failure(error, action).outcome(grant(action))),
        }
    };
    Check::attempt(OF, action, attempt).boxed()
}

fn grant(action: &str) -> String {
    format!("allow {action} in the policy of whose credentials these are (infra/manifest.yaml, collect-aws)")
}

/// Why the credentials themselves are no good: no permission mends that.
fn credentials<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<Outcome> {
    let fix = "renew AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or aws sso login for AWS_PROFILE";
    match error {
        SdkError::ServiceError(refused) => {
            let code = refused.err().code().filter(|code| is_about_credentials(code))?;
            Some(Outcome::failed(format!("refused with {code}"), fix))
        }
        // Nothing was sent: the SDK found nothing to sign with.
        SdkError::DispatchFailure(failure) if failure.is_other() || failure.is_user() => {
            Some(Outcome::failed("no credentials could be read", fix))
        }
        _ => None,
    }
}
