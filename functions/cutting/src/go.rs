//! Go by function, method, type, and block of constants or variables.

use tree_sitter::Node;

use crate::syntax::{self, Outline, field};
use crate::{Cut, Document};

/// Names of constants or variables that name their block.
const NAMES: usize = 3;

/// Cuts a Go file. A method's symbol is `Receiver.Method`; the header names path, package, signature and the imports used.
pub(crate) fn cut(document: &Document) -> Cut {
    let outline = |text: &str, root: Node<'_>| {
        let mut cursor = root.walk();
        let mut outline = Outline::default();
        let mut package = "";
        for node in root.children(&mut cursor) {
            match node.kind() {
                "package_clause" => package = text[node.byte_range()].trim(),
                "import_declaration" => outline.imports.extend(imports(text, node)),
                _ => {}
            }
        }
        outline.header = format!("{} {package}", document.path);
        outline
    };
    syntax::cut(document, &tree_sitter_go::LANGUAGE.into(), outline, name)
}

fn name(text: &str, node: Node<'_>) -> Option<String> {
    match node.kind() {
        "function_declaration" => field(text, node, "name").map(str::to_owned),
        "method_declaration" => {
            let receiver = field(text, node, "receiver").unwrap_or_default();
            let receiver = receiver.split('[').next().unwrap_or_default().trim_matches(['(', ')', ' ']);
            let receiver = receiver.rsplit([' ', '*']).next().unwrap_or_default();
            Some(format!("{receiver}.{}", field(text, node, "name")?))
        }
        "type_declaration" => names(text, node, &["type_spec", "type_alias"]),
        "const_declaration" | "var_declaration" => {
            let lines = node.end_position().row - node.start_position().row;
            // One line says more among its neighbours.
            (lines >= 2).then(|| names(text, node, &["const_spec", "var_spec"])).flatten()
        }
        _ => None,
    }
}

/// The first names declared in a block.
fn names(text: &str, node: Node<'_>, specs: &[&str]) -> Option<String> {
    let mut found = Vec::new();
    let mut cursor = node.walk();
    for child in node.named_children(&mut cursor) {
        let list = child.kind() == "var_spec_list";
        let mut within = child.walk();
        let inner: Vec<Node<'_>> =
            if list { child.named_children(&mut within).collect() } else { vec![child] };
        let named = inner.into_iter().filter(|spec| specs.contains(&spec.kind()));
        found.extend(named.filter_map(|spec| field(text, spec, "name")));
    }
    found.truncate(NAMES);
    (!found.is_empty()).then(|| found.join(", "))
}

/// The name a package is used by: its alias, else the last part of its path that is no version.
fn imports(text: &str, node: Node<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        if node.kind() != "import_spec" {
            let mut cursor = node.walk();
            open.extend(node.named_children(&mut cursor).filter(|n| n.kind().starts_with("import_spec")));
            continue;
        }
        let Some(path) = field(text, node, "path").map(|path| path.trim_matches(['"', '`'])) else {
            continue;
        };
        let is_version = |part: &&str| part.starts_with('v') && part[1..].bytes().all(|b| b.is_ascii_digit());
        let last = path.rsplit('/').find(|part| !is_version(part)).unwrap_or(path);
        let name = field(text, node, "name").unwrap_or(last.split('.').next().unwrap_or(last));
        found.push((name.to_owned(), path.to_owned()));
    }
    found.reverse();
    found
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
        assert_eq!(symbols, ["Service", "A, B", "Service.Top", "helper"]);
        let top = cut.chunks.iter().find(|c| c.symbol.as_deref() == Some("Service.Top")).unwrap();
        assert!(top.text.starts_with("// Top returns") && top.text.ends_with('}'), "{}", top.text);
        assert_eq!((top.start_line, top.end_line), (19, 24));
        assert_eq!(
            top.header,
            "internal/board/board.go package board\nfunc (s *Service) Top(ctx context.Context) ([]A, error)\ncontext from context"
        );
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

    #[test]
    fn a_function_that_is_too_long_is_split_between_its_statements() {
        let statements: String = (0..3000).map(|i| format!("\tif a{i} {{\n\t\tstep({i})\n\t}}\n")).collect();
        let text = format!("package a\n\nfunc long(n int) {{\n{statements}}}\n");
        let cut = cut(&document(&text));
        let parts: Vec<_> = cut.chunks.iter().filter(|c| c.symbol.as_deref() == Some("long")).collect();
        assert!(parts.len() > 3);
        for part in &parts {
            assert!(crate::tokens(&part.text) <= 8_000 && part.header.contains("func long(n int)"));
            assert!(part.text.ends_with('}'), "{}", &part.text[part.text.len() - 40..]);
        }
        assert!(parts[1..].iter().all(|part| part.text.starts_with("\tif a")), "{}", &parts[1].text[..40]);
    }
}
