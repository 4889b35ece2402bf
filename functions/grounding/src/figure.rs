//! A number that was seen: its value, what it counts, whose it is; and whether a number that was said is that one.

use crate::measure::{Kind, Quantity};
use crate::reading::{Hedge, Reading, Role, Trend};
use crate::topic::Topics;

/// A number that was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// In the base unit of its kind.
    pub value: f64,
    /// What it counts.
    pub kind: Kind,
    /// What it is a number of.
    pub topics: Topics,
    /// Which sort of number.
    pub role: Role,
    /// The item it was read from.
    pub item: usize,
    /// Written in powers of two, as Kubernetes does.
    pub binary: bool,
}

/// How far "about" reaches.
const ABOUT: f64 = 0.05;
/// How far below "almost" and "just under" reach.
const NEARLY: f64 = 0.07;
/// How far beyond a bound a number may lie and the sentence still be about it.
const BEYOND: f64 = 2.0;

impl Figure {
    /// A number of an item, of which nothing else is known.
    pub fn new(item: usize, value: f64, kind: Kind) -> Self {
        Self { value, kind, topics: Topics::default(), role: Role::Any, item, binary: false }
    }

    /// The same of that topic.
    pub fn of(self, topics: Topics) -> Self {
        Self { topics, ..self }
    }

    /// The same of that sort.
    pub fn role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// Whether the number may be written as `said`.
    pub fn is(&self, said: &Quantity, hedge: Hedge) -> bool {
        self.is_as(said, hedge) || self.binary && said.binary().is_some_and(|said| self.is_as(&said, hedge))
    }

    fn is_as(&self, said: &Quantity, hedge: Hedge) -> bool {
        if !self.same_kind(said.kind) {
            return false;
        }
        // A rise may be told as a positive number and a fall as one, too: the direction is checked by its words.
        let (told, seen) = (said.value.abs(), self.value.abs());
        if said.value < 0.0 && self.value > 0.0 {
            return false;
        }
        let near = |slack: f64| (told - seen).abs() <= slack * 1.000_001 + 1e-9;
        if near(self.rounding(said)) {
            return true;
        }
        match hedge {
            // A bound is what it is: what is near it is something else.
            _ if self.role == Role::Limit => false,
            Hedge::Exact => false,
            Hedge::About => near(ABOUT * seen),
            Hedge::Nearly => seen <= told && seen >= (1.0 - NEARLY) * told,
            Hedge::Over => seen > told && seen <= BEYOND * told,
            Hedge::Under => seen < told && seen >= told / BEYOND,
        }
    }

    /// A multiple worked out from two numbers is told by and large, a change of hundreds of per cent in tens.
    fn rounding(&self, said: &Quantity) -> f64 {
        match (self.role, said.kind) {
            (Role::Change, Kind::Percent) if self.value.abs() >= 100.0 && said.value % 10.0 == 0.0 => 5.0,
            _ => said.rounding,
        }
    }

    fn same_kind(&self, said: Kind) -> bool {
        self.kind == said
            || self.kind == Kind::Unstated
            || said == Kind::Bare
                && !matches!(self.kind, Kind::Bytes | Kind::Times)
                && !(self.kind == Kind::Percent && self.role == Role::Share)
            || said == Kind::Times
                && self.kind == Kind::Bare
                && self.role == Role::Any
                && self.value >= 2.0
                && self.value.fract() == 0.0
    }

    /// Whether this sort of number is what the sentence asks for.
    pub fn plays(&self, reading: &Reading) -> bool {
        let signed = match reading.trend {
            Some(Trend::Up) => self.value > 0.0,
            Some(Trend::Down) => self.value < 0.0,
            None => true,
        };
        match (reading.role, self.role) {
            // A multiple is a change by itself.
            (_, Role::Share | Role::Any) => true,
            (role, Role::Limit) => matches!(role, None | Some(Role::Last | Role::Limit)),
            (Some(Role::Limit), _) => false,
            (Some(Role::Change), role) => role == Role::Change && signed,
            (_, Role::Change) => false,
            (None, _) => true,
            (Some(Role::Before), role) => {
                matches!(role, Role::Before | Role::Low)
                    || reading.trend == Some(Trend::Down) && role == Role::Peak
            }
            (Some(Role::Peak), role) => role == Role::Peak,
            (Some(Role::Last), role) => matches!(role, Role::Last),
            (Some(_), _) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(value: f64, rounding: f64, kind: Kind) -> Quantity {
        Quantity { value, kind, rounding, scale: 1.0 }
    }

    #[test]
    fn a_hedge_widens_and_a_unit_does_not() {
        let cpu = Figure::new(0, 95.2, Kind::Percent);
        assert!(cpu.is(&said(95.0, 0.5, Kind::Percent), Hedge::Exact));
        assert!(!cpu.is(&said(93.0, 0.5, Kind::Percent), Hedge::Exact));
        assert!(cpu.is(&said(93.0, 0.5, Kind::Percent), Hedge::About));
        assert!(cpu.is(&said(90.0, 0.5, Kind::Percent), Hedge::Over));
        assert!(!cpu.is(&said(90.0, 0.5, Kind::Percent), Hedge::Under));
        assert!(cpu.is(&said(100.0, 0.5, Kind::Percent), Hedge::Nearly));
        assert!(!cpu.is(&said(95.0, 0.5, Kind::Seconds), Hedge::About));
    }

    #[test]
    fn mb_may_mean_what_kubernetes_calls_mi() {
        let limit = Figure { binary: true, ..Figure::new(0, 512.0 * 1_048_576.0, Kind::Bytes) };
        let mb = Quantity { value: 512e6, kind: Kind::Bytes, rounding: 0.5e6, scale: 1e6 };
        assert!(limit.is(&mb, Hedge::Exact));
        assert!(!Figure { binary: false, ..limit }.is(&mb, Hedge::Exact));
    }
}
