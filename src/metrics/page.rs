//! A page of metrics in the making: families with samples, then text.

use hdrhistogram::Histogram;
use prometheus::TextEncoder;
use prometheus::proto::{self, Bucket, LabelPair, MetricFamily, MetricType};

use super::names::{Metric, MetricKind};

/// Longest label value; venues name markets, and nobody else should pay for it.
const LABEL_MAX: usize = 120;

/// Families in the order they were added.
#[derive(Default)]
pub(super) struct Page(Vec<MetricFamily>);

impl Page {
    /// One metric; `fill` adds its samples. A metric without samples is left out.
    pub(super) fn add(&mut self, metric: &Metric, fill: impl FnOnce(&mut Samples<'_>)) {
        let mut samples = Samples { metric, list: Vec::new() };
        fill(&mut samples);
        if samples.list.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(metric.name.to_owned());
        family.set_help(metric.help.to_owned());
        family.set_field_type(match metric.kind {
            MetricKind::Counter => MetricType::COUNTER,
            MetricKind::Gauge => MetricType::GAUGE,
            MetricKind::Histogram => MetricType::HISTOGRAM,
        });
        family.set_metric(samples.list);
        self.0.push(family);
    }

    /// A metric of one number without labels.
    pub(super) fn add_one(&mut self, metric: &Metric, value: f64) {
        self.add(metric, |samples| samples.push(&[], value));
    }

    /// The text. The encoder escapes what labels hold.
    pub(super) fn text(&self) -> String {
        // It fails only on a family without name or samples, and there is none.
        TextEncoder::new().encode_to_string(&self.0).unwrap_or_default()
    }
}

/// The samples of one metric.
pub(super) struct Samples<'a> {
    metric: &'a Metric,
    list: Vec<proto::Metric>,
}

impl Samples<'_> {
    /// A number, with label values in the order of the table.
    pub(super) fn push(&mut self, labels: &[&str], value: f64) {
        let mut sample = self.labelled(labels);
        match self.metric.kind {
            MetricKind::Counter => {
                let mut counter = proto::Counter::default();
                counter.set_value(value);
                sample.set_counter(counter);
            }
            MetricKind::Gauge | MetricKind::Histogram => {
                let mut gauge = proto::Gauge::default();
                gauge.set_value(value);
                sample.set_gauge(gauge);
            }
        }
        self.list.push(sample);
    }

    /// A histogram whose values are `unit` seconds each, counted up to each of `bounds` (seconds, ascending).
    pub(super) fn push_histogram(&mut self, labels: &[&str], recorded: &Histogram<u64>, unit: f64, bounds: &[f64]) {
        let mut counts = vec![0; bounds.len()];
        let mut sum = 0.0;
        for step in recorded.iter_recorded() {
            let seconds = recorded.median_equivalent(step.value_iterated_to()) as f64 * unit;
            sum += seconds * step.count_since_last_iteration() as f64;
            if let Some(count) = counts.get_mut(bounds.partition_point(|bound| *bound < seconds)) {
                *count += step.count_since_last_iteration();
            }
        }
        let mut below = 0;
        let buckets = bounds.iter().zip(counts).map(|(bound, count)| {
            below += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(below);
            bucket
        });
        let mut histogram = proto::Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_sum(sum);
        histogram.set_sample_count(recorded.len());
        let mut sample = self.labelled(labels);
        sample.set_histogram(histogram);
        self.list.push(sample);
    }

    fn labelled(&self, values: &[&str]) -> proto::Metric {
        debug_assert_eq!(values.len(), self.metric.labels.len(), "{}", self.metric.name);
        let pairs = self.metric.labels.iter().zip(values).map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value(tame(value));
            pair
        });
        proto::Metric::from_label(pairs.collect())
    }
}

/// Hostile text for a label: no control characters, and not endless.
fn tame(value: &str) -> String {
    value.chars().take(LABEL_MAX).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::names::{FEED_LAG, LATE};

    #[test]
    fn hostile_labels_are_escaped_and_cut() {
        let mut page = Page::default();
        page.add(&LATE, |samples| samples.push(&["a\"} 1\nevil_total{x=\"\\"], 1.0));
        page.add(&LATE, |samples| samples.push(&[&"x".repeat(1000)], 1.0));
        let text = page.text();
        assert!(text.contains(r#"{market="a\"} 1?evil_total{x=\"\\"} 1"#), "{text}");
        assert!(text.lines().all(|line| line.len() < 200));
    }

    #[test]
    fn a_histogram_counts_up_to_each_bound_and_beyond() {
        let mut recorded = Histogram::new_with_bounds(1, 3_600_000_000_000, 2).expect("bounds");
        for nanos in [900_000, 2_000_000, 2_000_000, 40_000_000, 9_000_000_000_u64] {
            recorded.record(nanos).expect("in bounds");
        }
        let mut page = Page::default();
        page.add(&FEED_LAG, |samples| samples.push_histogram(&["v"], &recorded, 1e-9, &[0.001, 0.01, 0.1]));
        let text = page.text();
        for line in ["le=\"0.001\"} 1", "le=\"0.01\"} 3", "le=\"0.1\"} 4", "le=\"+Inf\"} 5", "_count{venue=\"v\"} 5"] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        let sum: f64 =
            text.lines().find(|l| l.contains("_sum")).and_then(|l| l.split(' ').next_back()).unwrap().parse().unwrap();
        assert!((sum - 9.0449).abs() < 0.09, "{sum}");
    }
}
