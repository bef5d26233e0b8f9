//! Real programs in real pseudo-terminals, without a server.

mod bare;
mod flood;
mod hostile;
mod rig;
mod turns;
