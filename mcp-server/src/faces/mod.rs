//! The faces: each only translates.

pub mod guard;

pub mod rest;

pub mod mcp;

pub mod cli;
