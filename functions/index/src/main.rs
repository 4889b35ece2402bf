//! The index function: see the library.
fn main() -> Result<(), lambda_runtime::Error> {
    host::serve::<index::Index>()
}
