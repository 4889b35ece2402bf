//! What a claim may rest on: the numbers, times, names and places of what it cites, of the alert and of the onset.

use incident::{Claim, Fact, Finding, ObjectKind, Passage, State, Timestamp};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::figure::Figure;
use crate::measure::{Kind, Quantity};
use crate::reading::{self, Role};
use crate::sight::Sights;
use crate::token::{self, Item, Token};
use crate::topic::Topics;

/// The item that holds the alert, the onset and the confidence: everything rests on it.
pub const ALERT: usize = 0;

/// Something that was cited.
#[derive(Debug, Default)]
pub struct Cited {
    /// Its text, in lower case, a line per field.
    pub words: String,
    /// The names of its object.
    pub names: Vec<String>,
    /// A parameter group: a thing that others use.
    pub shared: bool,
    /// A pod, whose name begins with its workload's.
    pub pod: bool,
    /// From a passage: what its sentences are about is not known.
    pub passage: bool,
}

/// What happened at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Something was changed.
    Change,
    /// The change was finished.
    Done,
    /// The decisive series left its level.
    Onset,
    /// The monitor fired.
    Alert,
    /// A series was at its highest.
    Peak,
    /// Something was observed, or covers the time until.
    Seen,
    /// Now.
    Now,
}

/// A time, what happened then, and where that was read.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// The item.
    pub item: usize,
}

/// A time of day in a text: hour, minute, second, item, what the text says happened.
type TextClock = (i8, i8, Option<i8>, usize, Option<Event>);

/// Everything citable, gathered once per claim.
#[derive(Debug, Default)]
pub struct Known {
    /// The alert first, then what is cited.
    pub items: Vec<Cited>,
    /// Numbers.
    pub figures: Vec<Figure>,
    /// Times.
    pub moments: Vec<Moment>,
    /// Times of day that a text mentions: hour, minute, second, item, what it says happened.
    pub clocks: Vec<TextClock>,
    /// Days that a text mentions.
    pub dates: Vec<DateTime>,
    /// File, first and last line.
    pub places: Vec<(String, u32, u32)>,
    /// What was looked at, and how it was.
    pub sights: Sights,
    /// The objects of the findings: Pod, its name, ready or not where that is known.
    pub objects: Vec<(ObjectKind, String, Option<bool>)>,
    /// What belongs to what: an object, and the name of a thing of its own.
    pub links: Vec<(String, String)>,
    /// The texts of the cited findings, word by word.
    pub texts: Vec<Vec<String>>,
    /// Names of objects that were seen but are not cited.
    pub elsewhere: Vec<String>,
}

impl Known {
    /// What a claim may rest on; an error where it cites nothing, or what does not exist.
    pub fn of(claim: &Claim, state: &State) -> Result<Self, String> {
        if claim.evidence.is_empty() && claim.passages.is_empty() {
            return Err("it cites nothing.".to_owned());
        }
        let mut known = Self::default();
        known.alert(state);
        for id in &claim.evidence {
            let finding =
                state.finding(id).ok_or_else(|| format!("it cites {id}, which is not in the evidence."))?;
            known.finding(finding);
        }
        for id in &claim.passages {
            let passage =
                state.passage(id).ok_or_else(|| format!("it cites {id}, which was not retrieved."))?;
            known.passage(passage);
        }
        crate::derived::derive(&mut known);
        crate::edge::acted_on(&mut known);
        known.links = state.findings().filter_map(link).collect();
        let named = |name: &String| known.items.iter().any(|item| has_word(&item.words, name));
        known.elsewhere = state
            .findings()
            .flat_map(|f| aliases(&f.object.name))
            .filter(|name| name.len() > 3 && !named(name))
            .collect();
        Ok(known)
    }

    /// A new item; its number.
    fn item(&mut self, names: Vec<String>, passage: bool) -> usize {
        self.items.push(Cited { names, passage, ..Cited::default() });
        self.items.len() - 1
    }

    fn alert(&mut self, state: &State) {
        let alert = &state.alert;
        let item = self.item(Vec::new(), false);
        let topics = alert.metric.as_deref().map(Topics::of_name).unwrap_or_default();
        for text in [
            Some(&alert.title),
            alert.query.as_ref(),
            alert.metric.as_ref(),
            alert.status.as_ref(),
            alert.monitor_id.as_ref(),
        ]
        .into_iter()
        .flatten()
        {
            self.quote(item, text, topics, Role::Limit);
        }
        alert
            .tags
            .iter()
            .chain(&alert.scope)
            .for_each(|tag| self.quote(item, &tag.replacen(':', " ", 1), topics, Role::Limit));
        let unit = if topics == Topics::CPU { Kind::Percent } else { Kind::Unstated };
        self.figures.extend(alert.value.map(|v| Figure::new(item, v, unit).of(topics).role(Role::Last)));
        self.figures.extend(alert.threshold.map(|v| Figure::new(item, v, unit).of(topics).role(Role::Limit)));
        self.moment(item, alert.at, Event::Alert);
        self.moment(item, state.as_of, Event::Now);
        let Some(diagnosis) = state.best_diagnosis() else { return };
        if let Some(onset) = &diagnosis.onset {
            self.moment(item, onset.at, Event::Onset);
        }
        let confidence = diagnosis.confidence.number;
        self.figures.push(Figure::new(item, confidence, Kind::Bare).of(Topics::CONFIDENCE));
        self.figures.push(Figure::new(item, confidence * 100.0, Kind::Percent).of(Topics::CONFIDENCE));
        self.sights.level = Some(diagnosis.confidence.level);
    }

    fn finding(&mut self, finding: &Finding) {
        let item = self.item(aliases(&finding.object.name), false);
        self.items[item].pod =
            matches!(finding.object.kind, ObjectKind::Pod | ObjectKind::Container | ObjectKind::ReplicaSet);
        self.items[item].shared = finding.object.kind == ObjectKind::ParameterGroup;
        self.word(item, &finding.id);
        self.word(item, &finding.object.to_string());
        match &finding.fact {
            Fact::DatabaseParameter(seen) => {
                self.quote(item, &finding.summary, Topics::of_name(&seen.name), Role::Limit);
            }
            Fact::Series(_) => self.sentence(item, &finding.summary, Role::Last),
            _ => self.sentence(item, &finding.summary, Role::Any),
        }
        crate::gather::fact(self, item, finding);
    }

    fn passage(&mut self, passage: &Passage) {
        let item = self.item(Vec::new(), true);
        if let Some(first) = passage.start_line {
            self.places.push((passage.source.to_lowercase(), first, passage.end_line.unwrap_or(first)));
        }
        if let Some(modified) = passage.modified {
            self.moment(item, modified, Event::Seen);
        }
        let parts = [
            Some(&passage.id),
            Some(&passage.title),
            Some(&passage.source),
            passage.section.as_ref(),
            passage.author.as_ref(),
        ];
        for text in parts.into_iter().flatten().chain([&passage.excerpt]) {
            self.quote(item, text, Topics::default(), Role::Any);
        }
        self.figures.push(Figure::new(item, passage.relevance, Kind::Bare).of(Topics::SCORE));
        self.figures.push(Figure::new(item, passage.relevance * 100.0, Kind::Percent).of(Topics::SCORE));
    }

    /// Words alone.
    pub fn word(&mut self, item: usize, text: &str) {
        let words = &mut self.items[item].words;
        words.push('\n');
        words.push_str(&text.to_lowercase());
    }

    /// A text whose numbers mean what they mean: of the given topic and sort, whatever its sentences say.
    pub fn quote(&mut self, item: usize, text: &str, topics: Topics, role: Role) {
        self.tokens(item, text, |_, _| (topics, role));
    }

    /// A sentence of ours: its numbers are read as a claim's are; `rest` is the sort of those of which it does not say one.
    pub fn sentence(&mut self, item: usize, text: &str, rest: Role) {
        self.tokens(item, text, |tokens, i| {
            let reading = reading::read(tokens, i, |_| false);
            (reading.topics, reading.role.unwrap_or(rest))
        });
    }

    fn tokens(&mut self, item: usize, text: &str, of: impl Fn(&[Token], usize) -> (Topics, Role)) {
        self.word(item, text);
        let tokens = token::split(text);
        if item != ALERT && !self.items[item].passage {
            self.texts.push(tokens.iter().map(|token| token.text.clone()).collect());
        }
        for (i, token) in tokens.iter().enumerate() {
            match &token.item {
                Item::Quantity(quantity) => {
                    let (topics, role) = of(&tokens, i);
                    self.quantity(item, quantity, topics, role, reading::word(&tokens, i.wrapping_sub(1)));
                }
                Item::Clock { hour, minute, second } => {
                    let event = crate::when::named_event(&tokens, i);
                    self.clocks.push((
                        *hour,
                        *minute,
                        *second,
                        item,
                        event.filter(|_| !self.items[item].passage),
                    ));
                }
                Item::Instant(at) => {
                    self.clocks.push((at.hour(), at.minute(), Some(at.second()), item, None));
                }
                Item::Place { file, line } => self.places.push((file.to_lowercase(), *line, *line)),
                Item::Date(date) => self.dates.push(date.at(0, 0, 0, 0)),
                Item::Day(..) | Item::Name | Item::Word => {}
            }
        }
    }

    fn quantity(&mut self, item: usize, quantity: &Quantity, topics: Topics, role: Role, before: &str) {
        let falls = role == Role::Change && reading::trend(before) == Some(reading::Trend::Down);
        let value = if falls { -quantity.value } else { quantity.value };
        let binary = quantity.kind == Kind::Bytes && quantity.binary().is_none() && quantity.scale > 1e3;
        self.figures.push(Figure { binary, ..Figure::new(item, value, quantity.kind).of(topics).role(role) });
    }

    /// A time at which something happened.
    pub fn moment(&mut self, item: usize, at: Timestamp, event: Event) {
        self.moments.push(Moment { at, event, item });
    }

    /// Whether any of the items has the word, whole.
    pub fn has_word(&self, word: &str) -> bool {
        self.items.iter().any(|item| has_word(&item.words, word))
    }

    /// Whether a pod that was cited is, by its name, one of that workload.
    pub fn has_pod_of(&self, workload: &str) -> bool {
        let part = format!("{workload}-");
        self.items.iter().any(|item| item.pod && item.names.iter().any(|name| name.starts_with(&part)))
    }

    /// Whether anything that was cited happened in that year.
    pub fn has_year(&self, year: i16) -> bool {
        self.moments.iter().map(|m| civil(m.at)).chain(self.dates.iter().copied()).any(|at| at.year() == year)
    }

    /// Whether that line of that file is in a place that was cited.
    pub fn has_place(&self, file: &str, line: u32) -> bool {
        let file = file.to_lowercase();
        self.places.iter().any(|(known, first, last)| {
            let named = known == &file
                || known.ends_with(&format!("/{file}"))
                || file.ends_with(&format!("/{known}"));
            named && (*first..=*last).contains(&line)
        })
    }

    /// Whether that line is in a place that was cited, in whatever file.
    pub fn has_line(&self, line: u32) -> bool {
        self.places.iter().any(|(_, first, last)| (*first..=*last).contains(&line))
    }

    /// Whether that item speaks of that object: by name, or of something that belongs to it. What a passage's sentence is about is not
    /// known, and neither is it of the alert: they speak of everything.
    pub fn speaks_of(&self, item: usize, object: &str) -> bool {
        let cited = &self.items[item];
        let part = format!("{object}-");
        let owns = |name: &String| self.links.iter().any(|(owner, own)| owner == object && own == name);
        // Whose a group is whose owner was not read is not known.
        let nobodys = |name: &String| cited.shared && !self.links.iter().any(|(_, own)| own == name);
        let is_part = |name: &String| cited.pod && name.starts_with(&part);
        cited.passage
            || cited.names.iter().any(|name| owns(name) || nobodys(name) || is_part(name))
            || has_word(&cited.words, object)
    }

    /// Whether the token names an object of what is cited or of what was seen elsewhere.
    pub fn is_object(&self, token: &Token) -> bool {
        let named = |name: &String| *name == token.lower;
        matches!(token.item, Item::Name | Item::Word)
            && (self.items.iter().flat_map(|item| &item.names).any(named)
                || self.elsewhere.iter().any(named)
                || self.is_alerts_object(token))
    }

    fn is_alerts_object(&self, token: &Token) -> bool {
        token.item == Item::Name
            && token.lower.contains('-')
            && has_word(&self.items[ALERT].words, &token.lower)
    }
}

/// What a finding says belongs to what: a database's parameter group, an autoscaler's workload, a pod's owner.
fn link(finding: &Finding) -> Option<(String, String)> {
    let name = &finding.object.name;
    let (owner, own) = match &finding.fact {
        Fact::DatabaseInstance(database) => (name, database.parameter_group.as_ref()?),
        Fact::Hpa(hpa) => (&hpa.target.name, name),
        Fact::Pod(pod) => (&pod.owner.as_ref()?.name, name),
        _ => return None,
    };
    Some((owner.to_lowercase(), own.to_lowercase()))
}

/// The last part of a path-like name, and the whole.
fn aliases(name: &str) -> Vec<String> {
    let name = name.to_lowercase();
    let mut names: Vec<String> =
        name.split('/').filter(|part| part.len() > 2 && *part != "targetgroup").map(str::to_owned).collect();
    names.push(name);
    names.dedup();
    names
}

/// The word in the text, whole: `v3.4` is not in `v3.41`, and `service.go` is in `internal/service.go`.
pub fn has_word(text: &str, word: &str) -> bool {
    let word = word.to_lowercase();
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(&word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + word.len()..].chars();
        let next = after.next();
        let dotted = next == Some('.') && after.next().is_some_and(char::is_alphanumeric);
        let led = before == Some('.') && word.starts_with(|c: char| c.is_ascii_digit());
        !before.is_some_and(inside) && !next.is_some_and(inside) && !dotted && !led
    })
}

/// A moment as the time of day and the day it is in UTC.
pub fn civil(at: Timestamp) -> DateTime {
    at.to_zoned(TimeZone::UTC).datetime()
}
