//! What somebody who looks wants to see at once.

use std::collections::BTreeMap;

use doorbell_core::{
    acl::{ManageGrants, authorize},
    address::Inbox,
    folder::Folder,
    principal::Principal,
};
use http::HeaderMap;

use super::{Answer, local::Local};
use crate::{
    config::command_line,
    oidc,
    sources::{self, Steps},
    wire::{
        Commands, FolderEntry, FolderList, InFolder, Minute, Rates, SignInLink, SourceEntry,
        SourceList, Text, TokenEntry, Who, WhoAmI,
    },
};

impl Local {
    /// Who is asking.
    pub fn who_am_i(&self) -> WhoAmI {
        WhoAmI {
            principal: match self.principal() {
                Principal::Operator => Who::Operator,
                Principal::Agent(_) => Who::Agent,
            },
            folder: self.principal().home().cloned().map(Text),
            public_url: self.house.public_url.clone(),
            warning: self.house.url_warning(),
            older_urls: self.older_urls(),
            commands: self.operate().ok().map(|_| Commands {
                mint: command_line("token issue demo try"),
                mcp: command_line("mcp --folder demo"),
            }),
        }
    }

    /// A link that signs a browser in as the caller, on the listener that these headers came to.
    pub fn sign_in_link(&self, headers: &HeaderMap) -> Answer<SignInLink> {
        let authenticator = &self.house.authenticator;
        let base = match &self.house.control_url {
            Some(url) => url.as_str().to_owned(),
            None => oidc::base_as_asked(headers),
        };
        let (link, expires_at) = authenticator.make_link(&self.caller)?;
        tracing::info!(by = %self.caller, "a sign-in link was made");
        Ok(SignInLink {
            url: format!("{base}/sign-in?link={}", link.expose()),
            expires_at: Text(expires_at),
        })
    }

    /// The folders in reach and what is in them: those that URLs and sessions belong to, those that
    /// an operator has issued keys for, and an agent's own.
    pub fn folders(&self, ask: InFolder) -> Answer<FolderList> {
        let permit = authorize(self.principal(), ManageGrants)?;
        let mut found: BTreeMap<Folder, FolderEntry> = BTreeMap::new();
        let mut entry = |folder: &Folder, change: &dyn Fn(&mut FolderEntry)| {
            let named = &ask.folder;
            if named.as_ref().is_none_or(|named| named.0.contains(folder)) {
                change(
                    found
                        .entry(folder.clone())
                        .or_insert_with(|| self.folder(folder)),
                );
            }
        };
        if let Some(home) = self.principal().home() {
            entry(home, &|_| {});
        }
        if let Ok(permit) = self.operate() {
            for key in self.house.registry.list_keys(&permit) {
                if let Some(folder) = key.principal.home().filter(|_| key.is_live()) {
                    entry(folder, &|_| {});
                }
            }
        }
        for grant in self.house.registry.list(&permit, None) {
            entry(&grant.grant.target_folder, &|entry| {
                entry.tokens.push(TokenEntry::from(&grant));
            });
        }
        for session in self.house.store.list_sessions(&permit.scope()) {
            if session.ended_at.is_none() && !session.is_forgotten(self.house.clock.now()) {
                entry(&session.folder, &|entry| entry.sessions += 1);
            }
        }
        Ok(FolderList {
            warning: self.older_urls(),
            folders: found.into_values().collect(),
        })
    }

    fn folder(&self, folder: &Folder) -> FolderEntry {
        let inbox = Inbox::Folder(folder.clone());
        let waiting = (self.house.store).waiting(&inbox, None, self.house.clock.now());
        FolderEntry {
            folder: Text(folder.clone()),
            tokens: Vec::new(),
            sessions: 0,
            ready: waiting.ready,
            resting: waiting.resting,
            leased: waiting.leased,
        }
    }

    /// How many messages came in each minute of the last hour.
    pub fn rates(&self, ask: InFolder) -> Answer<Rates> {
        let scope = self.use_messages()?.scope();
        let within = ask.folder.map(|folder| folder.0);
        let rates = (self.house.store).rates(&scope, within.as_ref(), self.house.clock.now());
        let minutes = rates.map(|(at, messages)| Minute {
            at: Text(at),
            messages,
        });
        Ok(Rates {
            minutes: minutes.into(),
        })
    }

    /// Where URLs can be pasted.
    pub fn sources(&self) -> SourceList {
        let entry = |label: &str, steps: Steps| SourceEntry {
            label: label.to_owned(),
            title: steps.title.to_owned(),
            steps: steps.lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        SourceList {
            sources: sources::known()
                .map(|(label, steps)| entry(label, steps))
                .collect(),
            other: entry("", sources::other()),
        }
    }
}
