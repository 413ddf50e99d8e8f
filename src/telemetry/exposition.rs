//! Samples of all cores, merged, in the text format that Prometheus reads.

use super::name::{Definition, Kind};
use prometheus::core::Collector as _;
use prometheus::proto::{self, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder as _, TextEncoder};
use std::collections::BTreeMap;

/// A sample while it is merged.
enum Sample {
    Number(f64),
    Timing { bounds: &'static [u64], counts: Vec<u64>, nanos: u64 },
}

/// Samples by metric and label values.
#[derive(Default)]
pub(super) struct Exposition(BTreeMap<&'static str, (&'static Definition, BTreeMap<Vec<String>, Sample>)>);

impl Exposition {
    /// Adds a number to the sample with these label values.
    pub(super) fn add(&mut self, definition: &'static Definition, labels: &[&str], number: f64) {
        if let Sample::Number(sum) = self.sample(definition, labels, || Sample::Number(0.0)) {
            *sum += number;
        }
    }

    /// Adds a count to the sample with these label values.
    #[allow(clippy::cast_precision_loss)] // exact below 2^53
    pub(super) fn count(&mut self, definition: &'static Definition, labels: &[&str], count: u64) {
        self.add(definition, labels, count as f64);
    }

    /// Adds a level of one core, which may be negative between two reads.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn level(&mut self, definition: &'static Definition, labels: &[&str], level: u64) {
        self.add(definition, labels, level.cast_signed() as f64);
    }

    /// Adds durations to the sample with these label values.
    pub(super) fn timing(&mut self, definition: &'static Definition, labels: &[&str], timing: &super::series::Timing) {
        let (read, read_nanos) = timing.read();
        let empty = || Sample::Timing { bounds: timing.bounds, counts: vec![0; read.len()], nanos: 0 };
        if let Sample::Timing { counts, nanos, .. } = self.sample(definition, labels, empty) {
            counts.iter_mut().zip(&read).for_each(|(sum, count)| *sum += count);
            *nanos += read_nanos;
        }
    }

    fn sample(
        &mut self,
        definition: &'static Definition,
        labels: &[&str],
        empty: impl FnOnce() -> Sample,
    ) -> &mut Sample {
        debug_assert_eq!(definition.labels.len(), labels.len(), "{}", definition.name);
        let (_, samples) = self.0.entry(definition.name).or_insert_with(|| (definition, BTreeMap::new()));
        samples.entry(labels.iter().map(|&label| label.to_owned()).collect()).or_insert_with(empty)
    }

    /// The text, version 0.0.4 of the format, the process's own metrics included.
    pub(super) fn encode(self) -> Vec<u8> {
        let mut families: Vec<MetricFamily> =
            self.0.into_values().map(|(definition, samples)| family(definition, samples)).collect();
        families.extend(process());
        let mut text = Vec::with_capacity(16 * 1024);
        // INVARIANT: writing to memory does not fail and no family is empty, so there is nothing to hand on
        if TextEncoder::new().encode(&families, &mut text).is_err() {
            text.clear();
        }
        text
    }
}

#[cfg(target_os = "linux")]
#[allow(clippy::cast_precision_loss)] // far below 2^53
fn process() -> Vec<MetricFamily> {
    let mut families = prometheus::process_collector::ProcessCollector::for_self().collect();
    // the collector tells whole seconds only
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    if let Some(family) = families.iter_mut().find(|family| family.name() == "process_cpu_seconds_total") {
        let mut counter = proto::Counter::default();
        counter.set_value(spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9);
        let mut metric = Metric::default();
        metric.set_counter(counter);
        family.set_metric(vec![metric]);
    }
    families
}

#[cfg(not(target_os = "linux"))]
fn process() -> Vec<MetricFamily> {
    Vec::new()
}

fn family(definition: &Definition, samples: BTreeMap<Vec<String>, Sample>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(definition.name.to_owned());
    family.set_help(definition.help.to_owned());
    family.set_field_type(match definition.kind {
        Kind::Counter => MetricType::COUNTER,
        Kind::Gauge => MetricType::GAUGE,
        Kind::Histogram => MetricType::HISTOGRAM,
    });
    family.set_metric(samples.into_iter().map(|(labels, sample)| metric(definition, labels, sample)).collect());
    family
}

fn metric(definition: &Definition, labels: Vec<String>, sample: Sample) -> Metric {
    let pairs = definition.labels.iter().zip(labels).map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value(value);
        pair
    });
    let mut metric = Metric::from_label(pairs.collect());
    match sample {
        Sample::Number(value) if definition.kind == Kind::Counter => {
            let mut counter = proto::Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        }
        Sample::Number(value) => {
            let mut gauge = proto::Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        Sample::Timing { bounds, counts, nanos } => metric.set_histogram(histogram(bounds, &counts, nanos)),
    }
    metric
}

#[allow(clippy::cast_precision_loss)] // bounds and sums are far below 2^53 nanoseconds of interest
fn histogram(bounds: &[u64], counts: &[u64], nanos: u64) -> proto::Histogram {
    let mut cumulative = 0;
    let buckets = bounds.iter().zip(counts).map(|(&bound, count)| {
        cumulative += count;
        let mut bucket = proto::Bucket::default();
        bucket.set_upper_bound(bound as f64 / 1e9);
        bucket.set_cumulative_count(cumulative);
        bucket
    });
    let mut histogram = proto::Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(counts.iter().sum());
    histogram.set_sample_sum(nanos as f64 / 1e9);
    histogram
}
