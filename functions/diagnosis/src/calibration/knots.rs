//! Written by `SITREP_WRITE_CASES=1 cargo test -p diagnosis calibrated`: do not edit.

#[rustfmt::skip]
pub(super) const KNOTS: &[super::Knot] = &[
    (0.47, 0.60),
    (0.65, 0.80),
    (0.74, 0.85),
    (0.81, 0.87),
    (0.93, 0.90),
];
