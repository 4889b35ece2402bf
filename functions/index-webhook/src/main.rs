//! The `index-webhook` function on Lambda.

fn main() -> Result<(), lambda_runtime::Error> {
    host::serve::<index_webhook::IndexWebhook>()
}
