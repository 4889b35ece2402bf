//! Which tokens name something: a version, an id, a service, a file.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Words that look like names and are none: abbreviations, technology by its own name.
const LANGUAGE_WORDS: &str = "\
    e.g i.e etc vs postgresql mysql ddos github gitlab cloudwatch dynamodb websocket websockets replicaset \
    replicasets statefulset daemonset configmap oauth graphql javascript typescript 5xx 4xx 2xx 3xx 5xxs 4xxs l3 l4 l7 \
    p50 p75 p90 p95 p99 p999 p99.9 http/2 http/3 http/1.1 s3 ec2 k8s ipv4 ipv6 h2 rds elb elbs alb albs pagerduty openai \
    macos ios devops fastapi nodejs node.js next.js and/or i/o r/w 24/7 n+1 n/a a/b x86 x64 arm64 md5 sha1 sha256 utf8 \
    utf-8 t-0 mid-incident";

/// The parts of hyphenated words of the language; a hyphenated token with any other part is a name.
const PART_WORDS: &str = "\
    a above across active after ago all already alert always an and another app application around as at attack auto \
    available average back backed bad base based before behind below best better between beyond big bit blue both bottle \
    bound brief broad browser buffer build built burst business busy by byte cache call capacity cause change check clear \
    client clock close cloud co code cold come command common company complete config connection constant container core \
    correct cost count country course cpu crash critical cross current custom customer cut daily data database date day db \
    dead deep default degree delay demand deploy deployment depth design detail dev different direct disk distance double \
    down drift drive driven drop due duration early ease eight eighteen eighty eleven empty end engine engineer entire \
    error estimated even event ever every exactly exit external extra eye facing fact fair fall false far fast fault few \
    fifteen fifty file final fine fire firewall first five fix flag flat flight floor flow follow for form forty four free \
    fresh from front full fully further game general get global go good grain grained grace green gross group growing \
    growth half hand hard head health healthy heap heart heavy held herd here hi high hit hold hop host hot hour hourly \
    house human idle if im in incident increase independent index initial inner input instance intensive inter internal \
    into io is issue it its job join just keep key kind known lag large last late latency layer lead leader leak least left \
    less level library life like likely limit limited line link list little live load local lock log long look loop loss \
    lost lot low lower made main maintenance major make many mark mass master match max maximum mean medium memory metric \
    micro mid middle million min mini minimum minor minute mis missing mode monitor month more most much multi multiple my \
    near nearly need network never new next night nine nineteen ninety no node non normal not note now number object off \
    old on once one ongoing only onset op open operator order other out outer over own owned page pair panic parallel part \
    pass past path pattern pay peak per percent period pick pin ping pipeline place plan platform player plus point points \
    policy pool poor pop port post power pre present pressure previous primary print prior pro probe process product \
    production proof public pull push put quarter query queue quick quiet quota race ramp range rate ratio re reach read \
    reads ready real reason recent record red reference region related release reload remote repeat replica replication \
    request reset resource response rest restart restarts result retry return right ring rise risk road role roll \
    rollback rolled rollout root rough round route row rule run runaway running safe same save scale scan schedule second \
    self semi sequential server service seven seventeen seventy several shape share sharp shift short shot show shut side \
    sided sign silent similar single six sixteen sixty size skip slow small snap so soft software sort source space spare \
    spike spin split spot stack staff stage stale stall standard start starting state status steady step stick still stop \
    storage storm straight stream stress strong sub sudden super surge swap switch system table tail take target team ten \
    term test than that the then there thin third thirteen thirty this thousand thread threat three threshold through \
    throughput thundering tick tie tier tight time timed timeout timer times to together too top total touch trace track \
    traffic trip true turn tv twelve twenty twice two type un under unit until up upper use user usual value version very \
    via view wait wall warm wave way web week well what where while whole why wide window wise with within word work worker \
    world worst write writes wrong year yet zero zone";

/// Endings of the second part that make an adjective of any first part: `customer-facing`, `leaderboard-related`.
const ADJECTIVES: &str = "\
    based bound driven facing wide only like free level side time off up down out in on related side specific aware heavy \
    light induced caused led owned style sized long old high low ready safe hit side hour minute second day week";

/// A list as a set: every word of every text is looked up.
type Words = LazyLock<HashSet<&'static str>>;
static LANGUAGE: Words = LazyLock::new(|| LANGUAGE_WORDS.split_whitespace().collect());
static PARTS: Words = LazyLock::new(|| PART_WORDS.split_whitespace().collect());

/// A token that names something: joined by `-`, `_`, `.` or `/`, mixing letters and digits, or in camel case.
pub fn is_name(piece: &str) -> bool {
    let lower = piece.to_lowercase();
    if LANGUAGE.contains(lower.as_str())
        || !piece.chars().any(|c| c.is_ascii_alphanumeric())
        || is_ordinal(&lower)
    {
        return false;
    }
    let letters = piece.chars().any(char::is_alphabetic);
    let digits = piece.chars().any(|c| c.is_ascii_digit());
    // gameApi, and OOMKilled; "URLs" and "CPUs" are plurals.
    let case = |bytes: &[u8], pattern: &[bool]| {
        bytes
            .iter()
            .zip(pattern)
            .all(|(b, upper)| if *upper { b.is_ascii_uppercase() } else { b.is_ascii_lowercase() })
    };
    let camel = [&[false, true][..], &[true, true, false, false, false][..]]
        .into_iter()
        .any(|pattern| piece.as_bytes().windows(pattern.len()).any(|window| case(window, pattern)));
    if piece.contains('_') || (letters && digits) || camel {
        return true;
    }
    if !letters {
        // What is left of digits with dots or dashes is a version, an address or a range.
        return digits;
    }
    if piece.contains('.') {
        return true;
    }
    piece.contains(['-', '/']) && !is_compound(&lower)
}

/// `read-only`, `CPU/memory`, `customer-facing`: words of the language, joined.
fn is_compound(lower: &str) -> bool {
    let parts: Vec<&str> = lower.split(['-', '/']).collect();
    let known = |part: &str| {
        part.len() <= 2
            || PARTS.contains(part)
            || part.strip_suffix('s').is_some_and(|singular| PARTS.contains(singular))
    };
    let inflected = |part: &str| {
        part.len() > 4 && (part.ends_with("ing") || part.ends_with("ed") || part.ends_with("ly"))
    };
    let last = parts.last().copied().unwrap_or_default();
    // Units and prefixes of a service's name are plain words too ("order-service"); only adjectives take anything before them.
    ADJECTIVES.split_whitespace().any(|known| known == last)
        || inflected(last)
        || parts.iter().all(|part| known(part) || inflected(part)) && !names_a_thing(last)
}

/// Last parts that make a name of plain words: `cart-service`, `billing-worker`.
fn names_a_thing(last: &str) -> bool {
    [
        "service",
        "services",
        "api",
        "worker",
        "workers",
        "server",
        "app",
        "db",
        "gateway",
        "proxy",
        "job",
        "cron",
        "controller",
        "operator",
        "engine",
        "web",
    ]
    .contains(&last)
}

/// `99th`, `2nd`.
fn is_ordinal(lower: &str) -> bool {
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    !digits.is_empty()
        && digits.chars().all(|c| c.is_ascii_digit())
        && ["st", "nd", "rd", "th"].contains(&&lower[digits.len()..])
}

/// `v3.41.0`, `1.18.2`: a version as tags write it.
pub fn is_version(word: &str) -> bool {
    let digits = word.strip_prefix('v').unwrap_or(word);
    let dotted = digits.matches('.').count() >= 1;
    digits.starts_with(|c: char| c.is_ascii_digit())
        && (word.starts_with('v') || digits.matches('.').count() >= 2)
        && (dotted || word.starts_with('v'))
        && digits.chars().all(|c| c.is_ascii_alphanumeric() || ".-+_".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_words_are_told_apart() {
        for name in [
            "game-api",
            "chat-service",
            "v3.41.0",
            "player_scores",
            "INC-2024-047",
            "a3f91b2",
            "OOMKilled",
            "ip-10-0-3-17.ec2.internal",
        ] {
            assert!(is_name(name), "{name}");
        }
        for word in [
            "read-only",
            "full-table",
            "CPU/memory",
            "customer-facing",
            "well-known",
            "p99",
            "99th",
            "long-running",
            "two-minute",
        ] {
            assert!(!is_name(word), "{word}");
        }
    }
}
