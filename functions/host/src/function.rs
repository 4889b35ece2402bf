//! What a function is, and the two ways of running one: under the Lambda runtime, or in-process behind a JSON door.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::{Fault, Settings, trace};

/// A Lambda function: its clients, made once per environment, and its handler.
pub trait Function: Send + Sync + Sized + 'static {
    /// The one name: folder, crate, binary, Terraform key, events folder, ASL task.
    const NAME: &'static str;
    /// What it takes.
    type Input: DeserializeOwned + Send;
    /// What it returns.
    type Output: Serialize;

    /// Builds the clients. An absent vendor is not an error here: it becomes a gap when the function is called.
    fn new(settings: &Settings) -> impl Future<Output = Result<Self, Fault>> + Send;

    /// Handles one event.
    fn handle(&self, input: Self::Input) -> impl Future<Output = Result<Self::Output, Fault>> + Send;
}

/// A function behind a JSON door.
pub type Handler =
    Arc<dyn Fn(Value) -> Pin<Box<dyn Future<Output = Result<Value, Fault>> + Send>> + Send + Sync + 'static>;

/// Builds a function and hides its types: JSON in, JSON out, exactly as under [`serve`].
pub async fn handler<F: Function>(settings: &Settings) -> Result<Handler, Fault> {
    let function = Arc::new(F::new(settings).await?);
    Ok(Arc::new(move |input| {
        let function = Arc::clone(&function);
        Box::pin(async move { call(&*function, input).await })
    }))
}

/// Runs a function under the Lambda runtime until the environment ends. The whole of every `main`.
///
/// The function is built before the first event. Where that fails, whoever calls it is told, by the fault's name, and the
/// next call tries again; a process that ended instead would be an error without a name, or, locally, no answer at all.
pub fn serve<F: Function>() -> Result<(), lambda_runtime::Error> {
    trace::on_lambda();
    // One vCPU at most and nothing but waiting to do: one thread starts faster than two.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let built = &OnceCell::new();
        if let Err(fault) = built.get_or_try_init(build::<F>).await {
            tracing::error!(fault.name, fault.message, "{} cannot start", F::NAME);
        }
        // The runtime would read the input into its type by way of a crate that doubles the code of every type in it.
        lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
            let handled = async { call(built.get_or_try_init(build::<F>).await?, event.payload).await };
            Box::pin(handled).await.map_err(|fault: Fault| {
                tracing::error!(fault.name, fault.message, "{} failed", F::NAME);
                Diagnostic::from(fault)
            })
        }))
        .await
    })
}

/// Handles one event as JSON.
async fn call<F: Function>(function: &F, input: Value) -> Result<Value, Fault> {
    let input = serde_json::from_value(input)
        .map_err(|error| Fault::bad_input(format!("{} cannot read its input: {error}", F::NAME)))?;
    let output = function.handle(input).await?;
    serde_json::to_value(output).map_err(Fault::internal)
}

/// Boxed, here and where a function handles: the SDKs' futures nest deeper than the compiler follows their layout.
fn build<F: Function>() -> Pin<Box<dyn Future<Output = Result<F, Fault>> + Send>> {
    Box::pin(async { F::new(&Settings::from_process().resolve_secrets().await?).await })
}
