//! Where messages and grants are kept: adapters of the ports in `doorbell_core`.

#[allow(dead_code, reason = "retention comes next")]
pub mod redb;
