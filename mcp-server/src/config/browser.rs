//! Which programs show a URL to whoever sits here.

use std::env;

/// Commands to be tried in order, each a program and its first words; the URL comes behind them. None
/// where nobody sits before a screen.
pub fn browser() -> Vec<Vec<String>> {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    candidates(
        set("BROWSER").as_deref(),
        set("DISPLAY").is_some() || set("WAYLAND_DISPLAY").is_some(),
        env::consts::OS,
    )
}

/// `named` is a list of commands as xdg-open and Python read `BROWSER`.
fn candidates(named: Option<&str>, screen: bool, system: &str) -> Vec<Vec<String>> {
    let words = |command: &str| -> Vec<String> {
        let words = command.split_whitespace().filter(|word| *word != "%s");
        words.map(str::to_owned).collect()
    };
    let mut all: Vec<_> = named
        .into_iter()
        .flat_map(|list| list.split(':'))
        .map(words)
        .collect();
    match system {
        "macos" => all.push(words("open")),
        "windows" => all.push(words("rundll32 url.dll,FileProtocolHandler")),
        _ if screen => all.extend([words("xdg-open"), words("gio open")]),
        _ => {}
    }
    all.retain(|words| !words.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_goes_first_and_without_a_screen_there_is_nothing_else() {
        let names = |named, screen, system| -> Vec<String> {
            let all = candidates(named, screen, system);
            all.into_iter().map(|words| words.join(" ")).collect()
        };
        assert_eq!(names(None, false, "linux"), [""; 0]);
        assert_eq!(names(None, true, "linux"), ["xdg-open", "gio open"]);
        assert_eq!(
            names(Some("firefox --new-window %s:w3m"), false, "linux"),
            ["firefox --new-window", "w3m"]
        );
        assert_eq!(names(None, false, "macos"), ["open"]);
    }
}
