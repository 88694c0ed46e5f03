//! Spans are made where they are collected and only inside of another span, and record how the call ended.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use rekindle_core::StoreError;
use rekindle_core::store::CommitError;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::with_default;
use tracing::{Event, Level, Metadata, Subscriber, span};
use tracing_core::span::Current;

use super::{SPANS, Traced};
use crate::{Layer, Op};

type Fields = BTreeMap<String, String>;

/// Keeps the fields of every span, and knows which one is entered.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    spans: Vec<(Fields, &'static Metadata<'static>)>,
    entered: Vec<u64>,
}

struct Writing<'a>(&'a mut Fields);

impl Visit for Writing<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == SPANS
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut kept = self.0.lock().unwrap();
        let mut fields = Fields::new();
        attributes.record(&mut Writing(&mut fields));
        kept.spans.push((fields, attributes.metadata()));
        Id::from_u64(kept.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut kept = self.0.lock().unwrap();
        let place = usize::try_from(span.into_u64()).unwrap() - 1;
        values.record(&mut Writing(&mut kept.spans[place].0));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().entered.push(span.into_u64());
    }

    fn exit(&self, _: &Id) {
        self.0.lock().unwrap().entered.pop();
    }

    fn current_span(&self) -> Current {
        let kept = self.0.lock().unwrap();
        match kept.entered.last() {
            Some(&id) => Current::new(Id::from_u64(id), kept.spans[usize::try_from(id).unwrap() - 1].1),
            None => Current::none(),
        }
    }
}

impl Collector {
    /// The spans' fields but the first one's, which is the test's own.
    fn of_the_store(&self) -> Vec<Fields> {
        self.0.lock().unwrap().spans.iter().skip(1).map(|(fields, _)| fields.clone()).collect()
    }
}

/// Carries out one call inside a span; answers what was noted of it.
fn noted(answer: Result<(), CommitError>) -> Fields {
    let collector = Collector::default();
    let is_ok = answer.is_ok();
    with_default(collector.clone(), || {
        let _inside = span!(target: SPANS, Level::INFO, "request").entered();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let given = runtime.block_on(Traced::of("sqlite").call(Op::COMMIT, async { answer }));
        assert_eq!(given.is_ok(), is_ok, "the answer is the store's");
    });
    let mut spans = collector.of_the_store();
    assert_eq!(spans.len(), 1);
    spans.remove(0)
}

#[test]
fn a_call_inside_of_something_leaves_a_span_with_its_outcome() {
    let fields = noted(Ok(()));
    assert_eq!((fields["otel.name"].as_str(), fields["db.system.name"].as_str()), ("commit", "sqlite"));
    assert_eq!((fields["db.operation.name"].as_str(), fields["outcome"].as_str()), ("commit", "ok"));
    assert!(!fields.contains_key("otel.status_code"), "{fields:?}");
    let stale = noted(Err(CommitError::Stale));
    assert_eq!(stale["outcome"], "stale");
    assert!(!stale.contains_key("otel.status_code"), "that a row had changed is an answer");
    let failed = noted(Err(StoreError::Unavailable("gone".to_owned()).into()));
    assert_eq!((failed["outcome"].as_str(), failed["otel.status_code"].as_str()), ("unavailable", "ERROR"));
    assert!(!format!("{failed:?}").contains("gone"), "causes are for the log");
}

#[test]
fn a_call_that_belongs_to_nothing_leaves_none() {
    let collector = Collector::default();
    with_default(collector.clone(), || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Traced::of("sqlite").call(Op::PING, async { Ok::<_, StoreError>(()) })).unwrap();
    });
    assert!(collector.0.lock().unwrap().spans.is_empty());
}
