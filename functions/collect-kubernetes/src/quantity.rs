//! Kubernetes' quantities.

/// A Kubernetes quantity as a number: `7900m`, `8`, `16Gi`, `1e3`.
pub(crate) fn parse(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 15] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    if let Ok(plain) = text.parse() {
        return Some(plain);
    }
    let (suffix, factor) = SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix))?;
    Some(text.strip_suffix(suffix)?.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_of_every_spelling_compare() {
        assert_eq!(parse("7900m"), Some(7.9));
        assert_eq!(parse("16Gi"), Some(17_179_869_184.0));
        assert_eq!(parse("1e3"), Some(1000.0));
        assert_eq!(parse("much"), None);
    }
}
