//! What must hold of the bytes in a file, wherever they come from.

mod record;
mod restore;
mod segment;

pub(crate) use self::{record::record, restore::restore, segment::segment};
