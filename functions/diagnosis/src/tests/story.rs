//! A builder of small state documents: every object, time and number of a story is stated by the test that tells it.

use incident::evidence::Observation;
use incident::fact::*;
use incident::knowledge::VERSION;
use incident::{
    Alert, Call, Corpus, Evidence, Fact, Finding, Knowledge, Object, ObjectKind, Passage, Series, Source,
    State, Status, Subject, Timestamp, Transition, Window,
};

pub(crate) struct Story {
    /// Minute 0: when the alert fired.
    pub(crate) alert: Timestamp,
    pub(crate) subject: Subject,
    pub(crate) metric: Option<String>,
    pub(crate) threshold: Option<f64>,
    pub(crate) title: String,
    observations: Vec<(Source, Observation)>,
    unread: Vec<Source>,
    passages: Vec<Passage>,
    code: Vec<Observation>,
}

pub(crate) fn database(name: &str) -> Object {
    Object::new(ObjectKind::DatabaseInstance, name)
}

pub(crate) fn deployment(name: &str) -> Object {
    Object::namespaced(ObjectKind::Deployment, "shop", name)
}

/// A value per minute from `from` to `to`, seen from the alert.
pub(crate) fn minutes(from: i64, to: i64, value: impl Fn(i64) -> f64) -> Vec<(i64, f64)> {
    (from..=to).map(|minute| (minute, value(minute))).collect()
}

/// A level that is left at `onset` for another one, with a little noise.
pub(crate) fn step(onset: i64, before: f64, after: f64) -> Vec<(i64, f64)> {
    minutes(-54, 6, |m| if m < onset { before } else { after } + 0.01 * before * (m.rem_euclid(3) as f64))
}

impl Story {
    pub(crate) fn new(alert: &str) -> Self {
        Self {
            alert: alert.parse().unwrap(),
            subject: Subject::default(),
            metric: None,
            threshold: None,
            title: "something is wrong".into(),
            observations: Vec::new(),
            unread: Vec::new(),
            passages: Vec::new(),
            code: Vec::new(),
        }
    }

    pub(crate) fn at(&self, minute: i64) -> Timestamp {
        Timestamp::from_second(self.alert.as_second() + 60 * minute).unwrap()
    }

    pub(crate) fn fact(&mut self, source: Source, minute: i64, object: Object, fact: Fact) -> &mut Self {
        let observation = Observation::new(self.at(minute), object, "seen", fact);
        self.observations.push((source, observation));
        self
    }

    pub(crate) fn series(
        &mut self,
        source: Source,
        object: Object,
        metric: &str,
        points: &[(i64, f64)],
    ) -> &mut Self {
        let points: Vec<_> = points.iter().map(|(minute, value)| (self.at(*minute), *value)).collect();
        let series = Series::from_points(metric, "avg", "", 60, points).unwrap();
        self.fact(source, -54, object, Fact::Series(series))
    }

    pub(crate) fn rollout(&mut self, minute: i64, object: Object, version: &str, before: &str) -> &mut Self {
        let rollout = Rollout {
            revision: Some(42),
            previous_revision: Some(41),
            version: version.into(),
            previous_version: Some(before.into()),
            finished_at: None,
            time_source: TimeSource::ScalingEvent,
            restart_only: false,
            is_rollback: false,
            images: vec![],
            managed_by: None,
        };
        self.fact(Source::Kubernetes, minute, object, Fact::Rollout(rollout))
    }

    pub(crate) fn workload(&mut self, object: Object, ready: u32, desired: u32) -> &mut Self {
        let workload = Workload { desired, ready, available: ready, ..Workload::default() };
        self.fact(Source::Kubernetes, 6, object, Fact::Workload(workload))
    }

    pub(crate) fn pod(
        &mut self,
        name: &str,
        owner: Object,
        started: i64,
        container: ContainerState,
    ) -> &mut Self {
        let pod = PodState {
            phase: if container.ready { "Running" } else { "Pending" }.into(),
            ready: container.ready,
            node: Some("node-1".into()),
            owner: Some(owner),
            started_at: Some(self.at(started)),
            containers: vec![container],
            ..PodState::default()
        };
        self.fact(Source::Kubernetes, 6, Object::namespaced(ObjectKind::Pod, "shop", name), Fact::Pod(pod))
    }

    pub(crate) fn event(
        &mut self,
        object: Object,
        reason: &str,
        note: &str,
        count: u32,
        first: i64,
    ) -> &mut Self {
        let group = EventGroup {
            reason: reason.into(),
            severity: "Warning".into(),
            count,
            first: Some(self.at(first)),
            last: Some(self.at(5)),
            note: note.into(),
        };
        self.fact(Source::Kubernetes, first, object, Fact::EventGroup(group))
    }

    pub(crate) fn max_connections(&mut self, database_name: &str, value: f64) -> &mut Self {
        let parameter = DatabaseParameter {
            name: "max_connections".into(),
            value: value.to_string(),
            resolved: Some(value),
            source: Some("user".into()),
            group: format!("{database_name}-params"),
        };
        self.fact(Source::Aws, 6, database(database_name), Fact::DatabaseParameter(parameter))
    }

    pub(crate) fn quiet_edge(&mut self) -> &mut Self {
        let traffic = EdgeTraffic {
            requests: 100_200,
            requests_before: Some(100_000),
            cache_hit_ratio: Some(0.71),
            cache_hit_ratio_before: Some(0.72),
            ..EdgeTraffic::default()
        };
        let waf = WafActivity {
            events: 12,
            events_before: Some(15),
            by_action: [("block".to_owned(), 12)].into(),
            by_source: [("firewallManaged".to_owned(), 12)].into(),
            ..WafActivity::default()
        };
        let zone = Object::new(ObjectKind::Zone, "shop.example");
        self.fact(Source::Cloudflare, -14, zone.clone(), Fact::EdgeTraffic(traffic));
        self.fact(Source::Cloudflare, -14, zone, Fact::WafActivity(waf))
    }

    /// Other traffic than was told of.
    pub(crate) fn traffic_is(&mut self, traffic: EdgeTraffic) -> &mut Self {
        for (_, observation) in &mut self.observations {
            if matches!(observation.fact, Fact::EdgeTraffic(_)) {
                observation.fact = Fact::EdgeTraffic(traffic.clone());
            }
        }
        self
    }

    pub(crate) fn passage(
        &mut self,
        corpus: Corpus,
        title: &str,
        source: &str,
        line: u32,
        excerpt: &str,
    ) -> &mut Self {
        self.passages.push(Passage {
            id: format!("kb-{}", self.passages.len() + 1),
            corpus,
            title: title.into(),
            source: source.into(),
            section: None,
            start_line: Some(line),
            end_line: Some(line + excerpt.lines().count() as u32),
            author: None,
            modified: None,
            relevance: 0.9,
            scores: [].into(),
            excerpt: excerpt.into(),
        });
        self
    }

    pub(crate) fn code(&mut self, change: CodeChange) -> &mut Self {
        let object = Object::new(ObjectKind::Repository, change.repository.clone());
        self.code.push(Observation::new(self.at(5), object, "compare", Fact::CodeChange(change)));
        self
    }

    /// The story as it would be were a source not answering.
    pub(crate) fn without(&mut self, source: Source) -> &mut Self {
        self.unread.push(source);
        self
    }

    pub(crate) fn state(&self) -> State {
        let window = Window { from: self.at(-54), to: self.at(6) };
        let evidence = Source::COLLECTED.into_iter().map(|source| {
            if self.unread.contains(&source) {
                return Evidence::not_configured(source, format!("{source} was not configured."));
            }
            let seen = self.observations.iter().filter(|(s, _)| *s == source).map(|(_, o)| o.clone());
            let call = Call { name: "read".into(), status: Status::Ok, took_ms: 1 };
            Evidence::new(source, window, 1, vec![call], seen.collect(), vec![])
        });
        State {
            alert: self.alert_document(),
            subject: self.subject.clone(),
            as_of: self.at(6),
            announcement: None,
            evidence: evidence.collect(),
            diagnosis: None,
            knowledge: (!self.passages.is_empty() || !self.code.is_empty()).then(|| self.knowledge()),
            weighed: None,
            draft: None,
            analysis: None,
            brief: None,
        }
    }

    fn knowledge(&self) -> Knowledge {
        let findings = self.code.iter().enumerate().map(|(i, o)| Finding {
            id: format!("github-{}", i + 1),
            at: o.at,
            until: None,
            object: o.object.clone(),
            summary: o.summary.clone(),
            fact: o.fact.clone(),
        });
        Knowledge {
            version: VERSION,
            passages: self.passages.clone(),
            findings: findings.collect(),
            ..Knowledge::default()
        }
    }

    fn alert_document(&self) -> Alert {
        Alert {
            version: incident::alert::VERSION,
            event_id: "1".into(),
            cycle_key: None,
            monitor_id: Some("7".into()),
            transition: Transition::Triggered,
            title: self.title.clone(),
            message: String::new(),
            query: None,
            metric: self.metric.clone(),
            scope: vec![],
            tags: vec![],
            host: None,
            priority: None,
            value: None,
            threshold: self.threshold,
            status: None,
            at: self.alert,
            link: None,
            snapshot: None,
            org_id: None,
        }
    }
}

/// A container that waits.
pub(crate) fn waiting(reason: &str, image: &str, message: &str) -> ContainerState {
    ContainerState {
        ready: false,
        waiting: Some(reason.into()),
        message: Some(message.into()),
        ..running(image)
    }
}

/// A container that runs and is ready.
pub(crate) fn running(image: &str) -> ContainerState {
    ContainerState {
        name: "main".into(),
        image: Some(image.into()),
        ready: true,
        ..ContainerState::default()
    }
}
