//! What could not be seen, and what it would tell: a source, or one call of a source, that did not answer. What was read and
//! merely cut for size is no such thing.

use incident::diagnosis::Missing;
use incident::{Source, size};

use crate::scene::Scene;

/// Entries kept.
const MOST: usize = 8;

/// Sources that are absent or unread first, then the calls that failed within those that were read.
pub(crate) fn missing(scene: &Scene<'_>) -> Vec<Missing> {
    let sources = Source::COLLECTED
        .into_iter()
        .filter(|source| !scene.read(*source))
        .map(|source| Missing { what: source.title().to_owned(), would_tell: would_tell(source).to_owned() });
    let calls = scene.state.evidence.iter().filter(|e| scene.read(e.source)).flat_map(|evidence| {
        evidence.gaps.iter().filter_map(move |gap| {
            let failed = evidence.calls.iter().any(|call| call.status.is_gap() && call.name == gap.what);
            let what = size::cut(&format!("{} {}", evidence.source.title(), gap.what), 60);
            failed.then(|| Missing { what, would_tell: would_tell(evidence.source).to_owned() })
        })
    });
    sources.chain(calls).take(MOST).collect()
}

fn would_tell(source: Source) -> &'static str {
    match source {
        Source::Kubernetes => "whether a rollout, a failing pod or a node came before the onset",
        Source::Aws => "how the database and the load balancer really fare, and when exactly it began",
        Source::Datadog => "errors, latency and deploy events as the applications see them",
        Source::Cloudflare => "whether an attack, a surge or the cache stands behind the load",
        Source::Github => "what the change contains",
    }
}
