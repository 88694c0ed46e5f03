//! The text format of Prometheus, for values that are read for each scrape: such a metric is absent when it has no
//! value, which a recorder cannot express.

use std::fmt::Write;

use super::names::Metric;

/// A page that grows.
pub(super) struct Page(String);

impl Page {
    /// A page that begins with this.
    pub(super) fn after(text: String) -> Self {
        Self(text)
    }

    /// A metric with the values of its labels and its value, for each of its series; nothing if it has none.
    pub(super) fn add<'a>(&mut self, metric: &Metric, series: impl IntoIterator<Item = (&'a [&'a str], f64)>) {
        let mut series = series.into_iter().peekable();
        if series.peek().is_none() {
            return;
        }
        let (name, kind) = (metric.name, metric.kind.as_str());
        // Writing to a string cannot fail.
        let _ = write!(self.0, "# HELP {name} {}\n# TYPE {name} {kind}\n", metric.help);
        for (values, value) in series {
            self.0.push_str(name);
            for (place, (label, of)) in metric.labels.iter().zip(values).enumerate() {
                let before = if place == 0 { '{' } else { ',' };
                let _ = write!(self.0, "{before}{label}=\"{}\"", escaped(of));
            }
            if !metric.labels.is_empty() {
                self.0.push('}');
            }
            let _ = writeln!(self.0, " {value}");
        }
        self.0.push('\n');
    }

    /// A metric with one series without labels, if there is something to say.
    pub(super) fn one(&mut self, metric: &Metric, value: Option<f64>) {
        self.add(metric, value.map(|value| (&[][..], value)));
    }

    pub(super) fn done(self) -> String {
        self.0
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
