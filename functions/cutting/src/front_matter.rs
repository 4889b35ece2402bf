//! The YAML between `---` lines at the head of a Markdown file.

use incident::Timestamp;
use serde_norway::{Mapping, Value};

/// Front matter, and where the text after it begins.
#[derive(Debug, Default)]
pub(crate) struct FrontMatter {
    values: Mapping,
    /// The first byte after it; 0 without one.
    pub end: usize,
    /// Set when there is one that cannot be read.
    pub problem: Option<String>,
}

/// Reads the front matter of a text.
pub(crate) fn read(text: &str) -> FrontMatter {
    let Some((yaml, end)) = between_rules(text) else { return FrontMatter::default() };
    match serde_norway::from_str::<Option<Mapping>>(yaml) {
        Ok(values) => FrontMatter { values: values.unwrap_or_default(), end, problem: None },
        Err(error) => FrontMatter {
            values: Mapping::new(),
            end,
            problem: Some(format!("its front matter cannot be read: {error}")),
        },
    }
}

impl FrontMatter {
    /// A value as text; numbers and booleans as written.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        words(self.values.get(key)?)
    }

    /// A list, or the one value there is.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        match self.values.get(key) {
            Some(Value::Sequence(items)) => items.iter().filter_map(words).collect(),
            Some(one) => words(one).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// A date (midnight UTC) or a time.
    pub(crate) fn time(&self, key: &str) -> Option<Timestamp> {
        let text = self.text(key)?;
        text.parse().ok().or_else(|| format!("{}T00:00:00Z", text.trim()).parse().ok())
    }
}

fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn between_rules(text: &str) -> Option<(&str, usize)> {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().filter(|line| line.trim_end() == "---")?;
    let mut at = first.len();
    for line in lines {
        if line.trim_end() == "---" {
            return Some((&text[first.len()..at], at + line.len()));
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_lists_and_broken_yaml() {
        let matter = read("---\nmodified: 2026-10-02\nservices: [a, b]\nid: 7\n---\nbody");
        assert_eq!(matter.time("modified").unwrap().to_string(), "2026-10-02T00:00:00Z");
        assert_eq!(matter.list("services"), ["a", "b"]);
        assert_eq!(matter.list("id"), ["7"]);
        let broken = read("---\na: [\n---\nbody");
        assert!(broken.problem.is_some() && broken.end == 13);
        assert_eq!(read("# no front matter\n---\n").end, 0);
    }
}
