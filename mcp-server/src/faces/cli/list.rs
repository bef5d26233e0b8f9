//! Lists: as wide as the terminal for a person, whole and with tabs between for a program.

use std::io::{self, IsTerminal};

use doorbell_core::time::Timestamp;

use super::{
    clock::{Clock, Times},
    terminal,
};

mod columns;

pub(super) use columns::Column;

/// How wide a terminal is that does not say so.
const USUAL_WIDTH: usize = 80;

/// A list that is being written.
#[derive(Debug)]
pub(super) struct List<const N: usize> {
    columns: [Column; N],
    rows: Vec<[String; N]>,
    clock: Clock,
    /// How wide the terminal is; `None`: it goes to a program.
    width: Option<usize>,
}

impl<const N: usize> List<N> {
    /// An empty one, for standard output.
    pub(super) fn new(times: Times, columns: [Column; N]) -> Self {
        let out = io::stdout();
        let width = out.is_terminal().then(|| {
            terminal_size::terminal_size_of(&out)
                .map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0))
        });
        Self {
            columns,
            rows: Vec::new(),
            clock: times.clock(),
            width,
        }
    }

    /// Whether a person reads it.
    pub(super) fn is_for_people(&self) -> bool {
        self.width.is_some()
    }

    /// A time, as short as will do for a person.
    pub(super) fn time(&self, at: Timestamp) -> String {
        if self.is_for_people() {
            self.clock.short(at)
        } else {
            self.clock.rfc3339(at)
        }
    }

    /// The same for one that may be absent.
    pub(super) fn time_or(&self, at: Option<Timestamp>, absent: &str) -> String {
        at.map_or_else(|| absent.to_owned(), |at| self.time(at))
    }

    /// Adds a row. No cell need be safe to print.
    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| terminal::printable(&cell)));
    }

    /// Prints it. Who looks at an empty one on a terminal is told `none`; a program gets the
    /// headings alone.
    pub(super) fn print(self, none: &str) -> io::Result<()> {
        let Some(width) = self.width else {
            let headings = self.columns.map(|column| column.heading.to_owned());
            let lines = std::iter::once(headings).chain(self.rows);
            let lines: Vec<String> = lines.map(|cells| cells.join("\t")).collect();
            return terminal::say(&lines.join("\n"));
        };
        if self.rows.is_empty() {
            terminal::explain(none);
            return Ok(());
        }
        terminal::say(&columns::fitted(&self.columns, &self.rows, width))
    }
}
