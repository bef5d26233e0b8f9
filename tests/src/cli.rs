//! The command line as a person or a script runs it.

use std::{
    io::Write,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::{binary, run, server::Home};

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// What it printed to standard output.
    pub stdout: String,
    /// What it printed to standard error.
    pub stderr: String,
}

impl Ran {
    /// Fails the test unless the exit code is this one; hands the result on.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout: {}\nstderr: {}",
            self.stdout, self.stderr
        );
        self
    }

    /// Standard output as JSON, a value a line.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).expect("each line is JSON");
        self.stdout.lines().map(parse).collect()
    }
}

impl Home {
    /// `doorbell` with these arguments, to be added to and started.
    pub fn doorbell(&self, args: &[&str]) -> Command {
        let mut command = self.command(binary::doorbell());
        command.args(args);
        command
    }

    /// Runs `doorbell` to its end. What it printed is kept for the search.
    pub fn cli(&self, args: &[&str]) -> Ran {
        self.cli_with(args, &[])
    }

    /// The same with further variables in its environment.
    pub fn cli_with(&self, args: &[&str], env: &[(&str, &str)]) -> Ran {
        let ran = self.run(args, env);
        self.keep(args, &ran.stdout);
        ran
    }

    /// Runs a command whose standard output is a new token: that is not kept but looked for.
    pub fn mint(&self, args: &[&str]) -> Ran {
        let ran = self.run(args, &[]);
        run::register(&ran.stdout);
        ran
    }

    fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Ran {
        let mut command = self.doorbell(args);
        command.envs(env.iter().copied());
        let output = command.output().expect("the binary can be started");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        let ran = Ran {
            code: output.status.code().expect("no signal ended it"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        self.keep(args, &ran.stderr);
        ran
    }

    fn keep(&self, args: &[&str], said: &str) {
        // The arguments are ours and may name a token on purpose; only the command's name is kept.
        let name = args.first().copied().unwrap_or("serve");
        writeln!(self.log("cli.log"), "{name}: {said}").expect("the test's directory is writable");
    }

    /// Starts `doorbell` with its output going to files of this name; killed when dropped.
    pub fn start(&self, args: &[&str], name: &str) -> Running {
        let child = self
            .doorbell(args)
            .stdout(self.log(&format!("{name}.out")))
            .stderr(self.log(&format!("{name}.err")))
            .spawn()
            .expect("the binary can be started");
        Running(child)
    }
}

/// A command that runs until it is told to stop.
#[derive(Debug)]
pub struct Running(pub Child);

impl Running {
    /// Gives it something to read; only where its input was piped.
    pub fn piped(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        Self(child.expect("the program can be started"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
