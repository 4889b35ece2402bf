//! A secret planted in each source reaches no prompt, log line, store or message: everything that left the process is searched for it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use local::simulate::Simulation;
use local::workflow::{Request, investigate};
use serde_json::{Value, json};

use super::changed;

/// One per source, each in the clothes of another kind of secret. The words are nothing that occurs elsewhere.
const PLANTED: &[(&str, &str, &str)] = &[
    ("the alert's title", "zebraquartz01", "CPU high, password=zebraquartz01"),
    ("the alert's message", "zebraquartz02", "connect postgres://app:zebraquartz02@db:5432/x"),
    ("a log line", "zebraquartz03", "FATAL login failed with {\"password\": \"zebraquartz03\"} for slot"),
    ("a log attribute's text", "zebraquartz04", "retry Authorization: Bearer zebraquartz04zebraquartz04"),
    ("an e-mail in a log line", "zebraquartz05", "mail to zebraquartz05@players.example bounced"),
    ("a player in a log line", "plr-77310442", "player plr-77310442 was disconnected"),
    ("a pod's environment", "zebraquartz06", "zebraquartz06"),
    ("a Kubernetes event", "zebraquartz07", "probe failed: curl --token zebraquartz07abc http://x"),
    (
        "a commit message",
        "zebraquartz08",
        "leaderboard: use DB_PASSWORD=zebraquartz08 for the ranking of player_scores",
    ),
    ("a diff", "AKIAZEBRAQUARTZ09ABC", "+\tconst key = \"AKIAZEBRAQUARTZ09ABC\" // player_scores"),
    ("a wiki page", "zebraquartz10", "Connections exhausted? Use API_KEY=zebraquartz10 of the RDS runbook."),
    ("a deploy event", "zebraquartz11", "Deployed game-api with secret: zebraquartz11"),
    ("an RDS event", "zebraquartz12", "Reset master credentials, password 'zebraquartz12'"),
    ("a model's answer", "zebraquartz13", "game-api v3.41.0 logs in with password=zebraquartz13."),
];

fn planted(place: &str) -> &'static str {
    PLANTED.iter().find(|(known, ..)| *known == place).unwrap_or_else(|| panic!("{place}")).2
}

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn plant(files: &mut std::collections::BTreeMap<String, Value>, knowledge: &std::path::Path) {
    files.insert("slack.yaml".to_owned(), json!({}));
    let alert = files.get_mut("alert.json").unwrap();
    alert["monitor_title"] = json!(planted("the alert's title"));
    alert["message"] = json!(planted("the alert's message"));
    let datadog = files.get_mut("datadog.yaml").unwrap();
    for place in ["a log line", "a log attribute's text", "an e-mail in a log line", "a player in a log line"]
    {
        datadog["logs"].as_array_mut().unwrap().push(json!({"at": "@-90s", "every": "1s", "service": "game-api", "status": "error", "host": "h",
            "message": planted(place), "tags": ["env:prod", "service:game-api", "kube_namespace:production", "kube_deployment:game-api"]}));
    }
    datadog["events"][1]["title"] = json!(planted("a deploy event"));
    let objects = files.get_mut("kubernetes.yaml").unwrap()["objects"].as_array_mut().unwrap();
    let game_api =
        objects.iter_mut().filter(|o| o["kind"] == "Deployment" && o["metadata"]["name"] == "game-api");
    for deployment in game_api {
        let env = deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap();
        env.push(json!({"name": "DB_PASSWORD", "value": planted("a pod's environment")}));
    }
    let new = objects
        .iter_mut()
        .find(|o| o["kind"] == "ReplicaSet" && o["metadata"]["name"] == "game-api-7d9c6f5b84")
        .unwrap();
    if let Some(env) = new["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut() {
        env.push(json!({"name": "DB_PASSWORD", "value": planted("a pod's environment")}));
    }
    objects.push(json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "probe.1", "namespace": "production"},
        "reason": "Unhealthy", "type": "Warning", "note": planted("a Kubernetes event"), "eventTime": "@-60s",
        "regarding": {"kind": "Deployment", "name": "game-api", "namespace": "production"}}));
    let compare =
        &mut files.get_mut("github.yaml").unwrap()["repositories"]["nightjar/game-api"]["compares"][0];
    compare["commits"][1]["message"] = json!(planted("a commit message"));
    let patch = compare["files"][0]["patch"].as_str().unwrap().replacen(
        "+\tstarted := time.Now()",
        planted("a diff"),
        1,
    );
    assert!(patch.contains("AKIAZEBRA"));
    compare["files"][0]["patch"] = json!(patch);
    let aws = files.get_mut("aws.yaml").unwrap();
    aws["rds"]["Events"][0]["Message"] = json!(planted("an RDS event"));
    aws["rds"]["Events"][0]["Date"] = json!("@-2m");
    for reply in files.get_mut("anthropic.yaml").unwrap()["replies"].as_array_mut().unwrap() {
        reply["content"]["root_cause"][0]["text"] = json!(planted("a model's answer"));
    }
    std::fs::create_dir_all(knowledge.join("wiki/runbooks")).unwrap();
    let page = format!(
        "# RDS Connection Exhaustion\n\n## Mitigation\n\n{} Connections of prod-postgres-primary.\n",
        planted("a wiki page")
    );
    std::fs::write(knowledge.join("wiki/runbooks/rds-connection-exhaustion.md"), page).unwrap();
    files.get_mut("scenario.yaml").unwrap()["knowledge"] = json!(knowledge);
}

fn files_under(folder: &std::path::Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_under(&path, into);
        } else {
            into.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

/// A name that `REDACT_NAMES` lists, in a commit that the deep model speaks of.
#[tokio::test(flavor = "multi_thread")]
async fn a_configured_name_reaches_no_prompt_and_comes_back_in_the_brief() {
    const NAME: &str = "Wanda Quillfeather";
    let scenario = changed("demo-with-claude", |files| {
        let compare =
            &mut files.get_mut("github.yaml").unwrap()["repositories"]["nightjar/game-api"]["compares"][0];
        for commit in compare["commits"].as_array_mut().unwrap() {
            commit["message"] =
                json!(format!("asked for by {NAME}: {}", commit["message"].as_str().unwrap()));
        }
        for reply in files.get_mut("anthropic.yaml").unwrap()["replies"].as_array_mut().unwrap() {
            reply["content"]["root_cause"].as_array_mut().unwrap().push(json!({
                "text": "Commit a3f91b2 was asked for by person-1.", "evidence": ["{{evidence:a3f91b2}}"], "passages": [],
            }));
        }
    });
    let (alert, as_of) = (scenario.alert().to_string(), scenario.moment().as_of);
    let simulation = Simulation::start(scenario).await.unwrap_or_else(|stop| panic!("{}", stop.message()));
    let settings = simulation.settings.clone().with([("REDACT_NAMES".to_owned(), NAME.to_owned())]);
    let request =
        Request { alert: &alert, as_of: Some(as_of), settings: &settings, invoke: None, observe: &|_| () };
    let ended = investigate(request).await.unwrap_or_else(|stop| panic!("{}", stop.message()));
    let requests = simulation.platform.requests();
    let prompts: Vec<String> = requests
        .iter()
        .filter(|r| r.vendor == platform::Vendor::Anthropic && r.method == "POST")
        .map(|r| String::from_utf8_lossy(&r.body).into_owned())
        .collect();
    assert!(!prompts.is_empty() && prompts.iter().all(|prompt| !prompt.contains("Quillfeather")));
    assert!(
        prompts.iter().any(|prompt| prompt.contains("asked for by person-1")),
        "the commit was not shown"
    );
    let state: incident::State = serde_json::from_value(ended.document).unwrap();
    let brief = state.brief.unwrap().text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(brief.contains(&format!("asked for by {NAME}")) && !brief.contains("person-1"), "{brief}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_any_source_goes_nowhere() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_writer(move || writer.clone());
    let _ = tracing::subscriber::set_global_default(subscriber.finish());
    let knowledge = tempfile::tempdir().unwrap();
    let scenario = changed("demo-with-claude", |files| plant(files, knowledge.path()));
    let (alert, as_of) = (scenario.alert().to_string(), scenario.moment().as_of);
    let simulation = Simulation::start(scenario).await.unwrap_or_else(|stop| panic!("{}", stop.message()));
    let settings =
        simulation.settings.clone().with([("REDACT_PATTERN".to_owned(), r"\bplr-[0-9]{8}\b".to_owned())]);
    let request =
        Request { alert: &alert, as_of: Some(as_of), settings: &settings, invoke: None, observe: &|_| () };
    let ended = investigate(request).await.unwrap_or_else(|stop| panic!("{}", stop.message()));
    assert_eq!(ended.failure, None);

    let mut left: Vec<(String, Vec<u8>)> = Vec::new();
    for request in simulation.platform.requests() {
        let line = format!("{} {:?}", request.path, request.query);
        left.push((
            format!("request to {}: {}", request.vendor, request.call),
            [line.into_bytes(), request.body].concat(),
        ));
    }
    let state: incident::State = serde_json::from_value(ended.document.clone()).unwrap();
    left.push(("the document".to_owned(), ended.document.to_string().into_bytes()));
    left.push(("the page".to_owned(), local::html::page(&state).unwrap().into_bytes()));
    left.push(("the log".to_owned(), log.0.lock().unwrap().clone()));
    files_under(std::path::Path::new(settings.get("SITREP_HOME").unwrap()), &mut left);
    assert!(
        left.iter().any(|(place, _)| place.starts_with("request to anthropic"))
            && left.iter().any(|(place, _)| place.starts_with("request to slack"))
    );

    // What surrounds each secret did arrive: a test that finds nothing must have looked at something.
    let document = ended.document.to_string();
    for read in [
        "for slot",
        "was disconnected",
        "for the ranking",
        "of the RDS runbook",
        "Deployed game-api",
        "CPU high",
        "DB_PASSWORD",
    ] {
        assert!(document.contains(read), "{read} was not read");
    }
    let mut found = Vec::new();
    for (place, secret, _) in PLANTED {
        for (target, bytes) in &left {
            if bytes.windows(secret.len()).any(|window| window == secret.as_bytes()) {
                found.push(format!("{secret} of {place} is in {target}"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
