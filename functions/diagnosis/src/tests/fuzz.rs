//! Arbitrary evidence: whole stories with values, texts, lists and fields changed at random. No panic, no NaN, no document beyond its
//! budget. `SITREP_FUZZ_ROUNDS` makes it run longer.

use incident::{State, size};
use serde_json::{Value, json};

use super::crowds::Dice;
use super::{NIGHT, diagnose, regression, weigh, with_knowledge};

/// Changes one value in some twenty of a document.
fn mutate(value: &mut Value, dice: &mut Dice) {
    if dice.roll() < 0.05 {
        *value = replaced(value, dice);
        return;
    }
    match value {
        Value::Array(list) => {
            if !list.is_empty() && dice.roll() < 0.05 {
                let at = (dice.roll() * list.len() as f64) as usize;
                let again = list[at.min(list.len() - 1)].clone();
                list.push(again);
                let before_last = list.len() - 2;
                list.swap(0, at.min(before_last));
            }
            list.iter_mut().for_each(|v| mutate(v, dice));
        }
        Value::Object(fields) => {
            if dice.roll() < 0.02
                && let Some(key) = fields.keys().nth((dice.roll() * fields.len() as f64) as usize).cloned()
            {
                fields.remove(&key);
            }
            fields.values_mut().for_each(|v| mutate(v, dice));
        }
        _ => {}
    }
}

fn replaced(value: &Value, dice: &mut Dice) -> Value {
    let numbers = [
        json!(0),
        json!(-1),
        json!(1),
        json!(1e308),
        json!(-1e308),
        json!(5e-324),
        json!(4_294_967_295_u64),
        json!(0.5),
    ];
    let texts = [
        "",
        "é漢\u{1}\"",
        "0/3 nodes are available: 3 Insufficient cpu.",
        "exceeded quota: q, requested: cpu=1",
        "9999-12-30T00:00:00Z",
    ];
    let pick = |n: usize| (dice.roll() * n as f64) as usize;
    let mut pick = pick;
    match value {
        Value::Number(_) => numbers[pick(numbers.len()).min(7)].clone(),
        Value::String(text) if pick(2) == 0 => json!(text.repeat(40)),
        Value::String(_) => json!(texts[pick(texts.len()).min(4)]),
        Value::Array(_) => json!([]),
        Value::Bool(b) => json!(!b),
        Value::Object(_) | Value::Null => Value::Null,
    }
}

fn finite(value: &Value) -> bool {
    match value {
        // serde_json writes NaN as null, so a required figure that was NaN does not come back.
        Value::Array(list) => list.iter().all(finite),
        Value::Object(fields) => {
            fields.iter().all(|(k, v)| finite(v) && !(v.is_null() && (k == "confidence" || k == "weight")))
        }
        _ => true,
    }
}

#[test]
fn arbitrary_evidence_makes_no_panic_and_no_nan() {
    let rounds = option_env!("SITREP_FUZZ_ROUNDS").and_then(|n| n.parse().ok()).unwrap_or(100_u64);
    let whole = serde_json::to_value(with_knowledge(regression(NIGHT, -3)).state()).unwrap();
    let mut read = 0;
    for seed in 0..rounds {
        let mut document = whole.clone();
        mutate(&mut document, &mut Dice(seed));
        let Ok(state) = serde_json::from_value::<State>(document) else {
            // Most changes break a field's type; a gentler one is tried on the evidence alone.
            let mut gentle = whole.clone();
            let findings = gentle["evidence"].as_array_mut().unwrap();
            for evidence in findings {
                for finding in evidence["findings"].as_array_mut().unwrap() {
                    let mut changed = finding.clone();
                    mutate(&mut changed, &mut Dice(seed.wrapping_mul(31)));
                    if serde_json::from_value::<incident::Finding>(changed.clone()).is_ok() {
                        *finding = changed;
                    }
                }
            }
            check(&serde_json::from_value(gentle).unwrap());
            read += 1;
            continue;
        };
        check(&state);
        read += 1;
    }
    assert_eq!(read, rounds);
}

fn check(state: &State) {
    for diagnosis in [diagnose(state), weigh(state)] {
        assert!(size::of(&diagnosis) <= size::DIAGNOSIS);
        for hypothesis in &diagnosis.hypotheses {
            assert!((0.0..=1.0).contains(&hypothesis.confidence), "{hypothesis:?}");
            assert!(hypothesis.features.iter().all(|f| f.weight.is_finite()));
        }
        assert!(finite(&serde_json::to_value(&diagnosis).unwrap()));
    }
}
