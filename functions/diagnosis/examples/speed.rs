//! How long the whole engine takes on a state document: `cargo run --release -p diagnosis --example speed -- STATE.json`.
//!
//! Prints the median and the slowest of 200 runs of each step, in milliseconds, and the document's size.

use std::time::Instant;

use incident::{Diagnosis, State};

type Step = fn(&State) -> Diagnosis;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: speed STATE.json")?;
    let text = std::fs::read_to_string(path)?;
    let state: State = serde_json::from_str(&text)?;
    let findings = state.findings().count();
    let mut out = format!("{} bytes, {findings} findings\n", text.len());
    let steps: [(&str, Step); 2] = [("diagnose", diagnosis::diagnose), ("weigh", diagnosis::weigh)];
    for (name, step) in steps {
        let mut took: Vec<f64> = (0..200)
            .map(|_| {
                let start = Instant::now();
                std::hint::black_box(step(std::hint::black_box(&state)));
                start.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        took.sort_by(f64::total_cmp);
        out.push_str(&format!("{name}: median {:.2} ms, slowest {:.2} ms\n", took[100], took[199]));
    }
    std::io::Write::write_all(&mut std::io::stdout(), out.as_bytes())?;
    Ok(())
}
