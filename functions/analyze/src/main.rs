//! The `analyze` function under the Lambda runtime.
fn main() -> Result<(), lambda_runtime::Error> {
    host::serve::<analyze::AnalyzeFunction>()
}
