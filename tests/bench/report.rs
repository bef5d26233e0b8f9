//! The table, or the JSON.

use crate::Outcome;
use crate::figure::{Bound, Figure};
use crate::machine::Facts;
use crate::plan::Plan;
use serde::Serialize;
use std::io::{Write, stdout};

/// Figures that could not be had, because a request was refused or a server fell.
#[derive(Serialize)]
struct Failure {
    figures: &'static [&'static str],
    error: String,
}

/// Collects figures and prints each as it comes.
pub(crate) struct Report {
    machine: Facts,
    figures: Vec<Figure>,
    failures: Vec<Failure>,
    json: bool,
    quick: bool,
    rounds: u32,
    seconds: f64,
}

impl Report {
    /// An empty report of a run by this plan.
    pub(crate) fn new(machine: Facts, plan: &Plan) -> Self {
        Self {
            machine,
            figures: Vec::new(),
            failures: Vec::new(),
            json: plan.json,
            quick: plan.quick,
            rounds: plan.rounds,
            seconds: plan.window.as_secs_f64(),
        }
    }

    /// The machine, and the table's head.
    pub(crate) fn print_heading(&self) -> Outcome<()> {
        if self.json {
            return Ok(());
        }
        let mut out = stdout().lock();
        writeln!(out, "{}", self.machine)?;
        writeln!(
            out,
            "medians of {} interleaved rounds of {} s; 2 KiB bodies, 15 headers",
            self.rounds, self.seconds
        )?;
        if self.quick {
            writeln!(out, "--quick: these figures mean nothing")?;
        }
        writeln!(
            out,
            "\n{:<14} {:>10} {:>16} {:>8}",
            "figure", "median", "min..max", "target"
        )?;
        Ok(out.flush()?)
    }

    /// Takes a figure and prints its line.
    pub(crate) fn add(&mut self, figure: Figure) -> Outcome<()> {
        if !self.json {
            let mut out = stdout().lock();
            let (least, greatest) = figure.spread();
            writeln!(
                out,
                "{:<14} {:>10} {:>16} {:>8}  {:<5} {}\n{:15}{}",
                figure.name,
                with_unit(figure.median(), figure.unit),
                format!("{}..{}", number(least), number(greatest)),
                match figure.bound {
                    Some(Bound::AtLeast(least)) => format!(">= {least}"),
                    Some(Bound::AtMost(most)) => format!("<= {most}"),
                    None => "-".to_owned(),
                },
                verdict(figure.met()),
                figure.meaning,
                "",
                figure.behind
            )?;
            out.flush()?;
        }
        self.figures.push(figure);
        Ok(())
    }

    /// Takes note that these figures could not be had.
    pub(crate) fn fail(&mut self, figures: &'static [&'static str], error: String) -> Outcome<()> {
        if !self.json {
            let mut out = stdout().lock();
            writeln!(out, "{}: FAILED: {error}", figures.join(", "))?;
            out.flush()?;
        }
        self.failures.push(Failure { figures, error });
        Ok(())
    }

    /// Prints what is left to print; `true` when no figure missed and none failed.
    pub(crate) fn finish(self) -> Outcome<bool> {
        let missed = self
            .figures
            .iter()
            .filter(|figure| figure.met() == Some(false))
            .count();
        let mut out = stdout().lock();
        if self.json {
            let figures = self
                .figures
                .iter()
                .map(as_json)
                .collect::<Result<Vec<_>, _>>()?;
            let whole = serde_json::json!({
                "machine": self.machine,
                "quick": self.quick,
                "rounds": self.rounds,
                "seconds": self.seconds,
                "figures": figures,
                "failures": self.failures,
            });
            writeln!(out, "{whole}")?;
        } else {
            let judged = self
                .figures
                .iter()
                .filter(|figure| figure.bound.is_some())
                .count();
            writeln!(out, "\n{} of {judged} targets met", judged - missed)?;
            if !self.failures.is_empty() {
                writeln!(out, "{} measures failed", self.failures.len())?;
            }
        }
        out.flush()?;
        Ok(missed == 0 && self.failures.is_empty())
    }
}

fn as_json(figure: &Figure) -> serde_json::Result<serde_json::Value> {
    let mut value = serde_json::to_value(figure)?;
    let (least, greatest) = figure.spread();
    value["median"] = figure.median().into();
    value["min"] = least.into();
    value["max"] = greatest.into();
    value["met"] = figure.met().into();
    Ok(value)
}

fn verdict(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "PASS",
        Some(false) => "MISS",
        None => "",
    }
}

/// Three figures that matter, no more.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

fn with_unit(value: f64, unit: &str) -> String {
    format!("{} {unit}", number(value)).trim_end().to_owned()
}
