//! Evidence to diagnosis.

fn main() -> Result<(), lambda_runtime::Error> {
    host::serve::<diagnose::Diagnose>()
}
