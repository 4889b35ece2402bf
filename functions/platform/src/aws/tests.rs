//! Requests as the SDKs send them, against a small account.

use ciborium::cbor;
use http::Method;
use serde_json::{Value, json};

use super::World;
use super::cbor as wire;
use crate::Moment;
use crate::wire::{Answer, Request};

fn moment() -> Moment {
    Moment { alert: "2026-01-01T12:00:00Z".parse().unwrap(), as_of: "2026-01-01T12:06:00Z".parse().unwrap() }
}

fn world() -> World {
    serde_json::from_value(json!({
        "denied": ["DescribeLoadBalancers", "DescribeAlarms", "DescribeInstances", "GetSecretValue"],
        "cloudwatch": {"metrics": [
            {"namespace": "AWS/RDS", "metric": "CPUUtilization", "dimensions": {"DBInstanceIdentifier": "db-1"},
             "unit": "Percent", "series": {"from": "2026-01-01T12:00:00Z", "values": [1, 2, 3, null, 5, 6, 7]}},
            {"namespace": "AWS/RDS", "metric": "CPUUtilization", "dimensions": {"DBInstanceIdentifier": "db-2"},
             "status": "Forbidden", "series": {"level": 1}}],
          "AlarmHistoryItems": [
            {"AlarmName": "a", "Timestamp": "2026-01-01T11:00:00Z", "HistoryItemType": "StateUpdate"},
            {"AlarmName": "a", "Timestamp": "2026-01-01T12:01:00Z", "HistoryItemType": "StateUpdate"},
            {"AlarmName": "a", "Timestamp": "2026-01-01T13:00:00Z", "HistoryItemType": "StateUpdate"}]},
        "rds": {
          "DBInstances": [{"DBInstanceIdentifier": "db-1", "Engine": "postgres"}, {"DBInstanceIdentifier": "db-2"}],
          "Events": [
            {"SourceIdentifier": "db-1", "SourceType": "db-instance", "Message": "new", "Date": "2026-01-01T12:02:00Z"},
            {"SourceIdentifier": "db-1", "SourceType": "db-instance", "Message": "old", "Date": "2026-01-01T10:00:00Z"},
            {"SourceIdentifier": "db-2", "SourceType": "db-instance", "Message": "other", "Date": "2026-01-01T12:02:00Z"}],
          "DBParameterGroups": {"pg": [{"ParameterName": "max_connections", "ParameterValue": 500, "Source": "user"},
            {"ParameterName": "work_mem", "Source": "engine-default"}]}},
        "ec2": {"Instances": [{"InstanceId": "i-1", "PrivateDnsName": "ip-1"},
            {"InstanceId": "i-2", "State": {"Code": 80, "Name": "stopped"}}]},
        "elbv2": {"TargetGroups": [{"TargetGroupArn": "arn:tg/1"}, {"TargetGroupArn": "arn:tg/2"}],
          "TargetHealth": {"arn:tg/1": [{"Target": {"Id": "i-1", "Port": 80}, "TargetHealth": {"State": "healthy"}}]}}}))
    .unwrap()
}

fn signed(request: Request, key: &str, region: &str, service: &str) -> Request {
    let scope = format!("{key}/20260101/{region}/{service}/aws4_request");
    let signature = "0".repeat(64);
    let value =
        format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={signature}");
    request.with_header("authorization", &value)
}

fn query(service: &str, version: &str, form: &str) -> Request {
    let body = format!("{form}&Version={version}");
    let request = Request::new(Method::POST, "/").with_body(body);
    signed(request, "AKIASIMULATEDPLATFORM", "us-east-1", service)
}

fn xml(request: &Request) -> (u16, String) {
    let answer = world().answer(request, moment());
    (answer.status, String::from_utf8(answer.body).unwrap())
}

fn rds(form: &str) -> (u16, String) {
    xml(&query("rds", "2014-10-31", form))
}

fn ec2(form: &str) -> (u16, String) {
    xml(&query("ec2", "2016-11-15", form))
}

fn elb(form: &str) -> (u16, String) {
    xml(&query("elasticloadbalancing", "2015-12-01", form))
}

fn cloudwatch(operation: &str, message: &ciborium::Value) -> (Answer, Value) {
    let path = format!("/service/GraniteServiceVersion20100801/operation/{operation}");
    let request = Request::new(Method::POST, &path)
        .with_header("smithy-protocol", "rpc-v2-cbor")
        .with_header("content-type", "application/cbor")
        .with_body(wire::bytes(message));
    let answer =
        world().answer(&signed(request, "AKIASIMULATEDPLATFORM", "us-east-1", "monitoring"), moment());
    let value = wire::decode(&answer.body).unwrap();
    (answer, value)
}

fn time(text: &str) -> ciborium::Value {
    wire::time(text.parse().unwrap())
}

/// A GetMetricData request for one metric of one database.
fn metric_data(
    database: &str,
    stat: &str,
    period: u32,
    extra: Vec<(&str, ciborium::Value)>,
) -> ciborium::Value {
    let mut message =
        cbor!({"MetricDataQueries" => [{"Id" => "q", "MetricStat" => {"Stat" => stat, "Period" => period,
        "Metric" => {"Namespace" => "AWS/RDS", "MetricName" => "CPUUtilization",
            "Dimensions" => [{"Name" => "DBInstanceIdentifier", "Value" => database}]}}}]})
        .unwrap();
    let fields = message.as_map_mut().unwrap();
    let times = [("StartTime", time("2026-01-01T12:01:20Z")), ("EndTime", time("2026-01-01T12:05:00Z"))];
    fields.extend(times.into_iter().chain(extra).map(|(name, value)| (name.into(), value)));
    message
}

#[test]
fn metric_data_begins_at_the_start_ends_before_the_end_and_comes_newest_first() {
    let (answer, value) = cloudwatch("GetMetricData", &metric_data("db-1", "Average", 60, vec![]));
    assert_eq!(answer.status, 200);
    let result = &value["MetricDataResults"][0];
    assert_eq!(result["Values"], json!([5.0, 3.0, 2.0]));
    assert_eq!(result["Timestamps"][0], "2026-01-01T12:04:00Z");
    assert_eq!((&result["Label"], &result["StatusCode"]), (&json!("CPUUtilization"), &json!("Complete")));
    let ascending = vec![("ScanBy", "TimestampAscending".into())];
    let (_, value) = cloudwatch("GetMetricData", &metric_data("db-1", "Sum", 300, ascending));
    assert_eq!(value["MetricDataResults"][0]["Values"], json!([10.0]));
}

#[test]
fn metric_data_of_an_unknown_metric_is_complete_and_empty_and_of_a_forbidden_one_says_so() {
    let result = |database: &str| {
        let (_, value) = cloudwatch("GetMetricData", &metric_data(database, "Average", 60, vec![]));
        let result = value["MetricDataResults"][0].clone();
        (result["StatusCode"].clone(), result["Values"].clone())
    };
    assert_eq!(result("db-9"), (json!("Complete"), json!([])));
    assert_eq!(result("db-2"), (json!("Forbidden"), json!([])));
}

#[test]
fn metric_data_goes_on_where_the_page_ended() {
    let small = |token: Option<&str>| {
        let mut extra = vec![("MaxDatapoints", 2.into())];
        extra.extend(token.map(|token| ("NextToken", token.into())));
        cloudwatch("GetMetricData", &metric_data("db-1", "Average", 60, extra)).1
    };
    let first = small(None);
    assert_eq!(first["MetricDataResults"][0]["StatusCode"], "PartialData");
    assert_eq!(first["MetricDataResults"][0]["Values"], json!([5.0, 3.0]));
    let second = small(first["NextToken"].as_str());
    assert_eq!(second["MetricDataResults"][0]["Values"], json!([2.0]));
    assert_eq!(second["NextToken"], Value::Null);
}

#[test]
fn metric_data_that_is_asked_for_wrongly_is_refused() {
    for message in [
        metric_data("db-1", "Mean", 60, vec![]),
        metric_data("db-1", "Average", 45, vec![]),
        metric_data("db-1", "Average", 60, vec![("ScanBy", "Newest".into())]),
    ] {
        let (answer, value) = cloudwatch("GetMetricData", &message);
        assert_eq!((answer.status, &value["__type"]), (400, &json!("ValidationError")));
    }
    let (_, value) = cloudwatch("GetMetricData", &cbor!({"MetricDataQueries" => []}).unwrap());
    assert_eq!(value["__type"], "MissingRequiredParameterException");
}

#[test]
fn alarm_history_shows_what_has_happened_by_now_newest_first() {
    let (_, value) =
        cloudwatch("DescribeAlarmHistory", &cbor!({"HistoryItemType" => "StateUpdate"}).unwrap());
    let times: Vec<&Value> =
        value["AlarmHistoryItems"].as_array().unwrap().iter().map(|item| &item["Timestamp"]).collect();
    assert_eq!(times, ["2026-01-01T12:01:00Z", "2026-01-01T11:00:00Z"]);
}

#[test]
fn each_protocol_refuses_in_its_own_words() {
    let (answer, value) = cloudwatch("DescribeAlarms", &cbor!({}).unwrap());
    assert_eq!((answer.status, &value["__type"]), (403, &json!("AccessDeniedException")));
    let (status, body) = elb("Action=DescribeLoadBalancers");
    assert_eq!(status, 403);
    assert!(body.contains("<Code>AccessDenied</Code>"), "{body}");
    let (status, body) = ec2("Action=DescribeInstances");
    assert_eq!(status, 403);
    assert!(body.contains("<Errors><Error><Code>UnauthorizedOperation</Code>"), "{body}");
    let secret = Request::new(Method::POST, "/")
        .with_header("x-amz-target", "secretsmanager.GetSecretValue")
        .with_json(&json!({"SecretId": "x"}));
    let secret = signed(secret, "AKIASIMULATEDPLATFORM", "us-east-1", "secretsmanager");
    assert_eq!(world().answer(&secret, moment()).value()["__type"], "AccessDeniedException");
    let (status, body) = rds("Action=DescribeDBSnapshots");
    assert_eq!(status, 400);
    assert!(body.contains("<Code>InvalidAction</Code>"), "{body}");
}

#[test]
fn a_wrong_key_service_or_region_is_not_served() {
    let request = |key: &str, region: &str, service: &str| {
        let body = "Action=DescribeDBInstances&Version=2014-10-31";
        xml(&signed(Request::new(Method::POST, "/").with_body(body), key, region, service))
    };
    assert!(request("AKIAWRONG", "us-east-1", "rds").1.contains("InvalidClientTokenId"));
    assert!(request("AKIASIMULATEDPLATFORM", "us-east-1", "ec2").1.contains("SignatureDoesNotMatch"));
    let (status, body) = request("AKIASIMULATEDPLATFORM", "eu-west-1", "rds");
    assert_eq!(status, 200);
    assert!(body.contains("<DBInstances></DBInstances>"), "{body}");
    let unsigned = Request::new(Method::POST, "/").with_body("Action=DescribeDBInstances&Version=2014-10-31");
    assert!(xml(&unsigned).1.contains("MissingAuthenticationToken"));
}

#[test]
fn databases_are_found_by_name_and_a_name_that_does_not_exist_is_an_error() {
    let (status, body) = rds("Action=DescribeDBInstances&DBInstanceIdentifier=DB-1");
    assert_eq!(status, 200);
    assert!(body.contains("<DBInstanceIdentifier>db-1</DBInstanceIdentifier>") && !body.contains("db-2"));
    let (status, body) = rds("Action=DescribeDBInstances&DBInstanceIdentifier=nope");
    assert_eq!(status, 404);
    assert!(body.contains("<Code>DBInstanceNotFound</Code>"));
}

#[test]
fn database_events_need_a_source_type_and_reach_back_an_hour_unless_asked() {
    let source = "SourceType=db-instance&SourceIdentifier=db-1";
    let (_, body) = rds(&format!("Action=DescribeEvents&{source}"));
    assert!(body.contains("new") && !body.contains("old") && !body.contains("other"), "{body}");
    let (_, body) = rds(&format!("Action=DescribeEvents&{source}&Duration=180"));
    assert!(body.contains("old"));
    let (_, body) = rds(&format!(
        "Action=DescribeEvents&{source}&StartTime=2026-01-01T09:00:00Z&EndTime=2026-01-01T11:00:00Z"
    ));
    assert!(body.contains("old") && !body.contains("new"));
    let (status, body) = rds("Action=DescribeEvents&SourceIdentifier=db-1");
    assert_eq!(status, 400);
    assert!(body.contains("InvalidParameterCombination"));
}

#[test]
fn parameters_are_those_of_their_group_and_source() {
    let (_, body) = rds("Action=DescribeDBParameters&DBParameterGroupName=pg&Source=user");
    assert!(
        body.contains("<Parameters><Parameter>") && body.contains("<ParameterValue>500</ParameterValue>")
    );
    assert!(!body.contains("work_mem"));
    assert!(rds("Action=DescribeDBParameters&DBParameterGroupName=x").1.contains("DBParameterGroupNotFound"));
    assert!(rds("Action=DescribeDBParameters").1.contains("MissingParameter"));
}

#[test]
fn instance_status_is_of_running_instances_unless_all_are_asked_for() {
    let (_, body) = ec2("Action=DescribeInstanceStatus");
    assert!(body.contains("<instanceId>i-1</instanceId>") && !body.contains("i-2"), "{body}");
    assert!(body.contains("<instanceStatus><details>"), "{body}");
    assert!(ec2("Action=DescribeInstanceStatus&IncludeAllInstances=true").1.contains("i-2"));
    let (status, body) = ec2("Action=DescribeInstanceStatus&InstanceId.1=i-9");
    assert_eq!(status, 400);
    assert!(body.contains("InvalidInstanceID.NotFound"));
}

#[test]
fn target_health_is_asked_one_group_at_a_time() {
    let (_, body) = elb("Action=DescribeTargetHealth&TargetGroupArn=arn:tg/1");
    assert!(
        body.contains("<TargetHealthDescriptions><member>") && body.contains("<State>healthy</State>"),
        "{body}"
    );
    assert!(elb("Action=DescribeTargetHealth&TargetGroupArn=arn:tg/9").1.contains("TargetGroupNotFound"));
    assert!(elb("Action=DescribeTargetHealth").1.contains("ValidationError"));
    assert!(!elb("Action=DescribeTargetGroups&TargetGroupArns.member.1=arn:tg/2").1.contains("tg/1"));
}

#[test]
fn everyone_may_ask_who_they_are() {
    let (status, body) = xml(&query("sts", "2011-06-15", "Action=GetCallerIdentity"));
    assert_eq!(status, 200);
    assert!(body.contains("<Account>123456789012</Account>"));
}

#[test]
fn a_misspelt_member_is_an_error_and_not_an_absence() {
    let read = |value: Value| serde_json::from_value::<World>(value).unwrap_err().to_string();
    let error = read(json!({"rds": {"DBInstances": [{"DBInstanceIdentifer": "x"}]}}));
    assert!(error.contains("no member DBInstanceIdentifer in DBInstance"), "{error}");
    assert!(read(json!({"denied": ["DescribeEverything"]})).contains("DescribeEverything"));
    assert!(read(json!({"metrics": []})).contains("metrics"));
}
