//! Keys that interrupt: a job in the background is started with SIGINT and SIGQUIT ignored, one under
//! `nohup` with SIGHUP, and hands that on to all that it starts, so that neither Ctrl-C nor a hangup
//! would do anything in the terminals that tests open.

use std::{
    process,
    sync::{Once, mpsc},
    thread,
};

use tokio::signal::unix::{SignalKind, signal};

/// Whether this process was started with SIGHUP ignored, where that can be told.
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

/// Has every program that is started from now on begin with them as they are by default: a signal that
/// is caught is that again in whoever is started.
pub fn restore_for_children() {
    static RESTORED: Once = Once::new();
    RESTORED.call_once(|| {
        let (caught, ready) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            let kind = runtime.block_on(async {
                let (interrupt, quit) = (SignalKind::interrupt(), SignalKind::quit());
                let mut interrupted = signal(interrupt).expect("caught");
                let mut told_to_quit = signal(quit).expect("caught");
                // Where it is ignored it goes on doing nothing here.
                let _hangup =
                    ignores_hangups().then(|| signal(SignalKind::hangup()).expect("caught"));
                caught.send(()).expect("somebody waits");
                tokio::select! {
                    _ = interrupted.recv() => interrupt,
                    _ = told_to_quit.recv() => quit,
                }
            });
            // Here it still ends the tests.
            process::exit(128 + kind.as_raw_value());
        });
        ready.recv().expect("no panic");
    });
}
