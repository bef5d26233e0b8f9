//! The faces: each only translates.

pub mod same_origin;

pub mod cors;

pub mod guard;

pub mod body_clock;

pub mod rest;

pub mod well_known;

pub mod under_path;

pub mod mcp;

pub mod proof;

pub mod dashboard;

pub mod cli;
