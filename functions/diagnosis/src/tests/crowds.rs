//! Labelled edge traffic, made at random from what attacks, crowds and scrapers are like, and what the engine calls it.
//!
//! `cargo test -p diagnosis crowds -- --nocapture` prints the confusion matrix.

use std::collections::BTreeMap;

use incident::fact::{EdgeTraffic, WafActivity};
use incident::{Cause, Fact, Level, Object, ObjectKind, Source, State};

use super::story::Story;
use crate::traffic::{Answer, judge};
use crate::{Case, Truth, copies, reliability};

/// A small generator of repeatable numbers (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.roll()
    }
}

/// A share of requests, as a mix.
fn spread(dice: &mut Dice, keys: &[&str], total: f64, skew: f64) -> BTreeMap<String, u64> {
    let weights: Vec<f64> =
        keys.iter().enumerate().map(|(i, _)| (-(i as f64) * skew).exp() * dice.between(0.8, 1.2)).collect();
    let sum: f64 = weights.iter().sum();
    keys.iter().zip(weights).map(|(key, w)| ((*key).to_owned(), (total * w / sum) as u64)).collect()
}

fn add(to: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    for (key, n) in more {
        *to.entry(key).or_default() += n;
    }
}

const PATHS: [&str; 6] = ["/", "/play", "/api/match", "/shop", "/news", "/login"];
const COUNTRIES: [&str; 6] = ["US", "DE", "BR", "FR", "GB", "JP"];
const HERDS: [&str; 5] = ["VN", "ID", "IN", "RU", "CN"];

/// The quiet hour before, with or without what only a large plan shows.
fn usual(dice: &mut Dice, scored: bool) -> EdgeTraffic {
    let n = dice.between(50_000.0, 500_000.0);
    let mut traffic =
        EdgeTraffic { requests: n as u64, requests_before: Some(n as u64), ..EdgeTraffic::default() };
    traffic.by_path_before = spread(dice, &PATHS, n, 0.6);
    traffic.by_country_before = spread(dice, &COUNTRIES, n, 0.5);
    traffic.by_method_before = spread(dice, &["GET", "POST"], n, 1.5);
    if scored {
        traffic.by_bot_score_before = spread(dice, &["30-99", "2-29", "1"], n, 2.0);
    }
    traffic.cache_hit_ratio_before = Some(0.7);
    traffic.cache_hit_ratio = Some(dice.between(0.66, 0.74));
    traffic.path_diversity_before = Some(20.0);
    traffic.path_diversity = Some(dice.between(17.0, 23.0));
    traffic.by_path = traffic.by_path_before.clone();
    traffic.by_country = traffic.by_country_before.clone();
    traffic.by_method = traffic.by_method_before.clone();
    traffic.by_bot_score = traffic.by_bot_score_before.clone();
    traffic
}

/// People: the usual mix, or, where there is news, one page; sometimes from one country.
fn people(dice: &mut Dice, traffic: &mut EdgeTraffic, factor: f64, scored: bool) {
    let n = traffic.requests_before.unwrap_or(1) as f64 * (factor - 1.0);
    let news = dice.roll() < 0.4;
    let paths: &[&str] = if news { &["/news", "/"] } else { &PATHS };
    add(&mut traffic.by_path, spread(dice, paths, n, if news { 2.0 } else { 0.6 }));
    let local = dice.roll() < 0.3;
    add(&mut traffic.by_country, spread(dice, if local { &["BR", "AR"] } else { &COUNTRIES }, n, 0.5));
    add(&mut traffic.by_method, spread(dice, &["GET", "POST"], n, 1.5));
    if scored {
        add(&mut traffic.by_bot_score, spread(dice, &["30-99", "2-29", "1"], n, 2.0));
    }
    traffic.requests += n as u64;
}

/// Machines that flood one path, from elsewhere.
fn flood(dice: &mut Dice, traffic: &mut EdgeTraffic, factor: f64, scored: bool) -> u64 {
    let n = traffic.requests_before.unwrap_or(1) as f64 * (factor - 1.0);
    add(&mut traffic.by_path, spread(dice, &["/login", "/api/match"], n, 3.0));
    add(&mut traffic.by_country, spread(dice, &HERDS, n, 0.3));
    add(&mut traffic.by_method, spread(dice, &["POST", "GET"], n, 1.5));
    if scored {
        add(&mut traffic.by_bot_score, spread(dice, &["1", "2-29", "30-99"], n, 2.0));
    }
    traffic.requests += n as u64;
    n as u64
}

/// Machines that read everything.
fn scrape(dice: &mut Dice, traffic: &mut EdgeTraffic, factor: f64, scored: bool) {
    let n = traffic.requests_before.unwrap_or(1) as f64 * (factor - 1.0);
    add(&mut traffic.by_path, spread(dice, &PATHS, n, 0.4));
    add(&mut traffic.by_country, spread(dice, &COUNTRIES, n, 0.5));
    add(&mut traffic.by_method, spread(dice, &["GET", "POST"], n, 2.0));
    if scored {
        add(&mut traffic.by_bot_score, spread(dice, &["2-29", "1", "30-99"], n, 1.5));
    }
    traffic.path_diversity = Some(dice.between(80.0, 400.0));
    traffic.cache_hit_ratio = Some(dice.between(0.5, 0.68));
    traffic.requests += n as u64;
}

fn waf(events: u64, mitigated: u64) -> WafActivity {
    WafActivity {
        events: events + mitigated,
        by_source: [("firewallManaged".to_owned(), events), ("l7ddos".to_owned(), mitigated)].into(),
        ..WafActivity::default()
    }
}

/// One world of a label.
fn world(label: &str, seed: u64) -> (EdgeTraffic, WafActivity, u64) {
    let mut dice = Dice(seed);
    let scored = dice.roll() < 0.6 || label.contains("radar");
    let mut traffic = usual(&mut dice, scored);
    let factor = dice.between(2.0, 10.0);
    let noise = dice.between(0.0, 400.0) as u64;
    let mut mitigated = 0;
    match label {
        "surge" => people(&mut dice, &mut traffic, factor, scored),
        "attack" => {
            mitigated =
                (flood(&mut dice, &mut traffic, factor, scored) as f64 * dice.between(0.2, 0.8)) as u64;
        }
        "below the radar" => {
            flood(&mut dice, &mut traffic, factor, scored);
        }
        "both" => {
            people(&mut dice, &mut traffic, factor, scored);
            mitigated =
                (flood(&mut dice, &mut traffic, 2.0 * factor, scored) as f64 * dice.between(0.5, 0.9)) as u64;
        }
        _ => scrape(&mut dice, &mut traffic, dice_factor(factor), scored),
    }
    (traffic, waf(noise, mitigated), mitigated)
}

fn dice_factor(factor: f64) -> f64 {
    1.0 + factor / 4.0
}

#[test]
fn crowds_are_told_from_attacks_and_never_called_one() {
    const EACH: u64 = 200;
    let labels = ["surge", "attack", "below the radar", "both", "scrapers"];
    let mut matrix: BTreeMap<(&str, Answer), u64> = BTreeMap::new();
    for label in labels {
        for seed in 0..EACH {
            let (traffic, waf, mitigated) = world(label, seed);
            *matrix.entry((label, judge(&traffic, Some(&waf), mitigated).answer)).or_default() += 1;
        }
    }
    let of = |label, answer| matrix.get(&(label, answer)).copied().unwrap_or(0);
    println!("{:16} {:>7} {:>8} {:>5} {:>11} {:>6}", "", "attack", "organic", "both", "cannot tell", "quiet");
    for label in labels {
        let row = [Answer::Attack, Answer::Organic, Answer::Both, Answer::CannotTell, Answer::Quiet];
        let n: Vec<u64> = row.iter().map(|answer| of(label, *answer)).collect();
        println!("{label:16} {:>7} {:>8} {:>5} {:>11} {:>6}", n[0], n[1], n[2], n[3], n[4]);
    }
    assert_eq!(of("surge", Answer::Attack) + of("surge", Answer::Both), 0, "a crowd was called an attack");
    assert_eq!(
        of("scrapers", Answer::Attack) + of("scrapers", Answer::Both),
        0,
        "scrapers were called an attack"
    );
    let found = |label| of(label, Answer::Attack) + of(label, Answer::Both);
    assert!(found("attack") * 10 >= EACH * 9 && found("both") * 10 >= EACH * 9);
    assert!(found("below the radar") * 10 >= EACH * 9);
    assert!(of("both", Answer::Both) * 2 >= EACH);
    assert!(of("surge", Answer::Organic) * 2 >= EACH);
}

/// Worlds of each label with their truths.
pub(super) fn labelled(each: u64) -> impl Iterator<Item = (Truth, State)> {
    let labels = [
        ("surge", vec![Cause::OrganicSurge]),
        ("attack", vec![Cause::DdosL7]),
        ("below the radar", vec![Cause::DdosL7]),
        ("both", vec![Cause::DdosL7, Cause::OrganicSurge]),
        ("scrapers", vec![]),
    ];
    labels.into_iter().flat_map(move |(label, causes)| {
        (0..each).map(move |seed| {
            let (traffic, waf, _) = world(label, seed);
            let mut story = Story::new("2026-03-04T02:14:00Z");
            let zone = Object::new(ObjectKind::Zone, "shop.example");
            story.fact(Source::Cloudflare, -14, zone.clone(), Fact::EdgeTraffic(traffic));
            story.fact(Source::Cloudflare, -14, zone, Fact::WafActivity(waf));
            let truth = Truth { incident: format!("{label} {seed}"), causes: causes.clone(), culprit: None };
            (truth, story.state())
        })
    })
}

/// The whole engine over the same worlds: what it says surely of a crowd is right.
#[test]
fn what_is_said_surely_of_a_crowd_is_right() {
    let cases: Vec<Case> =
        labelled(100).filter_map(|(truth, state)| truth.case(&state)).map(|(_, case)| case).collect();
    for row in reliability(&cases) {
        println!("{row:?}");
        assert!(row.level != Level::High || row.right * 10 >= row.cases * 9, "{row:?}");
    }
}

/// What the whole engine says of a crowd of people: never that an attack leads, not even unsurely, whatever of it was not read.
#[test]
fn no_crowd_of_people_is_led_by_an_attack() {
    for (truth, state) in labelled(100).filter(|(truth, _)| truth.causes == [Cause::OrganicSurge]) {
        for (how, copy) in copies(&state) {
            let diagnosis = crate::diagnose(&copy);
            let attacks: Vec<_> = diagnosis.leading().filter(|h| h.cause == Cause::DdosL7).collect();
            assert!(attacks.is_empty(), "{} {how}: {attacks:?}", truth.incident);
        }
    }
}

#[test]
fn nothing_read_is_nothing_told() {
    let judged = judge(&EdgeTraffic::default(), None, 0);
    assert_eq!((judged.answer, judged.signs.len()), (Answer::Quiet, 0));
}
