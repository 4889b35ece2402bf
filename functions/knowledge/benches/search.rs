//! How long a search takes where there is much to search.
//!
//! `cargo bench --package knowledge --bench search -- FOLDER [PASSAGES]`: writes passages (100,000 unless told) into an embedded
//! store and asks questions of up to 400 characters. Passages and questions are walks through the words of FOLDER's text files:
//! after each word comes one that follows it somewhere there. So all are different, words are as common as they are in FOLDER and
//! have their neighbours; only what is rare there is rarer in life, for a walk makes no new words. With the local model (`sitrep
//! model`, in SITREP_HOME) it searches by meaning too; the passages' vectors are then random, for where they point costs no time.
//! What is measured is a question as an incident asks it: every search, fusion, excerpts, redaction.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use incident::{Chunk, Corpus};
use knowledge::minilm::MiniLm;
use knowledge::{Embedded, Question, SourceChunks, Store};
use rusqlite::{Connection, params};

const PASSAGES: usize = 100_000;
/// Words of a passage: about five hundred tokens of prose.
const WORDS: usize = 330;
/// Words of a line of it, and of a title.
const LINE: usize = 14;
const TITLE: usize = 5;
/// Bytes of a question.
const QUESTION: usize = 400;
const QUESTIONS: usize = 200;
const BATCH: usize = 5_000;
/// Numbers of a vector of the local model.
const WIDTH: usize = 384;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let Some(folder) = arguments.first() else { anyhow::bail!("name a folder with text files") };
    let passages = arguments.get(1).map_or(Ok(PASSAGES), |number| number.parse())?;
    let mut text = String::new();
    read(Path::new(folder), &mut text)?;
    let mut walk = Walk::of(&text, Dice(7));
    anyhow::ensure!(walk.words.len() > 10_000, "{folder} holds too little text");
    let place = tempfile::tempdir()?;
    let file = place.path().join("knowledge.sqlite");
    fill(&file, passages, &mut walk).await?;

    let home = host::Settings::from_process().home();
    let model = home.map(|home| MiniLm::open(&home.join("model"))).transpose()?.flatten();
    if let Some(model) = &model {
        invent_vectors(&file, model.identity(), &mut walk.dice)?;
    }
    let methods = if model.is_some() { "words and meaning" } else { "words" };
    let embedding = model.clone();
    let store = Store::Embedded(Embedded::open(&file, model)?);
    let mut times = Vec::with_capacity(QUESTIONS);
    for n in 0..=QUESTIONS {
        let question = Question::new(walk.question());
        let begun = Instant::now();
        let (hits, _) = store.search(&[question], &knowledge::Corpora::default()).await;
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
            std::hint::black_box(model.question(&walk.question())?);
        }
        let each = begun.elapsed().as_secs_f64() * 1e3 / QUESTIONS as f64;
        say(&format!("of which the question's vector: mean {each:.1} ms"));
    }
    Ok(())
}

/// A store of so many passages in all corpora alike.
async fn fill(file: &Path, passages: usize, walk: &mut Walk<'_>) -> anyhow::Result<()> {
    let store = Embedded::open(file, None)?;
    for from in (0..passages).step_by(BATCH) {
        let sources = (from..passages.min(from + BATCH)).map(|n| {
            let corpus = Corpus::ALL[n % Corpus::ALL.len()];
            let source = format!("docs/{n}.md");
            let mut chunk = Chunk::of_text(corpus, &source, &walk.lines(WORDS));
            chunk.title = walk.lines(TITLE);
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

/// The text of a folder's files.
fn read(folder: &Path, all: &mut String) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, all)?;
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            all.push_str(&text);
            all.push('\n');
        }
    }
    Ok(())
}

/// A walk through the words of a text.
struct Walk<'a> {
    words: Vec<&'a str>,
    /// Where each word stands.
    places: HashMap<&'a str, Vec<usize>>,
    at: usize,
    dice: Dice,
}

impl<'a> Walk<'a> {
    fn of(text: &'a str, dice: Dice) -> Self {
        let words: Vec<&str> = text.split_whitespace().filter(|word| word.len() <= 60).collect();
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, word) in words.iter().enumerate() {
            places.entry(word).or_default().push(at);
        }
        Self { words, places, at: 0, dice }
    }

    /// A word that follows the last one somewhere.
    fn next(&mut self) -> &'a str {
        let places = &self.places[self.words[self.at]];
        self.at = (places[self.dice.below(places.len())] + 1) % self.words.len();
        self.words[self.at]
    }

    /// So many words from anywhere on.
    fn lines(&mut self, words: usize) -> String {
        self.at = self.dice.below(self.words.len());
        let words: Vec<&str> = (0..words).map(|_| self.next()).collect();
        words.chunks(LINE).map(|line| line.join(" ")).collect::<Vec<_>>().join("\n")
    }

    fn question(&mut self) -> String {
        let words = self.lines(QUESTION / 4);
        let most = QUESTION / 4 + self.dice.below(3 * QUESTION / 4);
        words[..words.floor_char_boundary(most)].replace('\n', " ")
    }
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
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
