//! How help is laid out: commands in groups, by what one wants to do.

use clap::Command;

/// What stands above each group, and which commands stand there, in this order. A command that is in
/// none stands in the last.
const GROUPS: [(&str, &[&str]); 5] = [
    (
        "The server",
        &[
            "serve", "open", "status", "stop", "logs", "doctor", "health", "backup", "restore",
            "migrate",
        ],
    ),
    ("What to hand out", &["token", "channel", "key"]),
    ("What arrives", &["listen", "trigger", "messages", "route"]),
    (
        "Agents",
        &["setup", "mcp", "run", "session", "watch", "wait"],
    ),
    ("More", &["man", "completions", "help"]),
];

/// `doorbell` with its commands in groups.
pub(super) fn grouped(command: Command) -> Command {
    let listed = listed(&command);
    command.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{listed}\nOptions:\n{{options}}\n\
         {{after-help}}"
    ))
}

fn listed(command: &Command) -> String {
    let last = GROUPS.len() - 1;
    let place = |name: &str| {
        let group = GROUPS.iter().position(|(_, names)| names.contains(&name));
        let group = group.unwrap_or(last);
        let within = GROUPS[group].1.iter().position(|it| *it == name);
        (group, within.unwrap_or(usize::MAX))
    };
    let mut commands: Vec<_> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| {
            let about = command.get_about().map(ToString::to_string);
            (
                place(command.get_name()),
                command.get_name(),
                about.unwrap_or_default(),
            )
        })
        .collect();
    commands.push((
        place("help"),
        "help",
        "Print this, or the help of a command: doorbell help listen".to_owned(),
    ));
    commands.sort();
    let widest = commands.iter().map(|(_, name, _)| name.len()).max();
    let widest = widest.unwrap_or(0);
    let mut out = String::new();
    let mut group = None;
    for ((at, _), name, about) in commands {
        if group.replace(at) != Some(at) {
            out.push_str(&format!("\n{}:\n", GROUPS[at].0));
        }
        out.push_str(&format!("  {name:widest$}  {about}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{super::whole, *};

    #[test]
    fn every_command_stands_in_a_group_of_its_own_choice() {
        for command in whole().get_subcommands().filter(|it| !it.is_hide_set()) {
            let name = command.get_name();
            let groups = GROUPS.iter().filter(|(_, names)| names.contains(&name));
            assert_eq!(groups.count(), 1, "{name}: name it in GROUPS");
        }
    }

    #[test]
    fn help_lists_every_command_within_80_columns() {
        let help = whole().term_width(80).render_help().to_string();
        for command in whole().get_subcommands().filter(|it| !it.is_hide_set()) {
            let name = command.get_name();
            let line = help
                .lines()
                .find(|line| line.trim_start().starts_with(&format!("{name} ")));
            let line = line.unwrap_or_else(|| panic!("{name} is missing: {help}"));
            assert!(line.len() <= 80, "{line}");
        }
        for (heading, _) in GROUPS {
            assert!(help.contains(&format!("\n{heading}:\n")), "{help}");
        }
    }
}
