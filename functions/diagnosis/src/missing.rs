//! What could not be seen, and what it would tell.

use incident::diagnosis::Missing;
use incident::{Source, size};

use crate::scene::Scene;

/// Entries kept.
const MOST: usize = 10;

/// Sources that are absent or unread first, then the gaps within those that were read.
pub(crate) fn missing(scene: &Scene<'_>) -> Vec<Missing> {
    let unread = Source::COLLECTED
        .into_iter()
        .filter(|source| !scene.read(*source))
        .map(|source| Missing { what: source.title().to_owned(), would_tell: would_tell(source).to_owned() });
    let gaps = scene
        .state
        .evidence
        .iter()
        .filter(|e| scene.read(e.source))
        .flat_map(|e| &e.gaps)
        .chain(scene.knowledge.iter().flat_map(|k| &k.gaps));
    let gaps =
        gaps.map(|gap| Missing { what: size::cut(&gap.what, 60), would_tell: size::cut(&gap.sentence, 160) });
    unread.chain(gaps).take(MOST).collect()
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
