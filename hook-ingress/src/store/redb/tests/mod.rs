//! The store on real files, and on a disk that fails, tears and forgets.

mod backup;
mod channels;
mod check;
mod clocks;
mod contract;
mod crash;
mod damage;
mod disk;
mod full;
mod hanging;
mod reopen;
mod restore;
mod retention;
mod rig;
mod rotation;
mod routes;
mod unused;
mod upgrade;
