//! Each collector against a vendor that refuses, throttles, fails, garbles, stalls or holds nothing: the right status, a gap that a person
//! understands, no panic, no retry storm.

use collect_cloudflare::CollectCloudflare;
use collect_datadog::CollectDatadog;
use host::{Function, Settings};
use incident::{Evidence, State, Status};
use platform::{Platform, Vendor};
use serde_json::{Value, json};

use super::{changed, readonly};

/// What a stalling vendor stalls, in milliseconds: a collector that waited it out took longer. How long a collector takes is measured on
/// an idle machine; a test that runs beside others cannot judge it.
const STALL: u64 = 90_000;

/// What goes wrong, and what must be said.
struct Case {
    name: &'static str,
    /// The vendor's file, where it is not the demo's.
    world: fn(&mut Value),
    fault: Value,
    status: Status,
    /// Part of some gap's sentence; empty where there must be no gap.
    says: &'static str,
}

fn case(name: &'static str, fault: Value, status: Status, says: &'static str) -> Case {
    Case { name, world: |_| (), fault, status, says }
}

/// What any vendor may do: the words that differ are those of the 401.
fn common(key: &'static str, error: &Value) -> Vec<Case> {
    let throttled = |headers: Value| json!({"kind": "status", "status": 429, "headers": headers});
    let html = json!({"kind": "status", "status": 200, "headers": {"content-type": "text/html"}, "body": "<html>proxy</html>"});
    vec![
        case("all is well", json!(null), Status::Ok, ""),
        case("401", json!({"kind": "status", "status": 401}), Status::Denied, key),
        case(
            "429, a second",
            json!({"kind": "status", "status": 429, "headers": {"retry-after": "1"}, "times": 1}),
            Status::Ok,
            "",
        ),
        case("429, an hour", throttled(json!({"retry-after": "3600"})), Status::Unavailable, "rate limit"),
        case("429 without a header", throttled(json!({})), Status::Unavailable, "rate limit"),
        case("500", json!({"kind": "status", "status": 500}), Status::Unavailable, "answered 500"),
        case(
            "200 with an error",
            json!({"kind": "status", "status": 200, "body": error.to_string()}),
            Status::Unavailable,
            "unknown, because it answered with",
        ),
        case("half a body", json!({"kind": "truncated"}), Status::Unavailable, "unreadable"),
        case("wrong types", json!({"kind": "wrong_type"}), Status::Unavailable, "unreadable"),
        case("another content type", html, Status::Unavailable, "unreadable"),
        case("a closed connection", json!({"kind": "reset"}), Status::Unavailable, "could not be reached"),
        case(
            "90 seconds of silence",
            json!({"kind": "delay", "delay": "90s"}),
            Status::Timeout,
            "did not answer in time",
        ),
    ]
}

struct Asked {
    evidence: Evidence,
    requests: usize,
}

/// Runs one collector over the demo with its vendor's file and faults changed.
async fn ask<F: Function<Input = State, Output = Evidence>>(
    vendor: Vendor,
    sample: &str,
    case: &Case,
) -> Asked {
    let scenario = changed("demo", |files| {
        let world = files.entry(vendor.file()).or_default();
        (case.world)(world);
        let mut fault = case.fault.clone();
        if !fault.is_null() {
            fault["vendor"] = json!(vendor.name());
            files.get_mut("scenario.yaml").unwrap()["faults"] = json!([fault]);
        }
    });
    let platform = Platform::start(scenario).await.unwrap();
    let settings = Settings::from_values(platform.environment());
    let state: State = serde_json::from_str(&crate::text(sample)).unwrap();
    let function = F::new(&settings).await.unwrap_or_else(|fault| panic!("{}: {}", case.name, fault.message));
    let evidence =
        function.handle(state).await.unwrap_or_else(|fault| panic!("{}: {}", case.name, fault.message));
    let requests = platform.requests();
    requests.iter().for_each(readonly::check);
    Asked { evidence, requests: requests.len() }
}

fn assert_told(vendor: Vendor, case: &Case, asked: &Asked) {
    let Asked { evidence, requests } = asked;
    let name = format!("{vendor}, {}", case.name);
    let sentences: Vec<&str> = evidence.gaps.iter().map(|gap| gap.sentence.as_str()).collect();
    assert_eq!(evidence.status, case.status, "{name}: {sentences:#?}");
    match case.says {
        "" => assert!(sentences.is_empty(), "{name}: {sentences:#?}"),
        words => assert!(sentences.iter().any(|said| said.contains(words)), "{name}: {sentences:#?}"),
    }
    for sentence in sentences {
        assert!(sentence.ends_with('.') && sentence.len() > 20, "{name}: {sentence}");
        assert!(!sentence.contains("simulated-"), "a key is told: {sentence}");
    }
    assert!(evidence.took_ms < STALL / 2, "{name}: {} ms", evidence.took_ms);
    // A call may ask several things at once, of each service for instance; nothing is asked more than three times.
    assert!(*requests <= 3 * (evidence.calls.len() + 12), "{name}: {requests} requests");
    assert!(incident::size::of(evidence) <= incident::size::EVIDENCE, "{name}");
}

async fn each<F: Function<Input = State, Output = Evidence>>(vendor: Vendor, sample: &str, cases: Vec<Case>) {
    // One after another: several at once would measure the processor.
    for case in &cases {
        assert_told(vendor, case, &ask::<F>(vendor, sample, case).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn datadog_is_told_as_it_was_read() {
    let error = json!({"status": "error", "error": "backend unavailable", "errors": "backend unavailable"});
    let mut cases = common("DD_APP_KEY", &error);
    cases.push(Case {
        world: |file| file["permissions"] = json!({"deny": ["slos_read"]}),
        ..case("403 on one scope", json!(null), Status::Partial, "lacks the scope slos_read")
    });
    cases.push(Case {
        world: |file| file["spans_left"] = json!(0),
        ..case("no question about spans left", json!(null), Status::Partial, "error spans")
    });
    cases.push(Case {
        world: |file| *file = json!({"monitors": file["monitors"]}),
        ..case("an empty account", json!(null), Status::Ok, "")
    });
    each::<CollectDatadog>(Vendor::Datadog, "events/collect-datadog/database-cpu.json", cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cloudflare_is_told_as_it_was_read() {
    let error = json!({"data": null, "success": true, "result": null,
        "errors": [{"message": "internal error", "extensions": {"code": "internal"}}]});
    let mut cases = common("Zone Analytics Read", &error);
    cases.retain(|case| case.name != "200 with an error");
    cases.push(case(
        "200 with an error",
        json!({"call": "graphql", "kind": "status", "status": 200, "body": error.to_string()}),
        Status::Partial,
        "unknown, because it answered with an error (internal error)",
    ));
    cases.push(Case {
        world: |file| file["deny"] = json!(["rulesets"]),
        ..case("403 on one permission", json!(null), Status::Partial, "Zone WAF Read")
    });
    cases.push(Case {
        world: |file| {
            file["unavailable"] = json!([
                "botScore",
                "coloCode",
                "edgeTimeToFirstByteMsP95",
                "originResponseDurationMsP95",
                "description"
            ]);
        },
        ..case("a small plan", json!(null), Status::Ok, "")
    });
    cases.push(Case {
        world: |file| *file = json!({"zone": file["zone"], "unavailable": []}),
        ..case("an empty zone", json!(null), Status::Empty, "")
    });
    each::<CollectCloudflare>(Vendor::Cloudflare, "events/collect-cloudflare/zone-traffic.json", cases).await;
}

/// What the new reads bring of a world that holds it.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_engineer_would_look_up_is_in_the_evidence() {
    let datadog = Case {
        world: |file| {
            file["deployments"] = json!([{"service": "game-api", "env": "prod", "version": "v3.41.0", "started_at": "@-4m",
                "finished_at": "@-3m", "commit": "a3f91b2c"}]);
            file["synthetics"] = json!([{"id": "abc-def-ghi", "name": "Login", "tags": ["service:game-api", "env:prod"],
                "failures": [{"from": "@-1m"}]}]);
            file["spans"] = json!([{"at": "@-2m", "every": "5s", "service": "game-api", "env": "prod",
                "resource": "GET /scores", "status": "error", "attributes": {"error": {"type": "TimeoutError"}}}]);
            file["slos"][0]["over"] =
                json!({"from": "@-7h", "level": 100, "steps": [{"at": "@-2m", "to": 90}]});
        },
        ..case("datadog", json!(null), Status::Ok, "")
    };
    let asked =
        ask::<CollectDatadog>(Vendor::Datadog, "events/collect-datadog/database-cpu.json", &datadog).await;
    let told = summaries(&asked.evidence);
    for words in [
        "aws.rds.cpuutilization (avg) is 9",
        "the same hour a day earlier",
        "game-api v3.41.0 was deployed to prod: started 02:10:00 UTC",
        "Synthetic test \"Login\"",
        "error spans of game-api: GET /scores with TimeoutError",
        "burn rate 100 over 5m",
        "game-api (http.request) in 15 minutes: requests",
        "aws.rds.database_connections (avg)",
        "lines of errors and warnings in the half hour",
    ] {
        assert!(told.contains(words), "{words:?} is not told:\n{told}");
    }

    let cloudflare = Case {
        world: |file| {
            file["unavailable"] = json!([]);
            file["rulesets"][0]["rules"][0]["last_updated"] = json!("@-5m");
            file["attacks"] = json!([{"attackId": "a", "attackVector": "SYN Flood", "startDatetime": "@-9m", "endDatetime": "@+1m"}]);
            file["firewall"] = json!([{"dimensions": {"action": "block", "source": "l7ddos", "ruleId": "r9",
                "clientRequestHTTPHost": "rt.nightjar.gg", "clientCountryName": "XX"},
                "count": {"from": "@-3m", "level": 900}}]);
        },
        ..case("cloudflare", json!(null), Status::Ok, "")
    };
    let asked = ask::<CollectCloudflare>(
        Vendor::Cloudflare,
        "events/collect-cloudflare/zone-traffic.json",
        &cloudflare,
    )
    .await;
    let told = summaries(&asked.evidence);
    for words in [
        "Rule \"Admin paths from the office only\" (block) of http_request_firewall_custom was changed",
        "1 attack(s) on the network of the account: SYN Flood",
        "The DDoS protection acted on",
        "upgrades to WebSocket",
        "most by rule r9",
        "p95 latency at 4 data centres",
    ] {
        assert!(told.contains(words), "{words:?} is not told:\n{told}");
    }
}

fn summaries(evidence: &Evidence) -> String {
    evidence.findings.iter().map(|finding| format!("{}\n", finding.summary)).collect()
}
