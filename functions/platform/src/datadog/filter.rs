//! The search language of logs and events, and of a metric's scope: terms, AND, OR, NOT, groups, wildcards.

use super::Refusal;

/// A condition over a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Everything.
    All,
    /// One term: `key:value`, or a word without a key.
    Term { key: Option<String>, value: String },
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// Not this one.
    Not(Box<Filter>),
}

impl Filter {
    /// Reads `service:api AND (status:error OR -@code:200) "free text"`. A comma joins like AND, as in a metric's scope.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut parser = Parser { tokens: tokens(text), next: 0 };
        let filter = parser.any()?;
        match parser.peek() {
            None => Ok(filter),
            Some(token) => Err(Refusal::bad(format!("Invalid query: unexpected '{token}'"))),
        }
    }

    /// True where the record fulfils it; `holds` judges one term.
    pub fn matches(&self, holds: &dyn Fn(Option<&str>, &str) -> bool) -> bool {
        match self {
            Self::All => true,
            Self::Term { key, value } => holds(key.as_deref(), value),
            Self::And(parts) => parts.iter().all(|part| part.matches(holds)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(holds)),
            Self::Not(part) => !part.matches(holds),
        }
    }
}

/// True where `text` is what `pattern` describes; `*` stands for any text, `?` for one character. Case is ignored.
pub fn wildcard(pattern: &str, text: &str) -> bool {
    fn go(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|skip| go(rest, &text[skip..])),
            ['?', rest @ ..] => !text.is_empty() && go(rest, &text[1..]),
            [first, rest @ ..] => text.first() == Some(first) && go(rest, &text[1..]),
        }
    }
    let lower = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    go(&lower(pattern), &lower(text))
}

/// Words, with `(`, `)`, and a leading `-` or `!` on their own. Quotes hold a phrase together and are dropped.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    let mut depth_in_range = 0_u32;
    let mut flush = |word: &mut String| {
        if !word.is_empty() {
            tokens.push(std::mem::take(word));
        }
    };
    for character in text.chars() {
        match character {
            '"' => quoted = !quoted,
            _ if quoted => word.push(character),
            '[' | ']' => {
                depth_in_range = if character == '[' { 1 } else { 0 };
                word.push(character);
            }
            _ if depth_in_range > 0 => word.push(character),
            '-' | '!' if word.is_empty() => {
                word.push('!');
                flush(&mut word);
            }
            '(' | ')' => {
                // `key:(a OR b)` keeps its key as a token that ends in a colon.
                flush(&mut word);
                word.push(character);
                flush(&mut word);
            }
            ',' => flush(&mut word),
            _ if character.is_whitespace() => flush(&mut word),
            _ => word.push(character),
        }
    }
    flush(&mut word);
    tokens
}

struct Parser {
    tokens: Vec<String>,
    next: usize,
}

impl Parser {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.next).map(String::as_str)
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Filter, Refusal> {
        let mut parts = vec![self.all()?];
        while self.take("OR") || self.take("||") {
            parts.push(self.all()?);
        }
        Ok(single(parts, Filter::Or))
    }

    fn all(&mut self) -> Result<Filter, Refusal> {
        let mut parts = Vec::new();
        loop {
            while self.take("AND") || self.take("&&") {}
            match self.peek() {
                None | Some(")" | "OR" | "||") => break,
                Some(_) => parts.push(self.one()?),
            }
        }
        Ok(single(parts, Filter::And))
    }

    fn one(&mut self) -> Result<Filter, Refusal> {
        if self.take("!") || self.take("NOT") {
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        if self.take("(") {
            return self.group();
        }
        let word = self.peek().unwrap_or_default().to_owned();
        self.next += 1;
        if let Some(key) = word.strip_suffix(':').filter(|_| self.take("(")) {
            return Ok(keyed(self.group()?, key));
        }
        if self.take("IN") {
            return self.listed(&word);
        }
        if self.take("NOT") {
            self.take("IN");
            return Ok(Filter::Not(Box::new(self.listed(&word)?)));
        }
        Ok(term(&word))
    }

    fn group(&mut self) -> Result<Filter, Refusal> {
        let inner = self.any()?;
        if self.take(")") { Ok(inner) } else { Err(Refusal::bad("Invalid query: missing ')'")) }
    }

    /// `key IN (a, b)`.
    fn listed(&mut self, key: &str) -> Result<Filter, Refusal> {
        if !self.take("(") {
            return Err(Refusal::bad("Invalid query: IN needs a list"));
        }
        match self.group()? {
            Filter::And(parts) => Ok(keyed(Filter::Or(parts), key)),
            other => Ok(keyed(other, key)),
        }
    }
}

fn single(mut parts: Vec<Filter>, join: impl FnOnce(Vec<Filter>) -> Filter) -> Filter {
    match parts.len() {
        0 => Filter::All,
        1 => parts.remove(0),
        _ => join(parts),
    }
}

fn term(word: &str) -> Filter {
    if word == "*" || word == "*:*" {
        return Filter::All;
    }
    match word.split_once(':') {
        Some((key, value)) => Filter::Term { key: Some(key.to_owned()), value: value.to_owned() },
        None => Filter::Term { key: None, value: word.to_owned() },
    }
}

/// Gives the key to every bare word of a group.
fn keyed(filter: Filter, key: &str) -> Filter {
    let all = |parts: Vec<Filter>| parts.into_iter().map(|part| keyed(part, key)).collect();
    match filter {
        Filter::All => Filter::Term { key: Some(key.to_owned()), value: "*".to_owned() },
        Filter::Term { key: None, value } => Filter::Term { key: Some(key.to_owned()), value },
        Filter::And(parts) => Filter::And(all(parts)),
        Filter::Or(parts) => Filter::Or(all(parts)),
        Filter::Not(part) => Filter::Not(Box::new(keyed(*part, key))),
        term => term,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges against a record of tags `a:1 b:2` and the text "disk full".
    fn holds(query: &str) -> bool {
        Filter::parse(query).unwrap().matches(&|key, value| match key {
            Some(key) => ["a:1", "b:2"].iter().any(|tag| {
                tag.split_once(':').is_some_and(|(name, text)| name == key && wildcard(value, text))
            }),
            None => "disk full".contains(value),
        })
    }

    #[test]
    fn terms_join_by_and_unless_told_otherwise() {
        for yes in [
            "",
            "*",
            "a:1",
            "a:1 b:2",
            "a:1,b:2",
            "a:1 AND disk",
            "a:9 OR b:2",
            "-a:9",
            "!a:9,b:2",
            "NOT a:9",
            "a:(9 OR 1)",
            "a IN (1, 9)",
            "a NOT IN (8,9)",
            "(a:9 OR a:1) AND b:?",
            "\"disk full\"",
            "b:*",
        ] {
            assert!(holds(yes), "{yes}");
        }
        for no in [
            "a:9",
            "a:1 b:9",
            "-a:1",
            "a:(8 OR 9)",
            "a IN (8,9)",
            "\"full disk\"",
            "c:*",
            "a:1 AND (b:9 OR b:8)",
        ] {
            assert!(!holds(no), "{no}");
        }
    }

    #[test]
    fn an_unclosed_group_is_refused() {
        assert_eq!(Filter::parse("(a:1").unwrap_err().status, 400);
        assert_eq!(Filter::parse("a:1)").unwrap_err().status, 400);
    }
}
