//! Counters and histograms in the Prometheus text format, served by our own listener.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::http::StatusCode;
use foldhash::fast::RandomState;
use metrics::{Counter, Histogram, counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Seconds; fine where the token endpoint lives, coarse where something is wrong.
const BUCKETS: [f64; 12] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0,
];

/// Samples wait in memory until they are folded into buckets, which a scrape does; without scrapes we do it every so
/// many requests.
const FOLD_EVERY: u64 = 8192;

static INSTALLED: OnceLock<Metrics> = OnceLock::new();
static COUNTED: AtomicU64 = AtomicU64::new(0);

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// The process's metrics. The first call makes the macros of the `metrics` crate record here.
    pub fn install() -> Self {
        let metrics = INSTALLED.get_or_init(|| {
            let builder = PrometheusBuilder::new()
                .set_buckets(&BUCKETS)
                .expect("there are buckets");
            let recorder = builder.build_recorder();
            let metrics = Self(recorder.handle());
            if metrics::set_global_recorder(recorder).is_ok() {
                describe_counter!(
                    "http_requests_total",
                    "Requests answered, by route, method and class of status."
                );
                describe_histogram!(
                    "http_request_duration_seconds",
                    "Time from request to response, by route."
                );
            }
            metrics
        });
        metrics.clone()
    }

    /// Everything in the Prometheus text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    pub(super) fn count(&self, route: &str, method: &'static str, status: StatusCode, took: Duration) {
        SERIES.with_borrow_mut(|routes| match routes.get_mut(route) {
            Some(known) => known.count(method, status, took),
            None => routes
                .entry(route.into())
                .or_insert_with(|| Route::new(route))
                .count(method, status, took),
        });
        if COUNTED.fetch_add(1, Ordering::Relaxed) % FOLD_EVERY == FOLD_EVERY - 1 {
            self.0.run_upkeep();
        }
    }
}

thread_local! {
    // Finding a series in the registry costs more than counting; the routes are few, so each thread remembers them.
    static SERIES: RefCell<HashMap<String, Route, RandomState>> = RefCell::default();
}

struct Route {
    name: String,
    duration: Histogram,
    requests: Vec<((&'static str, &'static str), Counter)>,
}

impl Route {
    fn new(name: &str) -> Self {
        let duration = histogram!("http_request_duration_seconds", "route" => name.to_owned());
        Self {
            name: name.into(),
            duration,
            requests: Vec::new(),
        }
    }

    fn count(&mut self, method: &'static str, status: StatusCode, took: Duration) {
        self.duration.record(took);
        let labels = (method, class(status));
        if let Some((_, counter)) = self.requests.iter().find(|(known, _)| *known == labels) {
            return counter.increment(1);
        }
        let route = self.name.clone();
        let counter =
            counter!("http_requests_total", "route" => route, "method" => labels.0, "status" => labels.1);
        counter.increment(1);
        self.requests.push((labels, counter));
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
