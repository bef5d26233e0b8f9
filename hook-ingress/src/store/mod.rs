//! Where messages and grants are kept: adapters of the ports in `doorbell_core`.

pub mod redb;
