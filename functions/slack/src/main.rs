//! The `slack` function on Lambda.

fn main() -> Result<(), lambda_runtime::Error> {
    host::serve::<slack::SlackFunction>()
}
