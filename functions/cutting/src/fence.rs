//! Fenced blocks of Markdown, followed line by line.

/// Whether one is open, and by which mark.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    open: Option<(char, usize)>,
}

impl Fence {
    /// Takes the next line; true when it stands in a fenced block or delimits one. A block ends at a line of nothing but its
    /// own mark, at least as long as the one that opened it.
    pub(crate) fn holds(&mut self, line: &str) -> bool {
        let words = line.trim();
        let Some(mark) = words.chars().next().filter(|mark| matches!(mark, '`' | '~')) else {
            return self.open.is_some();
        };
        let length = words.len() - words.trim_start_matches(mark).len();
        let after = &words[length..];
        match self.open {
            Some((open, least)) if open == mark && length >= least && after.is_empty() => self.open = None,
            Some(_) => {}
            None if length >= 3 && !(mark == '`' && after.contains('`')) => self.open = Some((mark, length)),
            None => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_fence_holds_a_shorter_one() {
        let mut fence = Fence::default();
        let text = "a\n````md\n```\n# no\n```\n````\nb\n```inline``` c\n~~~\n```\n~~~\nd";
        let outside: Vec<&str> = text.lines().filter(|line| !fence.holds(line)).collect();
        assert_eq!(outside, ["a", "b", "```inline``` c", "d"]);
    }
}
