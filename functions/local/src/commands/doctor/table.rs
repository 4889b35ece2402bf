//! The checks as an aligned table for people.

use host::{Check, Outcome};

/// One line a check, a failure's fix indented below it, and how many there were of each.
pub fn table(checks: &[Check]) -> String {
    let width = |text: fn(&Check) -> &str| checks.iter().map(|c| text(c).chars().count()).max().unwrap_or(0);
    let (of, what) = (width(|check| check.of), width(|check| &check.what));
    let line = |check: &Check| {
        let (mark, text) = match &check.outcome {
            Outcome::Ok { seen } => ("ok", seen.clone()),
            Outcome::NotConfigured { why } => ("--", why.clone()),
            Outcome::Failed { found, fix } => ("FAIL", format!("{found}\n      fix: {fix}")),
        };
        format!("{mark:<4}  {:<of$}  {:<what$}  {text}", check.of, check.what)
    };
    let failed = checks.iter().filter(|check| check.is_failed()).count();
    let ok = checks.iter().filter(|check| check.is_ok()).count();
    let lines: Vec<String> = checks.iter().map(line).collect();
    format!("{}\n\n{ok} ok, {failed} failed, {} not configured", lines.join("\n"), checks.len() - ok - failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_a_fix_stands_below_its_failure() {
        let checks = [
            Check::new("AWS", "credentials", Outcome::Ok { seen: "taken".to_owned() }),
            Check::new("Slack", "scope", Outcome::failed("missing", "add it")),
            Check::new("GitLab", "token", Outcome::absent("not set")),
        ];
        let expected = "ok    AWS     credentials  taken\n\
            FAIL  Slack   scope        missing\n      fix: add it\n\
            --    GitLab  token        not set\n\n\
            1 ok, 1 failed, 1 not configured";
        assert_eq!(table(&checks), expected);
    }
}
