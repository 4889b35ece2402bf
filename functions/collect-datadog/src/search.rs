//! Datadog's search language, as far as it is written here: `key:value` terms joined by OR.

/// `(service:a OR service:b)`; `None` without terms, which in this language would mean everything.
pub fn any(terms: &[String]) -> Option<String> {
    match terms {
        [] => None,
        [term] => Some(term.clone()),
        terms => Some(format!("({})", terms.join(" OR "))),
    }
}

/// `key:value`, the value in quotes where it holds more than plain characters.
pub fn term(key: &str, value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if !value.is_empty() && !value.starts_with('-') && value.chars().all(plain) {
        format!("{key}:{value}")
    } else {
        format!("{key}:\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// `key:value` for the scope of a metric query, which has no quotes: none where the value holds what a scope gives a meaning to.
pub fn metric_tag(key: &str, value: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    (!value.is_empty() && !value.starts_with('-') && value.chars().all(plain))
        .then(|| format!("{key}:{value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_could_be_an_operator_is_quoted() {
        assert_eq!(term("service", "api-1.x"), "service:api-1.x");
        assert_eq!(term("service", "a OR *"), "service:\"a OR *\"");
        assert_eq!(term("service", "a\" OR \"b"), "service:\"a\\\" OR \\\"b\"");
    }

    #[test]
    fn a_value_that_could_end_a_scope_makes_no_tag() {
        assert_eq!(metric_tag("service", "api").unwrap(), "service:api");
        for value in ["a} by {host", "a,b", "*", "", "!a", "a OR b"] {
            assert_eq!(metric_tag("service", value), None, "{value}");
        }
    }

    #[test]
    fn no_term_is_no_query() {
        assert_eq!(any(&[]), None);
        assert_eq!(any(&["a:1".into(), "a:2".into()]).unwrap(), "(a:1 OR a:2)");
    }
}
