//! `doorbell token issue`: mints a webhook URL.

use clap::{Args, error::ErrorKind};

use super::super::{Common, Failure, connect, grammar, terminal, ttl};
use crate::{
    config::{Period, command_line, quoted},
    desk::Desk,
    refusal::Refusal,
    wire::{IssueWebhook, IssuedToken, Text},
};

/// Mint a URL to paste into a sender's webhook settings
///
/// The URL alone goes to standard output, so that a shell can catch it, and what there is to know of
/// it to standard error. It is shown this once: the server keeps only a hash.
#[derive(Args, Debug)]
#[command(
    override_usage = "doorbell token issue [OPTIONS] <FOLDER> [hook] <LABEL> [SUFFIX]",
    after_help = "Examples:
  doorbell token issue demo github
  URL=$(doorbell token issue acme/eng hook github)
  doorbell token issue acme/eng linear comments --ttl 90d --context 'new comments; answer them'"
)]
pub(in super::super) struct Issue {
    /// Whose inbox it fills: acme/eng
    folder: String,
    /// The source's name, such as github, and an optional suffix that tells two of one source
    /// apart; `hook` may stand before them
    #[arg(required = true, num_args = 1..=3, value_names = ["LABEL", "SUFFIX"])]
    names: Vec<String>,
    /// A note that is shown beside each message: what this is, and what to do with it
    #[arg(long, value_name = "TEXT")]
    context: Option<String>,
    /// How long it lives: 90s, 15m, 1h, 7d; 0: for ever [0]
    #[arg(long, value_name = "TIME")]
    ttl: Option<Period>,
}

pub(super) async fn run(common: &Common, args: Issue) -> Result<(), Failure> {
    let (label, suffix) = names(&args.folder, args.names)?;
    let ask = IssueWebhook {
        probe: false,
        target_folder: Some(Text(connect::parsed("folder", &args.folder)?)),
        source_label: Text(connect::parsed("label", &label)?),
        jid_suffix: suffix
            .map(|text| connect::parsed("suffix", &text).map(Text))
            .transpose()?,
        context: args
            .context
            .map(|text| connect::parsed("context", &text).map(Text))
            .transpose()?,
        ttl_seconds: ttl::seconds(args.ttl)?,
    };
    let issued = connect::desk(common, None)?.issue_webhook(ask).await?;
    show(common, &issued)
}

/// The label and the suffix: `hook` may stand before them, and goes before a label of that name.
fn names(folder: &str, words: Vec<String>) -> Result<(String, Option<String>), Failure> {
    let mut words = words.into_iter();
    let mut first = words.next();
    match first.as_deref() {
        Some("web") => {
            return Err(Refusal::invalid(
                "web",
                format!(
                    "chat links are not there yet; a URL for webhooks whose label is web is made \
                     with: {}",
                    command_line(&format!("token issue {} hook web", quoted(folder)))
                ),
            )
            .into());
        }
        Some("hook") => first = words.next(),
        _ => {}
    }
    let mistake = |kind, why| Err(grammar::mistake(&["token", "issue"], kind, why));
    let Some(label) = first else {
        return mistake(
            ErrorKind::MissingRequiredArgument,
            "a label is missing: the source's name, such as github",
        );
    };
    let suffix = words.next();
    match words.next() {
        None => Ok((label, suffix)),
        Some(_) => mistake(
            ErrorKind::TooManyValues,
            "after the folder come a label and at most one suffix",
        ),
    }
}

/// The URL alone on standard output, so that a shell can catch it; the rest beside it.
fn show(common: &Common, issued: &IssuedToken) -> Result<(), Failure> {
    if common.json {
        return Ok(terminal::json(issued)?);
    }
    terminal::say(issued.url.as_ref().unwrap_or(&issued.token))?;
    let expires = issued
        .expires_at
        .as_ref()
        .map_or_else(|| "never".to_owned(), |at| at.0.to_string());
    terminal::explain(&format!(
        "{} (grant {}, expires {expires})\n\
         Paste the URL above into the sender's webhook settings. It is shown this once, and whoever\n\
         has it can post; revoke it with: {}",
        issued.jid.0,
        issued.grant_id.0,
        command_line(&format!("token revoke {}", issued.grant_id.0))
    ));
    if let Some(warning) = &issued.warning {
        terminal::explain(&terminal::printable(warning));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<(String, Option<String>), Failure> {
        names(
            "demo",
            words.iter().map(|word| (*word).to_owned()).collect(),
        )
    }

    #[test]
    fn hook_may_be_left_out_before_any_other_word() {
        let named =
            |label: &str, suffix: Option<&str>| (label.to_owned(), suffix.map(str::to_owned));
        for (words, meant) in [
            (&["github"] as &[&str], named("github", None)),
            (&["hook", "github"], named("github", None)),
            (&["github", "hook"], named("github", Some("hook"))),
            (&["hook", "github", "prs"], named("github", Some("prs"))),
            (&["hook", "hook"], named("hook", None)),
            (&["hook", "web"], named("web", None)),
        ] {
            assert_eq!(read(words).expect("it reads"), meant, "{words:?}");
        }
    }

    #[test]
    fn what_is_missing_or_too_much_is_grammar_and_web_is_refused() {
        for words in [&["hook"] as &[&str], &["github", "prs", "more"]] {
            let refused = read(words).expect_err("it does not read");
            let Failure::Grammar(error) = refused else {
                panic!("{words:?}: {refused}");
            };
            assert!(
                error.to_string().contains("Usage: doorbell token issue"),
                "{error}"
            );
        }
        for words in [&["web"] as &[&str], &["web", "support"]] {
            assert!(matches!(read(words), Err(Failure::Refused(_))), "{words:?}");
        }
    }
}
