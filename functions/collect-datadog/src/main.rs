//! The `collect-datadog` function.

fn main() -> Result<(), lambda_runtime::Error> {
    host::serve::<collect_datadog::CollectDatadog>()
}
