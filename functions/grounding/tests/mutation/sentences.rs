//! The sentences, with facts as slots.

use jiff::{SignedDuration, Timestamp};

use crate::Change::{Count, Digit, Name, Sign, Time, Unit, Version};
use crate::world::World;
use crate::{Change, Sentence};

/// A sentence in the making.
struct Maker(Sentence);

fn citing(ids: &[&'static str]) -> Maker {
    let (passages, evidence) = ids.iter().partition(|id| id.starts_with("kb-"));
    Maker(Sentence { evidence, passages, ..Sentence::default() })
}

impl Maker {
    fn say(mut self, text: &str) -> Self {
        self.0.text.push_str(text);
        self
    }

    /// A fact, and what it is not.
    fn fact(mut self, truth: impl ToString, wrong: &[(Change, String)]) -> Self {
        let start = self.0.text.len();
        self.0.text.push_str(&truth.to_string());
        let range = start..self.0.text.len();
        self.0.slots.extend(wrong.iter().map(|(change, wrong)| (range.clone(), *change, wrong.clone())));
        self
    }

    fn done(self) -> Sentence {
        self.0
    }
}

/// The number with one of its digits changed, in every place but a leading one that would become zero.
fn digits(n: u64) -> Vec<(Change, String)> {
    let text = n.to_string();
    let other = |c: char| char::from_digit((c.to_digit(10).unwrap() + 4) % 10, 10).unwrap();
    (0..text.len())
        .map(|i| text.char_indices().map(|(j, c)| if i == j { other(c) } else { c }).collect::<String>())
        .filter(|wrong| !wrong.starts_with('0') || wrong == "0")
        .map(|wrong| (Digit, wrong))
        .collect()
}

fn count(n: u64) -> Vec<(Change, String)> {
    vec![(Count, (n + 1).to_string()), (Count, (n - 1).to_string())]
}

fn words(n: u64) -> &'static str {
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"][n as usize]
}

fn word_count(n: u64) -> Vec<(Change, String)> {
    vec![(Count, words(n + 1).to_owned()), (Count, words(n - 1).to_owned())]
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M").to_string()
}

/// Other times of the day, none of which anything happened at.
fn times(at: Timestamp) -> Vec<(Change, String)> {
    [95, -140, 600].into_iter().map(|m| (Time, clock(at + SignedDuration::from_mins(m)))).collect()
}

/// A time at which something else happened.
fn others(times: &[Timestamp]) -> Vec<(Change, String)> {
    times.iter().map(|at| (Time, clock(*at))).collect()
}

fn units(wrong: &[&str]) -> Vec<(Change, String)> {
    wrong.iter().map(|unit| (Unit, (*unit).to_owned())).collect()
}

fn names(wrong: &[&str]) -> Vec<(Change, String)> {
    wrong.iter().map(|name| (Name, (*name).to_owned())).collect()
}

fn versions(wrong: &[&str]) -> Vec<(Change, String)> {
    wrong.iter().map(|version| (Version, (*version).to_owned())).collect()
}

fn sign(wrong: &str) -> Vec<(Change, String)> {
    vec![(Sign, wrong.to_owned())]
}

fn joined(lists: &[Vec<(Change, String)>]) -> Vec<(Change, String)> {
    lists.concat()
}

fn minutes(from: Timestamp, to: Timestamp) -> u64 {
    (to.duration_since(from).as_secs() / 60).unsigned_abs()
}

/// Numbers of minutes that no two events are apart.
fn other_minutes(n: u64) -> Vec<(Change, String)> {
    vec![(Count, (n + 67).to_string()), (Digit, (n + 300).to_string())]
}

/// Every sentence about a world.
pub fn all(w: &World) -> Vec<Sentence> {
    [levels(w), rollouts(w), offsets(w), counts(w), edge(w), knowledge(w)].into_iter().flatten().collect()
}

fn levels(w: &World) -> Vec<Sentence> {
    let (db, other_db) = (&w.database, &w.replica);
    let percent = w.connections.1 * 100 / w.limit;
    let exact = w.connections.1 as f64 * 100.0 / w.limit as f64;
    let left = w.limit - w.connections.1;
    let rounded = exact.round() as u64;
    vec![
        citing(&["aws-1", "aws-3"])
            .say("CPU of ")
            .fact(db, &names(&[other_db, "billing-db", &w.other]))
            .say(" ")
            .fact("rose", &sign("fell"))
            .say(" from ")
            .fact(w.cpu.0, &digits(w.cpu.0))
            .say(" % to ")
            .fact(w.cpu.1, &digits(w.cpu.1))
            .fact(" %", &units(&[" ms", " GiB"]))
            .say(".")
            .done(),
        citing(&["aws-2", "aws-4"])
            .say("It now holds ")
            .fact(w.connections.1, &digits(w.connections.1))
            .say(" of its ")
            .fact(w.limit, &digits(w.limit))
            .say(" connections, which is ")
            .fact(rounded, &joined(&[digits(rounded), vec![(Digit, (percent - 9).to_string())]]))
            .fact(" %", &units(&[" s"]))
            .say(" of the limit.")
            .done(),
        citing(&["aws-2", "aws-4"])
            .say("There are ")
            .fact("only", &[])
            .say(" ")
            .fact(left, &[(Digit, (left + 100).to_string()), (Count, (left * 3).to_string())])
            .say(" connections left.")
            .done(),
        citing(&["aws-3", "aws-1"])
            .say("The lag on ")
            .fact(other_db, &names(&[db, "billing-db"]))
            .say(" reached ")
            .fact(
                format!("{}.{}", w.lag_tenths / 10, w.lag_tenths % 10),
                &[
                    (Digit, format!("{}.{}", w.lag_tenths / 10 + 2, w.lag_tenths % 10)),
                    (Digit, format!("{}.{}", w.lag_tenths / 10, (w.lag_tenths + 4) % 10)),
                ],
            )
            .fact(" seconds", &units(&[" minutes", " ms", " MB", " %"]))
            .say(".")
            .done(),
        citing(&["aws-3"])
            .say("Replication is ")
            .fact(w.lag_tenths * 100, &digits(w.lag_tenths * 100))
            .fact(" ms", &units(&[" s", " KiB"]))
            .say(" behind.")
            .done(),
        citing(&["aws-1"])
            .say("At about ")
            .fact(w.cpu.1, &[(Digit, (w.cpu.1 - 20).to_string()), (Digit, (w.cpu.1 + 20).to_string())])
            .say(" percent, the processor is ")
            .fact("above", &sign("below"))
            .say(" the threshold of ")
            .fact(w.threshold, &digits(w.threshold))
            .say(" %.")
            .done(),
    ]
}

fn rollouts(w: &World) -> Vec<Sentence> {
    let (svc, other) = (&w.service, &w.other);
    vec![
        citing(&["kubernetes-1", "kubernetes-2"])
            .fact(svc, &names(&[other, "billing-worker", &format!("{svc}2")]))
            .say(" ")
            .fact(
                &w.version,
                &versions(&[&w.previous, &w.other_version, "v0.9.9", &format!("{}1", w.version)]),
            )
            .say(" rolled out at ")
            .fact(
                clock(w.change),
                &joined(&[times(w.change), others(&[w.alert, w.onset, w.now, w.other_change])]),
            )
            .say(" UTC.")
            .done(),
        citing(&["kubernetes-1"])
            .say("The Deployment went from ")
            .fact(&w.previous, &versions(&[&w.version, "v0.9.9"]))
            .say(" to ")
            .fact(&w.version, &versions(&[&w.previous, "v0.9.9"]))
            .say(" (revision ")
            .fact(w.revision, &joined(&[digits(w.revision), count(w.revision)]))
            .say(").")
            .done(),
        citing(&["kubernetes-1"])
            .say("Roll ")
            .fact(svc, &names(&[other, "billing-worker"]))
            .say(" back to ")
            .fact(&w.previous, &versions(&[&w.version, &w.other_version]))
            .say(", the version before.")
            .done(),
        citing(&["kubernetes-1"])
            .say("The rollout took ")
            .fact(w.took_s, &[(Digit, (w.took_s + 300).to_string()), (Digit, (w.took_s + 9_000).to_string())])
            .fact(" seconds", &units(&[" hours", " MiB", " %"]))
            .say(".")
            .done(),
        citing(&["kubernetes-3"])
            .say("Its pod was OOMKilled and restarted ")
            .fact(w.restarts, &count(w.restarts))
            .say(" times with a memory limit of ")
            .fact(w.memory_mib, &digits(w.memory_mib))
            .fact(" MiB", &units(&[" GiB", " KiB", " s"]))
            .say(" on ")
            .fact(&w.node, &names(&["ip-10-99-1-1.ec2.internal", &w.node.replace("ip-10", "ip-11")]))
            .say(".")
            .done(),
        citing(&["kubernetes-3"])
            .say("The container may use ")
            .fact(
                format!("{:.3}", w.memory_mib as f64 / 1024.0),
                &[(Digit, format!("{:.3}", w.memory_mib as f64 / 1024.0 + 0.2))],
            )
            .fact(" GiB", &units(&[" TiB", " MiB"]))
            .say(" of memory and exited with code ")
            .fact(137, &digits(137))
            .say(".")
            .done(),
    ]
}

fn offsets(w: &World) -> Vec<Sentence> {
    let lead = minutes(w.change, w.onset);
    let to_alert = minutes(w.change, w.alert);
    let since = minutes(w.onset, w.now);
    vec![
        citing(&["kubernetes-1", "aws-1"])
            .say("The rollout of ")
            .fact(&w.version, &versions(&[&w.previous, "v0.9.9"]))
            .say(" came ")
            .fact(lead, &other_minutes(lead))
            .fact(" minutes", &units(&[" hours", " seconds", " days"]))
            .say(" ")
            .fact("before", &sign("after"))
            .say(" the onset.")
            .done(),
        citing(&["kubernetes-1"])
            .say("The monitor fired ")
            .fact(to_alert, &joined(&[other_minutes(to_alert), vec![(Count, lead.to_string())]]))
            .say(" min ")
            .fact("after", &sign("before"))
            .say(" the deploy.")
            .done(),
        citing(&["aws-1"])
            .say("CPU has been high for ")
            .fact(since, &other_minutes(since))
            .fact(" minutes", &units(&[" hours", " seconds"]))
            .say(".")
            .done(),
        citing(&["aws-1"])
            .say("The alert came at ")
            .fact(clock(w.alert), &joined(&[times(w.alert), others(&[w.now, w.onset])]))
            .say(" UTC on ")
            .fact(w.alert.strftime("%F"), &[(Time, "2026-07-19".to_owned()), (Time, "2025-03-02".to_owned())])
            .say(".")
            .done(),
        citing(&["aws-1"])
            .say("At ")
            .fact(clock(w.onset), &joined(&[times(w.onset), others(&[w.alert])]))
            .say(" the CPU left its level of ")
            .fact(w.cpu.0, &joined(&[digits(w.cpu.0), vec![(Digit, w.cpu.1.to_string())]]))
            .say(" %.")
            .done(),
    ]
}

fn counts(w: &World) -> Vec<Sentence> {
    let n = w.targets;
    vec![
        citing(&["aws-5"])
            .say("All ")
            .fact(words(n), &word_count(n))
            .say(" targets of ")
            .fact(&w.service, &names(&[&w.other, "billing-worker"]))
            .say(" are ")
            .fact("healthy", &sign("unhealthy"))
            .say(".")
            .done(),
        citing(&["aws-5"])
            .say("The load balancer sees ")
            .fact(n, &count(n))
            .say(" of ")
            .fact(n, &count(n))
            .say(" ")
            .fact("healthy", &sign("unhealthy"))
            .say(" targets.")
            .done(),
    ]
}

fn edge(w: &World) -> Vec<Sentence> {
    let growth = ((w.requests.1 as f64 / w.requests.0 as f64 - 1.0) * 100.0).round() as u64;
    let grouped = |n: u64| format!("{},{:03}", n / 1_000, n % 1_000);
    vec![
        citing(&["cloudflare-2"])
            .say("Requests ")
            .fact("rose", &sign("fell"))
            .say(" by ")
            .fact(growth, &[(Digit, (growth + 20).to_string()), (Digit, (growth + 3).to_string())])
            .fact(" %", &units(&[" s", " GiB"]))
            .say(" to ")
            .fact(
                grouped(w.requests.1),
                &[(Digit, grouped(w.requests.1 + 20_001)), (Digit, grouped(w.requests.1 + 100_003))],
            )
            .say(".")
            .done(),
        citing(&["cloudflare-2"])
            .fact("No", &sign("Many"))
            .say(" 5xx were served, and the cache answered ")
            .fact(w.cached, &digits(w.cached))
            .say(" % of the requests.")
            .done(),
        citing(&["cloudflare-1"])
            .say("There were ")
            .fact("no", &[(Sign, "many".to_owned()), (Count, "41".to_owned())])
            .say(" firewall events on ")
            .fact("shop.example", &names(&["shop.test", "store.example"]))
            .say(".")
            .done(),
    ]
}

fn knowledge(w: &World) -> Vec<Sentence> {
    let n = w.minutes_to_normal;
    let other_sha: String = w.sha.chars().rev().collect::<String>() + "9";
    vec![
        citing(&["github-1"])
            .say("Commit ")
            .fact(&w.sha, &[(Digit, other_sha[1..].to_owned())])
            .say(" by ")
            .fact(&w.author, &names(&["Nora Kowalski"]))
            .say(" changes query.go:")
            .fact(w.line, &digits(w.line))
            .say(", which reads ")
            .fact(&w.table, &names(&["other_rows", "audit_log"]))
            .say(".")
            .done(),
        citing(&["github-1"])
            .say("The change is in internal/store/query.go, line ")
            .fact(w.line, &digits(w.line))
            .say(", of ")
            .fact(format!("shop/{}", w.service), &names(&["shop/other"]))
            .say(".")
            .done(),
        citing(&["kb-2"])
            .fact(&w.incident, &[(Name, "INC-2019-001".to_owned()), (Digit, format!("{}7", w.incident))])
            .say(" was the same: CPU was normal ")
            .fact(n, &[(Count, (n + 1).to_string()), (Digit, (n + 30).to_string())])
            .fact(" minutes", &units(&[" hours", " seconds"]))
            .say(" after the rollback.")
            .done(),
        citing(&["kb-1"])
            .say("The runbook (score 0.")
            .fact(w.score, &digits(w.score))
            .say(") wants DB_POOL_MAX at ")
            .fact(w.pool, &digits(w.pool))
            .say(".")
            .done(),
    ]
}
