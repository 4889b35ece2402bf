//! How long a search takes where there is much to search.
//!
//! `cargo bench --package knowledge --bench search -- FOLDER [PASSAGES]`: makes passages (100,000 unless told) of lines drawn at random
//! from FOLDER's text files, so that words are as common as they are there, puts them into an embedded store, and asks for other such
//! lines. With the local model (`sitrep model`, in SITREP_HOME) it searches by meaning too; the passages' vectors are then random,
//! for where they point costs no time. What is measured is a question as an incident asks it: every search, fusion, excerpts, redaction.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use incident::{Chunk, Corpus};
use knowledge::minilm::MiniLm;
use knowledge::{Embedded, Question, SourceChunks, Store};
use rusqlite::{Connection, params};

const PASSAGES: usize = 100_000;
/// Lines of a passage: about as long as five hundred tokens of prose.
const LINES: usize = 14;
const QUESTIONS: usize = 200;
const BATCH: usize = 5_000;
/// Numbers of a vector of the local model.
const WIDTH: usize = 384;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let Some(folder) = arguments.first() else { anyhow::bail!("name a folder with text files") };
    let passages = arguments.get(1).map_or(Ok(PASSAGES), |number| number.parse())?;
    let lines = lines(Path::new(folder))?;
    anyhow::ensure!(lines.len() > LINES, "{folder} holds too little text");
    let mut dice = Dice(7);
    let place = tempfile::tempdir()?;
    let file = place.path().join("knowledge.sqlite");
    fill(&file, &lines, passages, &mut dice).await?;

    let home = host::Settings::from_process().home();
    let model = home.map(|home| MiniLm::open(&home.join("model"))).transpose()?.flatten();
    if let Some(model) = &model {
        invent_vectors(&file, model.identity(), &mut dice)?;
    }
    let methods = if model.is_some() { "words and meaning" } else { "words" };
    let embedding = model.clone();
    let store = Store::Embedded(Embedded::open(&file, model)?);
    let mut times = Vec::with_capacity(QUESTIONS);
    for n in 0..=QUESTIONS {
        let question = Question::new(dice.line(&lines));
        let begun = Instant::now();
        let (hits, _) = store.search(&[question], &Corpus::ALL).await;
        std::hint::black_box(hits);
        // The first one reads the vectors into memory.
        let name = if n == 0 { Some("first search") } else { None };
        let took = begun.elapsed().as_secs_f64() * 1e3;
        name.map_or_else(|| times.push(took), |name| say(&format!("{name}: {took:.1} ms")));
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let (median, most) = (at(0.5), at(0.95));
    say(&format!("{passages} passages by {methods}: median {median:.1} ms, 95th percentile {most:.1} ms"));
    if let Some(model) = embedding {
        let begun = Instant::now();
        for _ in 0..QUESTIONS {
            std::hint::black_box(model.embed(dice.line(&lines))?);
        }
        let each = begun.elapsed().as_secs_f64() * 1e3 / QUESTIONS as f64;
        say(&format!("of which the question's vector: mean {each:.1} ms"));
    }
    Ok(())
}

/// A store of so many passages in all corpora alike.
async fn fill(file: &Path, lines: &[String], passages: usize, dice: &mut Dice) -> anyhow::Result<()> {
    let store = Embedded::open(file, None)?;
    for from in (0..passages).step_by(BATCH) {
        let sources = (from..passages.min(from + BATCH)).map(|n| {
            let corpus = Corpus::ALL[n % Corpus::ALL.len()];
            let source = format!("docs/{n}.md");
            let text: Vec<&str> = (0..LINES).map(|_| dice.line(lines)).collect();
            let mut chunk = Chunk::of_text(corpus, &source, &text.join("\n"));
            dice.line(lines).clone_into(&mut chunk.title);
            SourceChunks { corpus, origin: String::new(), source, chunks: vec![chunk] }
        });
        store.put(sources.collect()).await?;
    }
    Ok(())
}

fn invent_vectors(file: &Path, model: &str, dice: &mut Dice) -> anyhow::Result<()> {
    let mut connection = Connection::open(file)?;
    let transaction = connection.transaction()?;
    transaction.execute("INSERT INTO meta VALUES ('model', ?1)", [model])?;
    let rows: Vec<i64> = transaction
        .prepare("SELECT row FROM chunks")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for row in rows {
        let vector: Vec<u8> = (0..WIDTH).map(|_| dice.below(256) as u8).collect();
        transaction
            .prepare_cached("INSERT INTO vectors VALUES (?1, 0.001, ?2)")?
            .execute(params![row, vector])?;
    }
    transaction.commit()?;
    Ok(())
}

/// Every line with words of the folder's files.
fn lines(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            lines.extend(self::lines(&path)?);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            lines.extend(text.lines().map(str::trim).filter(|line| line.len() > 20).map(str::to_owned));
        }
    }
    Ok(lines)
}

/// Numbers that are the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn line<'a>(&mut self, lines: &'a [String]) -> &'a str {
        let at = self.below(lines.len());
        let line = &lines[at];
        &line[..line.floor_char_boundary(400)]
    }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
