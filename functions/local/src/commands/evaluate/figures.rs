//! The figures of information retrieval, macro-averaged over questions: success at a rank, recall and reciprocal rank within ten,
//! and binary nDCG within ten (Järvelin and Kekäläinen, 2002).

use std::fmt;

use serde::Serialize;

/// Hits that count.
const DEPTH: usize = 10;

/// The line above the figures.
pub(super) const HEADING: &str = "    n    S@1    S@5   S@10   R@10 MRR@10  nDCG@10";

/// Sums over questions.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Figures {
    n: usize,
    sums: Means,
}

/// Means, each between 0 and 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Means {
    n: usize,
    success_at_1: f64,
    success_at_5: f64,
    success_at_10: f64,
    recall_at_10: f64,
    mrr_at_10: f64,
    ndcg_at_10: f64,
}

/// The ranks, from 1, at which a gold answer was found first.
pub(super) fn ranks(hits: &[String], gold: &[String]) -> Vec<usize> {
    let found = |known: &String| hits.iter().take(DEPTH).position(|hit| same(known, hit));
    let mut ranks: Vec<usize> = gold.iter().filter_map(found).map(|at| at + 1).collect();
    ranks.sort_unstable();
    ranks
}

/// True where two paths name one thing: one may have folders in front that the other lacks.
pub(super) fn same(a: &str, b: &str) -> bool {
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short).is_some_and(|front| front.is_empty() || front.ends_with('/'))
    };
    ends(a, b) || ends(b, a)
}

impl Figures {
    /// Adds a question: where its gold answers were found, and how many there are.
    pub(super) fn add(&mut self, ranks: &[usize], gold: usize) {
        let gain = |rank: usize| 1.0 / (rank as f64 + 1.0).log2();
        let within = |depth| f64::from(u8::from(ranks.first().is_some_and(|first| *first <= depth)));
        let ideal: f64 = (1..=gold.min(DEPTH)).map(gain).sum();
        let sums = &mut self.sums;
        self.n += 1;
        sums.success_at_1 += within(1);
        sums.success_at_5 += within(5);
        sums.success_at_10 += within(10);
        sums.recall_at_10 += ranks.len() as f64 / gold as f64;
        sums.mrr_at_10 += ranks.first().map_or(0.0, |first| 1.0 / *first as f64);
        sums.ndcg_at_10 += ranks.iter().map(|rank| gain(*rank)).sum::<f64>() / ideal;
    }

    /// The means.
    pub(super) fn means(&self) -> Means {
        let (n, sums) = (self.n.max(1) as f64, self.sums);
        Means {
            n: self.n,
            success_at_1: sums.success_at_1 / n,
            success_at_5: sums.success_at_5 / n,
            success_at_10: sums.success_at_10 / n,
            recall_at_10: sums.recall_at_10 / n,
            mrr_at_10: sums.mrr_at_10 / n,
            ndcg_at_10: sums.ndcg_at_10 / n,
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let m = self.means();
        write!(
            f,
            "{:>5} {:>6.3} {:>6.3} {:>6.3} {:>6.3} {:>6.3} {:>8.3}",
            m.n, m.success_at_1, m.success_at_5, m.success_at_10, m.recall_at_10, m.mrr_at_10, m.ndcg_at_10
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_two_questions_by_hand() {
        let mut figures = Figures::default();
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        // One of two answers, second; then the only answer, first.
        let gold = list(&["kb/a.md", "kb/z.md"]);
        let ranks_found = ranks(&list(&["x.md", "a.md"]), &gold);
        assert_eq!(ranks_found, [2]);
        figures.add(&ranks_found, gold.len());
        figures.add(&[1], 1);
        let means = figures.means();
        assert_eq!((means.success_at_1, means.success_at_5), (0.5, 1.0));
        assert_eq!((means.recall_at_10, means.mrr_at_10), (0.75, 0.75));
        let half = (1.0 / 3.0_f64.log2()) / (1.0 + 1.0 / 3.0_f64.log2());
        assert!((means.ndcg_at_10 - (half + 1.0) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_path_is_the_same_with_folders_in_front_and_no_other() {
        assert!(same("corpus/wiki/a.md", "wiki/a.md") && same("a.md", "wiki/a.md"));
        assert!(!same("xa.md", "a.md") && !same("a.go", "a.go#F"));
    }
}
