//! What a claim may rest on: the words, numbers, times and places of what it cites, the alert and the onset.

use incident::{Claim, Fact, Finding, Series, State, Timestamp};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::measure::{Kind, Quantity};
use crate::token::{self, Item};

/// Times apart by more than this share no offset worth stating in minutes.
const OFFSET_SLACK_S: f64 = 1.0;

/// Everything citable, gathered once per claim.
#[derive(Debug, Default)]
pub struct Ground {
    words: String,
    quantities: Vec<(f64, Kind)>,
    /// Read in passages: a span of time may be quoted from a post-mortem.
    passage_quantities: Vec<(f64, Kind)>,
    times: Vec<DateTime>,
    clocks: Vec<(i8, i8)>,
    /// When something was changed.
    changes: Vec<Timestamp>,
    /// When something went wrong: the onset, the alert.
    symptoms: Vec<Timestamp>,
    /// File, first and last line.
    places: Vec<(String, u32, u32)>,
    server_errors: Option<u64>,
}

impl Ground {
    /// The ground of a claim; an error where it cites nothing, or what does not exist.
    pub fn of(claim: &Claim, state: &State) -> Result<Self, String> {
        if claim.evidence.is_empty() && claim.passages.is_empty() {
            return Err("it cites nothing.".to_owned());
        }
        let mut ground = Self::default();
        ground.alert(state);
        for id in &claim.evidence {
            let finding =
                state.finding(id).ok_or_else(|| format!("it cites {id}, which is not in the evidence."))?;
            ground.finding(finding);
        }
        for id in &claim.passages {
            let already = ground.quantities.len();
            let passage =
                state.passage(id).ok_or_else(|| format!("it cites {id}, which was not retrieved."))?;
            let lines =
                (passage.start_line.unwrap_or(0), passage.end_line.or(passage.start_line).unwrap_or(0));
            if passage.start_line.is_some() {
                ground.places.push((passage.source.to_lowercase(), lines.0, lines.1));
            }
            ground.time_of(passage.modified);
            let author = passage.author.as_deref().unwrap_or_default();
            let section = passage.section.as_deref().unwrap_or_default();
            for text in [&passage.id, &passage.title, &passage.source, &passage.excerpt, section, author] {
                ground.text(text);
            }
            let quoted = ground.quantities[already..].to_vec();
            ground.passage_quantities.extend(quoted);
        }
        Ok(ground)
    }

    fn alert(&mut self, state: &State) {
        let alert = &state.alert;
        for text in [
            Some(&alert.title),
            alert.query.as_ref(),
            alert.metric.as_ref(),
            alert.status.as_ref(),
            alert.monitor_id.as_ref(),
        ] {
            self.text(text.map_or("", String::as_str));
        }
        alert.tags.iter().chain(&alert.scope).for_each(|tag| self.text(&tag.replacen(':', " ", 1)));
        self.quantities
            .extend(alert.value.into_iter().chain(alert.threshold).map(|value| (value, Kind::Unstated)));
        self.symptoms.push(alert.at);
        self.time_of(Some(alert.at));
        self.time_of(Some(state.as_of));
        if let Some(onset) = state.best_diagnosis().and_then(|diagnosis| diagnosis.onset.as_ref()) {
            self.symptoms.push(onset.at);
            self.time_of(Some(onset.at));
        }
    }

    fn finding(&mut self, finding: &Finding) {
        self.text(&finding.id);
        self.text(&finding.summary);
        self.text(&finding.object.to_string());
        self.time_of(Some(finding.at));
        self.time_of(finding.until);
        match &finding.fact {
            Fact::Series(series) => self.series(series),
            Fact::Rollout(_) | Fact::TemplateDiff(_) | Fact::DeployEvent(_) => self.changes.push(finding.at),
            Fact::CodeChange(change) => {
                for hunk in &change.hunks {
                    let lines = hunk.text.lines().filter(|line| !line.starts_with('-')).count().max(1) as u32;
                    let last = hunk.line.saturating_add(lines - 1);
                    self.places.push((hunk.path.to_lowercase(), hunk.line, last));
                }
                self.quantities.push((change.commits.len() as f64, Kind::Bare));
                self.quantities.push((change.files.len() as f64, Kind::Bare));
            }
            Fact::EdgeTraffic(traffic) => {
                let errors = traffic.by_status.iter().filter(|(code, _)| code.starts_with('5'));
                let errors = errors.fold(0_u64, |sum, (_, n)| sum.saturating_add(*n));
                self.server_errors = (!traffic.by_status.is_empty()).then_some(errors);
                if let Some(before) = traffic.requests_before.filter(|before| *before > 0) {
                    let change = (traffic.requests as f64 / before as f64 - 1.0) * 100.0;
                    self.quantities.push((change, Kind::Percent));
                }
                let ratios = traffic.cache_hit_ratio.into_iter().chain(traffic.cache_hit_ratio_before);
                self.quantities.extend(ratios.map(|ratio| (ratio * 100.0, Kind::Percent)));
            }
            Fact::TargetHealth(health) => {
                let targets = health.states.values().fold(0_u32, |sum, n| sum.saturating_add(*n));
                self.quantities.push((f64::from(targets), Kind::Bare));
            }
            _ => {}
        }
        if !matches!(finding.fact, Fact::Series(_))
            && let Ok(fact) = serde_json::to_value(&finding.fact)
        {
            self.value("", &fact);
        }
    }

    /// The statistics and not the points: with sixty points almost any number would be found among them.
    fn series(&mut self, series: &Series) {
        self.text(&series.metric);
        self.text(&series.stat);
        let metric = series.metric.to_lowercase();
        let kind = match series.unit.to_lowercase().as_str() {
            "percent" | "%" => Kind::Percent,
            "seconds" | "second" => Kind::Seconds,
            "bytes" | "byte" => Kind::Bytes,
            "count" => Kind::Bare,
            _ => Kind::Unstated,
        };
        let first = series.points.first().map(|(_, value)| *value);
        let values = [series.baseline, series.min, series.max, series.last].into_iter().chain(first);
        self.quantities.extend(values.map(|value| (value, kind)));
        for (a, b) in [(series.baseline, series.last), (series.baseline, series.max)] {
            if a > 0.0 {
                self.quantities.push((b / a, Kind::Times));
                self.quantities.push(((b / a - 1.0) * 100.0, Kind::Percent));
            }
        }
        self.time_of(Some(series.max_at));
        self.time_of(Some(series.last_at));
        if metric.contains("5xx") {
            let errors = series.max.max(0.0).ceil() as u64;
            self.server_errors = Some(self.server_errors.unwrap_or(0).saturating_add(errors));
        }
    }

    /// Everything in a typed payload: strings as text, numbers with the unit their key implies, times.
    fn value(&mut self, key: &str, value: &Value) {
        match value {
            Value::String(text) => match text.parse::<Timestamp>() {
                Ok(at) => self.time_of(Some(at)),
                Err(_) => self.text(text),
            },
            Value::Number(number) => {
                let kind = if key.ends_with("_s") {
                    Kind::Seconds
                } else if key.ends_with("_gib") {
                    Kind::Unstated
                } else {
                    Kind::Bare
                };
                self.quantities.extend(number.as_f64().map(|value| (value, kind)));
            }
            Value::Array(values) => values.iter().for_each(|value| self.value(key, value)),
            Value::Object(map) => {
                for (key, value) in map {
                    self.text(key);
                    self.value(key, value);
                }
            }
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn text(&mut self, text: &str) {
        for token in token::split(text) {
            match token.item {
                Item::Quantity(Quantity { value, kind, .. }) => {
                    self.quantities.push((value, kind));
                }
                Item::Clock { hour, minute, .. } => self.clocks.push((hour, minute)),
                Item::Place { file, line } => self.places.push((file.to_lowercase(), line, line)),
                Item::Date(date) => self.times.push(date.at(0, 0, 0, 0)),
                Item::Name | Item::Word => {}
            }
        }
        self.words.push('\n');
        self.words.push_str(&text.to_lowercase());
    }

    fn time_of(&mut self, at: Option<Timestamp>) {
        self.times.extend(at.map(|at| at.to_zoned(TimeZone::UTC).datetime()));
    }

    pub fn has_clock(&self, hour: i8, minute: i8, second: Option<i8>) -> bool {
        let same =
            |t: &DateTime| t.hour() == hour && t.minute() == minute && second.is_none_or(|s| t.second() == s);
        self.times.iter().any(same) || (second.unwrap_or(0) == 0 && self.clocks.contains(&(hour, minute)))
    }

    pub fn has_date(&self, date: Date) -> bool {
        self.times.iter().any(|time| time.date() == date)
    }

    /// The word, whole: `v3.4` is not in `v3.41`, and `service.go` is in `internal/service.go`.
    pub fn has_word(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        self.words.match_indices(&word).any(|(at, _)| {
            let before = self.words[..at].chars().next_back();
            let mut after = self.words[at + word.len()..].chars();
            let next = after.next();
            let dotted = next == Some('.') && after.next().is_some_and(char::is_alphanumeric);
            let led = before == Some('.') && word.starts_with(|c: char| c.is_ascii_digit());
            !before.is_some_and(inside) && !next.is_some_and(inside) && !dotted && !led
        })
    }

    pub fn has_place(&self, file: &str, line: u32) -> bool {
        let file = file.to_lowercase();
        self.places.iter().any(|(known, first, last)| {
            let named = known == &file
                || known.ends_with(&format!("/{file}"))
                || file.ends_with(&format!("/{known}"));
            named && (*first..=*last).contains(&line)
        })
    }

    pub fn has_line(&self, line: u32) -> bool {
        self.places.iter().any(|(_, first, last)| (*first..=*last).contains(&line))
    }

    pub fn has_quantity(&self, said: &Quantity, about: bool) -> bool {
        let seen = self.quantities.iter().any(|(value, kind)| said.matches(*value, *kind, about));
        seen || (said.kind == Kind::Seconds && self.gaps().any(|gap| near(said, gap.abs())))
    }

    pub fn has_passage_quantity(&self, said: &Quantity) -> bool {
        said.kind == Kind::Seconds
            && self.passage_quantities.iter().any(|(value, kind)| said.matches(*value, *kind, false))
    }

    /// Whether a change and a symptom are so far apart, in that order. `anchor` are the words after "before" or "after": they say which
    /// of the two the first part of the sentence is not.
    pub fn has_offset(&self, said: &Quantity, earlier: bool, anchor: &[&str]) -> bool {
        const CHANGES: &[&str] =
            &["rollout", "deploy", "deployment", "release", "rolled", "version", "change", "deployed"];
        let at_change = anchor.iter().position(|word| CHANGES.contains(word) || is_version(word));
        let at_symptom = anchor.iter().position(|word| {
            [
                "onset",
                "spike",
                "alert",
                "rise",
                "cpu",
                "monitor",
                "threshold",
                "level",
                "peak",
                "incident",
                "left",
            ]
            .contains(word)
        });
        let change_is_anchor = match (at_change, at_symptom) {
            (Some(change), Some(symptom)) => Some(change < symptom),
            (Some(_), None) => Some(true),
            (None, Some(_)) => Some(false),
            (None, None) => None,
        };
        self.gaps().any(|gap| {
            // Positive where the change came first.
            let change_first = gap > 0.0;
            let ordered = match change_is_anchor {
                Some(true) => change_first != earlier,
                Some(false) => change_first == earlier,
                None => true,
            };
            ordered && near(said, gap.abs())
        })
    }

    /// Seconds from each change to each symptom, and between the symptoms.
    fn gaps(&self) -> impl Iterator<Item = f64> + '_ {
        let between = |from: &Timestamp, to: &Timestamp| to.duration_since(*from).as_secs_f64();
        let changes = self.changes.iter().flat_map(move |c| self.symptoms.iter().map(move |s| between(c, s)));
        let symptoms =
            self.symptoms.iter().flat_map(move |a| self.symptoms.iter().map(move |b| between(a, b)));
        changes.chain(symptoms.filter(|gap| *gap > 0.0))
    }

    /// Server errors in the cited evidence, where it looked at them.
    pub fn server_errors(&self) -> Option<u64> {
        self.server_errors
    }
}

/// A span may be written rounded or, as people count minutes, rounded down.
fn near(said: &Quantity, seconds: f64) -> bool {
    let floor = (seconds / said.scale).floor() * said.scale;
    (said.value - seconds).abs() <= said.rounding + OFFSET_SLACK_S || (said.value - floor).abs() < 1e-6
}

fn is_version(word: &str) -> bool {
    word.starts_with('v') && word[1..].starts_with(|c: char| c.is_ascii_digit())
}
