//! The ledger as a DynamoDB table: one item per record, each put on the condition that nobody else put it meanwhile.
//!
//! An item is `{key: S, kind: S, version: N, body: S, expires: N}`: the partition key is `key`, the body the record's JSON, and
//! `expires` (seconds since 1970) the attribute for the table's time to live. Nothing but single-item reads and writes is used,
//! and a scan for reports.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use host::{Settings, clock};

use crate::LedgerError;
use crate::store::{Kept, kind};

/// How often a change is tried when others write the same record at the same time.
const ATTEMPTS: u32 = 12;

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: String,
}

impl Table {
    pub(crate) async fn new(settings: &Settings, name: &str) -> Self {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&host::aws::config(settings));
        config.set_endpoint_url(host::aws::endpoint(settings, "DYNAMODB"));
        Self { client: Client::from_conf(config.build()), name: name.to_owned() }
    }

    /// The record and the version it has.
    pub(crate) async fn read<T: Kept>(&self, key: &str) -> Result<Option<(T, u64)>, LedgerError> {
        let asked = self.client.get_item().table_name(&self.name).key("key", text(key)).consistent_read(true);
        let answer = asked.send().await.map_err(|error| self.failed(DisplayErrorContext(error)))?;
        let Some(item) = answer.item else { return Ok(None) };
        let version = item.get("version").and_then(|value| value.as_n().ok()?.parse().ok());
        let (Some(version), Some(Ok(body))) = (version, item.get("body").map(AttributeValue::as_s)) else {
            return Err(self.failed("an item without version and body"));
        };
        let record = serde_json::from_str(body).map_err(|error| self.failed(error))?;
        Ok(Some((record, version)))
    }

    pub(crate) async fn change<T: Kept, R>(
        &self,
        key: &str,
        mut change: impl FnMut(&mut T) -> R,
    ) -> Result<R, LedgerError> {
        for attempt in 0..ATTEMPTS {
            let (mut record, version) = match self.read(key).await? {
                Some((record, version)) => (record, Some(version)),
                None => (T::default(), None),
            };
            let result = change(&mut record);
            if self.put(key, &record, version).await? {
                return Ok(result);
            }
            tokio::time::sleep(pause(attempt)).await;
        }
        Err(self.failed(format!("{ATTEMPTS} others wrote {} at the same time", kind(key))))
    }

    /// True when it was put; false when the record is no longer at the version it was read at.
    async fn put<T: Kept>(&self, key: &str, record: &T, read: Option<u64>) -> Result<bool, LedgerError> {
        let body = serde_json::to_string(record).map_err(|error| self.failed(error))?;
        let mut put = self
            .client
            .put_item()
            .table_name(&self.name)
            .item("key", text(key))
            .item("kind", text(kind(key)))
            .item("version", AttributeValue::N((read.unwrap_or_default() + 1).to_string()))
            .item("body", AttributeValue::S(body));
        if let Some(days) = days_kept(kind(key)) {
            let until = clock::now().as_second() + 86_400 * days;
            put = put.item("expires", AttributeValue::N(until.to_string()));
        }
        put = match read {
            None => put
                .condition_expression("attribute_not_exists(#key)")
                .expression_attribute_names("#key", "key"),
            Some(version) => put
                .condition_expression("#version = :read")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":read", AttributeValue::N(version.to_string())),
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(self.failed(DisplayErrorContext(error))),
            },
        }
    }

    pub(crate) async fn all<T: Kept>(&self, kind: &str) -> Result<Vec<T>, LedgerError> {
        let mut pages = self
            .client
            .scan()
            .table_name(&self.name)
            .filter_expression("#kind = :kind")
            .expression_attribute_names("#kind", "kind")
            .expression_attribute_values(":kind", text(kind))
            .into_paginator()
            .items()
            .send();
        let mut records = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| self.failed(DisplayErrorContext(error)))?;
            if let Some(Ok(body)) = item.get("body").map(AttributeValue::as_s) {
                records.push(serde_json::from_str(body).map_err(|error| self.failed(error))?);
            }
        }
        Ok(records)
    }

    fn failed(&self, cause: impl std::fmt::Display) -> LedgerError {
        LedgerError::new(format!("table {}", self.name), cause)
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Days a record is kept; `None`: for good. A cycle for a year's comparison, what only matters within minutes for a day.
fn days_kept(kind: &str) -> Option<i64> {
    match kind {
        "cycle" | "brief" => Some(400),
        "object" | "pace" => Some(1),
        "once" | "draft" => Some(120),
        _ => None,
    }
}

/// Longer each time, and different for everybody who waits: the clock's last digits are as good as dice.
fn pause(attempt: u32) -> Duration {
    let dice = u64::from(clock::now().subsec_nanosecond().unsigned_abs()) % 20;
    Duration::from_millis((5 << attempt.min(5)) + dice)
}
