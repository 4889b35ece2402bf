//! Sums of grouped counts.

use std::collections::BTreeMap;

/// Keys kept of a distribution: the rest is a tail that no rule looks at.
const MAX_KEYS: usize = 12;

/// Adds up counts. They come from outside: a sum that no number holds stays at the largest.
pub fn total(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

/// Adds up counts by key and keeps the largest. An empty key says that Cloudflare does not know: it is left out.
pub fn by<K: Into<String>>(groups: impl IntoIterator<Item = (K, u64)>) -> BTreeMap<String, u64> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (key, count) in groups {
        let key = key.into();
        if !key.is_empty() {
            let sum = sums.entry(key).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sums.into_iter().take(MAX_KEYS).collect()
}

/// The key with the largest count.
pub fn largest(sums: &BTreeMap<String, u64>) -> Option<(&str, u64)> {
    sums.iter().max_by_key(|(_, count)| **count).map(|(key, count)| (key.as_str(), *count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_adds_up_and_the_tail_is_cut() {
        let groups =
            (0..20).map(|i| (format!("k{i:02}"), i)).chain([("k01".to_owned(), 100), (String::new(), 9)]);
        let sums = by(groups);
        assert_eq!(sums.len(), 12);
        assert_eq!(largest(&sums), Some(("k01", 101)));
    }

    #[test]
    fn a_sum_beyond_all_numbers_is_the_largest() {
        assert_eq!(total([u64::MAX, 1]), u64::MAX);
        assert_eq!(by([("k", u64::MAX), ("k", 1)])["k"], u64::MAX);
    }
}
