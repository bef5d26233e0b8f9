//! The laws every store must obey.
