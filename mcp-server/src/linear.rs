//! What twice the input costs, in instructions: at most a little more than twice as much, whatever a
//! stranger, a URL's holder or a client sends.
//!
//! The test runs itself again under valgrind, which counts: time would say something else on every
//! machine.

mod door;
mod texts;

use std::{collections::BTreeMap, fs, path::Path, process::Command};

/// What twice the input may cost, as a multiple.
const MOST: f64 = 2.2;
/// What is done once for any input, in instructions: it tells nothing of the rest.
const ONCE: f64 = 50_000.0;

/// Set where the test runs under valgrind.
const COUNTED: &str = "DOORBELL_TEST_COUNTED";

/// Something that is done with an input, which is made before.
type Work = Box<dyn FnOnce()>;

/// A kind of input: its name, a length, and what is done with one that is so long.
struct Kind {
    name: &'static str,
    length: usize,
    work: Box<dyn Fn(usize) -> Work>,
}

impl Kind {
    fn new(name: &'static str, length: usize, work: impl Fn(usize) -> Work + 'static) -> Self {
        Self {
            name,
            length,
            work: Box::new(work),
        }
    }
}

fn kinds() -> Vec<Kind> {
    door::kinds().into_iter().chain(texts::kinds()).collect()
}

/// Valgrind writes down what it has counted, and begins anew, before each call of this.
#[inline(never)]
fn mark() {
    std::hint::black_box(());
}

/// Does it all; of use where somebody counts.
fn every_input_and_twice_as_much() {
    for kind in kinds() {
        // What is made when it is first needed is made.
        (kind.work)(kind.length)();
        for length in [kind.length, 2 * kind.length] {
            let work = (kind.work)(length);
            mark();
            work();
            mark();
        }
    }
}

#[test]
fn twice_the_input_costs_twice_the_instructions() {
    if std::env::var_os(COUNTED).is_some() {
        return every_input_and_twice_as_much();
    }
    if !has_valgrind() {
        return skip("what twice the input costs is not counted: there is no valgrind");
    }
    let dir = tempfile::tempdir().expect("a directory");
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--dump-before=*linear::mark*"])
        .arg(format!("--callgrind-out-file={}/out", dir.path().display()))
        .arg(std::env::current_exe().expect("a running program has a path"))
        .args([
            "--exact",
            "linear::twice_the_input_costs_twice_the_instructions",
            "--test-threads=1",
        ])
        .env(COUNTED, "1")
        .output()
        .expect("valgrind can be started");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let counts = counts(dir.path());
    let kinds = kinds();
    assert_eq!(counts.len(), 2 * kinds.len(), "one count for each");
    let mut wrong = Vec::new();
    for (kind, pair) in kinds.iter().zip(counts.chunks(2)) {
        let (one, two) = (pair[0], pair[1]);
        let ratio = (two - ONCE).max(ONCE) / (one - ONCE).max(ONCE);
        eprintln!("{:.2} {one:>12} {two:>12} {}", ratio, kind.name);
        if ratio > MOST {
            wrong.push(format!("{}: {one}, then {two}", kind.name));
        }
    }
    assert!(
        wrong.is_empty(),
        "more than twice as much for twice the input: {wrong:#?}"
    );
}

fn has_valgrind() -> bool {
    let there = Command::new("valgrind").arg("--version").output();
    there.is_ok_and(|output| output.status.success())
}

/// As e2e's tests do, for whoever sums up.
fn skip(why: &str) {
    eprintln!("!! SKIPPED: {why}");
    if let Some(path) = std::env::var_os("DOORBELL_TEST_SKIPS") {
        let thread = std::thread::current();
        let line = format!("test\t{}\t{why}\n", thread.name().unwrap_or("a test"));
        let file = fs::File::options().create(true).append(true).open(path);
        file.and_then(|mut file| std::io::Write::write_all(&mut file, line.as_bytes()))
            .expect("the list of what was skipped can be written");
    }
}

/// The instructions of each piece of work: of every other dump, in their order. What is between two is
/// of what was done to make the next; what came behind them all is in a file without a number.
fn counts(dir: &Path) -> Vec<f64> {
    let mut found = BTreeMap::new();
    for file in fs::read_dir(dir).expect("it is there") {
        let path = file.expect("a file").path();
        let number = path
            .extension()
            .and_then(|end| end.to_str()?.parse::<u32>().ok());
        let Some(number) = number.filter(|number| number.is_multiple_of(2)) else {
            continue;
        };
        let text = fs::read_to_string(&path).expect("it is a text");
        let mut lines = text.lines();
        let count = lines.find_map(|line| line.strip_prefix("summary: ")?.trim().parse().ok());
        found.insert(number, count.expect("a dump has a sum"));
    }
    found.into_values().collect()
}
