//! Go by function, method and type.

use tree_sitter::Node;

use crate::syntax::{self, Symbol, field};
use crate::{Cut, Document};

/// Cuts a Go file. A method's symbol is `Receiver.Method`; the header names package, path and signature.
pub(crate) fn cut(document: &Document) -> Cut {
    syntax::cut(document, &tree_sitter_go::LANGUAGE.into(), |text, root| {
        let mut cursor = root.walk();
        let mut package = "";
        let mut symbols = Vec::new();
        for node in root.children(&mut cursor) {
            match node.kind() {
                "package_clause" => package = text[node.byte_range()].trim(),
                "function_declaration" => symbols.extend(named(text, node)),
                "method_declaration" => symbols.extend(method(text, node)),
                "type_declaration" => symbols.extend(types(text, node)),
                _ => {}
            }
        }
        (format!("{} {package}", document.path), symbols)
    })
}

fn named(text: &str, node: Node<'_>) -> Option<Symbol> {
    Some(Symbol::of(text, node, field(text, node, "name")?.to_owned()))
}

fn method(text: &str, node: Node<'_>) -> Option<Symbol> {
    let name = field(text, node, "name")?;
    let receiver = field(text, node, "receiver").unwrap_or_default();
    let receiver = receiver.trim_matches(['(', ')']).rsplit([' ', '*']).next().unwrap_or_default();
    let receiver = receiver.split('[').next().unwrap_or_default();
    Some(Symbol::of(text, node, format!("{receiver}.{name}")))
}

/// A lone type is a chunk with its `type` keyword; in a parenthesised group each type is one.
fn types(text: &str, node: Node<'_>) -> Vec<Symbol> {
    let mut cursor = node.walk();
    let specs: Vec<Node<'_>> =
        node.named_children(&mut cursor).filter(|n| matches!(n.kind(), "type_spec" | "type_alias")).collect();
    let name = |spec: Node<'_>| field(text, spec, "name").map(str::to_owned);
    match specs.as_slice() {
        [one] => name(*one).map(|name| Symbol::of(text, node, name)).into_iter().collect(),
        many => many.iter().filter_map(|spec| Some(Symbol::of(text, *spec, name(*spec)?))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use incident::Corpus;

    const FILE: &str = r#"// Package board keeps scores.
package board

import "context"

// Service answers questions.
type Service struct {
	store Store
}

type (
	// A is one.
	A int
	B = string
)

const limit = 10 // most

// Top returns the best.
//
// It is slow.
func (s *Service) Top(ctx context.Context) ([]A, error) {
	return nil, nil
}

func helper[T any](t T) T { return t }
"#;

    fn document(text: &str) -> Document {
        Document::new(Corpus::SourceCode, "internal/board/board.go", text)
    }

    #[test]
    fn functions_methods_and_types_are_whole_with_their_comments() {
        let cut = cut(&document(FILE));
        assert_eq!(cut.problems, Vec::<String>::new());
        let symbols: Vec<_> = cut.chunks.iter().filter_map(|c| c.symbol.as_deref()).collect();
        assert_eq!(symbols, ["Service", "A", "B", "Service.Top", "helper"]);
        let top = cut.chunks.iter().find(|c| c.symbol.as_deref() == Some("Service.Top")).unwrap();
        assert!(top.text.starts_with("// Top returns") && top.text.ends_with('}'), "{}", top.text);
        assert_eq!((top.start_line, top.end_line), (19, 24));
        assert!(top.header.contains("package board") && top.header.contains("func (s *Service) Top("));
    }

    #[test]
    fn what_stands_between_symbols_is_kept() {
        let cut = cut(&document(FILE));
        let text: String = cut.chunks.iter().map(|c| c.text.as_str()).collect();
        for part in ["Package board keeps", "import \"context\"", "const limit = 10 // most"] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn broken_go_is_cut_as_far_as_possible_and_named() {
        let broken = FILE.replace("type Service struct {", "type Service struct");
        let cut = cut(&document(&broken));
        assert!(cut.problems[0].contains("board.go"));
        assert!(cut.chunks.iter().any(|c| c.symbol.as_deref() == Some("helper")));
    }
}
