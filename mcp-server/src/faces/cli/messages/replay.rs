//! `doorbell messages replay`: makes messages pending again.

use clap::{Args, error::ErrorKind};
use doorbell_core::{
    message::MessageId,
    time::{Clock as _, Timestamp},
};
use doorbell_ingress::machine::SystemClock;

use super::super::{Common, Failure, connect, grammar, terminal};
use crate::{
    config::Moment,
    desk::{Desk, Remote},
    refusal::Refusal,
    wire::{Replay as Ask, ReplayState, ReplayedMany, Text},
};

/// The most ids that one call takes.
const AT_ONCE: usize = 1000;

/// Make messages pending again, as if they had just come
///
/// Those that are settled, dead or only observed come again with all their attempts before them,
/// routed as they were. Those that are pending or leased are left as they are.
#[derive(Args, Debug)]
#[command(
    override_usage = "doorbell messages replay <ID>...\n       \
                      doorbell messages replay --dead [PATTERN] [--folder <FOLDER>] [--since <TIME>]",
    after_help = "Examples:
  doorbell messages replay 01K9GQ5W7E1T3N8ZB4C6D2F0HA
  doorbell messages replay --dead
  doorbell messages replay --dead 'hook:acme/**' --since 2h"
)]
pub(in super::super) struct Replay {
    /// Which, as `messages ls` shows them; with --dead a pattern of addresses instead
    #[arg(value_name = "ID")]
    which: Vec<String>,
    /// All that are dead: given up after five attempts
    #[arg(long)]
    dead: bool,
    /// Of those only what came to this folder and below
    #[arg(long, requires = "dead")]
    folder: Option<String>,
    /// Of those only what came then or later: 2h, 7d, 2026-11-21, 2026-11-21T16:14:00Z
    #[arg(long, value_name = "TIME", requires = "dead")]
    since: Option<Moment>,
}

pub(super) async fn run(common: &Common, args: Replay) -> Result<(), Failure> {
    let mistake = |kind, why| grammar::mistake(&["messages", "replay"], kind, why);
    match (args.dead, &args.which[..]) {
        (true, [_, _, ..]) => Err(mistake(
            ErrorKind::TooManyValues,
            "--dead takes one pattern at the most",
        )),
        (true, pattern) => {
            let ask = dead(pattern.first(), &args, SystemClock.now())?;
            let replayed = all(&connect::desk(common, None)?, ask).await?;
            if common.json {
                return Ok(terminal::json(&replayed)?);
            }
            Ok(terminal::say(&match replayed.replayed {
                0 => "no dead messages there".to_owned(),
                1 => "1 message is pending again".to_owned(),
                n => format!("{n} messages are pending again"),
            })?)
        }
        (false, []) => Err(mistake(
            ErrorKind::MissingRequiredArgument,
            "which messages: their ids, or --dead for all that were given up",
        )),
        (false, [id]) => one(common, id).await,
        (false, ids) => several(common, ids).await,
    }
}

/// One alone: whatever is wrong with it is said.
async fn one(common: &Common, id: &str) -> Result<(), Failure> {
    let id = connect::parsed::<MessageId>("id", id)?;
    let replayed = connect::desk(common, None)?.replay(id).await?;
    if common.json {
        let many = ReplayedMany {
            replayed: 1,
            more: false,
        };
        return Ok(terminal::json(&many)?);
    }
    let line = format!("{} is pending again", replayed.id.0);
    Ok(terminal::say(&line)?)
}

async fn several(common: &Common, ids: &[String]) -> Result<(), Failure> {
    for id in ids {
        connect::parsed::<MessageId>("id", id)?;
    }
    let desk = connect::desk(common, None)?;
    let mut replayed = 0;
    for ids in ids.chunks(AT_ONCE) {
        let ask = Ask {
            ids: Some(ids.to_vec()),
            state: None,
            pattern: None,
            folder: None,
            since: None,
        };
        replayed += desk.replay_many(ask).await?.replayed;
    }
    if replayed == 0 {
        let why = "none of them is pending again: they are unknown, or pending or leased already";
        return Err(Refusal::Conflict(why.to_owned()).into());
    }
    if common.json {
        let more = false;
        return Ok(terminal::json(&ReplayedMany { replayed, more })?);
    }
    let rest = match ids.len() as u64 - replayed {
        0 => String::new(),
        n => format!("; {n} are unknown, or pending or leased already"),
    };
    let all = ids.len();
    Ok(terminal::say(&format!(
        "{replayed} of {all} messages are pending again{rest}"
    ))?)
}

fn dead(pattern: Option<&String>, args: &Replay, now: Timestamp) -> Result<Ask, Failure> {
    Ok(Ask {
        ids: None,
        state: Some(ReplayState::Dead),
        pattern: pattern
            .map(|text| connect::parsed("pattern", text).map(Text))
            .transpose()?,
        folder: args
            .folder
            .as_ref()
            .map(|text| connect::parsed("folder", text).map(Text))
            .transpose()?,
        since: args.since.map(|since| Text(since.seen_from(now))),
    })
}

/// As often as it takes: one call has a bound. What is pending again is dead no more.
async fn all(desk: &Remote, ask: Ask) -> Result<ReplayedMany, Failure> {
    let mut all = 0;
    loop {
        let some = desk.replay_many(ask.clone()).await?;
        all += some.replayed;
        if !some.more || some.replayed == 0 {
            return Ok(ReplayedMany {
                replayed: all,
                more: some.more,
            });
        }
    }
}
