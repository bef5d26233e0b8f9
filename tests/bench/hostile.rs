//! An attack as a process of its own, which gets what processor time the others leave.

use crate::{Outcome, process};
use e2e::hostile::{Attack, Tally};
use std::io::{BufRead, BufReader, Read, Write, stdin, stdout};
use std::process::{Child, Command, Stdio};

/// One that runs; killed when dropped.
pub(crate) struct Hostile {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Hostile {
    /// Starts it, and returns when all is held that it can hold.
    pub(crate) fn begin(attack: &Attack) -> Outcome<Self> {
        let mut child = Command::new("nice")
            .args(["-n", "19"])
            .arg(std::env::current_exe()?)
            .arg("hostile")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut hostile = Self { child, said };
        // On its standard input and not in its arguments, which everybody may read.
        let mut told = hostile.child.stdin.as_ref().expect("stdin is piped");
        serde_json::to_writer(&mut told, attack)?;
        told.write_all(b"\n")?;
        let mut line = String::new();
        hostile.said.read_line(&mut line)?;
        match line.trim() {
            "begun" => Ok(hostile),
            other => Err(format!("the attack did not begin: {other:?}").into()),
        }
    }

    /// Ends it; what it did.
    pub(crate) fn end(mut self) -> Outcome<Tally> {
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.said.read_to_string(&mut said)?;
        Ok(serde_json::from_str(&said)?)
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        process::reap(&mut self.child);
    }
}

/// Attacks as the first line of standard input says, until that ends.
pub(crate) fn attack() -> Outcome<()> {
    let mut lines = stdin().lock();
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let attack: Attack = serde_json::from_str(&line)?;
    let running = attack.begin()?;
    writeln!(stdout(), "begun")?;
    lines.read_to_string(&mut line)?;
    writeln!(stdout(), "{}", serde_json::to_string(running.tally())?)?;
    Ok(())
}
