//! The store on real files, and on a disk that fails, tears and forgets.

mod contract;
mod reopen;
mod rig;
