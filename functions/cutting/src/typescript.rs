//! TypeScript, JavaScript and React by function, component, class, type and constant.

use tree_sitter::{Language, Node};

use crate::syntax::{self, Outline, field};
use crate::{Cut, Document};

/// Cuts a TypeScript file; `markup` reads JSX. The header names path, signature and the imports used.
pub(crate) fn cut(document: &Document, markup: bool) -> Cut {
    let language: Language = if markup {
        tree_sitter_typescript::LANGUAGE_TSX.into()
    } else {
        tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into()
    };
    let outline = |text: &str, root: Node<'_>| {
        let mut cursor = root.walk();
        let statements = root.children(&mut cursor).filter(|node| node.kind() == "import_statement");
        let imports = statements.flat_map(|node| imports(text, node)).collect();
        Outline { header: document.path.clone(), imports }
    };
    syntax::cut(document, &language, outline, |text, node| name(text, declared(node)))
}

/// What an `export` or a `declare` is about.
fn declared(node: Node<'_>) -> Node<'_> {
    let mut node = node;
    while matches!(node.kind(), "export_statement" | "ambient_declaration") {
        let inner = ["declaration", "value"].into_iter().find_map(|field| node.child_by_field_name(field));
        match inner.or_else(|| node.named_child(0).filter(|child| child.kind() != "export_clause")) {
            Some(inner) => node = inner,
            None => break,
        }
    }
    // A namespace stands in a statement of its own.
    match node.named_child(0) {
        Some(inner) if node.kind() == "expression_statement" && inner.kind() == "internal_module" => inner,
        _ => node,
    }
}

fn name(text: &str, node: Node<'_>) -> Option<String> {
    match node.kind() {
        "function_declaration"
        | "generator_function_declaration"
        | "function_signature"
        | "class_declaration"
        | "abstract_class_declaration"
        | "interface_declaration"
        | "type_alias_declaration"
        | "enum_declaration"
        | "internal_module"
        | "module" => field(text, node, "name").map(str::to_owned),
        "lexical_declaration" | "variable_declaration" => {
            let mut cursor = node.walk();
            let declarator = node.named_children(&mut cursor).find(|n| n.kind() == "variable_declarator")?;
            let value = declarator.child_by_field_name("value")?;
            let lines = node.end_position().row - node.start_position().row;
            (is_callable(value) || lines >= 2)
                .then(|| field(text, declarator, "name").map(str::to_owned))
                .flatten()
        }
        // `module.exports = function`, `Board.defaultProps = {…}`.
        "expression_statement" => {
            let assignment = node.named_child(0).filter(|n| n.kind() == "assignment_expression")?;
            let value = assignment.child_by_field_name("right")?;
            is_callable(value).then(|| field(text, assignment, "left").map(str::to_owned)).flatten()
        }
        // What `export default` gives has its own name or none.
        _ if node.parent().is_some_and(|parent| parent.kind() == "export_statement") && is_callable(node) => {
            Some(field(text, node, "name").unwrap_or("default").to_owned())
        }
        _ => None,
    }
}

/// A function, a class, or a call that may wrap one (`memo`, `forwardRef`, `styled`).
fn is_callable(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "arrow_function" | "function_expression" | "generator_function" | "call_expression" | "class"
    )
}

/// The names that an import brings.
fn imports(text: &str, statement: Node<'_>) -> Vec<(String, String)> {
    let Some(from) = field(text, statement, "source") else { return Vec::new() };
    let from = from.trim_matches(['"', '\'']);
    let mut found = Vec::new();
    let mut open = vec![statement];
    while let Some(node) = open.pop() {
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            match child.kind() {
                "import_clause" | "named_imports" | "namespace_import" => open.push(child),
                "import_specifier" => {
                    let name = field(text, child, "alias").or_else(|| field(text, child, "name"));
                    found.extend(name.map(|name| (name.to_owned(), from.to_owned())));
                }
                "identifier" => found.push((text[child.byte_range()].to_owned(), from.to_owned())),
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use incident::Corpus;

    #[test]
    fn components_hooks_and_types_are_whole() {
        let text = r#"import { memo } from "react";

const LIMIT = 10;

/** One row. */
interface Row { name: string }

export const Board = memo(({ rows }: { rows: Row[] }) => (
  <ul>{rows.slice(0, LIMIT).map((row) => <li key={row.name}>{row.name}</li>)}</ul>
));

export default function Page() {
  return <Board rows={[]} />;
}

export function useRows() { return []; }
"#;
        let document = Document::new(Corpus::SourceCode, "web/Board.tsx", text);
        let cut = cut(&document, true);
        assert_eq!(cut.problems, Vec::<String>::new());
        let symbols: Vec<_> = cut.chunks.iter().filter_map(|c| c.symbol.as_deref()).collect();
        assert_eq!(symbols, ["Row", "Board", "Page", "useRows"]);
        let board = cut.chunks.iter().find(|c| c.symbol.as_deref() == Some("Board")).unwrap();
        assert!(
            board.text.starts_with("export const Board") && board.text.ends_with("));"),
            "{}",
            board.text
        );
        assert!(cut.chunks[1].text.starts_with("/** One row. */"));
        assert!(cut.chunks[0].text.contains("const LIMIT"));
        assert!(board.header.ends_with("memo from react"), "{}", board.header);
    }

    #[test]
    fn components_are_told_however_they_are_written() {
        let text = r#"import React, { forwardRef as ref } from "react";
export const Input = ref<HTMLInputElement, Props>(function Inner(props, r) { return <input ref={r} />; });
export class Page extends React.Component<Props> {
  render() { return <Input />; }
}
export const routes = [
  { path: "/", element: <Page /> },
] as const;
declare global { interface Window { x: number } }
export enum Level { Low, High }
namespace A { export const b = 1; }
Page.defaultProps = { a: 1 };
describe("page", () => {
  it("renders", () => {});
});
export default memo(() => {
  return <Page />;
});
"#;
        let cut = cut(&Document::new(Corpus::SourceCode, "web/Page.tsx", text), true);
        assert_eq!(cut.problems, Vec::<String>::new());
        let symbols: Vec<_> = cut.chunks.iter().filter_map(|c| c.symbol.as_deref()).collect();
        assert_eq!(symbols, ["Input", "Page", "routes", "Level", "A", "default"]);
        assert!(cut.chunks.iter().any(|c| c.text.starts_with("describe(") && c.text.ends_with("});")));
        for anonymous in [
            "export default function () { return 1; }",
            "export default class { a = 1 }",
            "export default () => 1;",
        ] {
            let cut = super::cut(&Document::new(Corpus::SourceCode, "a.ts", anonymous), false);
            assert_eq!(cut.chunks[0].symbol.as_deref(), Some("default"), "{anonymous}");
        }
    }
}
