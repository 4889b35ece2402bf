//! Robust statistics of a series: change point with its significance, trend with its significance. No crate has them.
//!
//! Pettitt, "A non-parametric approach to the change-point problem", Applied Statistics 28 (1979); Mann, Econometrica 13 (1945);
//! Kendall, "Rank Correlation Methods" (1975); Sen, JASA 63 (1968). Ties are corrected for. Everything is total: no value makes
//! anything but a finite number or `None`.

use std::f64::consts::SQRT_2;

/// The factor that makes the median absolute deviation estimate a standard deviation for normal noise.
pub(crate) const MAD_TO_SIGMA: f64 = 1.4826;

/// A change point: the index of the first value after it, and the probability of one this marked where nothing changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Split {
    pub(crate) index: usize,
    pub(crate) p: f64,
}

/// A trend: Kendall's S, its normal score, its two-sided probability, and the slope per step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trend {
    pub(crate) s: f64,
    pub(crate) z: f64,
    pub(crate) p: f64,
    pub(crate) slope: f64,
}

/// The middle of the values, the lower of two; 0 for none. Never between two values: what is said of a level was read.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.len().checked_sub(1).map_or(0.0, |last| sorted[last / 2])
}

/// The robust standard deviation about a level.
pub(crate) fn spread(values: &[f64], level: f64) -> f64 {
    let deviations: Vec<f64> = values.iter().map(|v| (v - level).abs()).collect();
    MAD_TO_SIGMA * median(&deviations)
}

/// Pettitt's test. `None` for fewer than four values or none that differ.
pub(crate) fn pettitt(values: &[f64]) -> Option<Split> {
    let n = values.len();
    if n < 4 || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let ranks = ranks(values);
    let mut sum = 0.0;
    let (mut index, mut largest) = (0, 0.0_f64);
    for (i, rank) in ranks.iter().enumerate().take(n - 1) {
        sum += rank;
        let t = (i + 1) as f64;
        let u = (2.0 * sum - t * (n as f64 + 1.0)).abs();
        if u > largest {
            (index, largest) = (i + 1, u);
        }
    }
    let n = n as f64;
    let p = 2.0 * (-6.0 * largest * largest / (n * n * n + n * n)).exp();
    (largest > 0.0).then_some(Split { index, p: p.min(1.0) })
}

/// Ranks from one, ties sharing their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut i = 0;
    while i < order.len() {
        let alike = order[i..].iter().take_while(|j| values[**j] == values[order[i]]).count().max(1);
        let mean = i as f64 + (alike as f64 + 1.0) / 2.0;
        order[i..i + alike].iter().for_each(|j| ranks[*j] = mean);
        i += alike;
    }
    ranks
}

/// Mann-Kendall with the correction for ties, and Sen's slope. `None` for fewer than four values.
pub(crate) fn mann_kendall(values: &[f64]) -> Option<Trend> {
    let n = values.len();
    if n < 4 || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let pairs = || (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
    let s: f64 = pairs().map(|(i, j)| sign(values[j] - values[i])).sum();
    let size = n as f64;
    let ties: f64 = tied(values).map(|t| t * (t - 1.0) * (2.0 * t + 5.0)).sum();
    let variance = (size * (size - 1.0) * (2.0 * size + 5.0) - ties) / 18.0;
    let z = if variance > 0.0 && s != 0.0 { (s - s.signum()) / variance.sqrt() } else { 0.0 };
    let mut slopes: Vec<f64> = pairs()
        .map(|(i, j)| (values[j] - values[i]) / (j - i) as f64)
        .filter(|slope| slope.is_finite())
        .collect();
    slopes.sort_by(f64::total_cmp);
    let slope = match slopes.len() {
        0 => 0.0,
        n if n % 2 == 1 => slopes[n / 2],
        n => f64::midpoint(slopes[n / 2 - 1], slopes[n / 2]),
    };
    Some(Trend { s, z, p: erfc(z.abs() / SQRT_2), slope })
}

fn sign(difference: f64) -> f64 {
    if difference == 0.0 { 0.0 } else { difference.signum() }
}

/// How many values share each value.
fn tied(values: &[f64]) -> impl Iterator<Item = f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let groups: Vec<f64> = sorted.chunk_by(|a, b| a == b).map(|group| group.len() as f64).collect();
    groups.into_iter()
}

/// The complementary error function: Numerical Recipes' Chebyshev fit, relative error below 1.2e-7.
fn erfc(x: f64) -> f64 {
    const FIT: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let t = 1.0 / (1.0 + 0.5 * x.abs());
    let power = FIT.iter().rev().fold(0.0, |sum, c| sum * t + c);
    let tail = t * (-x * x + power).exp();
    if x >= 0.0 { tail } else { 2.0 - tail }
}

/// The Wilson interval of a share, 95 %: `right` of `n`, which may be parts of a case.
pub(crate) fn wilson(right: f64, n: f64) -> (f64, f64) {
    const Z: f64 = 1.96;
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let p = (right / n).clamp(0.0, 1.0);
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// Pearson's correlation of two equally long series; 0 where one does not vary.
pub(crate) fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len());
    if n < 3 {
        return 0.0;
    }
    let mean = |x: &[f64]| x[..n].iter().sum::<f64>() / n as f64;
    let (ma, mb) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(usize) -> f64| (0..n).map(f).sum::<f64>();
    let both = sum(&|i| (a[i] - ma) * (b[i] - mb));
    let size = (sum(&|i| (a[i] - ma).powi(2)) * sum(&|i| (b[i] - mb).powi(2))).sqrt();
    let r = both / size;
    if r.is_finite() { r.clamp(-1.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values, then S, z, p and slope of pymannkendall 1.4 `original_test`, then the split and p of pyhomogeneity's `pettitt_test`.
    type Fixture = (&'static [f64], [f64; 4], usize, f64);

    #[rustfmt::skip]
    const FIXTURES: [Fixture; 5] = [
        (&[45.285, 45.407, 52.678, 40.824, 49.426, 40.976, 54.404, 50.812, 55.425, 47.983, 51.593, 48.856, 47.047, 50.581, 44.971, 48.581, 52.786, 50.23, 48.359, 58.758, 50.233, 47.653, 50.638, 47.909], [30.0, 0.7193276872017798, 0.4719390404163102, 0.11390711462450603], 6, 0.44626032029685964),
        (&[39.23, 39.3, 44.051, 40.045, 40.351, 41.348, 44.034, 39.553, 38.752, 44.949, 37.081, 39.266, 41.334, 44.567, 38.1, 55.145, 61.323, 58.957, 59.225, 60.923, 60.447, 60.582, 59.138, 62.579, 63.01, 60.064, 59.096], [191.0, 3.960912892638291, 7.46637681654505e-05, 0.9937333333333332], 15, 0.0001461813851588996),
        (&[10.733, 11.278, 10.56, 11.94, 14.249, 13.904, 14.471, 15.812, 16.366, 17.198, 16.069, 20.549, 19.799, 19.523, 22.18, 22.309, 22.818, 24.648, 26.661, 25.754], [172.0, 5.547972602672079, 2.8900114745766814e-08, 0.8498571428571431], 11, 0.0018224617077219599),
        (&[1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 4.0, 5.0, 1.0, 2.0], [28.0, 1.9060142616067972, 0.056648355353517976, 0.3333333333333333], 4, 0.3156861782697033),
        (&[107.925, 107.787, 88.896, 88.384, 91.882, 76.46, 80.664, 85.464, 81.216, 75.897, 60.524, 78.754, 66.754, 64.835, 60.474, 46.419], [-96.0, -4.277139104462107, 1.8931051599002657e-05, -3.238087912087912], 9, 0.011832468403539865),
    ];

    #[test]
    fn the_tests_agree_with_the_published_implementations() {
        for (values, [s, z, p, slope], split, pettitt_p) in FIXTURES {
            let trend = mann_kendall(values).unwrap();
            assert_eq!(trend.s, s);
            assert!((trend.z - z).abs() < 1e-9 && (trend.slope - slope).abs() < 1e-9, "{trend:?}");
            assert!((trend.p - p).abs() < 1e-6, "{trend:?}");
            let found = pettitt(values).unwrap();
            assert_eq!(found.index, split, "{values:?}");
            assert!((found.p - pettitt_p).abs() < 1e-9, "{found:?}");
        }
    }

    #[test]
    fn nothing_and_nonsense_have_no_statistics() {
        assert!(
            pettitt(&[1.0; 10]).is_none() && pettitt(&[f64::NAN; 10]).is_none() && pettitt(&[]).is_none()
        );
        assert!(mann_kendall(&[f64::INFINITY; 5]).is_none());
        assert_eq!(mann_kendall(&[2.0; 6]).map(|t| (t.s, t.z)), Some((0.0, 0.0)));
        assert_eq!(correlation(&[1.0; 4], &[1.0, 2.0, 3.0, 4.0]), 0.0);
        assert!(
            mann_kendall(&[f64::MAX, f64::MIN, f64::MAX, f64::MIN, 0.0]).is_some_and(|t| t.slope.is_finite())
        );
    }

    #[test]
    fn the_interval_of_a_share_is_wilsons() {
        let (low, high) = wilson(9.0, 10.0);
        assert!((low - 0.5958).abs() < 1e-3 && (high - 0.9821).abs() < 1e-3, "{low} {high}");
        assert_eq!(wilson(0.0, 0.0), (0.0, 1.0));
    }
}
