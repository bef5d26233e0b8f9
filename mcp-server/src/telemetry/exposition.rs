//! The text that Prometheus reads: OpenMetrics 1.0 to whoever asks for it, else the older text format
//! 0.0.4, which everything reads.
//!
//! Written by hand, as every figure is there already when it is asked for: a library brings a
//! registry of its own, with look-ups by label where we have an atomic. A test reads it with the
//! parsers of Prometheus' own Python client.

use std::fmt::{Display, Write};

use doorbell_ingress::figures::Histogram;

/// How the text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Plain,
}

impl Dialect {
    /// What an `Accept` header asks for.
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Plain
        }
    }

    /// What it is sent as.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What a figure is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Counter,
    Gauge,
    Histogram,
}

/// A label and its value.
pub(super) type Label<'a> = (&'a str, &'a dyn Display);

/// A page of figures, as it is written.
pub(super) struct Exposition {
    dialect: Dialect,
    text: String,
}

impl Exposition {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            text: String::new(),
        }
    }

    /// A number that only grows; its name without `_total`.
    pub(super) fn counter(&mut self, name: &'static str, help: &str) -> Samples<'_> {
        self.family(name, Type::Counter, help)
    }

    /// A number that goes up and down.
    pub(super) fn gauge(&mut self, name: &'static str, help: &str) -> Samples<'_> {
        self.family(name, Type::Gauge, help)
    }

    /// How many values fell below each of some bounds.
    pub(super) fn histogram(&mut self, name: &'static str, help: &str) -> Samples<'_> {
        self.family(name, Type::Histogram, help)
    }

    fn family(&mut self, name: &'static str, kind: Type, help: &str) -> Samples<'_> {
        // The older format calls a counter's family by the name of its samples.
        let suffix = match (self.dialect, kind) {
            (Dialect::Plain, Type::Counter) => "_total",
            _ => "",
        };
        let word = match kind {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
        };
        self.line(format_args!("# HELP {name}{suffix} {help}"));
        self.line(format_args!("# TYPE {name}{suffix} {word}"));
        Samples {
            name,
            kind,
            page: self,
        }
    }

    fn line(&mut self, line: impl Display) {
        writeln!(self.text, "{line}").expect("a string takes what is written");
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        if self.dialect == Dialect::OpenMetrics {
            self.line("# EOF");
        }
        self.text
    }
}

/// The samples of one figure.
pub(super) struct Samples<'a> {
    name: &'static str,
    kind: Type,
    page: &'a mut Exposition,
}

impl Samples<'_> {
    /// The only sample.
    pub(super) fn is(mut self, value: impl Display) {
        self.put(&[], value);
    }

    /// One sample of several.
    pub(super) fn put(&mut self, labels: &[Label<'_>], value: impl Display) {
        let suffix = if self.kind == Type::Counter {
            "_total"
        } else {
            ""
        };
        self.sample(suffix, labels, value);
    }

    /// A histogram's samples; `scale` is what its values are multiplied by.
    pub(super) fn put_all(&mut self, labels: &[Label<'_>], figures: &Histogram, scale: f64) {
        // Read once and in this order, so that no bucket is larger than the whole.
        let buckets: Vec<_> = figures.cumulative().collect();
        let sum = figures.sum();
        let count = figures
            .count()
            .max(buckets.last().map_or(0, |(_, below)| *below));
        let with = |bound: &dyn Display, page: &mut Self, below: u64| {
            let labels: Vec<Label<'_>> = labels.iter().copied().chain([("le", bound)]).collect();
            page.sample("_bucket", &labels, below);
        };
        for (bound, below) in buckets {
            // Debug writes 1 as 1.0, which is how a bound is spelt.
            let bound = format!("{:?}", scaled(bound, scale));
            with(&bound, self, below);
        }
        with(&"+Inf", self, count);
        self.sample("_sum", labels, scaled(sum, scale));
        self.sample("_count", labels, count);
    }

    fn sample(&mut self, suffix: &str, labels: &[Label<'_>], value: impl Display) {
        let mut set = String::new();
        for (name, value) in labels {
            let before = if set.is_empty() { '{' } else { ',' };
            let value = escaped(&value.to_string());
            write!(set, "{before}{name}=\"{value}\"").expect("a string takes what is written");
        }
        if !set.is_empty() {
            set.push('}');
        }
        let name = self.name;
        self.page.line(format_args!("{name}{suffix}{set} {value}"));
    }
}

/// A whole number in another unit. Beyond 2^53 it is rounded, after three centuries of microseconds.
fn scaled(value: u64, scale: f64) -> f64 {
    value as f64 * scale
}

/// As a label's value is quoted.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_written_in_both_dialects() {
        let page = |dialect| {
            let mut page = Exposition::new(dialect);
            let mut rung = page.counter("rung", "Rings.");
            rung.put(&[("how", &"a\"b\\c\nd")], 3);
            page.gauge("up", "Whether it is.").is(1);
            page.finish()
        };
        assert_eq!(
            page(Dialect::OpenMetrics),
            "# HELP rung Rings.\n# TYPE rung counter\nrung_total{how=\"a\\\"b\\\\c\\nd\"} 3\n\
             # HELP up Whether it is.\n# TYPE up gauge\nup 1\n# EOF\n"
        );
        assert!(page(Dialect::Plain).starts_with("# HELP rung_total Rings.\n# TYPE rung_total "));
        assert!(!page(Dialect::Plain).contains("EOF"));
    }

    #[test]
    fn openmetrics_is_written_for_whoever_asks_for_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.1";
        assert_eq!(Dialect::accepted(prometheus), Dialect::OpenMetrics);
        for other in ["", "*/*", "text/plain", "text/html"] {
            assert_eq!(Dialect::accepted(other), Dialect::Plain, "{other}");
        }
    }
}
