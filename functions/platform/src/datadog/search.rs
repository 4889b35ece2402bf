//! Searching and counting logs and events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::filter::Filter;
use super::records::{Event, Record, Recorded, shown, stamp};
use super::{Outcome, Refusal};
use crate::Moment;
use crate::wire::Request;

/// The documented bounds of `page.limit`.
const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: usize = 1000;

/// What a search asks: read from the body, or from `filter[…]` and `page[…]` parameters.
struct Search {
    filter: Filter,
    from: Timestamp,
    to: Timestamp,
    newest_first: bool,
    limit: usize,
    skip: usize,
}

impl Search {
    fn read(request: &Request, moment: Moment) -> Result<Self, Refusal> {
        let body = if request.body.is_empty() {
            Value::Null
        } else {
            request.json().ok_or_else(|| Refusal::bad("Invalid JSON"))?
        };
        let given = |object: &str, name: &str| -> Option<String> {
            let value = &body[object][name];
            let parameter = || request.query_value(&format!("{object}[{name}]")).map(str::to_owned);
            if value.is_null() { parameter() } else { Some(shown(value)) }
        };
        let time = |name: &str, default: &str| {
            let text = given("filter", name).unwrap_or_else(|| default.to_owned());
            read_time(&text, moment.as_of)
                .ok_or_else(|| Refusal::bad(format!("Invalid filter.{name}: {text}")))
        };
        let limit = match given("page", "limit") {
            Some(text) => text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)),
            None => Some(DEFAULT_LIMIT),
        };
        let skip = match given("page", "cursor") {
            Some(cursor) => cursor.strip_prefix("after-").and_then(|skip| skip.parse().ok()),
            None => Some(0),
        };
        let sort = body["sort"].as_str().or_else(|| request.query_value("sort")).unwrap_or("-timestamp");
        Ok(Self {
            filter: Filter::parse(&given("filter", "query").unwrap_or_default())?,
            from: time("from", "now-15m")?,
            to: time("to", "now")?,
            newest_first: sort.starts_with('-'),
            limit: limit
                .ok_or_else(|| Refusal::bad(format!("page.limit must be between 1 and {MAX_LIMIT}")))?,
            skip: skip.ok_or_else(|| Refusal::bad("Invalid cursor"))?,
        })
    }

    /// Everything that fits, sorted; pages are not cut yet.
    fn run<T: Recorded>(&self, items: &[T], moment: Moment) -> Vec<Record> {
        let mut found: Vec<Record> = items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| item.records(moment, index))
            .filter(|record| record.at >= self.from && record.at < self.to)
            .filter(|record| self.filter.matches(&|key, value| record.holds(key, value)))
            .collect();
        found.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        if self.newest_first {
            found.reverse();
        }
        found
    }
}

/// `now`, `now-15m`, ISO 8601, or epoch milliseconds.
fn read_time(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(offset) = text.strip_prefix("now") {
        let offset = if offset.is_empty() { "+0s" } else { offset };
        return now.checked_add(crate::moment::offset(offset)?).ok();
    }
    text.parse().ok().or_else(|| Timestamp::from_millisecond(text.parse().ok()?).ok())
}

/// `POST /api/v2/logs/events/search`, `POST /api/v2/events/search`, `GET /api/v2/events`.
pub(super) fn search<T: Recorded>(items: &[T], request: &Request, moment: Moment) -> Outcome {
    let search = Search::read(request, moment)?;
    let found = search.run(items, moment);
    let end = search.skip.saturating_add(search.limit);
    let data: Vec<&Value> =
        found.iter().skip(search.skip).take(search.limit).map(|record| &record.body).collect();
    let mut meta = json!({"status": "done", "elapsed": 5, "request_id": "simulated"});
    let mut body = json!({"data": data});
    if end < found.len() {
        meta["page"] = json!({"after": format!("after-{end}")});
        body["links"] = json!({"next": format!("{}?page[cursor]=after-{end}", request.path)});
    }
    body["meta"] = meta;
    Ok(body)
}

/// `POST /api/v2/logs/analytics/aggregate`: counts, in all or over time, by facets.
pub(super) fn aggregate<T: Recorded>(items: &[T], request: &Request, moment: Moment) -> Outcome {
    let search = Search::read(request, moment)?;
    let body = request.json().unwrap_or_default();
    let empty = Vec::new();
    let computes = body["compute"]
        .as_array()
        .filter(|list| !list.is_empty())
        .ok_or_else(|| Refusal::missing("compute"))?;
    if let Some(other) = computes.iter().find(|compute| compute["aggregation"] != "count") {
        return Err(Refusal::bad(format!("aggregation {} is not simulated; count is", other["aggregation"])));
    }
    let group_by = body["group_by"].as_array().unwrap_or(&empty);
    let facets: Vec<&str> = group_by.iter().filter_map(|group| group["facet"].as_str()).collect();
    // A record without the facet is left out, unless `missing` gives it a value.
    let value = |record: &Record, group: &Value| {
        record.facet(group["facet"].as_str()?).or_else(|| Some(shown(group.get("missing")?)))
    };
    let limit: usize = group_by.iter().map(|group| group["limit"].as_u64().unwrap_or(10) as usize).product();
    let mut groups: BTreeMap<Vec<String>, Vec<Record>> = BTreeMap::new();
    for record in search.run(items, moment) {
        let by: Option<Vec<String>> = group_by.iter().map(|group| value(&record, group)).collect();
        if let Some(by) = by {
            groups.entry(by).or_default().push(record);
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, records)| std::cmp::Reverse(records.len()));
    let buckets: Vec<Value> = groups
        .iter()
        .take(limit.max(1))
        .map(|(by, records)| {
            let by: Map<String, Value> =
                facets.iter().map(|f| (*f).to_owned()).zip(by.iter().map(|v| json!(v))).collect();
            let computes: Map<String, Value> = computes
                .iter()
                .enumerate()
                .map(|(index, compute)| (format!("c{index}"), count(compute, records)))
                .collect();
            json!({"by": by, "computes": computes})
        })
        .collect();
    Ok(
        json!({"data": {"buckets": buckets}, "meta": {"status": "done", "elapsed": 5, "request_id": "simulated"}}),
    )
}

fn count(compute: &Value, records: &[Record]) -> Value {
    if compute["type"] != "timeseries" {
        return json!(records.len());
    }
    let interval = compute["interval"].as_str().and_then(|text| crate::moment::offset(&format!("+{text}")));
    let interval = interval.map_or(60_000, |interval| interval.as_secs().max(1) * 1000);
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    for record in records {
        *counts.entry(record.at.as_millisecond().div_euclid(interval) * interval).or_default() += 1;
    }
    let point = |(at, count): (i64, u64)| {
        Some(json!({"time": stamp(Timestamp::from_millisecond(at).ok()?), "value": count}))
    };
    counts.into_iter().filter_map(point).collect()
}

/// `GET /api/v1/events`: the older stream, by `tags` (all of them) and `sources` (any of them).
pub(super) fn stream(events: &[Event], request: &Request, moment: Moment) -> Outcome {
    let second = |name: &str| {
        let text = request.query_value(name).ok_or_else(|| Refusal::missing(name))?;
        text.parse::<i64>().map_err(|_| Refusal::bad(format!("Invalid {name} parameter")))
    };
    let range = second("start")?..=second("end")?;
    let list = |name: &str| -> Vec<&str> {
        request
            .query_value(name)
            .into_iter()
            .flat_map(|text| text.split(','))
            .filter(|part| !part.is_empty())
            .collect()
    };
    let (tags, sources) = (list("tags"), list("sources"));
    let mut found: Vec<(usize, &Event)> = events
        .iter()
        .enumerate()
        .filter(|(_, event)| moment.has_seen(event.at) && range.contains(&event.at.as_second()))
        .filter(|(_, event)| tags.iter().all(|tag| event.tags.iter().any(|own| own == tag)))
        .filter(|(_, event)| sources.is_empty() || sources.contains(&event.source.as_str()))
        .collect();
    found.sort_by_key(|(_, event)| std::cmp::Reverse(event.at));
    let events: Vec<Value> = found
        .iter()
        .take(MAX_LIMIT)
        .map(|(index, event)| {
            json!({"id": index + 1, "id_str": (index + 1).to_string(), "title": event.title, "text": event.text,
                "date_happened": event.at.as_second(), "tags": event.tags, "host": event.host,
                "source": event.source, "alert_type": event.alert_type, "priority": "normal",
                "device_name": null, "url": format!("/event/event?id={}", index + 1)})
        })
        .collect();
    Ok(json!({"events": events, "status": "ok"}))
}

#[cfg(test)]
mod tests {
    use super::super::World;
    use super::super::tests::{get, moment, post, world};
    use super::*;

    fn some() -> World {
        world(json!({
            "logs": [
                {"at": "@-5m", "every": "1m", "until": "@-2m", "service": "api", "status": "error", "host": "h1",
                    "message": "FATAL: too many connections for role app", "tags": ["env:prod", "version:2"],
                    "attributes": {"http": {"status_code": 500}}},
                {"at": "@-1m", "service": "web", "message": "ok", "tags": ["env:prod"]},
                {"at": "@+1h", "service": "web", "message": "from the future"}
            ],
            "events": [
                {"at": "@-3m", "title": "Deployed api 2", "tags": ["service:api", "env:prod"], "source": "github",
                    "category": "change", "attributes": {"new_value": "2"}},
                {"at": "@-50m", "title": "Deployed web 9", "tags": ["service:web"]}
            ]
        }))
    }

    fn logs(filter: Value) -> Vec<Value> {
        let body = json!({"filter": filter, "page": {"limit": 100}});
        let answer = some().answer(&post("/api/v2/logs/events/search", body), moment());
        assert_eq!(answer.status, 200);
        answer.value()["data"].as_array().unwrap().clone()
    }

    #[test]
    fn logs_are_found_by_field_tag_attribute_and_text() {
        for query in [
            "service:api",
            "status:error env:prod",
            "@http.status_code:500",
            "@http.status_code:>=500",
            "@http.status_code:[400 TO 599]",
            "\"too many connections\"",
            "host:h*",
            "-service:web",
            "version:2",
            "conn*",
        ] {
            assert_eq!(logs(json!({"query": query, "from": "now-1h"})).len(), 4, "{query}");
        }
        for query in
            ["service:ap", "status:warn", "@http.status_code:>500", "\"many too\"", "env:dev", "connection"]
        {
            assert!(logs(json!({"query": query, "from": "now-1h"})).is_empty(), "{query}");
        }
    }

    #[test]
    fn logs_outside_the_range_are_not_found_and_the_newest_come_first() {
        let found = logs(json!({"query": "*", "from": "2026-01-01T11:55:00Z", "to": "2026-01-01T11:57:00Z"}));
        let times: Vec<_> =
            found.iter().map(|log| log["attributes"]["timestamp"].as_str().unwrap()).collect();
        assert_eq!(times, ["2026-01-01T11:56:00.000Z", "2026-01-01T11:55:00.000Z"]);
        assert!(logs(json!({"query": "*", "from": "now+10m", "to": "now+2h"})).is_empty());
    }

    #[test]
    fn pages_follow_a_cursor_to_the_end() {
        let page = |cursor: Option<&Value>| {
            let body =
                json!({"filter": {"query": "*", "from": "now-1h"}, "page": {"limit": 3, "cursor": cursor}});
            some().answer(&post("/api/v2/logs/events/search", body), moment()).value()
        };
        let first = page(None);
        let second = page(Some(&first["meta"]["page"]["after"]));
        assert_eq!(
            (first["data"].as_array().unwrap().len(), second["data"].as_array().unwrap().len()),
            (3, 2)
        );
        assert_eq!(second["meta"]["page"], Value::Null);
        let bad = post("/api/v2/logs/events/search", json!({"page": {"limit": 2000}}));
        assert_eq!(some().answer(&bad, moment()).status, 400);
    }

    #[test]
    fn logs_are_counted_by_facet_and_over_time() {
        let body = json!({"compute": [{"aggregation": "count"}, {"aggregation": "count", "type": "timeseries",
            "interval": "2m"}], "filter": {"query": "*", "from": "now-1h"}, "group_by": [{"facet": "service"}]});
        let answer = some().answer(&post("/api/v2/logs/analytics/aggregate", body), moment()).value();
        let buckets = &answer["data"]["buckets"];
        assert_eq!((&buckets[0]["by"]["service"], &buckets[0]["computes"]["c0"]), (&json!("api"), &json!(4)));
        assert_eq!(buckets[0]["computes"]["c1"][0], json!({"time": "2026-01-01T11:54:00.000Z", "value": 1}));
        assert_eq!(buckets[1]["computes"]["c0"], 1);
        let none = post("/api/v2/logs/analytics/aggregate", json!({"filter": {"query": "*"}}));
        assert_eq!(some().answer(&none, moment()).status, 400);
    }

    #[test]
    fn events_are_found_by_search_by_list_and_in_the_old_stream() {
        let body = json!({"filter": {"query": "@evt.category:change service:api", "from": "now-1h"}});
        let found = some().answer(&post("/api/v2/events/search", body), moment()).value();
        assert_eq!(found["data"][0]["attributes"]["attributes"]["title"], "Deployed api 2");
        assert_eq!(found["data"][0]["attributes"]["attributes"]["new_value"], "2");
        let listed =
            get("/api/v2/events?filter%5Bquery%5D=source:github&filter%5Bfrom%5D=now-1h&page%5Blimit%5D=5");
        assert_eq!(some().answer(&listed, moment()).value()["data"].as_array().unwrap().len(), 1);
        let second = |minute: i64| moment().alert.as_second() + minute * 60;
        let old = |rest: &str| {
            let target = format!("/api/v1/events?start={}&end={}{rest}", second(-60), second(0));
            some().answer(&get(&target), moment()).value()["events"].as_array().unwrap().len()
        };
        assert_eq!(
            (old(""), old("&tags=service:web"), old("&sources=github"), old("&tags=service:x")),
            (2, 1, 1, 0)
        );
        assert_eq!(some().answer(&get("/api/v1/events?start=1"), moment()).status, 400);
    }
}
