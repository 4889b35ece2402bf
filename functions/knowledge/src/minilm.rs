//! The local embedder: all-MiniLM-L6-v2, quantised to int8, run in this process.
//!
//! Input: text; output: a unit vector of 384 numbers. The model reads the first 256 word pieces of a text (what it was trained
//! on), which is why a chunk's title and header stand before its text. It is used where `model.onnx` lies in the `model`
//! folder of [`host::Settings::home`]; `sitrep model` puts them there.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, ValueOrView};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};
use rten_text::models::{Model as _, WordPiece, WordPieceOptions};
use rten_text::normalizers::{Bert as Normaliser, BertOptions, Normalizer as _};
use rten_text::pre_tokenizers::{Bert as Splitter, PreTokenizer as _};
use sha2::{Digest, Sha256};

use crate::StoreError;

/// BERT's lower-case vocabulary, which the model was trained with: one piece a line (Apache-2.0, see NOTICE).
const VOCABULARY: &str = include_str!("vocab.txt");
/// Word pieces that the model reads, its two marks included.
const PIECES: usize = 256;
/// Word pieces that are read of a question, about its first two sentences: what comes after them takes as long again and changes
/// no answer (docs/knowledge.md).
const QUESTION_PIECES: usize = 64;
/// Bytes that can hold so many pieces; tokenising more would be waste.
const BYTES: usize = 6_000;
/// Bytes at either end of the model's file that tell it from another.
const ENDS: u64 = 1 << 16;

/// The model and its tokeniser. Clones share them.
#[derive(Clone)]
pub struct MiniLm(Arc<Loaded>);

struct Loaded {
    model: Model,
    pieces: Pieces,
    inputs: [NodeId; 3],
    output: NodeId,
    identity: String,
}

impl MiniLm {
    /// The folder's model; `None` where there is none.
    pub fn open(folder: &Path) -> Result<Option<Self>, StoreError> {
        let path = folder.join("model.onnx");
        if !path.exists() {
            return Ok(None);
        }
        let broken = |cause: String| StoreError::File { place: path.display().to_string(), cause };
        let identity = identity(&path).map_err(|error| broken(error.to_string()))?;
        // Packed once instead of at every question: a third of its time, for 40 MB.
        let model = ModelOptions::with_all_ops().prepack_weights(true).load_file(&path);
        let model = model.map_err(|error| broken(error.to_string()))?;
        let pieces = Pieces::of(VOCABULARY).map_err(broken)?;
        let node = |name: &str| model.node_id(name).map_err(|error| broken(error.to_string()));
        let inputs = [node("input_ids")?, node("attention_mask")?, node("token_type_ids")?];
        let output = node("last_hidden_state")?;
        Ok(Some(Self(Arc::new(Loaded { model, pieces, inputs, output, identity }))))
    }

    /// Names the model: vectors of two models cannot be compared.
    pub fn identity(&self) -> &str {
        &self.0.identity
    }

    /// A passage's vector: the mean of its pieces' vectors, at length one.
    pub fn passage(&self, text: &str) -> Result<Vec<f32>, StoreError> {
        self.embed(text, PIECES)
    }

    /// A question's.
    pub fn question(&self, text: &str) -> Result<Vec<f32>, StoreError> {
        self.embed(text, QUESTION_PIECES)
    }

    fn embed(&self, text: &str, most: usize) -> Result<Vec<f32>, StoreError> {
        self.run(text, most).map_err(|cause| StoreError::File { place: self.0.identity.clone(), cause })
    }

    fn run(&self, text: &str, most: usize) -> Result<Vec<f32>, String> {
        let Loaded { model, pieces, inputs, output, .. } = &*self.0;
        let ids = pieces.ids(&text[..text.floor_char_boundary(BYTES)], most)?;
        let length = ids.len();
        let row = |values: Vec<i32>| ValueOrView::from(NdTensor::from_data([1, length], values));
        let values = [row(ids), row(vec![1; length]), row(vec![0; length])];
        let values = inputs.iter().copied().zip(values).collect();
        let answer = model.run(values, &[*output], None).map_err(|error| error.to_string())?;
        let pieces = answer.into_iter().next().ok_or("the model gave nothing")?;
        let pieces: Tensor<f32> = pieces.try_into().map_err(|error| format!("{error:?}"))?;
        let width = *pieces.shape().last().ok_or("the model gave a number")?;
        let mut mean = vec![0.0; width];
        for (at, value) in pieces.iter().enumerate() {
            mean[at % width] += value;
        }
        let norm = mean.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        Ok(mean.into_iter().map(|value| value / norm).collect())
    }
}

/// BERT's tokeniser, whole: lower case without accents, split at spaces and punctuation, then into word pieces.
struct Pieces {
    normaliser: Normaliser,
    model: WordPiece,
    first: i32,
    last: i32,
}

impl Pieces {
    /// Of a vocabulary: one piece a line, its number is the line's, from nought.
    fn of(vocabulary: &str) -> Result<Self, String> {
        let ids: HashMap<String, u32> = vocabulary.lines().map(str::to_owned).zip(0..).collect();
        let mark = |name: &str| {
            ids.get(name).map(|id| *id as i32).ok_or_else(|| format!("its vocabulary lacks {name}"))
        };
        let (first, last) = (mark("[CLS]")?, mark("[SEP]")?);
        let normaliser = Normaliser::new(BertOptions { lowercase: true, strip_accents: true });
        Ok(Self { normaliser, model: WordPiece::from_vocab(ids, WordPieceOptions::default()), first, last })
    }

    /// The first pieces of a text between their marks, `most` with them.
    fn ids(&self, text: &str, most: usize) -> Result<Vec<i32>, String> {
        let (plain, _) = self.normaliser.normalize(text).map_err(|error| format!("{error:?}"))?;
        let words = Splitter::new().pre_tokenize(&plain).map_err(|error| format!("{error:?}"))?;
        let mut ids = vec![self.first];
        for word in words {
            let mut add = |_, id| ids.push(id as i32);
            self.model.encode_with_offsets(word, &mut add).map_err(|error| format!("{error:?}"))?;
            if ids.len() >= most - 1 {
                break;
            }
        }
        ids.truncate(most - 1);
        ids.push(self.last);
        Ok(ids)
    }
}

/// The model's name with a hash over its length and both its ends: reading all of it takes longer than running it.
fn identity(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut hasher = Sha256::new();
    hasher.update(length.to_le_bytes());
    for start in [0, length.saturating_sub(ENDS)] {
        let mut end = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.by_ref().take(ENDS).read_to_end(&mut end)?;
        hasher.update(&end);
    }
    let hash: String = hasher.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("minilm-{hash}"))
}

impl std::fmt::Debug for MiniLm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.identity())
    }
}
