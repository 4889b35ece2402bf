//! The knowledge base: store chunks, find passages.
//!
//! Input: chunks to keep, and the [`Question`]s of an incident; output: [`Hit`]s fused from every search, and how each
//! search was read. A [`Store`] is Pinecone where its key is set, else one SQLite file on this machine. Deliberately absent:
//! cutting documents (the `cutting` crate) and knowing what an incident asks (the `retrieve` function).

mod corpora;
mod doctor;
pub mod embedded;
pub mod excerpt;
pub mod fusion;
pub mod minilm;
mod openai;
pub mod pinecone;
mod sparse;
mod vectors;
pub mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use host::Settings;
use incident::{Call, Chunk, Corpus, Gap};

pub use corpora::Corpora;
pub use doctor::doctor;
pub use embedded::Embedded;
pub use fusion::{Hit, fuse};
pub use pinecone::Pinecone;

/// Hits that one search returns per corpus, before fusion.
pub const FETCH: usize = 50;

/// One thing to ask: in words, and by the names that a good answer holds letter by letter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Question {
    /// Words.
    pub text: String,
    /// Identifiers: tables, metrics, workloads, versions.
    pub exact: Vec<String>,
    /// The corpora it is put to; empty for all.
    pub corpora: Vec<Corpus>,
}

impl Question {
    /// A question in words to every corpus.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// True where the question is put to the corpus.
    pub fn is_for(&self, corpus: Corpus) -> bool {
        self.corpora.is_empty() || self.corpora.contains(&corpus)
    }
}

/// How a search finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// By words.
    Lexical,
    /// By identifiers, letter by letter.
    Exact,
    /// By meaning.
    Dense,
}

impl Method {
    /// As in a ranking's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lexical => "lexical",
            Self::Exact => "exact",
            Self::Dense => "dense",
        }
    }

    /// What its scores of a corpus' passages count in fusion. Words lead in this field, where alerts and runbooks share their
    /// vocabulary; and sentences' meaning says little of code. Measured in docs/knowledge.md.
    fn weight(self, corpus: Corpus) -> f64 {
        match (self, corpus) {
            (Self::Dense, Corpus::SourceCode | Corpus::Terraform) => 0.2,
            _ => self.most(),
        }
    }

    /// What they count at most.
    fn most(self) -> f64 {
        match self {
            Self::Lexical | Self::Exact => 1.0,
            Self::Dense => 0.6,
        }
    }
}

/// What one search over several corpora returned: one question by one method. Scores of one ranking compare with each other
/// and with nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// The question's number, from 1.
    pub question: usize,
    /// How it was searched.
    pub method: Method,
    /// The corpora that answered it.
    pub corpora: Vec<Corpus>,
    /// Best first.
    pub hits: Vec<(Arc<Chunk>, f64)>,
}

impl Ranking {
    /// `q1 lexical`.
    pub fn name(&self) -> String {
        format!("q{} {}", self.question, self.method.name())
    }
}

/// The rankings of some questions, and how each search was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers {
    /// One per question and method that answered.
    pub rankings: Vec<Ranking>,
    /// Each search.
    pub calls: Vec<Call>,
    /// What could not be searched.
    pub gaps: Vec<Gap>,
}

impl Answers {
    /// Adds the answers to further questions.
    pub fn extend(&mut self, other: Answers) {
        self.rankings.extend(other.rankings);
        self.calls.extend(other.calls);
        self.gaps.extend(other.gaps);
    }
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Vectors and weights of two embedders cannot be compared.
    #[error(
        "the knowledge base in {place} was made by {found} and this is {wanted}; the two cannot be mixed: index into an empty store"
    )]
    Mixed {
        /// Where.
        place: String,
        /// The identity stored with it.
        found: String,
        /// Ours.
        wanted: String,
    },
    /// The file.
    #[error("the knowledge base {place} cannot be used: {cause}")]
    File {
        /// Where.
        place: String,
        /// Why.
        cause: String,
    },
    /// The vendor.
    #[error("{vendor} {cause}")]
    Vendor {
        /// Who.
        vendor: &'static str,
        /// What it answered.
        cause: host::http::HttpError,
    },
    /// A setting.
    #[error("{0}")]
    Setting(String),
}

/// What storing the chunks of a source did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stored {
    /// Chunks that are new or have new words.
    pub added: usize,
    /// Chunks whose words were there already.
    pub unchanged: usize,
    /// Chunks that are gone from the source.
    pub removed: usize,
}

impl std::ops::AddAssign for Stored {
    fn add_assign(&mut self, other: Self) {
        self.added += other.added;
        self.unchanged += other.unchanged;
        self.removed += other.removed;
    }
}

/// All chunks of one source, which replace what the store holds of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceChunks {
    /// Where it belongs.
    pub corpus: Corpus,
    /// What it was read from; see [`Chunk::origin`].
    pub origin: String,
    /// Path or URL within its origin.
    pub source: String,
    /// Its chunks; none removes the source.
    pub chunks: Vec<Chunk>,
}

/// Where the knowledge is.
#[derive(Debug, Clone)]
pub enum Store {
    /// One SQLite file on this machine.
    Embedded(Embedded),
    /// Pinecone.
    Pinecone(Pinecone),
}

impl Store {
    /// The store that the settings name: Pinecone with `PINECONE_API_KEY`, else `knowledge.sqlite` in
    /// [`Settings::home`], else none.
    pub fn open(settings: &Settings) -> Result<Option<Self>, StoreError> {
        if settings.get("PINECONE_API_KEY").is_some() {
            return Ok(Some(Self::Pinecone(Pinecone::new(settings)?)));
        }
        let Some(home) = settings.home() else { return Ok(None) };
        tracing::info!(home = %home.display(), "no PINECONE_API_KEY: using the embedded knowledge base");
        let model = minilm::MiniLm::open(&home.join("model"))?;
        Ok(Some(Self::Embedded(Embedded::open(&home.join("knowledge.sqlite"), model)?)))
    }

    /// `pinecone` or `embedded`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Embedded(_) => "embedded",
            Self::Pinecone(_) => "pinecone",
        }
    }

    /// Replaces what is known of the sources by the chunks given. Chunks whose words are there already are not embedded again.
    pub async fn put(&self, sources: Vec<SourceChunks>) -> Result<Stored, StoreError> {
        match self {
            Self::Embedded(store) => store.put(sources).await,
            Self::Pinecone(store) => store.put(sources).await,
        }
    }

    /// Every source that the store holds, where it can list them: Pinecone cannot, its sources are removed by name.
    pub async fn sources(&self) -> Result<Option<Vec<(Corpus, String)>>, StoreError> {
        match self {
            Self::Embedded(store) => store.sources().await.map(Some),
            Self::Pinecone(_) => Ok(None),
        }
    }

    /// The ids of a corpus' chunks that begin so: what a source ([`Chunk::id_prefix`]) or an origin ([`Chunk::origin_prefix`]) holds.
    pub async fn ids(&self, corpus: Corpus, prefix: &str) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Embedded(store) => store.ids(prefix).await,
            Self::Pinecone(store) => store.ids(corpus, prefix).await,
        }
    }

    /// Removes chunks of a corpus by their ids; how many were named.
    pub async fn remove(&self, corpus: Corpus, ids: Vec<String>) -> Result<usize, StoreError> {
        match self {
            Self::Embedded(store) => store.remove(ids).await,
            Self::Pinecone(store) => store.remove(corpus, ids).await,
        }
    }

    /// Chunks per corpus, where the store counts them.
    pub async fn counts(&self) -> Result<Option<BTreeMap<Corpus, usize>>, StoreError> {
        match self {
            Self::Embedded(store) => store.counts().await.map(Some),
            Self::Pinecone(_) => Ok(None),
        }
    }

    /// Puts every question to every corpus it is for, by every method the store has, all at once. Questions are numbered
    /// from `first`. What fails is a gap.
    pub async fn ask(&self, questions: &[Question], corpora: &[Corpus], first: usize) -> Answers {
        match self {
            Self::Embedded(store) => store.ask(questions, corpora, first).await,
            Self::Pinecone(store) => store.ask(questions, corpora, first).await,
        }
    }

    /// Asks and fuses: the best passages first, and how each search was read.
    pub async fn search(&self, questions: &[Question], corpora: &Corpora) -> (Vec<Hit>, Answers) {
        let answers = self.ask(questions, &corpora.asked(), 1).await;
        (fuse(questions, &answers.rankings, corpora), answers)
    }
}
