//! TypeScript, JavaScript and React by function, component, class and type.

use tree_sitter::{Language, Node};

use crate::syntax::{self, Symbol, field};
use crate::{Cut, Document};

/// Cuts a TypeScript file; `markup` reads JSX. A constant that holds a function, a class or a wrapped component is a symbol.
pub(crate) fn cut(document: &Document, markup: bool) -> Cut {
    let language: Language = if markup {
        tree_sitter_typescript::LANGUAGE_TSX.into()
    } else {
        tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into()
    };
    syntax::cut(document, &language, |text, root| {
        let mut cursor = root.walk();
        let symbols = root.children(&mut cursor).filter_map(|node| symbol(text, node)).collect();
        (document.path.clone(), symbols)
    })
}

fn symbol(text: &str, node: Node<'_>) -> Option<Symbol> {
    let declared = match node.kind() {
        "export_statement" | "ambient_declaration" => {
            node.child_by_field_name("declaration").or_else(|| node.child_by_field_name("value"))?
        }
        _ => node,
    };
    Some(Symbol::of(text, node, name(text, declared)?))
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
        | "enum_declaration" => field(text, node, "name").map(str::to_owned),
        "arrow_function" | "function_expression" | "class" => {
            Some(field(text, node, "name").unwrap_or("default").to_owned())
        }
        "lexical_declaration" | "variable_declaration" => {
            let mut cursor = node.walk();
            let declarator = node.named_children(&mut cursor).find(|n| n.kind() == "variable_declarator")?;
            let value = declarator.child_by_field_name("value")?;
            let callable = matches!(
                value.kind(),
                "arrow_function" | "function_expression" | "call_expression" | "class" | "generator_function"
            );
            callable.then(|| field(text, declarator, "name").map(str::to_owned)).flatten()
        }
        _ => None,
    }
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
    }
}
