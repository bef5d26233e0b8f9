//! What happens to the server: it is killed, stopped, started again, and its disk is full.

use std::{
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use e2e::server::Doorbell;

use crate::{
    disk::Disk,
    scene::Scene,
    vitals::{Vitals, grown},
};

/// How long a disk stays full.
const FULL_FOR: Duration = Duration::from_secs(2);

pub(crate) struct Weather<'a> {
    server: Doorbell<'a>,
    disk: &'a Disk,
    scene: &'a Scene,
    /// Between two things that happen.
    gap: Duration,
    began: Instant,
}

impl<'a> Weather<'a> {
    pub(crate) fn new(
        server: Doorbell<'a>,
        disk: &'a Disk,
        scene: &'a Scene,
        how_long: Duration,
    ) -> Self {
        Self {
            server,
            disk,
            scene,
            gap: (how_long / 60).clamp(Duration::from_millis(500), Duration::from_secs(20)),
            began: Instant::now(),
        }
    }

    /// Everything, in turn: two kills, a full disk, a stop.
    pub(crate) fn rough(&mut self, until: Instant) {
        for turn in 0_u32.. {
            thread::sleep(self.gap);
            if Instant::now() >= until {
                return;
            }
            match turn % 4 {
                0 | 2 => {
                    // Every moment of what it does is met by one of them.
                    self.scene.kills.fetch_add(1, Ordering::Relaxed);
                    self.server.crash_and_restart();
                }
                1 => self.full(),
                _ => {
                    self.scene.stops.fetch_add(1, Ordering::Relaxed);
                    self.server.stop_and_restart();
                }
            }
            self.tell();
        }
    }

    /// Nothing but load; what it takes is looked at.
    pub(crate) fn calm(&mut self, until: Instant) {
        let pause = (until.saturating_duration_since(Instant::now()) / 120)
            .clamp(Duration::from_millis(100), Duration::from_secs(10));
        // What it keeps at hand it has after a while.
        let settled = Instant::now() + pause * 20;
        let mut samples = Vec::new();
        let mut told = Instant::now();
        while Instant::now() < until {
            thread::sleep(pause);
            if Instant::now() >= settled {
                samples.push(self.vitals());
            }
            if told.elapsed() >= self.gap * 3 {
                self.tell();
                told = Instant::now();
            }
        }
        for what in grown(&samples) {
            self.scene.ledger.fault(format!("it grows: {what}"));
        }
    }

    /// The server is stopped in order; whatever it printed is no panic.
    pub(crate) fn end(self) {
        let home = self.server.home;
        self.server.stop();
        let said = home.read("server.err");
        if said.contains("panicked") {
            self.scene
                .ledger
                .fault("the server panicked: see server.err".into());
        }
    }

    fn full(&mut self) {
        if self.disk.can_be_full() {
            self.scene.fills.fetch_add(1, Ordering::Relaxed);
            self.disk.fill();
            thread::sleep(FULL_FOR);
            self.disk.free();
        }
    }

    fn vitals(&self) -> Vitals {
        let accepted = self.scene.ledger.counts().accepted;
        Vitals::of(self.server.pid(), self.disk.used(), accepted)
    }

    fn tell(&self) {
        let counts = self.scene.ledger.counts();
        println!(
            "{:>5} s: {} accepted, {} acknowledged; {}",
            self.began.elapsed().as_secs(),
            counts.accepted,
            counts.acked,
            self.vitals()
        );
    }
}
