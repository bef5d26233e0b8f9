//! Who may do what, as a value.
//!
//! [`authorize`] is the only way to a [`Permit`], and whatever changes or shows anything demands
//! one: a face that forgot to ask would not compile.

use crate::{folder::Folder, pattern::Pattern, principal::Principal};

/// Something a principal may or may not do.
pub trait Action {
    /// Whether `principal` may.
    fn allowed_to(&self, principal: &Principal) -> bool;
}

/// Proof that a principal may do `A`. Only [`authorize`] makes one.
///
/// ```compile_fail
/// use doorbell_core::{acl::{Operate, Permit}, principal::Principal};
/// let forged = Permit { principal: Principal::Operator, action: Operate };
/// ```
#[derive(Clone, Debug)]
pub struct Permit<A> {
    principal: Principal,
    action: A,
}

/// The answer to a principal that may not. It does not say what exists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {0} may not do this")]
pub struct Denied(pub Principal);

/// Decides. The only place that does.
pub fn authorize<A: Action>(principal: &Principal, action: A) -> Result<Permit<A>, Denied> {
    if action.allowed_to(principal) {
        Ok(Permit {
            principal: principal.clone(),
            action,
        })
    } else {
        Err(Denied(principal.clone()))
    }
}

impl<A> Permit<A> {
    /// What is permitted.
    pub fn action(&self) -> &A {
        &self.action
    }

    /// To whom.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// To mint a URL whose messages go to a folder.
#[derive(Clone, Debug)]
pub struct Mint {
    /// Where they go.
    pub target_folder: Folder,
}

impl Action for Mint {
    fn allowed_to(&self, principal: &Principal) -> bool {
        principal.contains(&self.target_folder)
    }
}

impl Permit<Mint> {
    /// The folder that will own the grant: the agent's own; for an operator, the target.
    pub fn owner_folder(&self) -> &Folder {
        self.principal.home().unwrap_or(&self.action.target_folder)
    }
}

/// To open, end and hand out channels into a session of a folder.
#[derive(Clone, Debug)]
pub struct UseSession {
    /// Whose session it is, or is to be.
    pub folder: Folder,
}

impl Action for UseSession {
    fn allowed_to(&self, principal: &Principal) -> bool {
        principal.contains(&self.folder)
    }
}

impl Permit<UseSession> {
    /// The folder that will own a channel grant: the agent's own; for an operator, the session's.
    pub fn owner_folder(&self) -> &Folder {
        self.principal.home().unwrap_or(&self.action.folder)
    }
}

/// To list and revoke grants. Everyone may, within a [`Scope`].
#[derive(Clone, Copy, Debug)]
pub struct ManageGrants;

impl Action for ManageGrants {
    fn allowed_to(&self, _: &Principal) -> bool {
        true
    }
}

/// To set a rule that routes messages.
#[derive(Clone, Debug)]
pub struct SetRule {
    /// Which messages it is about. It only filters what the rule's owner may route, but one that
    /// plainly means others' messages is refused.
    pub pattern: Pattern,
    /// Where it sends them: this folder, or a session of it.
    pub target_folder: Folder,
}

impl Action for SetRule {
    fn allowed_to(&self, principal: &Principal) -> bool {
        let literal = self.pattern.literal_path();
        let meant = match principal.home() {
            Some(home) => literal.is_empty() || home.contains_path(literal),
            None => true,
        };
        meant && principal.contains(&self.target_folder)
    }
}

/// To list, try and remove rules. Everyone may, within a [`Scope`].
#[derive(Clone, Copy, Debug)]
pub struct ManageRules;

impl Action for ManageRules {
    fn allowed_to(&self, _: &Principal) -> bool {
        true
    }
}

/// To lease from a folder's inbox.
#[derive(Clone, Debug)]
pub struct Consume {
    /// Whose inbox.
    pub folder: Folder,
}

impl Action for Consume {
    fn allowed_to(&self, principal: &Principal) -> bool {
        principal.contains(&self.folder)
    }
}

/// To read the log, settle and replay. Everyone may, within a [`Scope`].
#[derive(Clone, Copy, Debug)]
pub struct UseMessages;

impl Action for UseMessages {
    fn allowed_to(&self, _: &Principal) -> bool {
        true
    }
}

/// To run the instance: keys, backups, the whole of everything.
#[derive(Clone, Copy, Debug)]
pub struct Operate;

impl Action for Operate {
    fn allowed_to(&self, principal: &Principal) -> bool {
        matches!(principal, Principal::Operator)
    }
}

/// Which folders a permit reaches. Storage filters by it and cannot make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope(Principal);

impl Scope {
    /// Whether what belongs to `folder` is within.
    pub fn covers(&self, folder: &Folder) -> bool {
        self.0.contains(folder)
    }

    /// Whether everything is within, the root included.
    pub fn covers_everything(&self) -> bool {
        self.0 == Principal::Operator
    }
}

impl Permit<ManageGrants> {
    /// The grants in reach are those whose owner folder this covers.
    pub fn scope(&self) -> Scope {
        Scope(self.principal.clone())
    }
}

impl Permit<ManageRules> {
    /// The rules in reach are those whose owner this covers.
    pub fn scope(&self) -> Scope {
        Scope(self.principal.clone())
    }
}

impl Permit<UseMessages> {
    /// The messages in reach are those routed to a folder that this covers.
    pub fn scope(&self) -> Scope {
        Scope(self.principal.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(text: &str) -> Folder {
        text.parse().expect("legal")
    }

    #[test]
    fn an_agent_mints_at_home_and_below_and_owns_what_it_mints() {
        let agent = Principal::Agent(folder("acme/eng"));
        let below = authorize(
            &agent,
            Mint {
                target_folder: folder("acme/eng/web"),
            },
        )
        .expect("below");
        assert_eq!(below.owner_folder(), &folder("acme/eng"));
        for elsewhere in ["acme", "acme/engine", "other"] {
            assert!(
                authorize(
                    &agent,
                    Mint {
                        target_folder: folder(elsewhere)
                    }
                )
                .is_err()
            );
        }
    }

    #[test]
    fn what_an_operator_mints_belongs_to_the_target() {
        let permit = authorize(
            &Principal::Operator,
            Mint {
                target_folder: folder("acme"),
            },
        )
        .expect("an operator may");
        assert_eq!(permit.owner_folder(), &folder("acme"));
    }

    #[test]
    fn an_agent_sets_rules_about_its_own_messages_and_to_its_own_folders() {
        let may = |principal: &Principal, pattern: &str, target: &str| {
            let pattern = pattern.parse().expect("legal");
            let target_folder = folder(target);
            authorize(
                principal,
                SetRule {
                    pattern,
                    target_folder,
                },
            )
            .is_ok()
        };
        let agent = Principal::Agent(folder("acme/eng"));
        for own in [
            "hook:**",
            "hook:*/x",
            "hook:acme/eng/*",
            "hook:acme/eng/github",
            "web:acme/eng",
        ] {
            assert!(may(&agent, own, "acme/eng"), "{own}");
        }
        for others in [
            "hook:other/**",
            "hook:acme/**",
            "hook:acme/*",
            "hook:acme/engine/x",
            "hook:acme/x",
        ] {
            assert!(!may(&agent, others, "acme/eng"), "{others}");
            assert!(may(&Principal::Operator, others, "other"), "{others}");
        }
        assert!(may(&agent, "hook:**", "acme/eng/web"));
        for elsewhere in ["acme", "acme/engine", "other"] {
            assert!(!may(&agent, "hook:**", elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn only_an_operator_operates() {
        assert!(authorize(&Principal::Operator, Operate).is_ok());
        assert!(authorize(&Principal::Agent(folder("acme")), Operate).is_err());
    }

    #[test]
    fn a_scope_is_no_wider_than_its_principal() {
        let agent = Principal::Agent(folder("acme"));
        let scope = authorize(&agent, UseMessages).expect("everyone").scope();
        assert!(scope.covers(&folder("acme/eng")));
        assert!(!scope.covers(&folder("acmecorp")));
    }
}
