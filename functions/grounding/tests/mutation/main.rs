//! A thousand true claims about made-up incidents stand; each with one fact changed is struck out.
//!
//! The incidents are drawn from a seeded generator: other numbers, names, times and versions each time. The sentences are written by
//! hand, with the facts as slots; a mutant changes one slot in one way: a digit, a unit, a name, a version, a time, a sign, a count.
#![expect(clippy::unwrap_used, reason = "a test fails by unwrapping")]
#![expect(missing_docs, reason = "the fields of a test's types say what they are")]

mod sentences;
mod world;

use std::collections::BTreeMap;

use incident::Claim;

/// One way of being wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Digit,
    Unit,
    Name,
    Version,
    Time,
    Sign,
    Count,
}

/// A true sentence with its facts as slots: each with what else could wrongly stand there.
#[derive(Debug, Default)]
pub struct Sentence {
    pub text: String,
    pub evidence: Vec<&'static str>,
    pub passages: Vec<&'static str>,
    /// Where the slot is in the text, and what would be untrue there.
    pub slots: Vec<(std::ops::Range<usize>, Change, String)>,
}

impl Sentence {
    fn claim(&self, text: String) -> Claim {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        Claim { text, evidence: owned(&self.evidence), passages: owned(&self.passages) }
    }
}

const WORLDS: u64 = 40;

#[test]
fn mutants_are_caught_and_true_claims_stand() {
    let (mut claims, mut lost) = (0, Vec::new());
    let mut mutants: BTreeMap<Change, (usize, usize)> = BTreeMap::new();
    let mut passed = Vec::new();
    for seed in 0..WORLDS {
        let world = world::World::new(seed);
        let state = world.state();
        for sentence in sentences::all(&world) {
            claims += 1;
            let check = |text: String| grounding::check(&sentence.claim(text), &state);
            if let Err(reason) = check(sentence.text.clone()) {
                lost.push(format!("{} — {reason}", sentence.text));
            }
            for (range, change, wrong) in &sentence.slots {
                let mut text = sentence.text.clone();
                text.replace_range(range.clone(), wrong);
                assert_ne!(text, sentence.text, "a mutant that changes nothing");
                let (made, caught) = mutants.entry(*change).or_default();
                *made += 1;
                if check(text.clone()).is_err() {
                    *caught += 1;
                } else {
                    passed.push(format!("{change:?}: {text}"));
                }
            }
        }
    }
    let made: usize = mutants.values().map(|(made, _)| made).sum();
    let caught: usize = mutants.values().map(|(_, caught)| caught).sum();
    println!(
        "{claims} true claims, {} struck out; {made} mutants, {caught} caught; of each kind (made, caught): {mutants:?}",
        lost.len()
    );
    let show = |list: &[String]| list.iter().take(25).cloned().collect::<Vec<_>>().join("\n");
    println!("struck out:\n{}\nnot caught:\n{}", show(&lost), show(&passed));
    assert!(claims >= 1_000 && made >= 1_000);
    assert!(lost.len() * 100 <= claims, "{} of {claims} true claims were struck out", lost.len());
    assert!((made - caught) * 100 <= made, "{} of {made} mutants stand", made - caught);
}
