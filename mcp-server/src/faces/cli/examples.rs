//! The examples that help shows can be typed as they stand.

use clap::Command;

use super::{read, whole};

/// Every command that does something, with the words that lead to it.
fn leaves(command: &Command, path: &str, out: &mut Vec<(String, String)>) {
    if command.has_subcommands() {
        for inner in own(command) {
            leaves(inner, &format!("{path} {}", inner.get_name()), out);
        }
        return;
    }
    out.push((
        path.to_owned(),
        command.clone().render_long_help().to_string(),
    ));
}

/// Without the `help` that clap puts beside them, and without what is not shown.
fn own(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|it| it.get_name() != "help" && !it.is_hide_set())
}

/// The words of a command line as a shell would read them, up to whatever ends the command.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, ' ') => words.push(String::new()),
            (None, ')' | '|' | '>' | '&' | ';') => break,
            (_, c) => words.last_mut().expect("there is one").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_command_has_an_example_and_every_example_parses() {
    let mut all = Vec::new();
    let mut root = whole();
    root.build();
    for command in own(&root) {
        leaves(
            command,
            &format!("doorbell {}", command.get_name()),
            &mut all,
        );
    }
    for (path, help) in all {
        let examples = help.split_once("Example").map_or("", |(_, behind)| behind);
        let examples: Vec<&str> = examples
            .lines()
            .take_while(|line| !line.starts_with("Usage:"))
            .filter_map(|line| line.rfind("doorbell ").map(|at| &line[at..]))
            .collect();
        assert!(
            examples.iter().any(|line| line.starts_with(&path)),
            "`{path}` has no example: {help}"
        );
        for line in examples {
            let args: Vec<_> = words(line).into_iter().map(Into::into).collect();
            if let Err(error) = read(&args) {
                assert!(!error.use_stderr(), "{line}: {error}");
            }
        }
    }
}
