//! The GraphQL and REST calls through `answer`.

use super::*;

const ZONE: &str = "0123456789abcdef0123456789abcdef";

fn moment() -> Moment {
    Moment { alert: "2026-01-01T12:00:00Z".parse().unwrap(), as_of: "2026-01-01T12:06:00Z".parse().unwrap() }
}

fn world() -> World {
    let mut file = json!({
        "zone": {"id": ZONE, "name": "shop.example", "account": "acc"},
        "traffic": [
            {"dimensions": {"cacheStatus": "hit", "edgeResponseStatus": 200, "requestSource": "eyeball"},
                "count": {"from": "@-10m", "to": "@-1m", "level": 70}, "per_request": {"edgeResponseBytes": 100},
                "measures": {"edgeTimeToFirstByteMsP95": 40, "originResponseDurationMs": 10}},
            {"dimensions": {"cacheStatus": "miss", "edgeResponseStatus": 503, "requestSource": "eyeball"},
                "count": {"from": "@-10m", "to": "@-1m", "level": 30},
                "measures": {"edgeTimeToFirstByteMsP95": {"from": "@-10m", "level": 140}}},
            {"dimensions": {"cacheStatus": "hit", "requestSource": "edgeWorkerFetch"},
                "count": {"from": "@-10m", "to": "@-1m", "level": 1000}}
        ],
        "firewall": [{"dimensions": {"action": "block", "source": "firewallManaged", "ruleId": "r1"},
            "count": {"from": "@-3m", "to": "@-2m", "level": 2}}],
        "rulesets": [{"id": "rs1", "name": "default", "phase": "http_request_firewall_custom",
            "last_updated": "@-30d", "rules": [{"id": "r1", "action": "block"}]}]
    });
    crate::moment::resolve(&mut file, moment().alert).unwrap();
    serde_json::from_value(file).unwrap()
}

fn ask(path: &str, query: &str, variables: Value) -> Answer {
    let request = Request::new(Method::POST, path)
        .with_header("authorization", &format!("Bearer {TOKEN}"))
        .with_json(&json!({"query": query, "variables": variables}));
    world().answer(&request, moment())
}

/// A dataset node of our zone over the hour before the alert, and what it answers.
fn node(node: &str) -> Value {
    let query = format!(
        "query($zone:string,$from:Time,$to:Time){{viewer{{zones(filter:{{zoneTag:$zone}}){{ x:{node} }}}}}}"
    );
    let variables = json!({"zone": ZONE, "from": "2026-01-01T11:00:00Z", "to": "2026-01-01T12:00:00Z"});
    let answer = ask("/client/v4/graphql", &query, variables).value();
    if answer["data"].is_null() {
        answer["errors"][0].clone()
    } else {
        answer["data"]["viewer"]["zones"][0]["x"].clone()
    }
}

const WINDOW: &str = "datetime_geq:$from,datetime_lt:$to";

#[test]
fn requests_are_counted_by_the_dimensions_asked_for() {
    let rows = node(&format!(
        r#"httpRequestsAdaptiveGroups(limit:5,orderBy:[count_DESC],filter:{{{WINDOW},requestSource:"eyeball"}}){{
            count sum{{edgeResponseBytes}} avg{{sampleInterval originResponseDurationMs}} quantiles{{edgeTimeToFirstByteMsP95}}
            dimensions{{status:cacheStatus}} }}"#
    ));
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert_eq!(rows[0]["count"], 700);
    assert_eq!(rows[0]["dimensions"], json!({"status": "hit"}));
    assert_eq!(rows[0]["sum"]["edgeResponseBytes"], 70_000);
    assert_eq!(rows[0]["quantiles"]["edgeTimeToFirstByteMsP95"], 40.0);
    assert_eq!(rows[1]["avg"]["originResponseDurationMs"], Value::Null, "absent is not zero");
}

#[test]
fn without_dimensions_all_is_one_group_with_its_ratios_and_weighted_means() {
    let rows = node(&format!(
        r#"httpRequestsAdaptiveGroups(limit:5,filter:{{{WINDOW},requestSource:"eyeball"}}){{
            count ratio{{status5xx}} quantiles{{edgeTimeToFirstByteMsP95}} }}"#
    ));
    assert_eq!(rows[0]["count"], 1000);
    assert!((rows[0]["ratio"]["status5xx"].as_f64().unwrap() - 0.3).abs() < 1e-9);
    assert!((rows[0]["quantiles"]["edgeTimeToFirstByteMsP95"].as_f64().unwrap() - 70.0).abs() < 1e-9);
}

#[test]
fn filters_and_time_buckets_hold() {
    let count = |filter: &str| {
        let rows =
            node(&format!("httpRequestsAdaptiveGroups(limit:100,filter:{{{WINDOW},{filter}}}){{count}}"));
        rows.as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(count("edgeResponseStatus_geq:500"), 300);
    assert_eq!(count(r#"cacheStatus_in:["hit","stale"],requestSource_neq:"edgeWorkerFetch""#), 700);
    assert_eq!(count(r#"OR:[{cacheStatus:"miss"},{requestSource:"edgeWorkerFetch"}]"#), 10_300);
    assert_eq!(count(r#"requestSource_like:"edge%",cacheStatus_notin:["miss"]"#), 10_000);
    assert_eq!(count(r#"cacheStatus:"expired""#), 0);
    let minutes = node(&format!(
        "httpRequestsAdaptiveGroups(limit:3,orderBy:[datetimeMinute_ASC],filter:{{{WINDOW}}}){{count dimensions{{datetimeMinute}}}}"
    ));
    assert_eq!(minutes[0]["dimensions"]["datetimeMinute"], "2026-01-01T11:50:00Z");
    assert_eq!((minutes.as_array().unwrap().len(), &minutes[0]["count"]), (3, &json!(1100)));
}

#[test]
fn firewall_events_are_counted_and_listed() {
    let groups = node(&format!(
        "firewallEventsAdaptiveGroups(limit:5,filter:{{{WINDOW}}}){{count dimensions{{action source}}}}"
    ));
    assert_eq!(groups, json!([{"count": 4, "dimensions": {"action": "block", "source": "firewallManaged"}}]));
    let rows = node(&format!(
        "firewallEventsAdaptive(limit:3,orderBy:[datetime_DESC],filter:{{{WINDOW}}}){{datetime ruleId clientAsn}}"
    ));
    assert_eq!(rows[0], json!({"datetime": "2026-01-01T11:58:00Z", "ruleId": "r1", "clientAsn": ""}));
    assert_eq!(rows.as_array().unwrap().len(), 3);
}

#[test]
fn a_field_that_the_plan_lacks_fails_the_whole_document() {
    let error = node(&format!(
        "httpRequestsAdaptiveGroups(limit:5,filter:{{{WINDOW}}}){{count dimensions{{botScore}}}}"
    ));
    let message = format!("zone '{ZONE}' does not have access to the field 'botscore'");
    assert_eq!((&error["message"], &error["extensions"]["code"]), (&json!(message), &json!("authz")));
    let settings =
        node("settings{httpRequestsAdaptiveGroups{enabled availableFields maxPageSize notOlderThan}}");
    let fields = settings["httpRequestsAdaptiveGroups"]["availableFields"].as_array().unwrap().clone();
    assert!(fields.contains(&json!("dimensions_cacheStatus")) && fields.contains(&json!("sum_visits")));
    assert!(!fields.contains(&json!("dimensions_botScore")));
    assert_eq!(settings["httpRequestsAdaptiveGroups"]["notOlderThan"], 2_678_400);
}

#[test]
fn a_wrong_document_is_refused_with_null_data() {
    for (query, message) in [
        (format!("httpRequests(limit:1,filter:{{{WINDOW}}}){{count}}"), "unknown field"),
        (format!("httpRequestsAdaptiveGroups(limit:1,filter:{{{WINDOW}}}){{counts}}"), "unknown field"),
        (
            format!("httpRequestsAdaptiveGroups(limit:1,filter:{{{WINDOW}}}){{dimensions{{edgeColoName}}}}"),
            "unknown field",
        ),
        (
            format!("httpRequestsAdaptiveGroups(limit:1,filter:{{{WINDOW},colo:\"x\"}}){{count}}"),
            "unknown arg",
        ),
        (format!("httpRequestsAdaptiveGroups(limit:99999,filter:{{{WINDOW}}}){{count}}"), "limit"),
        (
            format!("httpRequestsAdaptiveGroups(limit:1,orderBy:[size_DESC],filter:{{{WINDOW}}}){{count}}"),
            "orderBy",
        ),
        ("httpRequestsAdaptiveGroups(limit:1){count}".to_owned(), "older than"),
        (
            "httpRequestsAdaptiveGroups(limit:1,filter:{datetime_geq:\"2025-12-20T00:00:00Z\"}){count}"
                .to_owned(),
            "too large",
        ),
        (
            "httpRequestsAdaptiveGroups(limit:1,filter:{datetime_geq:\"yesterday\"}){count}".to_owned(),
            "no Time",
        ),
        ("httpRequestsAdaptiveGroups(limit:1".to_owned(), "expected"),
    ] {
        let error = node(&query);
        assert!(error["message"].as_str().is_some_and(|text| text.contains(message)), "{query}: {error}");
    }
}

#[test]
fn a_foreign_zone_and_a_wrong_token_are_refused() {
    let query = r#"{viewer{zones(filter:{zoneTag:"feed"}){settings{firewallEventsAdaptive{enabled}}}}}"#;
    let foreign = ask("/graphql", query, Value::Null).value();
    assert_eq!(
        (&foreign["data"], &foreign["errors"][0]["message"]),
        (&Value::Null, &json!("not authorized for that zone"))
    );
    let wrong = Request::new(Method::POST, "/client/v4/graphql").with_header("authorization", "Bearer nope");
    let answer = world().answer(&wrong, moment());
    assert_eq!((answer.status, &answer.value()["success"]), (401, &json!(false)));
}

#[test]
fn rules_are_read_by_phase_and_nothing_is_written() {
    let send = |method, path: &str| {
        let request = Request::new(method, path).with_header("authorization", &format!("Bearer {TOKEN}"));
        world().answer(&request, moment())
    };
    let base = format!("/client/v4/zones/{ZONE}/rulesets");
    assert_eq!(send(Method::GET, &base).value()["result"][0]["phase"], "http_request_firewall_custom");
    let entry = send(Method::GET, &format!("{base}/phases/http_request_firewall_custom/entrypoint")).value();
    assert_eq!(entry["result"]["rules"][0]["id"], "r1");
    assert_eq!(entry["result"]["last_updated"], "2025-12-02T12:00:00Z");
    assert_eq!(send(Method::GET, &format!("{base}/phases/ddos_l7/entrypoint")).status, 404);
    assert_eq!(send(Method::GET, "/client/v4/zones/feed/rulesets").status, 403);
    assert_eq!(send(Method::GET, "/client/v4/zones?name=shop.example").value()["result"][0]["id"], ZONE);
    assert_eq!(send(Method::GET, "/client/v4/zones?name=other.example").value()["result"], json!([]));
    assert_eq!(send(Method::PUT, &base).status, 405);
}
