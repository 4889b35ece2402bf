//! The `collect-kubernetes` function.
fn main() -> Result<(), lambda_runtime::Error> {
    host::serve::<collect_kubernetes::CollectKubernetes>()
}
