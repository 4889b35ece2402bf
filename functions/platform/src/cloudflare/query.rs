//! One dataset node of a document: checked against schema, plan and limits, then counted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::World;
use super::dataset::{Dataset, Row};
use super::document::Field;
use super::line::{Line, compare, holds, operator};
use super::run::{Failure, Outcome, unavailable, unknown};
use crate::Moment;

/// The most rows that one listing may expand events to.
const MAX_ROWS: usize = 10_000;

/// One dataset node of a document.
pub(super) struct Query<'a> {
    /// All there is.
    pub world: &'a World,
    /// The dataset.
    pub dataset: &'a Dataset,
    /// The tag of the zone or account.
    pub tag: &'a str,
    /// `zone` or `account`.
    pub scope: &'a str,
    /// The node.
    pub field: &'a Field,
}

impl Query<'_> {
    /// Checks all of the node first, then counts.
    pub fn run(&self, moment: Moment) -> Outcome {
        self.check_fields()?;
        let filter = self.field.arguments.get("filter").cloned().unwrap_or_default();
        self.check_filter(&filter)?;
        let (from, to) = self.range(&filter, moment)?;
        let limit = self.limit()?;
        let groups =
            if self.dataset.name.starts_with("http") { &self.world.traffic } else { &self.world.firewall };
        let rows: Vec<Row> = groups
            .iter()
            .flat_map(|group| group.rows(from, to, moment))
            .filter(|row| self.fits(row, &filter))
            .collect();
        let mut lines = if self.dataset.grouped { self.group(&rows) } else { self.list(&rows) };
        self.sort(&mut lines)?;
        lines.truncate(limit);
        Ok(lines.into_iter().map(|(_, line)| line).collect())
    }

    /// Every selected field exists, and the plan has it.
    fn check_fields(&self) -> Result<(), Failure> {
        let mut names: Vec<&str> = Vec::new();
        for field in &self.field.selection {
            let name = field.name.as_str();
            if !self.dataset.grouped {
                names.push(name);
            } else if name == "dimensions" {
                names.extend(field.selection.iter().map(|field| field.name.as_str()));
            } else if let Some((_, known)) = self.dataset.nodes.iter().find(|(node, _)| *node == name) {
                let wrong = field.selection.iter().find(|field| !known.contains(&field.name.as_str()));
                wrong.map_or(Ok(()), |field| Err(unknown(&field.name)))?;
                self.check_access(field.selection.iter().map(|field| field.name.as_str()))?;
            } else if name != "count" && name != "__typename" {
                return Err(unknown(name));
            }
        }
        names.retain(|name| *name != "__typename");
        if let Some(name) = names.iter().find(|name| !self.dataset.has_dimension(name)) {
            return Err(unknown(name));
        }
        self.check_access(names.into_iter())
    }

    /// The vendor names the field in lower case.
    fn check_access<'b>(&self, names: impl Iterator<Item = &'b str>) -> Result<(), Failure> {
        let lacking = unavailable(self.world);
        for name in names {
            if lacking.iter().any(|lacking| lacking == name) {
                let message = format!(
                    "{} '{}' does not have access to the field '{}'",
                    self.scope,
                    self.tag,
                    name.to_lowercase()
                );
                return Err(Failure::refused("authz", message, &["viewer", "zones", "0", &self.field.key]));
            }
        }
        Ok(())
    }

    fn check_filter(&self, filter: &Value) -> Result<(), Failure> {
        for (name, value) in filter.as_object().into_iter().flatten() {
            if name == "AND" || name == "OR" {
                value.as_array().into_iter().flatten().try_for_each(|part| self.check_filter(part))?;
                continue;
            }
            let (field, _) = operator(name);
            if !self.dataset.has_dimension(field) {
                return Err(Failure::parser(format!("unknown arg {name:?}")));
            }
            self.check_access([field].into_iter())?;
            if field.starts_with("datetime")
                && value.as_str().is_none_or(|text| text.parse::<Timestamp>().is_err())
            {
                return Err(Failure::parser(format!("{name}: {value} is no Time")));
            }
        }
        Ok(())
    }

    /// The span asked about, its end now at the latest. A query needs a beginning, and neither it nor the span may exceed
    /// the plan's.
    fn range(&self, filter: &Value, moment: Moment) -> Result<(Timestamp, Timestamp), Failure> {
        let limits = &self.world.limits;
        let bound = |names: [&str; 2]| {
            let parts = || std::iter::once(filter).chain(filter["AND"].as_array().into_iter().flatten());
            names
                .iter()
                .find_map(|name| parts().find_map(|part| part[*name].as_str()?.parse::<Timestamp>().ok()))
        };
        let path = ["viewer", "zones", "0", &self.field.key];
        let oldest = moment.as_of.checked_sub(limits.not_older_than).unwrap_or(Timestamp::MIN);
        let from =
            bound(["datetime_geq", "datetime_gt"]).filter(|from| *from >= oldest).ok_or_else(|| {
                let seconds = limits.not_older_than.as_secs();
                Failure::refused("authz", format!("cannot request data older than {seconds}s"), &path)
            })?;
        let to = bound(["datetime_leq", "datetime_lt"]).unwrap_or(moment.as_of);
        if to.duration_since(from) > limits.max_duration {
            let seconds = limits.max_duration.as_secs();
            let message = format!("query time range is too large. Time range can't be wider than {seconds}s");
            return Err(Failure::refused("authz", message, &path));
        }
        Ok((from, to))
    }

    fn limit(&self) -> Result<usize, Failure> {
        let most = self.world.limits.max_page_size;
        match self.field.arguments.get("limit") {
            None => Ok(most as usize),
            Some(limit) => limit
                .as_u64()
                .filter(|limit| (1..=most).contains(limit))
                .map(|limit| limit as usize)
                .ok_or_else(|| {
                    Failure::parser(format!("limit must be positive and not greater than {most}"))
                }),
        }
    }

    fn fits(&self, row: &Row, filter: &Value) -> bool {
        filter.as_object().into_iter().flatten().all(|(name, wanted)| match name.as_str() {
            "AND" => wanted.as_array().into_iter().flatten().all(|part| self.fits(row, part)),
            "OR" => wanted.as_array().into_iter().flatten().any(|part| self.fits(row, part)),
            _ => {
                let (field, operator) = operator(name);
                holds(&row.dimension(self.dataset, field), operator, wanted)
            }
        })
    }

    /// Rows with the same selected dimensions are counted together.
    fn group(&self, rows: &[Row]) -> Vec<(Line, Value)> {
        let dimensions: Vec<&str> =
            self.field.selected("dimensions").map(|field| field.name.as_str()).collect();
        let mut groups: BTreeMap<String, (Map<String, Value>, Vec<&Row>)> = BTreeMap::new();
        for row in rows {
            let values: Map<String, Value> = dimensions
                .iter()
                .map(|name| ((*name).to_owned(), row.dimension(self.dataset, name)))
                .collect();
            let key = Value::Object(values.clone()).to_string();
            groups.entry(key).or_insert_with(|| (values, Vec::new())).1.push(row);
        }
        groups
            .into_values()
            .map(|(dimensions, rows)| {
                let line = Line::new(dimensions, &rows, self.dataset);
                let shown =
                    self.field.selection.iter().map(|field| (field.key.clone(), line.node(field))).collect();
                (line, Value::Object(shown))
            })
            .collect()
    }

    /// One line per event.
    fn list(&self, rows: &[Row]) -> Vec<(Line, Value)> {
        let names = self.dataset.texts.iter().chain(self.dataset.numbers);
        let one = |row: &Row| {
            let dimensions: Map<String, Value> =
                names.clone().map(|name| ((*name).to_owned(), row.dimension(self.dataset, name))).collect();
            let shown = self
                .field
                .selection
                .iter()
                .map(|field| (field.key.clone(), dimensions.get(&field.name).cloned().unwrap_or_default()))
                .collect();
            (Line::single(dimensions), Value::Object(shown))
        };
        rows.iter()
            .flat_map(|row| std::iter::repeat_n(row, row.count as usize))
            .take(MAX_ROWS)
            .map(one)
            .collect()
    }

    /// By `orderBy: [count_DESC, datetimeMinute_ASC, sum_visits_DESC]`.
    fn sort(&self, lines: &mut [(Line, Value)]) -> Result<(), Failure> {
        let given = self.field.arguments.get("orderBy").cloned().unwrap_or_default();
        let keys: Vec<Value> = given
            .as_array()
            .cloned()
            .unwrap_or_else(|| Some(given).filter(Value::is_string).into_iter().collect());
        for key in keys.iter().rev() {
            let text = key.as_str().unwrap_or_default();
            let (name, descending) = match (text.strip_suffix("_DESC"), text.strip_suffix("_ASC")) {
                (Some(name), _) => (name, true),
                (_, Some(name)) => (name, false),
                _ => return Err(Failure::parser(format!("orderBy: unknown value {text:?}"))),
            };
            let known = name == "count"
                || self.dataset.has_dimension(name)
                || self.dataset.paths().iter().any(|path| path == name);
            if !known {
                return Err(Failure::parser(format!("orderBy: unknown value {text:?}")));
            }
            lines.sort_by(|(a, _), (b, _)| {
                let order = compare(&a.value(name), &b.value(name));
                if descending { order.reverse() } else { order }
            });
        }
        Ok(())
    }
}
