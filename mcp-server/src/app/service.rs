//! What a service manager is told: systemd, with `Type=notify`. Nothing, where there is none.

/// It serves.
pub(super) fn ready() {
    #[cfg(target_os = "linux")]
    tell(&sd_notify::NotifyState::Ready);
}

/// It was told to stop, and does.
pub(super) fn stopping() {
    #[cfg(target_os = "linux")]
    tell(&sd_notify::NotifyState::Stopping);
}

#[cfg(target_os = "linux")]
fn tell(state: &sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
