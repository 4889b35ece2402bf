//! The Lambda `collect-aws`.

fn main() -> Result<(), lambda_runtime::Error> {
    host::serve::<collect_aws::CollectAws>()
}
