use super::*;
use host::Function;
use incident::fact::{Rollout, TimeSource};
use incident::{
    Alert, Cause, Corpus, Diagnosis, Evidence, Feature, Hypothesis, Level, Object, ObjectKind, Source,
    Subject, Transition, Verdict, Window,
};
use knowledge::SourceChunks;

fn rollout() -> Finding {
    Finding {
        id: "kubernetes-1".into(),
        at: "2026-03-01T10:00:00Z".parse().unwrap(),
        until: None,
        object: Object::namespaced(ObjectKind::Deployment, "shop", "orders"),
        summary: "orders 1.4.0".into(),
        fact: Fact::Rollout(Rollout {
            revision: Some(7),
            previous_revision: Some(6),
            version: "1.4.0".into(),
            previous_version: Some("1.3.9".into()),
            finished_at: None,
            time_source: TimeSource::ScalingEvent,
            restart_only: false,
            is_rollback: false,
            images: vec![],
            managed_by: None,
        }),
    }
}

fn state() -> State {
    let alert = Alert {
        version: 1,
        event_id: "1".into(),
        cycle_key: None,
        monitor_id: None,
        transition: Transition::Triggered,
        title: "Database CPU high on shop-db".into(),
        message: String::new(),
        query: None,
        metric: Some("aws.rds.cpuutilization".into()),
        scope: vec![],
        tags: vec![],
        host: None,
        priority: None,
        value: None,
        threshold: None,
        status: None,
        at: "2026-03-01T10:03:00Z".parse().unwrap(),
        link: None,
        snapshot: None,
        org_id: None,
    };
    let window =
        Window { from: "2026-03-01T09:00:00Z".parse().unwrap(), to: "2026-03-01T10:09:00Z".parse().unwrap() };
    let mut evidence = Evidence::new(Source::Kubernetes, window, 1, vec![], vec![], vec![]);
    evidence.findings = vec![rollout()];
    let feature = |supports| Feature {
        name: "change_precedes_onset".into(),
        supports,
        weight: 1.0,
        text: String::new(),
        evidence: vec!["kubernetes-1".into()],
        passages: vec![],
    };
    let hypothesis = Hypothesis {
        id: "h1".into(),
        cause: Cause::DatabaseCpu,
        category: Cause::DatabaseCpu.category(),
        culprit: Object::new(ObjectKind::DatabaseInstance, "shop-db"),
        level: Level::Medium,
        confidence: 0.6,
        features: vec![feature(true)],
    };
    let diagnosis = Diagnosis {
        verdict: Verdict::Causes { leading: vec!["h1".into()] },
        hypotheses: vec![hypothesis],
        ..Diagnosis::inconclusive("")
    };
    State {
        alert,
        subject: Subject { databases: vec!["shop-db".into()], ..Subject::default() },
        as_of: "2026-03-01T10:09:00Z".parse().unwrap(),
        announcement: None,
        evidence: vec![evidence],
        diagnosis: Some(diagnosis),
        knowledge: None,
        weighed: None,
        draft: None,
        analysis: None,
        brief: None,
    }
}

fn catalog() -> Catalog {
    Catalog::from_yaml(
        "services:\n  orders-api:\n    namespace: shop\n    workload: Deployment/orders\n    repository: acme/orders\n    tag: v{version}\n",
    )
    .unwrap()
}

fn chunk(corpus: Corpus, source: &str, text: &str) -> SourceChunks {
    let chunk =
        incident::Chunk { start_line: 5, end_line: 5, ..incident::Chunk::of_text(corpus, source, text) };
    SourceChunks { corpus, origin: String::new(), source: source.into(), chunks: vec![chunk] }
}

async fn function(home: Option<&std::path::Path>) -> Retrieve {
    let home = home.map(|home| ("SITREP_HOME".to_owned(), home.display().to_string()));
    let mut retrieve = Retrieve::new(&Settings::from_values(home)).await.unwrap();
    retrieve.catalog = Ok(catalog());
    retrieve
}

#[test]
fn the_rollout_that_a_leading_hypothesis_rests_on_is_compared_by_the_catalogs_rule() {
    let state = state();
    let comparison = change::suspect(&state).unwrap().comparison(&catalog()).unwrap();
    assert_eq!((comparison.base.as_str(), comparison.head.as_str()), ("v1.3.9", "v1.4.0"));
    assert_eq!(comparison.repository, "acme/orders");
}

#[test]
fn evidence_against_a_cause_is_not_compared_and_neither_is_a_rollback() {
    let mut against = state();
    against.diagnosis.as_mut().unwrap().hypotheses[0].features[0].supports = false;
    assert!(change::suspect(&against).is_none());
    let mut rolled_back = state();
    if let Fact::Rollout(rollout) = &mut rolled_back.evidence[0].findings[0].fact {
        rollout.is_rollback = true;
    }
    assert!(change::suspect(&rolled_back).is_none());
}

#[tokio::test]
async fn passages_come_best_first_with_ids_and_missing_things_are_gaps() {
    let home = tempfile::tempdir().unwrap();
    let retrieve = function(Some(home.path())).await;
    let Ok(Some(store)) = &retrieve.store else { panic!("no store") };
    store
        .put(vec![
            chunk(
                Corpus::Runbooks,
                "wiki/db.md",
                "Database CPU saturation on shop-db: look at slow queries.",
            ),
            chunk(Corpus::Runbooks, "wiki/mail.md", "Mail queue is full."),
            chunk(Corpus::Metrics, "catalog.yaml", "Metric aws.rds.cpuutilization: normal 30 to 60 percent."),
        ])
        .await
        .unwrap();
    let knowledge = retrieve.handle(state()).await.unwrap();
    let told: Vec<_> = knowledge.passages.iter().map(|p| (p.id.as_str(), p.source.as_str())).collect();
    assert_eq!(told[..2], [("kb-1", "wiki/db.md"), ("kb-2", "catalog.yaml")]);
    assert_eq!(knowledge.store, "embedded");
    assert_eq!(knowledge.gaps.len(), 1);
    assert!(knowledge.gaps[0].sentence.contains("GITHUB_TOKEN"), "{:?}", knowledge.gaps);
    assert!(size::of(&knowledge) <= size::KNOWLEDGE);
}

#[tokio::test]
async fn without_a_store_the_answer_is_a_gap() {
    let knowledge = function(None).await.handle(state()).await.unwrap();
    assert_eq!(knowledge.store, "");
    assert_eq!(knowledge.gaps[0].status, Status::NotConfigured);
    assert!(knowledge.passages.is_empty());
}

#[tokio::test]
async fn an_empty_store_says_how_to_fill_it() {
    let home = tempfile::tempdir().unwrap();
    let knowledge = function(Some(home.path())).await.handle(state()).await.unwrap();
    assert!(knowledge.gaps.iter().any(|gap| gap.sentence.contains("is empty")), "{:?}", knowledge.gaps);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_comparison_is_a_gap_after_its_share_of_the_time() {
    let state = state();
    let suspect = change::suspect(&state).unwrap();
    let read = read(&suspect, std::future::pending(), Instant::now() + COMPARE).await;
    assert_eq!(read.call.unwrap().took_ms, 2_000);
    assert_eq!(read.gap.unwrap().status, Status::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_second_round_that_stalls_takes_nothing_back_from_the_first() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let settings = [("PINECONE_API_KEY", "k".to_owned()), ("PINECONE_SPARSE_INDEX_URL", url)];
    let settings = Settings::from_values(settings.map(|(name, value)| (name.to_owned(), value)));
    let retrieve = Retrieve::new(&settings).await.unwrap();
    for (first, said) in [(1, "what it knows is missing"), (2, "what it knows of the changed code")] {
        let second = Duration::from_secs(1);
        let answers = retrieve.ask(&[Question::new("order_items")], first, Instant::now() + second).await;
        assert_eq!((answers.calls[0].status, answers.calls[0].took_ms), (Status::Timeout, 1_000));
        assert!(answers.gaps[0].sentence.contains(said), "{:?}", answers.gaps);
    }
}

#[tokio::test]
async fn what_the_changed_code_names_is_asked_in_a_second_round() {
    let change = incident::fact::CodeChange {
        repository: "acme/orders".into(),
        from: "v1".into(),
        to: "v2".into(),
        commits: vec![],
        files: vec![],
        hunks: vec![incident::fact::Hunk {
            path: "internal/orders/service.go".into(),
            line: 3,
            text: "@@ func (s *Service) TopOrders(\n+SELECT * FROM order_items".into(),
            matched: "select".into(),
        }],
        ..Default::default()
    };
    let asked = questions::of(&state());
    let question = questions::of_change(&change, &asked).unwrap();
    assert_eq!(question.exact, ["order_items", "TopOrders", "service.go"]);
    assert_eq!(questions::of_change(&change, &[question]), None);
}

#[tokio::test]
async fn the_sample_events_are_answered() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/retrieve");
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let knowledge = function(None).await.handle(serde_json::from_str(&text).unwrap()).await.unwrap();
        assert!(knowledge.questions.len() > 3);
    }
}
