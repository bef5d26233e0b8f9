//! `listen --issue`: a URL of its own, for as long as one listens.

use std::time::Duration;

use doorbell_core::{address::Jid, grant::GrantId, label::Label, pattern::Pattern};

use super::super::{Failure, log::Subject, stop::Stop, terminal};
use crate::{
    config::command_line,
    desk::{Answer, Desk, Remote},
    refusal::Refusal,
    wire::{
        Ack, Count, IssueWebhook, IssuedToken, MessageState, Page, PageCursor, Read, SettleStatus,
        Text,
    },
};

/// How long it lives if it is not revoked: whoever is killed revokes nothing.
const TTL: Duration = Duration::from_secs(24 * 3600);
/// How many messages are looked at in one call at the end.
const AT_ONCE: u64 = 500;

/// A URL that ends with whoever listens.
pub(super) struct Own {
    url: String,
    jid: Jid,
    grant: GrantId,
    keep: bool,
}

impl Own {
    /// Mints it, for the subject's folder.
    pub(super) async fn mint(
        subject: &Subject<'_>,
        label: Label,
        keep: bool,
    ) -> Result<Self, Failure> {
        let ask = IssueWebhook {
            probe: false,
            source_label: Text(label),
            jid_suffix: None,
            target_folder: None,
            context: None,
            ttl_seconds: Some(Count::clamped(TTL.as_secs())),
        };
        let issued: IssuedToken = subject.desk()?.issue_webhook(ask).await?;
        Ok(Self {
            url: issued.url.unwrap_or(issued.token),
            jid: issued.jid.0,
            grant: issued.grant_id.0,
            keep,
        })
    }

    /// What to listen to: its address.
    pub(super) fn pattern(&self) -> Result<Pattern, Refusal> {
        let parsed = self.jid.as_str().parse();
        parsed.map_err(|error| Refusal::Internal(format!("{}: {error}", self.jid)))
    }

    /// Shows it, alone on a line of standard error: standard output is the messages'.
    pub(super) fn show(&self) {
        let end = if self.keep {
            "it lives 24 h, and what comes waits in the inbox".to_owned()
        } else {
            "it is revoked when this ends (--keep leaves it for 24 h)".to_owned()
        };
        terminal::explain(&self.url);
        terminal::explain(&format!(
            "{}: paste the URL above into the sender's webhook settings; {end}",
            self.jid
        ));
    }

    /// Revokes it and settles what came through it and nobody leased. A second signal leaves it at
    /// that; what is left behind is said.
    pub(super) async fn end(self, subject: &Subject<'_>, stop: &mut Stop) {
        if self.keep {
            terminal::explain(&format!(
                "the URL of {} is left; revoke it with: {}",
                self.jid,
                self.revoking()
            ));
            return;
        }
        let seen = stop.count();
        let ended = tokio::select! {
            ended = self.clear(subject) => ended,
            _ = stop.nth(seen) => Err(Refusal::Unavailable("stopped twice".to_owned()).into()),
        };
        match ended {
            Ok(0) => terminal::explain("the URL is revoked"),
            Ok(1) => {
                terminal::explain("the URL is revoked, and 1 message settled that nobody took")
            }
            Ok(n) => terminal::explain(&format!(
                "the URL is revoked, and {n} messages settled that nobody took"
            )),
            Err(failure) => terminal::explain(&format!(
                "the URL of {} may still be live, for 24 h at the most ({}); revoke it with: {}",
                self.jid,
                terminal::printable(&failure.to_string()),
                self.revoking()
            )),
        }
    }

    /// What revokes it, to be typed.
    fn revoking(&self) -> String {
        command_line(&format!("token revoke {}", self.grant))
    }

    async fn clear(&self, subject: &Subject<'_>) -> Result<u64, Failure> {
        let desk = subject.desk()?;
        // Once it has returned nothing more comes.
        desk.revoke_grant(self.grant).await?;
        let (mut settled, mut cursor) = (0, None);
        loop {
            let page = self.untaken(&desk, cursor.take()).await?;
            let mut ids = Vec::new();
            for message in &page.messages {
                // Other URLs may have the same address.
                let ours = desk.message(message.id.0, Some(0)).await?.grant_id.0 == self.grant;
                if ours && message.attempt == 0 {
                    ids.push(message.id.0.to_string());
                }
            }
            if !ids.is_empty() {
                let results = desk.ack(Ack { ids }).await?.results;
                let acked = results.iter().filter(|it| it.status == SettleStatus::Acked);
                settled += acked.count() as u64;
            }
            if page.messages.is_empty() && !page.more {
                return Ok(settled);
            }
            cursor = Some(page.cursor.0);
        }
    }

    /// What is pending at its address.
    async fn untaken(&self, desk: &Remote, cursor: Option<PageCursor>) -> Answer<Page> {
        let ask = Read {
            pattern: Some(Text(self.pattern()?)),
            state: Some(MessageState::Pending),
            cursor: cursor.map(Text),
            limit: Some(Count::clamped(AT_ONCE)),
            max_body_bytes: Some(Count::clamped(0)),
            ..Read::default()
        };
        desk.read(ask).await
    }
}
