//! Every function by its one name, in-process.

use std::collections::BTreeMap;

use host::{Fault, Function, Handler, Settings, handler};

/// The functions the incident machine calls, built from one set of settings.
pub async fn handlers(settings: &Settings) -> Result<BTreeMap<String, Handler>, Fault> {
    let mut handlers = BTreeMap::new();
    add::<collect_aws::CollectAws>(&mut handlers, settings).await?;
    add::<collect_kubernetes::CollectKubernetes>(&mut handlers, settings).await?;
    add::<collect_datadog::CollectDatadog>(&mut handlers, settings).await?;
    add::<collect_cloudflare::CollectCloudflare>(&mut handlers, settings).await?;
    add::<diagnose::Diagnose>(&mut handlers, settings).await?;
    add::<retrieve::Retrieve>(&mut handlers, settings).await?;
    add::<analyze::AnalyzeFunction>(&mut handlers, settings).await?;
    add::<brief::BriefFunction>(&mut handlers, settings).await?;
    Ok(handlers)
}

async fn add<F: Function>(
    handlers: &mut BTreeMap<String, Handler>,
    settings: &Settings,
) -> Result<(), Fault> {
    handlers.insert(F::NAME.to_owned(), handler::<F>(settings).await?);
    Ok(())
}
