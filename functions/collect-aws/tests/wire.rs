//! The collector against the wire: a loopback server that answers as AWS does, CBOR for CloudWatch and XML for the rest.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the server is part of the test: what it cannot read fails it"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use ciborium::Value;
use collect_aws::CollectAws;
use host::{Function, Settings};
use incident::{Evidence, Fact, State, Status, Timestamp};

const EVENT: &str = include_str!("../../../events/collect-aws/rds-cpu-high.json");

/// A request as it arrived.
struct Request {
    path: String,
    body: Vec<u8>,
}

impl Request {
    /// The operation: the last segment of a CBOR path, or the `Action` of a query.
    fn operation(&self) -> String {
        match self.path.rsplit_once("/operation/") {
            Some((_, operation)) => operation.to_owned(),
            None => self.parameter("Action").unwrap_or_default(),
        }
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let body = String::from_utf8_lossy(&self.body);
        body.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")).map(str::to_owned))
    }
}

/// Status, content type, body.
type Reply = (u16, &'static str, Vec<u8>);

/// Serves `answer` on loopback until the process ends; every request's operation is recorded.
fn serve(answer: fn(&Request) -> Reply) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let record = Arc::clone(&record);
            std::thread::spawn(move || converse(stream, answer, &record));
        }
    });
    (url, seen)
}

fn converse(stream: TcpStream, answer: fn(&Request) -> Reply, record: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let request = Request { path, body };
    record.lock().unwrap().push(request.operation());
    let (status, kind, body) = answer(&request);
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    // A client that gave up waiting has closed its side.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

fn xml(action: &str, result: &str) -> Reply {
    let body = format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>");
    (200, "text/xml", body.into_bytes())
}

fn cbor(value: &Value) -> Reply {
    let mut body = Vec::new();
    ciborium::into_writer(value, &mut body).unwrap();
    (200, "application/cbor", body)
}

fn map(entries: Vec<(&str, Value)>) -> Value {
    Value::Map(entries.into_iter().map(|(k, v)| (Value::Text(k.into()), v)).collect())
}

fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    let entries = value.as_map().unwrap();
    &entries.iter().find(|(key, _)| key.as_text() == Some(name)).unwrap_or_else(|| panic!("{name}")).1
}

/// A healthy AWS in which one database's CPU and connections climbed at 02:12; EC2 is forbidden.
fn world(request: &Request) -> Reply {
    match request.operation().as_str() {
        "GetMetricData" => metric_data(&request.body),
        "DescribeAlarms" => cbor(&map(vec![("MetricAlarms", Value::Array(vec![alarm()]))])),
        "DescribeDBInstances" => database(&request.parameter("DBInstanceIdentifier").unwrap()),
        "DescribeEvents" => {
            assert_eq!(request.parameter("SourceType").as_deref(), Some("db-instance"));
            xml("DescribeEvents", "<Events/>")
        }
        "DescribeDBParameters" => parameters(request.parameter("Marker")),
        "DescribeAlarmHistory" => cbor(&map(vec![])),
        "DescribePendingMaintenanceActions" | "DescribeDBProxies" => xml(&request.operation(), ""),
        "DescribeTargetGroups" => xml(
            "DescribeTargetGroups",
            "<TargetGroups><member><TargetGroupArn>arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/game-api/6d0ecf831eec9f09</TargetGroupArn>\
             <LoadBalancerArns><member>arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/nightjar-prod/50dc6c495c0c9188</member></LoadBalancerArns>\
             </member></TargetGroups>",
        ),
        "DescribeTargetHealth" => xml(
            "DescribeTargetHealth",
            "<TargetHealthDescriptions><member><TargetHealth><State>healthy</State></TargetHealth></member>\
             <member><TargetHealth><State>healthy</State></TargetHealth></member></TargetHealthDescriptions>",
        ),
        "DescribeInstanceStatus" => (
            403,
            "text/xml",
            b"<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors><RequestID>r</RequestID></Response>".to_vec(),
        ),
        other => panic!("an operation nobody should call: {other}"),
    }
}

fn alarm() -> Value {
    let dimension = map(vec![
        ("Name", Value::Text("DBInstanceIdentifier".into())),
        ("Value", Value::Text("prod-postgres-primary".into())),
    ]);
    map(vec![
        ("AlarmName", Value::Text("primary-cpu".into())),
        ("Namespace", Value::Text("AWS/RDS".into())),
        ("MetricName", Value::Text("CPUUtilization".into())),
        ("StateReason", Value::Text("Threshold Crossed".into())),
        ("Dimensions", Value::Array(vec![dimension])),
        ("StateTransitionedTimestamp", Value::Tag(1, Box::new(Value::Float(1_794_622_440.0)))),
    ])
}

fn database(id: &str) -> Reply {
    let relation = if id == "prod-postgres-primary" {
        "<ReadReplicaDBInstanceIdentifiers><ReadReplicaDBInstanceIdentifier>prod-postgres-replica-1</ReadReplicaDBInstanceIdentifier></ReadReplicaDBInstanceIdentifiers>"
    } else {
        "<ReadReplicaSourceDBInstanceIdentifier>prod-postgres-primary</ReadReplicaSourceDBInstanceIdentifier>"
    };
    xml(
        "DescribeDBInstances",
        &format!(
            "<DBInstances><DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier><Engine>postgres</Engine>\
             <DBInstanceClass>db.r6g.2xlarge</DBInstanceClass><DBInstanceStatus>available</DBInstanceStatus>{relation}\
             <DBParameterGroups><DBParameterGroup><DBParameterGroupName>prod-postgres15</DBParameterGroupName>\
             <ParameterApplyStatus>in-sync</ParameterApplyStatus></DBParameterGroup></DBParameterGroups></DBInstance></DBInstances>"
        ),
    )
}

/// Two pages; what is wanted stands on the second one.
fn parameters(marker: Option<String>) -> Reply {
    let (name, value, next) = match marker {
        None => ("log_statement", "all", "<Marker>2</Marker>"),
        Some(_) => ("max_connections", "500", ""),
    };
    xml(
        "DescribeDBParameters",
        &format!(
            "<Parameters><Parameter><ParameterName>{name}</ParameterName><ParameterValue>{value}</ParameterValue>\
             <Source>user</Source></Parameter></Parameters>{next}"
        ),
    )
}

/// Newest first, as CloudWatch answers. Only the metrics this world has get points; one is forbidden.
fn metric_data(body: &[u8]) -> Reply {
    let request: Value = ciborium::from_reader(body).unwrap();
    let results = field(&request, "MetricDataQueries").as_array().unwrap().iter().map(|query| {
        let stat = field(query, "MetricStat");
        let metric = field(stat, "Metric");
        let name = field(metric, "MetricName").as_text().unwrap();
        let dimensions: BTreeMap<&str, &str> = field(metric, "Dimensions")
            .as_array()
            .unwrap()
            .iter()
            .map(|d| (field(d, "Name").as_text().unwrap(), field(d, "Value").as_text().unwrap()))
            .collect();
        let level = match (name, dimensions.get("DBInstanceIdentifier"), dimensions.len()) {
            ("CPUUtilization", Some(&"prod-postgres-primary"), 1) => Some((41.0, 95.0)),
            ("DatabaseConnections", Some(&"prod-postgres-primary"), 1) => Some((232.0, 487.0)),
            ("ReplicaLag", Some(&"prod-postgres-replica-1"), 1) => Some((0.1, 2.1)),
            ("RequestCount", None, 2) => Some((900.0, 900.0)),
            _ => None,
        };
        let points: Vec<(f64, f64)> = level
            .into_iter()
            .flat_map(|(before, after)| {
                // 02:19 back to 01:20, by 60 s: nine minutes after the onset, the rest before.
                (0..60)
                    .map(move |i| (1_794_622_740.0 - 60.0 * f64::from(i), if i < 8 { after } else { before }))
            })
            .collect();
        let status = if name == "DBLoad" { "Forbidden" } else { "Complete" };
        map(vec![
            ("Id", field(query, "Id").clone()),
            ("StatusCode", Value::Text(status.into())),
            ("Values", Value::Array(points.iter().map(|p| Value::Float(p.1)).collect())),
            (
                "Timestamps",
                Value::Array(points.iter().map(|p| Value::Tag(1, Box::new(Value::Float(p.0)))).collect()),
            ),
        ])
    });
    cbor(&map(vec![("MetricDataResults", Value::Array(results.collect()))]))
}

async fn collect(url: &str) -> Evidence {
    investigate(url, serde_json::from_str(EVENT).unwrap()).await
}

async fn investigate(url: &str, state: State) -> Evidence {
    let settings = Settings::from_values(
        [
            ("AWS_ENDPOINT_URL", url),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    CollectAws::new(&settings).await.unwrap().handle(state).await.unwrap()
}

fn summaries(evidence: &Evidence) -> Vec<&str> {
    evidence.findings.iter().map(|finding| finding.summary.as_str()).collect()
}

#[tokio::test]
async fn the_story_is_told_in_order_and_the_refusal_is_a_gap() {
    let (url, seen) = serve(world);
    let evidence = collect(&url).await;
    let lines = summaries(&evidence);
    assert_eq!(
        lines[..3],
        [
            "CPUUtilization 95 % at 02:19Z, baseline 41 %, peak 95 % at 02:12Z",
            "ReplicaLag 2.1 s at 02:19Z, baseline 100 ms, peak 2.1 s at 02:12Z",
            "487 of 500 connections at 02:19Z, baseline 232, peak 487 at 02:12Z",
        ]
    );
    assert_eq!(evidence.findings[1].object.name, "prod-postgres-replica-1");
    assert_eq!(
        lines[3..],
        [
            "postgres on db.r6g.2xlarge is available, parameters in-sync, replicas prod-postgres-replica-1",
            "postgres on db.r6g.2xlarge is available, parameters in-sync, replica of prod-postgres-primary",
            "max_connections = 500 in group prod-postgres15 (user)",
            "2 of 2 targets healthy",
            "Alarm primary-cpu on AWS/RDS CPUUtilization of prod-postgres-primary rings since 02:14Z: Threshold Crossed",
            "RequestCount 900 at 02:19Z, baseline 900, peak 900 at 01:20Z",
        ]
    );
    assert_eq!(evidence.status, Status::Partial);
    let gaps: Vec<(&str, Status)> = evidence.gaps.iter().map(|gap| (gap.what.as_str(), gap.status)).collect();
    assert!(gaps.contains(&("DescribeInstanceStatus", Status::Denied)), "{gaps:?}");
    let refusal = evidence.gaps.iter().find(|gap| gap.status == Status::Denied).unwrap();
    assert!(refusal.sentence.contains("the role needs ec2:DescribeInstanceStatus"), "{}", refusal.sentence);
    let hidden = evidence.gaps.iter().find(|gap| gap.what == "GetMetricData").unwrap();
    assert!(hidden.sentence.contains("forbidden: DBLoad of"), "{}", hidden.sentence);
    assert_eq!(
        seen.lock().unwrap().iter().filter(|operation| *operation == "DescribeDBParameters").count(),
        2
    );
}

#[tokio::test]
async fn a_series_arrives_sorted_and_keeps_every_minute() {
    let (url, _) = serve(world);
    let evidence = collect(&url).await;
    let Fact::Series(series) = &evidence.findings[0].fact else { panic!("a series") };
    assert_eq!(
        (series.metric.as_str(), series.unit.as_str(), series.count),
        ("AWS/RDS CPUUtilization", "Percent", 60)
    );
    assert!(series.points.is_sorted_by_key(|(at, _)| *at));
    assert_eq!(series.last_at.to_string(), "2026-11-14T02:19:00Z");
}

#[tokio::test]
async fn an_aws_that_knows_nothing_gives_no_finding_and_no_zero() {
    let (url, _) = serve(|request| {
        match request.operation().as_str() {
        "GetMetricData" | "DescribeAlarms" | "DescribeAlarmHistory" => cbor(&map(vec![])),
        "DescribeDBInstances" => (
            404,
            "text/xml",
            b"<ErrorResponse><Error><Type>Sender</Type><Code>DBInstanceNotFound</Code><Message>no</Message></Error></ErrorResponse>".to_vec(),
        ),
        operation => xml(operation, ""),
    }
    });
    let evidence = collect(&url).await;
    assert_eq!((evidence.status, evidence.findings.len()), (Status::Empty, 0));
    let sentences: Vec<&str> = evidence.gaps.iter().map(|gap| gap.sentence.as_str()).collect();
    assert!(sentences.iter().any(|s| s.contains("no instance prod-postgres-primary")), "{sentences:?}");
    assert!(sentences.iter().any(|s| s.contains("no target group")), "{sentences:?}");
}

#[tokio::test]
async fn garbage_and_a_closed_port_are_gaps_and_never_an_error() {
    let (garbled, _) = serve(|_| (200, "text/html", b"<html>hello".to_vec()));
    for url in [garbled.as_str(), "http://127.0.0.1:9"] {
        let evidence = collect(url).await;
        assert_eq!((evidence.status, evidence.findings.len()), (Status::Unavailable, 0), "{url}");
        assert!(!evidence.gaps.is_empty());
    }
}

#[tokio::test]
async fn a_host_that_is_a_pattern_is_never_sent_to_ec2() {
    let (url, seen) = serve(world);
    let mut state: State = serde_json::from_str(EVENT).unwrap();
    state.subject.hosts = vec!["*".to_owned(), "i-?".to_owned()];
    let evidence = investigate(&url, state).await;
    assert!(!seen.lock().unwrap().contains(&"DescribeInstances".to_owned()));
    let gap = evidence.gaps.iter().find(|gap| gap.what == "DescribeInstances").unwrap();
    assert_eq!(gap.sentence, "EC2 was not asked for *, i-?, which is a pattern and no host.");
}

#[tokio::test]
async fn the_ends_of_time_are_no_error() {
    for as_of in [Timestamp::MIN, Timestamp::MAX] {
        let (url, _) = serve(|_| (200, "text/html", b"<html>hello".to_vec()));
        let state = State { as_of, ..serde_json::from_str(EVENT).unwrap() };
        assert!(!investigate(&url, state).await.gaps.is_empty());
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_asked() {
    let state: State = serde_json::from_str(EVENT).unwrap();
    let evidence = CollectAws::new(&Settings::default()).await.unwrap().handle(state).await.unwrap();
    assert_eq!(evidence.status, Status::NotConfigured);
    assert!(evidence.calls.is_empty());
}
