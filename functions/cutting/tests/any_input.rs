//! What holds for any input: nothing panics, nothing is lost, code never overlaps.
#![expect(clippy::unwrap_used, reason = "a test fails by unwrapping")]

use cutting::{Cut, Document, corpus_of, cut};
use proptest::prelude::*;

const PATHS: [&str; 9] =
    ["a.md", "a.go", "a.ts", "a.tsx", "a.js", "a.tf", "catalog.yaml", "incident.md", "incident.csf"];

fn cut_at(path: &str, text: &str) -> Cut {
    let corpus = corpus_of(path, text).unwrap();
    cut(&Document::new(corpus, path, text))
}

/// Checks what must hold of every chunk, and that the chunks of text that is quoted cover all of it that is not blank.
fn check(path: &str, text: &str) {
    let cut = cut_at(path, text);
    let mut covered = 0;
    for chunk in &cut.chunks {
        let range = chunk.start_byte..chunk.end_byte;
        assert!(text.get(range.clone()).is_some(), "{path}: {range:?} of {text:?}");
        assert!(1 <= chunk.start_line && chunk.start_line <= chunk.end_line, "{path}: {text:?}");
        if path.ends_with(".csf") || path.ends_with(".yaml") {
            continue;
        }
        assert_eq!(chunk.text, text[range.clone()], "{path}");
        // Prose may repeat the end of the window before; code never does.
        let is_prose = path.ends_with(".md");
        assert!(is_prose || range.start >= covered, "{path}: overlap at {range:?} in {text:?}");
        if range.start > covered {
            let between = &text[covered..range.start];
            let front_matter = is_prose && text.starts_with("---");
            assert!(between.trim().is_empty() || front_matter, "{path}: {between:?} lost of {text:?}");
        }
        covered = covered.max(range.end);
    }
    if !path.ends_with(".csf") && !path.ends_with(".yaml") && !text.starts_with("---") {
        assert!(text[covered..].trim().is_empty(), "{path}: the end is lost of {text:?}");
    }
}

const WORDS: &str = r#"(?s)(func |\{|\}|\(|\)|package a\n|type T |const |export |default |class A |=> |return |</?[a-z:]{1,4}>|<!\[CDATA\[|\]\]>|resource "a" "b" |locals |= |"|'|`|```|//|/\*|\*/|#|## a\n|- a\n|---\n|\n|\n\n|[a-zé]{1,6} |[0-9]|.){0,80}"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_is_cut_whole(text in WORDS) {
        for path in PATHS {
            check(path, &text);
        }
    }
}

#[test]
fn a_file_of_thirty_thousand_lines_is_cut_by_function() {
    let functions: String = (0..6_000)
        .map(|i| format!("// F{i} counts.\nfunc F{i}(n int) int {{\n\treturn n + {i}\n}}\n\n"))
        .collect();
    let text = format!("package a\n\n{functions}");
    let cut = cut_at("a.go", &text);
    assert_eq!(cut.chunks.iter().filter(|chunk| chunk.symbol.is_some()).count(), 6_000);
    check("a.go", &text);
}
