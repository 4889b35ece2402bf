//! collect-datadog
