//! How many files the process may have open, and who may have how many of them.
//!
//! A connection is an open file. The listeners' connections are capped so that what the store, the
//! log and those who come next need is always left.

use doorbell_ingress::limits::ConnectionLimits;

/// What the process has beside connections: the store's files, the log, the runtime, and connections
/// that are over and not gone yet.
const RESERVE: u64 = 192;
/// As much as any default needs, and not so much that a program we start is surprised by it.
const WANTED: u64 = 10_240;

/// The most connections of each listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Connections {
    /// Of the front door.
    pub(super) front: usize,
    /// Of the control listener.
    pub(super) control: usize,
}

impl Connections {
    /// Raises the soft limit of open files as far as is wanted and allowed, and divides what is there.
    pub(super) fn for_this_process() -> Self {
        let most = raised();
        let connections = Self::within(most);
        let default = ConnectionLimits::default().connections;
        if connections.front < default {
            tracing::warn!(
                open_files = most,
                front = connections.front,
                control = connections.control,
                "few files may be open, so fewer connections are let in than {default}; raise the \
                 limit: ulimit -n {WANTED}, or LimitNOFILE={WANTED} in a unit of systemd"
            );
        }
        connections
    }

    /// Of so many open files.
    fn within(most: u64) -> Self {
        let default = ConnectionLimits::default().connections;
        let few = most - RESERVE.min(most / 2);
        let few = usize::try_from(few).unwrap_or(usize::MAX);
        let control = (few / 4).clamp(1, default);
        Self {
            front: few.saturating_sub(control).clamp(1, default),
            control,
        }
    }
}

/// The soft limit, after it was raised.
#[cfg(unix)]
fn raised() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let Some(soft) = limit.current else {
        return u64::MAX;
    };
    let wanted = limit.maximum.map_or(WANTED, |hard| hard.min(WANTED));
    if wanted <= soft {
        return soft;
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, soft, "the limit of open files cannot be raised");
            soft
        }
    }
}

#[cfg(not(unix))]
fn raised() -> u64 {
    u64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_the_store_and_the_door_has_the_greater_part() {
        for (most, front, control) in [
            (u64::MAX, 4096, 4096),
            (10_240, 4096, 2512),
            (1024, 624, 208),
            (256, 96, 32),
            (64, 24, 8),
            (1, 1, 1),
        ] {
            assert_eq!(
                Connections::within(most),
                Connections { front, control },
                "{most}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_soft_limit_is_raised_to_what_is_wanted() {
        use rustix::process::{Resource, getrlimit};

        let most = raised();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current.unwrap_or(u64::MAX), most);
        assert!(most >= limit.maximum.map_or(WANTED, |hard| hard.min(WANTED)));
    }
}
