//! The faces: each only translates.

pub mod guard;

pub mod rest;

pub mod well_known;

pub mod mcp;

pub mod cli;
