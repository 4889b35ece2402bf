//! What a number is a number of: CPU, connections, lag. A true number about another thing is untrue.

/// A set of topics; empty where nothing is said about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Topics(u32);

/// A topic: the words that people use for it, and fragments of the names that vendors give its metrics.
struct Topic {
    words: &'static str,
    fragments: &'static str,
}

const CONNECTIONS: usize = 2;
const REPLICAS: usize = 10;

const TOPICS: &[Topic] = &[
    Topic { words: "cpu processor core", fragments: "cpu processor" },
    Topic { words: "memory mem heap rss ram oom working-set", fragments: "memory mem. heap rss working_set" },
    Topic {
        words: "connection connected conn session slot client max_connections",
        fragments: "connection session",
    },
    Topic { words: "lag lagging lagged behind delay", fragments: "lag" },
    Topic {
        words: "latency p50 p75 p90 p95 p99 duration response-time",
        fragments: "latency duration responsetime response_time p99 p95 p50",
    },
    Topic {
        words: "error failure failed 5xx 4xx exception fault failing server-error",
        fragments: "error 5xx 4xx fault fail",
    },
    Topic { words: "request traffic rps throughput visit visitor", fragments: "request hits" },
    Topic { words: "cache cached cacheable", fragments: "cache" },
    Topic { words: "storage disk space volume gib_free allocated", fragments: "storage disk" },
    Topic { words: "restart restarted crash crashed killed oomkilled", fragments: "restart" },
    Topic { words: "replica pod replicas", fragments: "desired ready available updated replicas" },
    Topic { words: "target healthy unhealthy backend", fragments: "healthy target" },
    Topic {
        words: "firewall waf blocked block challenge challenged mitigated mitigation ddos",
        fragments: "firewall waf ddos",
    },
    Topic { words: "queue backlog message", fragments: "queue" },
    Topic { words: "iops", fragments: "iops readops writeops" },
    Topic { words: "load active-session aas", fragments: "load" },
    Topic { words: "exit exited", fragments: "exit_code" },
    Topic { words: "revision", fragments: "revision" },
    Topic { words: "score relevance", fragments: "relevance" },
    Topic { words: "confidence", fragments: "confidence" },
    Topic { words: "diversity", fragments: "path_diversity" },
    Topic { words: "node", fragments: "node" },
    Topic { words: "miss missed origin uncached bypassed", fragments: "miss" },
    Topic { words: "commit", fragments: "commits" },
    Topic { words: "file", fragments: "files" },
];

impl Topics {
    /// Of a passage's relevance.
    pub const SCORE: Self = Self(1 << 18);
    /// Of the diagnosis' confidence.
    pub const CONFIDENCE: Self = Self(1 << 19);
    /// Of pods and replicas.
    pub const REPLICAS: Self = Self(1 << REPLICAS);
    /// Of targets behind a load balancer.
    pub const TARGETS: Self = Self(1 << 11);
    /// Of nodes.
    pub const NODES: Self = Self(1 << 21);
    /// Of what the cache did not answer.
    pub const MISSES: Self = Self(1 << 22);
    /// Of commits.
    pub const COMMITS: Self = Self(1 << 23);
    /// Of changed files.
    pub const FILES: Self = Self(1 << 24);
    /// Of requests, errors among them.
    pub const REQUESTS: Self = Self(1 << 6 | 1 << 5);
    /// Of the cache.
    pub const CACHE: Self = Self(1 << 7 | 1 << 6);
    /// Of the firewall.
    pub const FIREWALL: Self = Self(1 << 12);
    /// Of processor time.
    pub const CPU: Self = Self(1);
    /// Of storage.
    pub const STORAGE: Self = Self(1 << 8);

    /// The topics of one word of a sentence, in singular or plural; `next` is the word after it.
    pub fn of_word(word: &str, next: &str) -> Self {
        // "replica lag" is lag, and a "pool" without more is one of connections.
        if matches!(word, "replica" | "read" | "write")
            && !matches!(next, "" | "is" | "are")
            && Self::of_word(next, "").any()
        {
            return Self::default();
        }
        if matches!(word, "pool" | "pools") {
            return Self(1 << CONNECTIONS);
        }
        if word == "hit" && matches!(next, "ratio" | "rate") {
            return Self::CACHE;
        }
        let singular = word.strip_suffix('s').unwrap_or(word);
        Self::collect(|topic| topic.words.split(' ').any(|known| known == word || known == singular))
    }

    /// The topics of a metric's or a field's name.
    pub fn of_name(name: &str) -> Self {
        let name = name.to_lowercase();
        Self::collect(|topic| topic.fragments.split(' ').any(|fragment| name.contains(fragment)))
    }

    fn collect(holds: impl Fn(&Topic) -> bool) -> Self {
        Self(TOPICS.iter().enumerate().filter(|(_, topic)| holds(topic)).fold(0, |set, (i, _)| set | 1 << i))
    }

    /// True where anything is said.
    pub fn any(self) -> bool {
        self.0 != 0
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True unless both say something and nothing in common.
    pub fn goes_with(self, other: Self) -> bool {
        self.0 == 0 || other.0 == 0 || self.0 & other.0 != 0
    }

    /// True where both say something in common.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_metrics_meet_in_their_topics() {
        assert_eq!(Topics::of_word("cpu", ""), Topics::of_name("AWS/RDS CPUUtilization"));
        assert!(Topics::of_word("connections", "").meets(Topics::of_name("max_connections")));
        assert!(!Topics::of_word("replica", "lag").any());
        assert!(Topics::of_word("lag", "").meets(Topics::of_name("ReplicaLag")));
        for (index, topic) in [(18, Topics::SCORE), (19, Topics::CONFIDENCE)] {
            assert_eq!(topic, Topics(1 << index));
        }
        assert!(
            Topics::of_word("waf", "").meets(Topics::FIREWALL)
                && Topics::of_word("targets", "").meets(Topics::TARGETS)
        );
    }
}
