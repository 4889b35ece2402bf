//! Memory and processors of a DB instance class.

/// What a class has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hardware {
    /// Nominal memory, GiB.
    pub memory_gib: f64,
    /// Virtual processors.
    pub vcpus: f64,
}

/// GiB per virtual processor by family, from the RDS user guide, "Hardware specifications for DB instance classes".
/// Every size of these families keeps the ratio; `r5` also covers `r5b` and `r5d`, and so for the others.
const GIB_PER_VCPU: &[(&str, f64)] = &[
    ("x2iedn", 32.0),
    ("x2iezn", 32.0),
    ("x2idn", 16.0),
    ("x2g", 16.0),
    ("x1e", 30.5),
    ("x1", 15.25),
    ("z1d", 8.0),
    ("r3", 7.625),
    ("r4", 7.625),
    ("r5", 8.0),
    ("r6", 8.0),
    ("r7", 8.0),
    ("r8", 8.0),
    ("m3", 3.75),
    ("m4", 4.0),
    ("m5", 4.0),
    ("m6", 4.0),
    ("m7", 4.0),
    ("m8", 4.0),
    ("c6gd", 2.0),
];

/// The burstable classes keep no ratio: size, GiB, virtual processors (the same for `t2`, `t3` and `t4g` but for `t2`'s
/// single processor, which no formula asks for).
const BURSTABLE: &[(&str, f64, f64)] = &[
    ("micro", 1.0, 2.0),
    ("small", 2.0, 2.0),
    ("medium", 4.0, 2.0),
    ("large", 8.0, 2.0),
    ("xlarge", 16.0, 4.0),
    ("2xlarge", 32.0, 8.0),
];

/// The hardware of `db.<family>.<size>`; `None` for a class that is not known, such as `db.serverless`.
pub fn hardware(class: &str) -> Option<Hardware> {
    // A fourth part (`.tpc2.mem2x`) changes the ratio, so such a class is not known.
    let (family, size) = class.strip_prefix("db.")?.split_once('.')?;
    if matches!(family, "t2" | "t3" | "t4g") {
        let (_, memory_gib, vcpus) = BURSTABLE.iter().find(|(name, ..)| *name == size)?;
        return Some(Hardware { memory_gib: *memory_gib, vcpus: *vcpus });
    }
    let (_, ratio) = GIB_PER_VCPU.iter().find(|(prefix, _)| family.starts_with(prefix))?;
    let vcpus = match size {
        "medium" => 1.0,
        "large" => 2.0,
        "xlarge" => 4.0,
        _ => 4.0 * f64::from(size.strip_suffix("xlarge")?.parse::<u8>().ok()?),
    };
    Some(Hardware { memory_gib: vcpus * ratio, vcpus })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_the_memory_of_the_user_guide() {
        for (class, gib) in [
            ("db.t4g.micro", 1.0),
            ("db.t3.2xlarge", 32.0),
            ("db.m5.large", 8.0),
            ("db.m6gd.16xlarge", 256.0),
            ("db.r4.16xlarge", 488.0),
            ("db.r6g.2xlarge", 64.0),
            ("db.r6i.32xlarge", 1024.0),
            ("db.x2g.large", 32.0),
            ("db.x1e.xlarge", 122.0),
            ("db.x2iedn.xlarge", 128.0),
        ] {
            assert_eq!(hardware(class).map(|h| h.memory_gib), Some(gib), "{class}");
        }
        for unknown in ["db.serverless", "db.r5.6xlarge.tpc2.mem4x", "r5.large", "db.q9.large", ""] {
            assert_eq!(hardware(unknown), None, "{unknown}");
        }
    }
}
