//! Fitting columns to a width: the widest gives way first, and then whole columns, the least telling
//! first.

use unicode_width::UnicodeWidthChar;

/// What stands between two columns.
const BETWEEN: usize = 2;

/// One column, and what may be done to it where it is too wide.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Column {
    pub(super) heading: &'static str,
    /// How narrow it may become; `None`: it is never cut.
    least: Option<usize>,
    /// Which end is kept when it is cut.
    keeps_end: bool,
    /// The higher, the sooner it is left out; 0: never.
    spare: u8,
}

impl Column {
    /// One that is never cut: an id, a time.
    pub(in super::super) const fn whole(heading: &'static str) -> Self {
        Self {
            heading,
            least: None,
            keeps_end: false,
            spare: 0,
        }
    }

    /// One that may be cut down to so many characters.
    pub(in super::super) const fn cut(heading: &'static str, least: usize) -> Self {
        Self {
            least: Some(least),
            ..Self::whole(heading)
        }
    }

    /// Its end says more than its beginning: an address.
    pub(in super::super) const fn keeping_end(mut self) -> Self {
        self.keeps_end = true;
        self
    }

    /// It may be left out where room is short, the highest number first; and where all its cells are
    /// empty, always.
    pub(in super::super) const fn spare(mut self, rank: u8) -> Self {
        self.spare = rank;
        self
    }
}

/// The lines of a table no wider than `width`, as far as its uncut columns allow.
pub(super) fn fitted<const N: usize>(
    columns: &[Column; N],
    rows: &[[String; N]],
    width: usize,
) -> String {
    let natural: [usize; N] = std::array::from_fn(|at| {
        let cells = rows.iter().map(|row| measured(&row[at]));
        let widest = cells.max().unwrap_or(0);
        widest.max(measured(columns[at].heading)).min(width.max(1))
    });
    let mut shown: Vec<usize> = (0..N)
        .filter(|at| columns[*at].spare == 0 || rows.iter().any(|row| !is_empty(&row[*at])))
        .collect();
    let widths = loop {
        let widths = squeezed(columns, &shown, natural, width);
        let spare = shown.iter().filter(|at| columns[**at].spare > 0);
        match spare.max_by_key(|at| columns[**at].spare).copied() {
            Some(spare) if total(&shown, &widths) > width => shown.retain(|at| *at != spare),
            _ => break widths,
        }
    };
    let headings: [&str; N] = std::array::from_fn(|at| columns[at].heading);
    let rows = rows.iter().map(|row| row.each_ref().map(String::as_str));
    let lines: Vec<String> = std::iter::once(headings)
        .chain(rows)
        .map(|row| line(columns, &shown, &widths, row))
        .collect();
    lines.join("\n")
}

fn is_empty(cell: &str) -> bool {
    cell.is_empty() || cell == "-"
}

fn total<const N: usize>(shown: &[usize], widths: &[usize; N]) -> usize {
    let cells: usize = shown.iter().map(|at| widths[*at]).sum();
    cells + BETWEEN * shown.len().saturating_sub(1)
}

/// The widths once the widest of those that may be cut have given way.
fn squeezed<const N: usize>(
    columns: &[Column; N],
    shown: &[usize],
    mut widths: [usize; N],
    width: usize,
) -> [usize; N] {
    while total(shown, &widths) > width {
        let widest = shown
            .iter()
            .filter(|at| {
                columns[**at]
                    .least
                    .is_some_and(|least| widths[**at] > least)
            })
            .max_by_key(|at| widths[**at]);
        match widest {
            Some(at) => widths[*at] -= 1,
            None => break,
        }
    }
    widths
}

fn line<const N: usize>(
    columns: &[Column; N],
    shown: &[usize],
    widths: &[usize; N],
    cells: [&str; N],
) -> String {
    let mut out = String::new();
    let mut missing = 0;
    for at in shown {
        // What would stand at the end of a line is not written.
        out.extend(std::iter::repeat_n(' ', missing));
        let cell = cut(cells[*at], widths[*at], columns[*at].keeps_end);
        missing = widths[*at].saturating_sub(measured(&cell)) + BETWEEN;
        out.push_str(&cell);
    }
    out
}

/// How many columns a text takes at the most. Terminals differ about characters that are joined to
/// one picture: where one shows a family, another shows its members side by side.
fn measured(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

fn columns_of(c: char) -> usize {
    /// Makes a wide picture of the narrow sign before it.
    const AS_PICTURE: char = '\u{fe0f}';
    match c {
        AS_PICTURE => 1,
        c => c.width().unwrap_or(0),
    }
}

/// A text that is no wider than `width`, and says where something was left out.
fn cut(text: &str, width: usize, keeps_end: bool) -> String {
    if measured(text) <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let mut fits = |c: &char| {
        let rest = room.checked_sub(columns_of(*c));
        rest.map(|rest| room = rest).is_some()
    };
    if keeps_end {
        let kept: Vec<char> = text.chars().rev().take_while(|c| fits(c)).collect();
        format!("…{}", kept.iter().rev().collect::<String>())
    } else {
        let kept: String = text.chars().take_while(|c| fits(c)).collect();
        format!("{kept}…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::whole("ID"),
        Column::cut("ADDRESS", 8).keeping_end(),
        Column::cut("NOTE", 4).spare(2),
        Column::whole("SEEN").spare(1),
    ];

    fn rows() -> Vec<[String; 4]> {
        let row = |cells: [&str; 4]| cells.map(str::to_owned);
        vec![
            row([
                "01K0",
                "hook:acme/eng/github",
                "what it is for, at length",
                "-",
            ]),
            row(["01K1", "hook:a/b", "日本語の説明です、とても長い", "-"]),
        ]
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_as_long_as_the_ids_fit() {
        for width in 4..120 {
            let shown = fitted(&COLUMNS, &rows(), width);
            for line in shown.lines() {
                let fits = measured(line) <= width || (width < 14 && line.starts_with("01K"));
                assert!(fits || line.starts_with("ID"), "{width}: {line:?}");
                assert_eq!(line.trim_end(), line, "{width}: {line:?}");
            }
            assert!(shown.contains("01K0") && shown.contains("01K1"), "{shown}");
        }
    }

    #[test]
    fn a_picture_made_of_several_characters_is_given_the_room_it_takes_where_they_are_not_joined() {
        assert_eq!(measured("\u{2708}\u{fe0f}"), 2);
        assert_eq!(measured("\u{1f468}\u{200d}\u{1f469}"), 4);
        assert_eq!(measured("e\u{301}"), 1);
        let planes = "\u{2708}\u{fe0f}".repeat(9);
        for keeps_end in [false, true] {
            for width in 1..19 {
                let shown = cut(&planes, width, keeps_end);
                assert!(measured(&shown) <= width, "{width}: {shown}");
                assert_eq!(shown == planes, width == 18, "{width}: {shown}");
            }
        }
    }

    #[test]
    fn what_has_room_is_whole_and_what_is_empty_is_left_out() {
        let shown = fitted(&COLUMNS, &rows(), 200);
        assert_eq!(
            shown,
            "ID    ADDRESS               NOTE\n\
             01K0  hook:acme/eng/github  what it is for, at length\n\
             01K1  hook:a/b              日本語の説明です、とても長い"
        );
    }

    #[test]
    fn the_widest_gives_way_first_and_an_address_keeps_its_end() {
        let shown = fitted(&COLUMNS, &rows(), 40);
        let first = shown.lines().nth(1).expect("a row");
        assert!(
            first.contains("…") && first.contains("eng/github"),
            "{shown}"
        );
        let narrow = fitted(&COLUMNS, &rows(), 16);
        assert!(!narrow.contains("NOTE"), "{narrow}");
        assert!(narrow.contains("…ng/github"), "{narrow}");
    }
}
