//! The `collect-cloudflare` function.

fn main() -> Result<(), lambda_runtime::Error> {
    host::serve::<collect_cloudflare::CollectCloudflare>()
}
