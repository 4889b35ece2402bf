//! The `webhook` function on Lambda.

fn main() -> Result<(), lambda_runtime::Error> {
    host::serve::<webhook::Webhook>()
}
