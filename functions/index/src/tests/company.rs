//! The demo company's knowledge base, indexed by the real code path, answers what its engineers would ask.

use std::collections::BTreeSet;
use std::path::PathBuf;

use host::Settings;
use incident::Corpus;
use knowledge::{Hit, Question, Store};

use crate::{Input, Times};

fn folder(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(path)
}

async fn indexed() -> (tempfile::TempDir, Store) {
    let home = tempfile::tempdir().unwrap();
    let settings = Settings::from_values([("SITREP_HOME".to_owned(), home.path().display().to_string())]);
    let store = Store::open(&settings).unwrap().unwrap();
    let mut documents = Vec::new();
    for path in [folder("knowledge"), folder("scenarios/demo/catalog.yaml")] {
        let (read, problems) = crate::read_folder(&path, Times::FrontMatterOnly);
        assert_eq!(problems, Vec::<String>::new());
        documents.extend(read);
    }
    let corpora: BTreeSet<Corpus> = documents.iter().map(|document| document.corpus).collect();
    assert_eq!(corpora, BTreeSet::from(Corpus::ALL));
    let totals = crate::index(&store, "folder:/company", documents, |_| ()).await.unwrap();
    assert_eq!(totals.problems, Vec::<String>::new());
    assert_eq!(totals.added, totals.chunks);
    (home, store)
}

fn best(hits: &[Hit], corpus: Corpus) -> (&str, Option<&str>) {
    let hit = hits.iter().find(|hit| hit.chunk.corpus == corpus).unwrap();
    (&hit.chunk.source, hit.chunk.symbol.as_deref())
}

#[tokio::test]
async fn the_database_alert_finds_runbook_incident_parameter_and_function() {
    let (_home, store) = indexed().await;
    let questions = [
        Question {
            text: "RDS CPU high on prod-postgres-primary aws.rds.cpuutilization".into(),
            exact: vec!["aws.rds.cpuutilization".into(), "prod-postgres-primary".into()],
            corpora: vec![],
        },
        Question::new("database connection exhaustion game-api prod-postgres-primary"),
        Question {
            text: "max_connections prod-postgres15 player_scores".into(),
            exact: vec!["max_connections".into(), "player_scores".into()],
            corpora: vec![],
        },
    ];
    let (hits, answers) = store.search(&questions, &knowledge::Corpora::default()).await;
    assert_eq!(answers.gaps, []);
    assert_eq!(best(&hits, Corpus::Runbooks).0, "wiki/runbooks/rds-connection-exhaustion.md");
    assert_eq!(best(&hits, Corpus::Incidents).0, "incidents/INC-2024-047.md");
    assert_eq!(
        best(&hits, Corpus::Terraform),
        ("terraform/rds_prod.tf", Some("aws_db_parameter_group.prod_postgres15"))
    );
    let told: Vec<_> = hits.iter().map(|h| (&h.chunk.source, &h.chunk.section, h.relevance)).collect();
    assert!(hits.iter().any(|hit| hit.chunk.source.ends_with("leaderboard_service.go")), "{told:?}");
    assert!(hits.iter().any(|hit| hit.chunk.symbol.as_deref() == Some("aws.rds.cpuutilization")));
    let mitigation = hits.iter().find(|hit| hit.excerpt.text.contains("DB_POOL_MAX=80")).unwrap();
    assert!(mitigation.excerpt.text.contains("idx_player_scores_game_score"));
}

#[tokio::test]
async fn other_alerts_find_other_runbooks() {
    let (_home, store) = indexed().await;
    for (text, expected) in [
        ("replica lag high on prod-postgres-replica-1", "wiki/runbooks/rds-replica-lag.md"),
        ("node NotReady with disk pressure", "wiki/runbooks/eks-node-pressure.md"),
        ("redis evictions on session-cache", "wiki/runbooks/redis-memory.md"),
        ("WAF blocks real players of nightjar.gg", "wiki/runbooks/cloudflare-waf.md"),
        ("pods in CrashLoopBackOff, OOMKilled", "wiki/runbooks/eks-crashloop.md"),
        ("HTTP DDoS, many requests at the edge", "wiki/playbooks/ddos.md"),
        (
            "websocket disconnects after a deploy of chat-service",
            "wiki/runbooks/chat-service-websocket-drops.md",
        ),
        ("event calendar: daily tournament 02:00 UTC", "wiki/operations/event-calendar.md"),
    ] {
        let (hits, _) = store.search(&[Question::new(text)], &knowledge::Corpora::default()).await;
        assert_eq!(best(&hits, Corpus::Runbooks).0, expected, "{text}");
    }
}

#[test]
fn the_places_that_the_brief_quotes_are_where_it_says() {
    let line = |path: &str, n: usize| {
        let text = std::fs::read_to_string(folder(path)).unwrap();
        text.lines().nth(n - 1).unwrap().to_owned()
    };
    assert!(line("knowledge/terraform/rds_prod.tf", 34).contains("max_connections"));
    let query = line("knowledge/src/internal/leaderboard/leaderboard_service.go", 247);
    assert!(query.contains("FROM player_scores"), "{query}");
}

#[test]
fn the_sample_events_are_what_the_function_takes() {
    for entry in std::fs::read_dir(folder("../events/index")).unwrap() {
        let path = entry.unwrap().path();
        let input: Input = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        match input {
            Input::Documents(batch) => assert!(!batch.documents.is_empty(), "{}", path.display()),
            Input::Run(run) => assert!(!run.done, "{}", path.display()),
        }
    }
}
