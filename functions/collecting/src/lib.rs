//! The frame the collectors share.
//!
//! A collector makes one [`Run`], awaits all its calls at once through [`Run::call`], turns the answers into observations, and
//! ends with [`Run::finish`]. The frame keeps the one deadline, notes how each call was read, and writes each gap as a
//! sentence. It knows no vendor and never fails: what could not be read is a gap.

pub mod pattern;

use std::fmt;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use host::Outcome;
use host::http::HttpError;
use incident::evidence::Observation;
use incident::{Call, Evidence, Gap, Source, Status, Window, redact, size};
use tokio::time::Instant;

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Credentials or one permission are missing. The text says which, as the vendor put it.
    #[error("{0}")]
    Denied(String),
    /// No answer in time.
    #[error("it did not answer in time")]
    Timeout,
    /// Throttled, failed, or answered nonsense.
    #[error("{0}")]
    Unavailable(String),
}

impl CallError {
    fn status(&self) -> Status {
        match self {
            Self::Denied(_) => Status::Denied,
            Self::Timeout => Status::Timeout,
            Self::Unavailable(_) => Status::Unavailable,
        }
    }
}

impl CallError {
    /// The same for `sitrep doctor`; `fix` mends a refusal.
    pub fn outcome(&self, fix: impl Into<String>) -> Outcome {
        match self {
            Self::Denied(_) => Outcome::failed(self.to_string(), fix),
            Self::Timeout | Self::Unavailable(_) => Outcome::unavailable(self.to_string()),
        }
    }
}

impl From<HttpError> for CallError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied { .. } => Self::Denied(error.to_string()),
            HttpError::Timeout => Self::Timeout,
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// What a call gave, and how completely.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    value: T,
    status: Status,
    note: Option<String>,
}

impl<T> Answer<T> {
    /// Everything asked for.
    pub fn full(value: T) -> Self {
        Self { value, status: Status::Ok, note: None }
    }

    /// It answered and holds nothing: absent, not zero.
    pub fn empty(value: T) -> Self {
        Self { value, status: Status::Empty, note: None }
    }

    /// Part of it; `note` says what is missing, as the end of the sentence "Only part of … was read: {note}."
    pub fn partial(value: T, note: impl Into<String>) -> Self {
        Self { value, status: Status::Partial, note: Some(note.into()) }
    }
}

impl<T> Answer<Vec<T>> {
    /// A list: empty when it has no element.
    pub fn list(values: Vec<T>) -> Self {
        if values.is_empty() { Self::empty(values) } else { Self::full(values) }
    }
}

/// The longest that one call is waited for: a call that needs another's answer still has a second of a collector's time.
pub const CALL: Duration = Duration::from_millis(4500);

/// One source being read for one incident.
#[derive(Debug)]
pub struct Run {
    source: Source,
    window: Window,
    started: Instant,
    deadline: Instant,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    calls: Vec<Call>,
    gaps: Vec<Gap>,
}

impl Run {
    /// Starts reading `source`. Whatever has not answered when `deadline` has passed is a gap.
    pub fn new(source: Source, window: Window, deadline: Duration) -> Self {
        let started = Instant::now();
        Self { source, window, started, deadline: started + deadline, log: Mutex::default() }
    }

    /// The span of time being asked about.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Awaits one call and notes how it was read. `None` when it gave nothing: a gap then says why. A call has at most [`CALL`], and
    /// never longer than what is left of the collector's time.
    ///
    /// `tells` completes the sentence "… is unknown", for instance `"which pods fail"`.
    ///
    /// The future is boxed: a collector joins dozens, which together would outgrow a thread's stack.
    pub fn call<T>(
        &self,
        name: &str,
        tells: &str,
        call: impl Future<Output = Result<Answer<T>, CallError>>,
    ) -> impl Future<Output = Option<T>> {
        self.call_within(CALL, name, tells, call)
    }

    /// The same with a time of its own: for a call that others wait for.
    pub fn call_within<T>(
        &self,
        limit: Duration,
        name: &str,
        tells: &str,
        call: impl Future<Output = Result<Answer<T>, CallError>>,
    ) -> impl Future<Output = Option<T>> {
        Box::pin(self.timed(limit, name, tells, call))
    }

    async fn timed<T>(
        &self,
        limit: Duration,
        name: &str,
        tells: &str,
        call: impl Future<Output = Result<Answer<T>, CallError>>,
    ) -> Option<T> {
        let began = Instant::now();
        let result = match tokio::time::timeout_at(self.deadline.min(began + limit), call).await {
            Ok(result) => result,
            Err(_) => Err(CallError::Timeout),
        };
        let took_ms = began.elapsed().as_millis() as u64;
        match result {
            Ok(answer) => {
                self.note(name, answer.status, took_ms);
                if let Some(note) = answer.note {
                    self.gap(name, Status::Partial, format!("Only part of {name} was read: {note}."));
                }
                Some(answer.value)
            }
            Err(error) => {
                self.note(name, error.status(), took_ms);
                let sentence =
                    format!("{}: {tells} is unknown, because {}.", self.title(name), reason(&error));
                self.gap(name, error.status(), sentence);
                None
            }
        }
    }

    /// Notes a gap that belongs to no single call, such as an object the subject does not name.
    pub fn gap(&self, what: impl Into<String>, status: Status, sentence: impl Into<String>) {
        let sentence = size::cut(&redact::redact(&sentence.into()), size::SUMMARY_CHARS);
        self.lock().gaps.push(Gap { what: what.into(), status, sentence, error: None });
    }

    /// The evidence. Give the observations most telling first: what does not fit the byte budget is cut from the end.
    pub fn finish(self, observations: Vec<Observation>) -> Evidence {
        let took_ms = self.started.elapsed().as_millis() as u64;
        let mut log = self.log.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Calls end in any order; the same incident is told in the same one.
        log.calls.sort_by(|a, b| (&a.name, a.status).cmp(&(&b.name, b.status)));
        log.gaps.sort_by(|a, b| (&a.what, &a.sentence).cmp(&(&b.what, &b.sentence)));
        Evidence::new(self.source, self.window, took_ms, log.calls, observations, log.gaps)
    }

    fn title(&self, name: &str) -> impl fmt::Display {
        format!("{} {name}", self.source.title())
    }

    fn note(&self, name: &str, status: Status, took_ms: u64) {
        self.lock().calls.push(Call { name: name.to_owned(), status, took_ms });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error as the end of a sentence, without its own full stop or line breaks.
fn reason(error: &CallError) -> String {
    let text = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    match error {
        CallError::Denied(_) => format!("it was {}", text.trim_end_matches('.')),
        CallError::Timeout => text,
        CallError::Unavailable(_) => format!("it {}", text.trim_end_matches('.')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        let window = Window {
            from: "2026-01-01T00:00:00Z".parse().unwrap(),
            to: "2026-01-01T01:00:00Z".parse().unwrap(),
        };
        Run::new(Source::Kubernetes, window, Duration::from_secs(6))
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_call_is_a_gap_in_its_time_and_its_neighbour_is_kept() {
        let run = run();
        let stalled =
            run.call("list nodes", "node health", std::future::pending::<Result<Answer<()>, CallError>>());
        let quick = run.call("list pods", "pod health", async { Ok(Answer::list(vec![1])) });
        let (stalled, quick) = futures::join!(stalled, quick);
        assert_eq!((stalled, quick), (None, Some(vec![1])));
        let evidence = run.finish(vec![]);
        assert_eq!(evidence.status, Status::Partial);
        assert_eq!(evidence.took_ms, 4500);
        assert_eq!(
            evidence.gaps[0].sentence,
            "Kubernetes list nodes: node health is unknown, because it did not answer in time."
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_began_late_has_what_is_left_and_one_that_others_wait_for_its_own_time() {
        let run = run();
        let stalled = || std::future::pending::<Result<Answer<()>, CallError>>();
        run.call_within(Duration::from_secs(2), "settings", "what may be read", stalled()).await;
        run.call("list pods", "pod health", stalled()).await;
        let evidence = run.finish(vec![]);
        let took: Vec<u64> = evidence.calls.iter().map(|call| call.took_ms).collect();
        assert_eq!((took, evidence.took_ms), (vec![4000, 2000], 6000));
    }

    #[tokio::test]
    async fn a_refusal_keeps_the_vendors_words_but_no_secret() {
        let run = run();
        let denied =
            async { Err::<Answer<()>, _>(CallError::Denied("refused with 403: token=abcdefgh1".into())) };
        run.call("list pods", "pod health", denied).await;
        let evidence = run.finish(vec![]);
        assert_eq!(evidence.status, Status::Denied);
        assert!(evidence.gaps[0].sentence.contains("403"));
        assert!(!evidence.gaps[0].sentence.contains("abcdefgh1"));
    }

    #[tokio::test]
    async fn an_empty_answer_is_empty_and_no_gap() {
        let run = run();
        run.call("list pods", "pod health", async { Ok(Answer::list(Vec::<()>::new())) }).await;
        let evidence = run.finish(vec![]);
        assert_eq!(evidence.status, Status::Empty);
        assert!(evidence.gaps.is_empty());
    }
}
