//! The one thread that begins write transactions.
//!
//! It takes one command, drains what is already waiting, commits it all, and only then answers.
//! There is no timer while there is work: an idle store adds no latency, a busy one shares its
//! fsyncs.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use doorbell_core::ports::StoreError;

use super::{
    command::Command,
    control::Change,
    fault::{Fault, guarded},
    keeper::Job,
    load::{self, Open},
    newest::Newest,
    schema::{CONTROL_FILE, NEXT_FILE, log_path},
    segment::{Handle, Segment},
    shared::Shared,
    turn::{Chances, Turn},
};

/// How many commands may wait. What comes on top is told that the store is not ready.
pub(super) const QUEUE: usize = 8192;
/// How many commands are decided in one turn at the most.
const MAX_COMMANDS: usize = 1024;
/// How many bytes of bodies are taken in one turn, about.
const MAX_WEIGHT: usize = 4 << 20;
/// After so long without work a commit is made that saves the next open a repair.
const IDLE: Duration = Duration::from_millis(50);
/// How long to wait before the files are opened again after a fault, at first and at the most.
const RETRY: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(5)];

/// The writer.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    queue: Receiver<Command>,
    keeper: Sender<Job>,
    chances: Chances,
    /// How many commands were in the last turn: as many may well come again.
    commands: Vec<Command>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, queue: Receiver<Command>, keeper: Sender<Job>) -> Self {
        Self {
            shared,
            queue,
            keeper,
            chances: Chances::default(),
            commands: Vec::new(),
        }
    }

    /// Serves until it is closed or nobody is left to ask.
    pub(super) fn run(mut self, mut open: Open) {
        loop {
            let fault = match self.serve(&mut open) {
                Ok(answer) => {
                    let closed = self.close(open);
                    if let Some(answer) = answer {
                        drop(answer.send(closed.map_err(StoreError::from)));
                    }
                    return;
                }
                Err(fault) => fault,
            };
            tracing::error!(error = %fault, "the store is not ready; its files are opened anew");
            self.shared.set_health(Err(fault));
            self.put_away(open);
            match self.reopen() {
                Some(again) => open = again,
                None => return,
            }
        }
    }

    /// Serves until there is a fault, or until it is to end.
    fn serve(&mut self, open: &mut Open) -> Result<Option<super::command::Answer<()>>, Fault> {
        let _ = self.keeper.send(Job::Prepare);
        loop {
            let first = if open.newest.dirty() {
                match self.queue.recv_timeout(IDLE) {
                    Ok(command) => command,
                    Err(RecvTimeoutError::Timeout) => {
                        open.newest.settle_down()?;
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => return Ok(None),
                }
            } else {
                match self.queue.recv() {
                    Ok(command) => command,
                    Err(_) => return Ok(None),
                }
            };
            let mut weight = first.weight();
            let mut commands = std::mem::take(&mut self.commands);
            commands.push(first);
            // Whoever is about to ask may get the processor once: under load a batch grows, and
            // alone a request loses a system call.
            for last_call in [false, true] {
                while commands.len() < MAX_COMMANDS
                    && weight < MAX_WEIGHT
                    && let Ok(command) = self.queue.try_recv()
                {
                    weight += command.weight();
                    commands.push(command);
                }
                if !last_call {
                    std::thread::yield_now();
                }
            }
            let outcome = self.turn(open, &mut commands);
            let close = outcome?;
            commands.clear();
            self.commands = commands;
            if close.is_some() {
                return Ok(close);
            }
            // redb doubles a file, so one that is sealed just short of a power of two has next to
            // no tail to give back.
            let full = self.shared.setup.segment_bytes / 16 * 15;
            if open.newest.bytes() >= full {
                self.rotate(open)?;
            }
        }
    }

    /// Decides commands in their order, commits, and answers.
    fn turn(
        &mut self,
        open: &mut Open,
        commands: &mut Vec<Command>,
    ) -> Result<Option<super::command::Answer<()>>, Fault> {
        let shared = self.shared.clone();
        let mut turn = Turn::default();
        let mut close = None;
        let mut fault = None;
        let mut house = Vec::new();
        for command in commands.drain(..) {
            if let Some(fault) = &fault {
                command.refuse(&StoreError::from(Fault::clone(fault)));
                continue;
            }
            match command {
                Command::Put(put) => {
                    if let Err(error) = turn.put(&shared, open, &mut self.chances, *put) {
                        fault = Some(error);
                    }
                }
                Command::Lease(request, answer) => turn.lease(&shared, &request, answer),
                Command::Settle(command) => turn.settle(&shared, *command),
                Command::Replay(target, now, answer) => turn.replay(&shared, target, now, answer),
                Command::ReplayMany(targets, now, answer) => {
                    turn.replay_many(&shared, targets, now, answer);
                }
                Command::Reroute(reroute, answer) => turn.reroute(&shared, *reroute, answer),
                Command::Expire(now, answer) => turn.expire(&shared, now, answer),
                Command::Bury(ids, now, answer) => turn.bury(&shared, &ids, now, answer),
                Command::InsertGrant(grant, hash, now, answer) => {
                    turn.insert_grant(&shared, *grant, hash, now, answer);
                }
                Command::RevokeGrants(ids, at, answer) => {
                    turn.revoke_grants(&shared, ids, at, answer);
                }
                Command::InsertKey(key, hash, answer) => turn.insert_key(*key, hash, answer),
                Command::RevokeKey(id, at, answer) => turn.revoke_key(&shared, id, at, answer),
                Command::KeepBrowser(session, hash, answer) => {
                    turn.keep_browser(&shared, *session, hash, answer);
                }
                Command::EndBrowser(hash, answer) => turn.end_browser(&shared, hash, answer),
                Command::Channel(command) => turn.channel(&shared, *command),
                Command::SetRule(rule, answer) => turn.set_rule(&shared, *rule, answer),
                Command::RemoveRule(id, answer) => turn.remove_rule(&shared, id, answer),
                Command::Close(answer) => close = Some(answer),
                other => house.push(other),
            }
        }
        let outcome = match fault {
            Some(fault) => Err(fault),
            None => self.commit(open, &mut turn),
        };
        match outcome {
            Ok(()) => {
                let lingering = std::mem::take(&mut turn.lingering);
                if !lingering.is_empty() {
                    // Before anyone is answered: who asked for it may wait for what follows.
                    let known = shared.lingering.lock();
                    known
                        .expect("nothing panics under this lock")
                        .extend(lingering);
                    let _ = self.keeper.send(Job::Reroute);
                }
                turn.finish(&shared, open);
                for command in house {
                    self.housekeeping(open, command)?;
                }
                Ok(close)
            }
            Err(fault) => {
                // Whoever is told so finds the store not ready.
                self.shared.set_health(Err(fault.clone()));
                let why = StoreError::from(fault.clone());
                turn.fail(&why);
                if let Some(answer) = close {
                    drop(answer.send(Err(why)));
                }
                Err(fault)
            }
        }
    }

    /// Control first, then the log; both before anything is answered, so that nothing is stored
    /// through a grant after its revocation was.
    fn commit(&mut self, open: &mut Open, turn: &mut Turn) -> Result<(), Fault> {
        if !turn.changes.is_empty() || !turn.batch.is_empty() {
            self.shared.make_way();
        }
        if !turn.changes.is_empty() {
            let uses = std::mem::take(&mut open.unsaved_uses);
            turn.changes
                .extend(uses.into_iter().map(|(id, at)| Change::Used(id, at)));
            open.latest = self.shared.setup.clock.now();
            turn.changes.push(Change::Latest(open.latest));
            let path = self.shared.setup.dir.join(CONTROL_FILE);
            guarded(&path, || open.control.commit(&turn.changes))?;
            let mut registry = self
                .shared
                .registry
                .write()
                .expect("nothing panics under this lock");
            turn.changes
                .iter()
                .for_each(|change| registry.apply(change));
        }
        if !turn.batch.is_empty() {
            let began = Instant::now();
            let path = open.newest.segment.path.clone();
            guarded(&path, || {
                let (batch, origins) = (&mut turn.batch, &self.shared.origins);
                open.newest.commit(batch, open.next_event, origins)
            })?;
            let figures = &self.shared.figures;
            figures.times.observe_time(began.elapsed());
            if !turn.batch.records.is_empty() {
                figures.sizes.observe(turn.batch.records.len() as u64);
            }
            open.next_event += turn.batch.events.len() as u64;
        }
        Ok(())
    }

    /// Goes on in the file that was made ready; if there is none yet, in this one for a while.
    pub(super) fn rotate(&mut self, open: &mut Open) -> Result<(), Fault> {
        // The keeper holds it while it makes one.
        let Ok(mut spare) = self.shared.spare.try_lock() else {
            return Ok(());
        };
        let Some(db) = spare.take() else {
            let _ = self.keeper.send(Job::Prepare);
            return Ok(());
        };
        let setup = &self.shared.setup;
        // A file that only events were written to has a number all the same.
        if open.next_seq == open.newest.segment.first {
            open.next_seq += 1;
        }
        let path = log_path(&setup.dir, open.next_seq);
        setup.disk.rename(&setup.dir.join(NEXT_FILE), &path)?;
        drop(spare);
        let handle = Handle::Newest(db.clone());
        let segment = Arc::new(Segment::new(
            open.next_seq,
            path,
            handle,
            setup.disk.clone(),
        ));
        let newest = Newest::take(segment.clone(), db)?;
        let sealed = std::mem::replace(&mut open.newest, newest).segment;
        let mut chain = Vec::clone(&self.shared.chain());
        chain.push(segment);
        self.shared.set_chain(chain);
        let _ = self.keeper.send(Job::Seal(sealed));
        let _ = self.keeper.send(Job::Prepare);
        Ok(())
    }

    /// Closes everything well.
    fn close(&self, mut open: Open) -> Result<(), Fault> {
        self.shared
            .set_health(Err(Fault::Disk("it is closed".into())));
        let mut changes: Vec<_> = open
            .unsaved_uses
            .drain()
            .map(|(id, at)| Change::Used(id, at))
            .collect();
        changes.push(Change::Latest(self.shared.setup.clock.now()));
        let mut outcome = open.control.commit(&changes);
        if open.newest.dirty() {
            outcome = outcome.and(open.newest.settle_down());
        }
        self.put_away(open);
        outcome
    }

    /// Lets go of every file, so that they can be opened again.
    fn put_away(&self, open: Open) {
        drop(open);
        for segment in self.shared.chain().iter() {
            segment.retire();
        }
        self.shared
            .spare
            .lock()
            .expect("nothing panics under this lock")
            .take();
    }

    /// Opens everything anew, however long it takes, refusing what is asked meanwhile.
    fn reopen(&mut self) -> Option<Open> {
        let [mut pause, longest] = RETRY;
        loop {
            let until = Instant::now() + pause;
            loop {
                let left = until.saturating_duration_since(Instant::now());
                match self.queue.recv_timeout(left) {
                    Ok(Command::Close(answer)) => {
                        drop(answer.send(self.shared.ready()));
                        return None;
                    }
                    Ok(command) => {
                        if let Err(why) = self.shared.ready() {
                            command.refuse(&why);
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return None,
                }
            }
            // A disk that filled up between two looks.
            self.shared.make_way();
            let opened = {
                // Whatever waited to be put away stands in files that are opened anew.
                let waiting = self.shared.waiting.lock();
                let mut waiting = waiting.expect("nothing panics under this lock");
                waiting.forget();
                load::open(&self.shared)
            };
            match opened {
                Ok(open) => {
                    self.shared.set_health(Ok(()));
                    return Some(open);
                }
                Err(fault) => self.shared.set_health(Err(fault)),
            }
            pause = (pause * 2).min(longest);
        }
    }
}
