//! What was only tried out, and never revoked, is forgotten all the same.

use std::{sync::Arc, time::Duration};

use crate::{desk::forgetting, house::House};

/// How often to look.
const EVERY: Duration = Duration::from_secs(30);

/// Forgets it as it ends, until the server does.
pub(super) async fn forget(house: Arc<House>) {
    loop {
        tokio::time::sleep(EVERY).await;
        // A store that is not ready is asked again.
        if let Err(refusal) = forgetting::probes(&house).await {
            tracing::debug!(%refusal, "what was tried out is not settled yet");
        }
    }
}
