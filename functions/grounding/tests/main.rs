//! True claims about the sample incident stand; each with one fact changed is struck out.
#![expect(clippy::unwrap_used, reason = "a test fails by unwrapping")]

use incident::{Claim, State};

fn state() -> State {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/brief/final.json");
    let event: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    serde_json::from_value(event["state"].clone()).unwrap()
}

fn claim(text: &str, ids: &str) -> Claim {
    let (passages, evidence) =
        ids.split(' ').map(str::to_owned).partition(|id: &String| id.starts_with("kb-"));
    Claim { text: text.to_owned(), evidence, passages }
}

/// A true claim, what it cites, and its mutants as (from, to).
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const CASES: &[Case] = &[
    (
        "game-api v3.41.0 rolled out at 02:11 UTC, 1 minute before CPU left its level of 41 % at 02:12 UTC.",
        "kubernetes-1 aws-1",
        &[
            ("v3.41.0", "v3.40.1"),
            ("v3.41.0", "v3.41"),
            ("02:11", "02:21"),
            ("02:12", "02:13"),
            ("1 minute", "4 minutes"),
            ("before", "after"),
            ("41 %", "44 %"),
            ("41 %", "41 s"),
            ("game-api", "chat-service"),
            ("game-api", "game-ap1"),
        ],
    ),
    (
        "The monitor fired 3 minutes after the rollout of v3.41.0.",
        "kubernetes-1",
        &[("3 minutes", "5 minutes"), ("after", "before"), ("3 minutes", "3 hours")],
    ),
    (
        "Connections to prod-postgres-primary rose from 230 to 487 of 500.",
        "aws-2 aws-6",
        &[
            ("487", "478"),
            ("500", "600"),
            ("rose", "fell"),
            ("230", "320"),
            ("prod-postgres-primary", "prod-postgres-replica-1"),
        ],
    ),
    ("Replica lag reached 2.1 s.", "aws-3", &[("2.1 s", "2.1 min"), ("2.1", "21"), ("2.1", "1.2")]),
    ("CPU is at 95% against a baseline of 41 %.", "aws-1", &[("95%", "59%"), ("95%", "95 ms"), ("41", "14")]),
    (
        "Commit a3f91b2 changes leaderboard_service.go:247 in nightjar/game-api.",
        "github-1",
        &[
            ("a3f91b2", "a3f91b3"),
            (":247", ":274"),
            ("leaderboard_service.go", "player_service.go"),
            ("nightjar/game-api", "nightjar/chat"),
        ],
    ),
    (
        "The same pattern was resolved in INC-2024-047 within 4 minutes.",
        "kb-2",
        &[("INC-2024-047", "INC-2024-074"), ("4", "9")],
    ),
    (
        "The runbook caps the pools at 400 with DB_POOL_MAX of 80 per pod.",
        "kb-1",
        &[("400", "500"), ("80", "90"), ("DB_POOL_MAX", "DB_POOL_MIN")],
    ),
    (
        "rds_prod.tf line 34 declares max_connections as 500.",
        "kb-3",
        &[("34", "43"), ("500", "50"), ("rds_prod.tf", "rds_dev.tf")],
    ),
    (
        "71 % of requests were served from cache, with no 5xx.",
        "cloudflare-2",
        &[("71 %", "17 %"), ("71 %", "71 s"), ("no 5xx", "5xx")],
    ),
    (
        "Connections to prod-postgres-primary rose since 02:12 UTC.",
        "aws-2",
        &[("02:12", "02:13"), ("02:12", "02:11"), ("02:12", "02:16"), ("rose", "fell")],
    ),
    ("Requests rose by 9 % to 412,000.", "cloudflare-2", &[("9 %", "19 %"), ("412,000", "421,000")]),
    ("All 6 targets of game-api are healthy.", "aws-7", &[("6", "5")]),
    (
        "chat-service v1.18.2 rolled out 52 minutes before the onset.",
        "kubernetes-2",
        &[("52", "25"), ("v1.18.2", "v1.18.3"), ("before", "after")],
    ),
    ("The daily tournament starts at 02:00 UTC.", "kb-5", &[("02:00", "03:00")]),
    (
        "Under a long-running full-table read the connection-pool fills up.",
        "aws-2",
        &[("connection-pool", "billing-worker")],
    ),
];

#[test]
fn true_claims_stand() {
    let state = state();
    for (text, ids, _) in CASES {
        assert_eq!(grounding::check(&claim(text, ids), &state), Ok(()), "{text}");
    }
}

#[test]
fn a_claim_with_one_fact_changed_is_struck_out() {
    let state = state();
    let mut passed = Vec::new();
    for (text, ids, mutants) in CASES {
        for (from, to) in *mutants {
            assert!(text.contains(from), "{from} is not in {text}");
            let mutant = text.replacen(from, to, 1);
            if grounding::check(&claim(&mutant, ids), &state).is_ok() {
                passed.push(mutant);
            }
        }
    }
    assert!(passed.is_empty(), "not caught: {passed:#?}");
}

#[test]
fn a_claim_must_cite_and_what_it_cites_must_exist() {
    let state = state();
    let bare = Claim { text: "CPU is high.".into(), evidence: vec![], passages: vec![] };
    assert!(grounding::check(&bare, &state).unwrap_err().contains("cites nothing"));
    assert!(grounding::check(&claim("CPU is high.", "aws-99"), &state).unwrap_err().contains("aws-99"));
    assert!(grounding::check(&claim("CPU is high.", "kb-99"), &state).unwrap_err().contains("kb-99"));
}

#[test]
fn a_fact_seen_elsewhere_does_not_help_a_claim_that_does_not_cite_it() {
    let struck = grounding::check_all(&[claim("Connections are 487.", "aws-3")], &state());
    assert_eq!((struck.stands.len(), struck.struck.len()), (0, 1));
    assert_eq!(struck.struck[0].reason, "487 is not in the cited evidence.");
}

/// What a vendor said, word for word, is what was seen; with a digit changed it is not.
#[test]
fn a_quotation_stands_and_a_forged_one_does_not() {
    let state = state();
    let (mut forged, mut caught) = (0, 0);
    for finding in state.findings() {
        let quoted = format!("It says: {}.", finding.summary.trim_end_matches('.'));
        assert_eq!(grounding::check(&claim(&quoted, &finding.id), &state), Ok(()), "{quoted}");
        let Some(at) = finding.summary.find(|c: char| c.is_ascii_digit()) else { continue };
        let digit = finding.summary.as_bytes()[at] - b'0';
        let other = format!("{}{}{}", &finding.summary[..at], (digit + 4) % 10, &finding.summary[at + 1..]);
        forged += 1;
        caught += usize::from(grounding::check(&claim(&other, &finding.id), &state).is_err());
    }
    assert!(forged >= 10 && caught == forged, "{caught} of {forged} forged quotations were caught");
}

#[test]
fn numbers_at_the_end_of_their_range_are_read() {
    let mut state = state();
    let huge = serde_json::json!([
        { "kind": "code_change", "repository": "a/b", "from": "v1", "to": "v2", "commits": [], "files": [],
          "hunks": [{ "path": "a.go", "line": u32::MAX, "text": " x\n+y\n+z", "matched": "y" }] },
        { "kind": "target_health", "states": { "healthy": u32::MAX, "unhealthy": u32::MAX }, "reasons": {} },
        { "kind": "edge_traffic", "requests": 1, "by_status": { "500": u64::MAX, "502": u64::MAX } },
    ]);
    for fact in huge.as_array().unwrap() {
        state.evidence[0].findings[0].fact = serde_json::from_value(fact.clone()).unwrap();
        let id = state.evidence[0].findings[0].id.clone();
        grounding::check_all(&[claim("It rose.", &id)], &state);
    }
}

/// Written by hand, as an engineer or a model would: `sitrep check tests/claims/state.json tests/claims/claims.json` runs them too.
#[test]
fn sentences_written_by_hand_are_told_apart() {
    let read = |name: &str| {
        let path = format!("{}/../../tests/claims/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str::<serde_json::Value>(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let state: State = serde_json::from_value(read("state")).unwrap();
    let mut wrong = Vec::new();
    for entry in read("claims").as_array().unwrap() {
        let claim: Claim = serde_json::from_value(entry.clone()).unwrap();
        let checked = grounding::check(&claim, &state);
        if checked.is_ok() != entry["stands"].as_bool().unwrap() {
            wrong.push(format!("{}: {checked:?}", claim.text));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
