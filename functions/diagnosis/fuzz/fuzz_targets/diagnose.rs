//! Arbitrary evidence: bytes that read as a state document are diagnosed and weighed. No panic, no NaN, no confidence outside 0 to 1, no
//! document beyond its budget, and nothing cited that the document does not hold.
//!
//! Bytes flipped at random are hardly ever JSON, so every other change is made to the document as a tree.
//!
//! ```text
//! SITREP_CASES=functions/diagnosis/fuzz/corpus/diagnose cargo test -p tests what_is_said_surely   # seeds: every scenario's evidence
//! cd functions/diagnosis && RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none diagnose
//! ```
//!
//! `cargo test -p diagnosis arbitrary` makes the same promises of a hundred changed documents, without libFuzzer.

#![no_main]

use incident::{Diagnosis, State, size};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let Ok(state) = serde_json::from_slice::<State>(data) else { return };
    check(&state, &diagnosis::diagnose(&state));
    check(&state, &diagnosis::weigh(&state));
});

fn check(state: &State, diagnosis: &Diagnosis) {
    assert!(size::of(diagnosis) <= size::DIAGNOSIS);
    let known = |id: &String| state.finding(id).is_some();
    let numbers = diagnosis.hypotheses.iter().map(|h| h.confidence).chain([diagnosis.confidence.number]);
    assert!(numbers.clone().all(|n| (0.0..=1.0).contains(&n)), "{:?}", numbers.collect::<Vec<_>>());
    for feature in diagnosis.hypotheses.iter().flat_map(|h| &h.features) {
        assert!(feature.weight.is_finite() && feature.evidence.iter().all(known), "{feature:?}");
    }
    let cited = diagnosis.ruled_out.iter().flat_map(|r| &r.evidence);
    let cited = cited.chain(diagnosis.root_cause.iter().flat_map(|c| &c.evidence));
    let cited = cited.chain(diagnosis.actions.iter().flat_map(|a| &a.evidence));
    cited.for_each(|id| assert!(known(id), "{id} is cited and does not exist"));
    // Written and read again, it is the same: a NaN would not be.
    let text = serde_json::to_string(diagnosis).expect("a diagnosis is JSON");
    assert!(serde_json::from_str::<Diagnosis>(&text).is_ok_and(|again| again == *diagnosis), "{text}");
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut dice = Dice(u64::from(seed));
    if dice.below(2) == 0
        && let Ok(mut document) = serde_json::from_slice::<Value>(&data[..size])
    {
        for _ in 0..=dice.below(4) {
            change(&mut document, &mut dice);
        }
        let text = document.to_string();
        if text.len() <= max_size.min(data.len()) {
            data[..text.len()].copy_from_slice(text.as_bytes());
            return text.len();
        }
    }
    fuzzer_mutate(data, size, max_size)
});

/// Repeatable numbers: xorshift (Marsaglia, 2003) of a seed that is not zero.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        let mut x = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0 = x;
        (x >> 33) as usize % n.max(1)
    }
}

/// Walks down a random way and changes what is there: a value replaced, an entry doubled, dropped or put elsewhere.
fn change(value: &mut Value, dice: &mut Dice) {
    let here = dice.below(6) == 0;
    match value {
        Value::Array(list) if !list.is_empty() => {
            let at = dice.below(list.len());
            match dice.below(16) {
                0 => list.push(list[at].clone()),
                1 => drop(list.remove(at)),
                2 => list.reverse(),
                _ => change(&mut list[at], dice),
            }
        }
        Value::Object(fields) if !fields.is_empty() && !here => {
            let at = dice.below(fields.len());
            let Some(key) = fields.keys().nth(at).cloned() else { return };
            if dice.below(32) == 0 {
                fields.remove(&key);
            } else if let Some(field) = fields.get_mut(&key) {
                change(field, dice);
            }
        }
        _ => *value = replaced(value, dice),
    }
}

fn replaced(value: &Value, dice: &mut Dice) -> Value {
    const TEXTS: [&str; 12] = [
        "",
        "é漢\u{1}\"",
        "0/3 nodes are available: 3 Insufficient cpu.",
        "exceeded quota: q, requested: cpu=1",
        "9999-12-30T00:00:00Z",
        "-009999-01-02T01:59:59Z",
        "OOMKilled",
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "dial tcp: lookup x on 10.0.0.1:53: no such host",
        "AWS/RDS CPUUtilization",
        "deployment",
    ];
    match value {
        Value::Number(n) => match dice.below(9) {
            0 => json!(0),
            1 => json!(-1),
            2 => json!(1e308),
            3 => json!(-1e308),
            4 => json!(5e-324),
            5 => json!(u32::MAX),
            6 => json!(u64::MAX),
            7 => json!(n.as_f64().unwrap_or(1.0) * 10.0),
            _ => json!(n.as_i64().unwrap_or(1).wrapping_add(1)),
        },
        Value::String(text) => match dice.below(4) {
            0 => json!(text.repeat(1 + dice.below(40))),
            1 => json!(text.chars().rev().collect::<String>()),
            _ => json!(TEXTS[dice.below(TEXTS.len())]),
        },
        Value::Bool(b) => json!(!b),
        Value::Array(_) => json!([]),
        Value::Object(_) | Value::Null => Value::Null,
    }
}
