//! The JSONPath that the machines use: `$`, `$.a.b`, `$.a[0].b`, and the same from the context object with `$$`.

use serde_json::{Map, Value};

/// A parsed reference path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    context: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    /// Parses a path. The error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (context, rest) = match text.strip_prefix("$$") {
            Some(rest) => (true, rest),
            None => (
                false,
                text.strip_prefix('$')
                    .ok_or_else(|| format!("'{text}' is not a path: it does not start with $"))?,
            ),
        };
        let unsupported =
            || format!("'{text}' uses JSONPath that is not supported here: write $.a.b or $.a[0]");
        let mut steps = Vec::new();
        let mut rest = rest;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let key = &after[..end];
                if key.is_empty() || key.contains(['*', '@', '?', '(', ' ', '\'', '"']) {
                    return Err(unsupported());
                }
                steps.push(Step::Key(key.to_owned()));
                rest = &after[end..];
            } else if let Some((index, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
                steps.push(Step::Index(index.parse().map_err(|_| unsupported())?));
                rest = after;
            } else {
                return Err(unsupported());
            }
        }
        Ok(Self { context, steps })
    }

    /// What the path points at. `None` when nothing is there.
    pub fn get<'a>(&self, input: &'a Value, context: &'a Value) -> Option<&'a Value> {
        let root = if self.context { context } else { input };
        self.steps.iter().try_fold(root, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        })
    }

    /// Puts `result` where the path points, making objects on the way, as `ResultPath` does.
    pub fn put(&self, mut input: Value, result: Value) -> Result<Value, String> {
        let mut place = &mut input;
        for step in &self.steps {
            let Step::Key(key) = step else { return Err("a ResultPath may not hold an index".to_owned()) };
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            let Value::Object(object) = place else {
                return Err("unreachable: just made an object".to_owned());
            };
            place = object.entry(key.clone()).or_insert(Value::Null);
        }
        *place = result;
        Ok(input)
    }

    /// True for a path into the context object.
    pub fn is_context(&self) -> bool {
        self.context
    }
}

/// A payload template: JSON in which a key ending in `.$` holds a path instead of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// A literal.
    Literal(Value),
    /// A path whose value is taken.
    Path(Path, String),
    /// An object of templates.
    Object(Vec<(String, Template)>),
    /// A list of templates.
    List(Vec<Template>),
}

impl Template {
    /// Parses a template; refuses intrinsic functions.
    pub fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::Object(object) => object
                .iter()
                .map(|(key, value)| match key.strip_suffix(".$") {
                    None => Ok((key.clone(), Self::parse(value)?)),
                    Some(key) => {
                        let text = value.as_str().ok_or_else(|| format!("'{key}.$' must hold a path"))?;
                        if text.starts_with("States.") {
                            return Err(format!(
                                "'{key}.$' uses the intrinsic function {text}, which is not supported here"
                            ));
                        }
                        Ok((key.to_owned(), Self::Path(Path::parse(text)?, text.to_owned())))
                    }
                })
                .collect::<Result<_, String>>()
                .map(Self::Object),
            Value::Array(list) => list.iter().map(Self::parse).collect::<Result<_, String>>().map(Self::List),
            literal => Ok(Self::Literal(literal.clone())),
        }
    }

    /// Fills the template. The error names the path that found nothing.
    pub fn fill(&self, input: &Value, context: &Value) -> Result<Value, String> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Path(path, text) => {
                path.get(input, context).cloned().ok_or_else(|| format!("the path {text} found nothing"))
            }
            Self::Object(entries) => entries
                .iter()
                .map(|(key, template)| Ok((key.clone(), template.fill(input, context)?)))
                .collect::<Result<Map<_, _>, String>>()
                .map(Value::Object),
            Self::List(list) => {
                list.iter().map(|t| t.fill(input, context)).collect::<Result<_, String>>().map(Value::Array)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_reach_keys_and_indices_and_the_context() {
        let (input, context) = (json!({"a": [{"b": 7}]}), json!({"Execution": {"Name": "n"}}));
        assert_eq!(Path::parse("$.a[0].b").unwrap().get(&input, &context), Some(&json!(7)));
        assert_eq!(Path::parse("$$.Execution.Name").unwrap().get(&input, &context), Some(&json!("n")));
        assert_eq!(Path::parse("$.a[1]").unwrap().get(&input, &context), None);
        assert_eq!(Path::parse("$").unwrap().get(&input, &context), Some(&input));
    }

    #[test]
    fn filters_wildcards_and_slices_are_refused() {
        for text in ["$..a", "$.a[*]", "$.a[?(@.b)]", "$.a[0:2]", "a.b", "$.a['b']"] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_result_is_put_where_its_path_points_and_makes_the_way() {
        let put = |path: &str| Path::parse(path).unwrap().put(json!({"a": 1}), json!(2)).unwrap();
        assert_eq!(put("$.b.c"), json!({"a": 1, "b": {"c": 2}}));
        assert_eq!(put("$"), json!(2));
    }

    #[test]
    fn a_template_refuses_an_intrinsic_function() {
        assert!(Template::parse(&json!({"x.$": "States.Array(1)"})).unwrap_err().contains("States.Array"));
    }
}
