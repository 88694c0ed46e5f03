//! A small parser of Prometheus' text format, stricter than Prometheus: every sample belongs to a metric that was
//! introduced once, with help and type; names and labels are well-formed; histograms add up.

use std::collections::{BTreeMap, BTreeSet};

/// A parsed page.
#[derive(Debug)]
pub(crate) struct Exposition {
    /// The type of each metric.
    pub metrics: BTreeMap<String, String>,
    /// The value of each series.
    samples: BTreeMap<(String, BTreeMap<String, String>), f64>,
}

impl Exposition {
    /// Parses a page. Panics with the first fault.
    #[track_caller]
    pub(crate) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends");
        let (mut help, mut metrics, mut samples) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let mut current = String::new();
        let mut closed = BTreeSet::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, words) = rest.split_once(' ').unwrap();
                assert!(words.len() > 10, "{line}");
                assert!(help.insert(name.to_owned()), "helped twice: {name}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(matches!(kind, "counter" | "gauge" | "histogram"), "{line}");
                assert!(help.contains(name), "no help: {name}");
                assert!(metrics.insert(name.to_owned(), kind.to_owned()).is_none(), "introduced twice: {name}");
                closed.insert(std::mem::replace(&mut current, name.to_owned()));
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let (name, labels) = read_series(series);
                let of = family(&name, &metrics);
                assert_eq!(of, current, "its lines are together: {line}");
                assert!(!closed.contains(&of), "{line}");
                let value: f64 = value.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
                assert!(value.is_finite(), "{line}");
                assert!(samples.insert((name, labels), value).is_none(), "said twice: {line}");
            }
        }
        let page = Self { metrics, samples };
        page.histograms_add_up();
        page
    }

    fn histograms_add_up(&self) {
        for (name, _) in self.metrics.iter().filter(|(_, kind)| *kind == "histogram") {
            for (labels, count) in self.of(&format!("{name}_count")) {
                let mut buckets: Vec<_> = self
                    .of(&format!("{name}_bucket"))
                    .filter(|(found, _)| labels.iter().all(|(label, value)| found.get(label) == Some(value)))
                    .map(|(found, n)| (found["le"].replace("+Inf", "inf").parse::<f64>().unwrap(), n))
                    .collect();
                buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
                assert!(buckets.is_sorted_by_key(|(_, n)| *n), "{name} {labels:?}: {buckets:?}");
                assert_eq!(buckets.last(), Some(&(f64::INFINITY, count)), "{name} {labels:?}");
                assert!(self.value(&format!("{name}_sum"), labels).is_some(), "{name} {labels:?}");
            }
        }
    }

    /// Returns the series of a metric with their values.
    pub(crate) fn of(&self, name: &str) -> impl Iterator<Item = (&BTreeMap<String, String>, f64)> {
        let named = self.samples.iter().filter(move |((found, _), _)| found == name);
        named.map(|((_, labels), value)| (labels, *value))
    }

    fn value(&self, name: &str, labels: &BTreeMap<String, String>) -> Option<f64> {
        self.samples.get(&(name.to_owned(), labels.clone())).copied()
    }

    /// Returns the value of one series.
    pub(crate) fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
        self.value(name, &labels)
    }

    /// Returns the number of series.
    pub(crate) fn series(&self) -> usize {
        self.samples.len()
    }
}

/// Returns the metric that a sample belongs to.
fn family(name: &str, metrics: &BTreeMap<String, String>) -> String {
    for end in ["_bucket", "_sum", "_count"] {
        if let Some(base) = name.strip_suffix(end)
            && metrics.get(base).is_some_and(|kind| kind == "histogram")
        {
            return base.to_owned();
        }
    }
    assert!(metrics.get(name).is_some_and(|kind| kind != "histogram"), "not introduced: {name}");
    name.to_owned()
}

fn read_series(text: &str) -> (String, BTreeMap<String, String>) {
    let (name, rest) = text.split_once('{').map_or((text, None), |(name, rest)| (name, Some(rest)));
    assert!(well_formed(name), "{text}");
    let mut labels = BTreeMap::new();
    if let Some(rest) = rest {
        let inner = rest.strip_suffix('}').unwrap_or_else(|| panic!("{text}"));
        // No label value here has a comma or a quote.
        for label in inner.split(',') {
            let (label, value) = label.split_once('=').unwrap_or_else(|| panic!("{text}"));
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            let value = value.unwrap_or_else(|| panic!("{text}"));
            assert!(well_formed(label) && !value.contains(['"', '\\']), "{text}");
            assert!(labels.insert(label.to_owned(), value.to_owned()).is_none(), "{text}");
        }
    }
    (name.to_owned(), labels)
}

fn well_formed(name: &str) -> bool {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
