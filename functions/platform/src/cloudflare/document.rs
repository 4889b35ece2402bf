//! A GraphQL document, as far as the Analytics API needs it: one query, selections, aliases, arguments, variables.

use serde_json::{Map, Number, Value};

/// A selected field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    /// The key of the answer: the alias, or the name.
    pub key: String,
    /// Name.
    pub name: String,
    /// Arguments, variables replaced by their values. An enum value is text.
    pub arguments: Map<String, Value>,
    /// What is selected of it.
    pub selection: Vec<Field>,
}

impl Field {
    /// The names of the fields selected under `name`, `dimensions` for instance.
    pub fn selected<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Field> {
        self.selection.iter().filter(move |field| field.name == name).flat_map(|field| &field.selection)
    }
}

/// Parses a query and replaces its variables.
pub(super) fn parse(text: &str, variables: &Value) -> Result<Vec<Field>, String> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        variables: variables.as_object().cloned().unwrap_or_default(),
    };
    if parser.take("query") {
        if !["(", "{"].contains(&parser.peek()) {
            parser.next += 1;
        }
        parser.declarations()?;
    }
    let selection = parser.selection()?;
    match parser.peek() {
        "" => Ok(selection),
        other => Err(format!("unexpected {other}")),
    }
}

/// Names, numbers, `"strings"` with their quotes, and punctuation. Commas and comments are blank.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => string_length(rest).ok_or("unterminated string")?,
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if !(first.is_whitespace() || first == ',' || first == '#') {
            tokens.push(token.to_owned());
        }
        rest = after;
    }
    Ok(tokens)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '+')
}

fn string_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(index + 1),
            _ => {}
        }
    }
    None
}

struct Parser {
    tokens: Vec<String>,
    next: usize,
    variables: Map<String, Value>,
}

impl Parser {
    /// The next token; empty at the end.
    fn peek(&self) -> &str {
        self.tokens.get(self.next).map_or("", String::as_str)
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.peek() == token;
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(format!("expected {token}, found {:?}", self.peek())) }
    }

    fn name(&mut self) -> Result<String, String> {
        let token = self.peek().to_owned();
        if token.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            self.next += 1;
            return Ok(token);
        }
        Err(format!("expected a name, found {token:?}"))
    }

    /// `($zone: string, $from: Time = "…")`: defaults fill what the variables lack, types are not checked.
    fn declarations(&mut self) -> Result<(), String> {
        if !self.take("(") {
            return Ok(());
        }
        while !self.take(")") {
            self.expect("$")?;
            let name = self.name()?;
            self.expect(":")?;
            while ["[", "]", "!"].contains(&self.peek()) || self.peek().starts_with(char::is_alphabetic) {
                self.next += 1;
            }
            if self.take("=") {
                let default = self.value()?;
                self.variables.entry(name).or_insert(default);
            }
        }
        Ok(())
    }

    fn selection(&mut self) -> Result<Vec<Field>, String> {
        self.expect("{")?;
        let mut fields = Vec::new();
        while !self.take("}") {
            let first = self.name()?;
            let (key, name) = if self.take(":") { (first, self.name()?) } else { (first.clone(), first) };
            let arguments = if self.take("(") { self.object(")")? } else { Map::new() };
            let selection = if self.peek() == "{" { self.selection()? } else { Vec::new() };
            fields.push(Field { key, name, arguments, selection });
        }
        if fields.is_empty() { Err("an empty selection".to_owned()) } else { Ok(fields) }
    }

    fn object(&mut self, end: &str) -> Result<Map<String, Value>, String> {
        let mut fields = Map::new();
        while !self.take(end) {
            let name = self.name()?;
            self.expect(":")?;
            fields.insert(name, self.value()?);
        }
        Ok(fields)
    }

    fn value(&mut self) -> Result<Value, String> {
        if self.take("{") {
            return self.object("}").map(Value::Object);
        }
        if self.take("[") {
            let mut items = Vec::new();
            while !self.take("]") {
                items.push(self.value()?);
            }
            return Ok(Value::Array(items));
        }
        if self.take("$") {
            let name = self.name()?;
            return self
                .variables
                .get(&name)
                .cloned()
                .ok_or_else(|| format!("variable ${name} has no value"));
        }
        let token = self.peek().to_owned();
        self.next += 1;
        match token.as_str() {
            "true" | "false" => Ok(Value::Bool(token == "true")),
            "null" => Ok(Value::Null),
            text if text.starts_with('"') => serde_json::from_str(text).map_err(|error| error.to_string()),
            text if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                text.parse::<Number>().map(Value::Number).map_err(|_| format!("{text} is no number"))
            }
            text if text.starts_with(|c: char| c.is_alphabetic() || c == '_') => Ok(Value::String(token)),
            other => Err(format!("expected a value, found {other:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn aliases_arguments_and_variables_are_read() {
        let text = r#"query Mix($zone: string!, $n: uint64 = 5) { # a comment
            a: rows(limit: $n, filter: {zone: $zone, code_in: [200, 404], AND: [{x: "q\"t"}]}, orderBy: [count_DESC]) {
                count dimensions { cacheStatus }
            } }"#;
        let fields = parse(text, &json!({"zone": "z1"})).unwrap();
        assert_eq!((fields[0].key.as_str(), fields[0].name.as_str()), ("a", "rows"));
        let arguments = json!({"limit": 5, "orderBy": ["count_DESC"],
            "filter": {"zone": "z1", "code_in": [200, 404], "AND": [{"x": "q\"t"}]}});
        assert_eq!(Value::Object(fields[0].arguments.clone()), arguments);
        assert_eq!(
            fields[0].selected("dimensions").map(|field| field.name.as_str()).collect::<Vec<_>>(),
            ["cacheStatus"]
        );
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for text in [
            "",
            "{",
            "{ a ",
            "{ a(b) }",
            "{ a(b: $c) }",
            "{}",
            "{ a } }",
            "mutation { a }",
            "{ ...F }",
            "{ a(b: \"x) }",
        ] {
            assert!(parse(text, &Value::Null).is_err(), "{text}");
        }
    }
}
