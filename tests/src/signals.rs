//! Keys that interrupt: a job in the background is started with SIGINT and SIGQUIT ignored, and hands
//! that on to all that it starts, so that Ctrl-C would do nothing in the terminals that tests open.

use std::{
    process,
    sync::{Once, mpsc},
    thread,
};

use tokio::signal::unix::{SignalKind, signal};

/// Has every program that is started from now on begin with both as they are by default: a signal that
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
