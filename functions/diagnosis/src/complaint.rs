//! What a process complains of in its log: one lexicon for every language and driver, each entry with what it complains about.
//!
//! The words are those of the resolvers, sockets, drivers and runtimes themselves (Go, Node, Python, Java, C, PostgreSQL, MySQL,
//! Redis, MongoDB, gRPC). A line complains of one thing: the first entry that fits, the most specific before the general.

use std::sync::LazyLock;

use incident::fact::LogPattern;
use incident::{Fact, Finding, Object};
use regex::Regex;

use crate::scene::Scene;

/// What a line complains of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A name does not resolve.
    Unresolved,
    /// A credential is refused.
    Credentials,
    /// A variable, file or key that it needs is missing.
    MissingConfig,
    /// A value it was given makes no sense.
    BadValue,
    /// The command or one of its files does not exist.
    NoCommand,
    /// Its port is taken.
    PortTaken,
    /// The Kubernetes API, or the file system, forbids it.
    Forbidden,
    /// The disk is full.
    DiskFull,
    /// It has no memory left.
    NoMemory,
    /// Nobody listens where it connects to.
    Refused,
    /// Nobody answers where it connects to.
    NoAnswer,
    /// What it calls says that it is unavailable.
    Upstream,
    /// Its own code fails.
    Code,
}

/// One kind of complaint, found in a log.
#[derive(Debug, Clone)]
pub(crate) struct Complaint<'a> {
    pub(crate) kind: Kind,
    pub(crate) finding: &'a Finding,
    /// Who complains: the service of the line, else the finding's object.
    pub(crate) by: Object,
    /// The line.
    pub(crate) line: String,
    /// How often.
    pub(crate) count: u32,
    /// The host, variable, file or port it is about, where the line says.
    pub(crate) about: Option<String>,
    /// When it was first read; absent for a line without a time.
    pub(crate) first: Option<incident::Timestamp>,
}

const LEXICON: &[(Kind, &str)] = &[
    (
        Kind::Unresolved,
        r"(?i)enotfound|eai_again|no such host|name resolution|name or service not known|unknownhost|could not resolve|unable to resolve|cannot resolve|getaddrinfo|nxdomain|servfail|server misbehaving|could not translate host name|nodename nor servname|dns resolution|name does not resolve",
    ),
    (
        Kind::PortTaken,
        r"(?i)address already in use|eaddrinuse|port is already allocated|port \d+ (is )?already (in use|being used)",
    ),
    (Kind::DiskFull, r"(?i)no space left on device|enospc|disk full|disk quota exceeded"),
    (
        Kind::NoMemory,
        r"(?i)outofmemoryerror|out of memory|cannot allocate memory|heap out of memory|memoryerror|enomem",
    ),
    (
        Kind::Credentials,
        r"(?i)access denied for user|password authentication failed|authentication failed|auth(entication)? (error|failure)|invalid (password|credential|username|api key|token)|wrongpass|noauth|bad credentials|login failed|permission denied for (user|role|table|database|relation)|(401|unauthenticated)\b.*(unauthorized|credential|token)|role .{1,60} does not exist|unknown user",
    ),
    (
        Kind::Forbidden,
        r"(?i)forbidden: user .{0,3}system:serviceaccount|system:serviceaccount:.{1,120}cannot|cannot (get|list|watch|create|update|patch) resource|(open|mkdir|unlink|write|bind|read|create|rename|chown|chmod|listen)[^\n]{0,120}permission denied|permission denied[^\n]{0,40}(open|mkdir|write|bind)|eacces|operation not permitted|read-only file system|erofs",
    ),
    (
        Kind::NoCommand,
        r#"(?i)executable file not found|exec format error|exec: .{1,120}(not found|no such file|permission denied)|command not found|can't open file|cannot find module|could not find or load main class|no such file or directory.{0,40}(entrypoint|exec)|modulenotfounderror"#,
    ),
    (
        Kind::MissingConfig,
        r"(?i)(env(ironment)?( var(iable)?)?s?\b[^\n]{0,80}\b(not set|unset|missing|required|undefined|not found|not defined|empty))|(missing|required|undefined|unset)[^\n]{0,40}\benv(ironment)?( var(iable)?)?\b|(required|missing)[^\n]{0,30}(config|setting|key|secret|parameter|flag|property)[^\n]{0,60}|(config|secret|certificate|key|properties|ya?ml|json|toml)[^\n]{0,80}(no such file|not found|does not exist)|no such file or directory[^\n]{0,60}(conf|secret|ya?ml|json|properties|toml|pem|crt|key)|keyerror: '[A-Z_]+'|could not resolve placeholder",
    ),
    (Kind::Code, r"(?i)panic: runtime error|nil pointer|nullpointerexception|segmentation fault|sigsegv"),
    (
        Kind::BadValue,
        r"(?i)(invalid|illegal|malformed|bad|unknown|unsupported|cannot parse|failed to parse|could not parse|unable to parse)[^\n]{0,40}(config|port|url|uri|address|dsn|connection string|flag|argument|option|property|value|database)|configuration error|unknown database|database .{1,60} does not exist|missing address|unrecognized (option|argument)|unknown (flag|option|command)|invalid reference format|parse \S+: (first path segment|invalid)",
    ),
    (
        Kind::Refused,
        r"(?i)connection refused|econnrefused|connect: refused|no route to host|ehostunreach|network is unreachable|can't connect to (mysql|local)|could not connect to server|connection could not be (made|established)|failed to connect|couldn't connect|connect failed|cannot connect to",
    ),
    (
        Kind::NoAnswer,
        r"(?i)i/o timeout|etimedout|connection timed out|connect(ion)? timeout|timed? ?out (while|waiting|connecting|after)|deadline ?exceeded|read timeout|sockettimeout|request timed out|timeout (exceeded|expired)|context deadline",
    ),
    (
        Kind::Upstream,
        r"(?i)upstream (connect error|request timeout|unavailable)|code = unavailable|code unavailable|statuscode\.unavailable|status: ?unavailable|no healthy upstream|service unavailable|bad gateway|\b50[234]\b[^\n]{0,40}(from|upstream|gateway|unavailable)|circuit ?breaker[^\n]{0,20}open|downstream ?(service )?unavailable|econnreset|connection reset by peer|broken pipe|code = internal",
    ),
    (
        Kind::Code,
        r"(?i)\bpanic:|nullpointerexception|nil pointer|segmentation fault|sigsegv|typeerror|unhandled (exception|rejection)|traceback|assertion ?(failed|error)|index out of (range|bounds)|classnotfound|undefined is not|cannot read propert|fatal error|uncaught exception|core dumped|stack overflow",
    ),
];

#[expect(clippy::expect_used, reason = "constant patterns, compiled by every test")]
static COMPILED: LazyLock<Vec<(Kind, Regex)>> = LazyLock::new(|| {
    LEXICON.iter().map(|(kind, words)| (*kind, Regex::new(words).expect("a valid pattern"))).collect()
});

/// What the line complains of.
pub(crate) fn kind(line: &str) -> Option<Kind> {
    COMPILED.iter().find(|(_, words)| words.is_match(line)).map(|(kind, _)| *kind)
}

#[expect(clippy::expect_used, reason = "constant patterns, compiled by every test")]
static ABOUT: LazyLock<Vec<(Kind, Regex)>> = LazyLock::new(|| {
    let entry = |kind, words: &str| (kind, Regex::new(words).expect("a valid pattern"));
    vec![
        entry(
            Kind::Unresolved,
            r#"(?i)(?:enotfound|eai_again|lookup|resolve(?:d)?(?: host)?(?: name)?:?|unknownhostexception:?|host name|unknown host:?|host)\s+["'“]?([a-z0-9][a-z0-9._-]*[a-z][a-z0-9._-]*)"#,
        ),
        entry(Kind::Unresolved, r"\b([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::\d+)?\b"),
        entry(Kind::MissingConfig, r"\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b"),
        entry(Kind::MissingConfig, r"(/[\w./-]{3,80})"),
        entry(Kind::BadValue, r"\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b"),
        entry(Kind::Credentials, r#"(?i)(?:user|role|login)\s+["'“]([^"'”]{1,60})["'”]"#),
        entry(Kind::PortTaken, r":(\d{2,5})\b"),
        entry(
            Kind::Refused,
            r#"(?i)(?:host|server|tcp|to|dial|econnrefused)\s+(?:tcp\s+)?["'“(]?([a-z0-9][a-z0-9._-]*(?::\d{2,5})?)"#,
        ),
        entry(
            Kind::NoAnswer,
            r#"(?i)(?:host|server|tcp|to|dial|etimedout)\s+(?:tcp\s+)?["'“(]?([a-z0-9][a-z0-9._-]*(?::\d{2,5})?)"#,
        ),
    ]
});

/// Words that stand where a host would and are none.
const NO_HOST: [&str; 12] =
    ["the", "a", "server", "host", "database", "backend", "tcp", "to", "on", "at", "with", "error"];

/// What the line is about: the host, the variable, the file, the port.
pub(crate) fn about(kind: Kind, line: &str) -> Option<String> {
    ABOUT.iter().filter(|(of, _)| *of == kind).find_map(|(_, words)| {
        let named = words.captures_iter(line).filter_map(|found| Some(found.get(1)?.as_str().to_owned()));
        named
            .map(|name| name.trim_end_matches(['.', ',', ';', ':']).to_owned())
            .find(|name| name.len() >= 2 && !NO_HOST.contains(&name.to_ascii_lowercase().as_str()))
    })
}

/// Every complaint in the logs of the incident, the most frequent first.
pub(crate) fn complaints<'a>(scene: &Scene<'a>) -> Vec<Complaint<'a>> {
    let mut found: Vec<Complaint<'a>> = Vec::new();
    for (finding, _) in &scene.findings {
        for log in finding.fact.log_patterns() {
            found.extend(of_pattern(finding, log));
        }
        if let Fact::PodLog(log) = &finding.fact {
            found.extend(log.tail.iter().rev().filter_map(|line| {
                let kind = kind(line)?;
                Some(Complaint {
                    kind,
                    finding,
                    by: finding.object.clone(),
                    line: line.clone(),
                    count: 1,
                    about: about(kind, line),
                    first: None,
                })
            }));
        }
    }
    found.sort_by(|a, b| {
        b.count.cmp(&a.count).then_with(|| a.kind.cmp(&b.kind)).then_with(|| a.line.cmp(&b.line))
    });
    found
}

fn of_pattern<'a>(finding: &'a Finding, log: &LogPattern) -> Option<Complaint<'a>> {
    let loud =
        matches!(log.status.as_str(), "error" | "critical" | "emergency" | "alert" | "warn" | "warning");
    let kind = kind(&log.sample).or_else(|| kind(&log.pattern)).filter(|_| loud)?;
    let by = match &log.service {
        Some(service) if finding.object.kind != incident::ObjectKind::Pod => {
            Object { name: service.clone(), ..finding.object.clone() }
        }
        _ => finding.object.clone(),
    };
    let about = about(kind, &log.sample).or_else(|| about(kind, &log.pattern));
    Some(Complaint {
        kind,
        finding,
        by,
        line: log.sample.clone(),
        count: log.count,
        about,
        first: Some(log.first),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_complains_of_the_most_specific_thing() {
        for (line, wanted, named) in [
            (
                "Error: getaddrinfo ENOTFOUND db.prod.svc.cluster.local",
                Kind::Unresolved,
                Some("db.prod.svc.cluster.local"),
            ),
            ("dial tcp: lookup cart on 10.0.0.10:53: no such host", Kind::Unresolved, Some("cart")),
            (
                "Access denied for user 'shop'@'10.1.2.3' (using password: YES)",
                Kind::Credentials,
                Some("shop"),
            ),
            ("FATAL: password authentication failed for user \"orders\"", Kind::Credentials, Some("orders")),
            ("dial tcp 10.3.0.7:3307: connect: connection refused", Kind::Refused, Some("10.3.0.7:3307")),
            ("listen tcp :8080: bind: address already in use", Kind::PortTaken, Some("8080")),
            ("required env var QUEUE_URL is not set in pod spec", Kind::MissingConfig, Some("QUEUE_URL")),
            (
                "open /etc/app/config.yaml: no such file or directory",
                Kind::MissingConfig,
                Some("/etc/app/config.yaml"),
            ),
            ("exec: \"servr\": executable file not found in $PATH", Kind::NoCommand, None),
            ("mkdir /data/x: permission denied", Kind::Forbidden, None),
            ("rpc error: code = Unavailable desc = transport is closing", Kind::Upstream, None),
            ("panic: runtime error: invalid memory address or nil pointer dereference", Kind::Code, None),
        ] {
            assert_eq!(kind(line), Some(wanted), "{line}");
            assert_eq!(about(wanted, line).as_deref(), named, "{line}");
        }
        assert_eq!(kind("POST /api/v1/charge 200 74ms"), None);
        assert_eq!(kind("Heartbeat OK, connection pool at 12/100"), None);
    }
}
