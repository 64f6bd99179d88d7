//! The server's own figures, for Prometheus.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The bounds of the histogram of answers, in seconds; 0.25 is what is promised to senders.
const BOUNDS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Looked {
    look: String,
    answered: &'static str,
}

/// What is counted. Clones count together.
#[derive(Clone)]
pub struct Figures {
    registry: Arc<Registry>,
    deliveries: Family<Answered, Counter>,
    answers: Histogram,
    filed: Counter,
    looks: Family<Looked, Counter>,
    records_answer: Arc<AtomicBool>,
}

impl Default for Figures {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("ripcord");
        let deliveries = Family::default();
        registry.register(
            "deliveries",
            "Deliveries of other systems, by how they were answered",
            deliveries.clone(),
        );
        let answers = Histogram::new(BOUNDS);
        registry.register(
            "delivery_answer_seconds",
            "How long the sender of a delivery waited for the answer",
            answers.clone(),
        );
        let filed = Counter::default();
        registry.register(
            "deliveries_filed",
            "Deliveries that were understood and filed, or became dead letters",
            filed.clone(),
        );
        let looks = Family::default();
        registry.register(
            "looks",
            "How often other systems were asked for what their webhooks may have lost",
            looks.clone(),
        );
        Self {
            looks,
            registry: Arc::new(registry),
            deliveries,
            answers,
            filed,
            records_answer: Arc::new(AtomicBool::new(false)),
        }
    }
}

impl Figures {
    /// A delivery was answered: `kept`, `again`, `unsigned`, `overloaded` or `trouble`.
    pub(crate) fn answered(&self, outcome: &'static str, took: Duration) {
        self.deliveries.get_or_create(&Answered { outcome }).inc();
        self.answers.observe(took.as_secs_f64());
    }

    pub(crate) fn filed(&self, deliveries: usize) {
        self.filed
            .inc_by(u64::try_from(deliveries).unwrap_or(u64::MAX));
    }

    pub(crate) fn looked(&self, look: &str, answered: bool) {
        let looked = Looked {
            look: look.to_owned(),
            answered: if answered { "yes" } else { "no" },
        };
        self.looks.get_or_create(&looked).inc();
    }

    pub(crate) fn records_answer(&self, they_do: bool) {
        self.records_answer.store(they_do, Ordering::Relaxed);
    }

    /// Whether the records could be used when they were last.
    pub fn is_ready(&self) -> bool {
        self.records_answer.load(Ordering::Relaxed)
    }

    /// The figures as Prometheus reads them.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
