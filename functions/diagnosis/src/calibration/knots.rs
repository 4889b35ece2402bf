//! Written by `SITREP_WRITE_CASES=1 cargo test -p diagnosis calibrated`: do not edit.

#[rustfmt::skip]
pub(super) const KNOTS: &[super::Knot] = &[
    (0.32, 0.11),
    (0.46, 0.65),
    (0.65, 0.78),
    (0.76, 0.88),
    (0.93, 0.91),
];
