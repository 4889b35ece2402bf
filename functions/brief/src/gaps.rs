//! The gaps of one source in sentences: those that share a reason share a line.

use incident::{Gap, Source};

/// Between what a gap leaves unknown and why, in the sentences of the collectors.
const BECAUSE: &str = " is unknown, because ";

/// A line for each gap, in their order; gaps of one reason are one line that lists what is missing.
pub fn told(source: Source, gaps: &[Gap]) -> Vec<String> {
    let mut groups: Vec<(Option<String>, Vec<&Gap>)> = Vec::new();
    for gap in gaps {
        let reason = reason(gap);
        match groups.iter_mut().find(|(known, _)| reason.is_some() && *known == reason) {
            Some((_, group)) => group.push(gap),
            None => groups.push((reason, vec![gap])),
        }
    }
    groups.iter().flat_map(|(reason, group)| line(source, reason.as_deref(), group)).collect()
}

/// The gap in its own words.
pub fn gap_text(gap: &Gap) -> String {
    match &gap.error {
        Some(error) => format!("{} ({error})", gap.sentence),
        None => gap.sentence.clone(),
    }
}

fn line(source: Source, reason: Option<&str>, group: &[&Gap]) -> Vec<String> {
    match (reason, group) {
        (Some(reason), [_, _, ..]) => {
            let names: Vec<&str> =
                group.iter().map(|gap| gap.what.strip_prefix("list ").unwrap_or(&gap.what)).collect();
            vec![format!("{source}: {} are unknown, because {reason}.", names.join(", "))]
        }
        _ => group.iter().map(|gap| gap_text(gap)).collect(),
    }
}

/// Why, up to the status code of the answer: what follows it repeats the name of what was asked for.
fn reason(gap: &Gap) -> Option<String> {
    let (_, reason) = gap.sentence.split_once(BECAUSE)?;
    let reason = reason.trim_end_matches(['.', '…']);
    let code = |word: &str| word.len() == 3 && word.chars().all(|c| c.is_ascii_digit());
    let words: Vec<&str> = reason.split(' ').collect();
    let end = words.iter().position(|word| code(word.trim_end_matches([':', ',', ')'])));
    let kept = end.map_or(words.as_slice(), |end| &words[..=end]).join(" ");
    Some(kept.trim_end_matches([':', ',']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use incident::Status;

    fn gap(what: &str, sentence: &str) -> Gap {
        Gap { what: what.to_owned(), status: Status::Denied, sentence: sentence.to_owned(), error: None }
    }

    #[test]
    fn gaps_of_one_reason_are_one_line() {
        let gaps = [
            gap(
                "list pods",
                "Kubernetes list pods: which pods fail is unknown, because refused with 403: pods is forbidden.",
            ),
            gap("cluster", "The alert names another cluster."),
            gap(
                "list events",
                "Kubernetes list events: what happened is unknown, because refused with 403: events is forbidden.",
            ),
            gap("list nodes", "Kubernetes list nodes: node health is unknown, because it timed out."),
        ];
        assert_eq!(
            told(Source::Kubernetes, &gaps),
            [
                "Kubernetes: pods, events are unknown, because refused with 403.",
                "The alert names another cluster.",
                "Kubernetes list nodes: node health is unknown, because it timed out.",
            ]
        );
    }
}
