//! A request out of any bytes.

use bytes::Bytes;
use doorbell_core::fuzzing::split;
use http::{Request, request::Parts};

/// A request as it is read here: `method target`, a line for each header, an empty line, and what
/// is left is the body. `None`: the parser below us would not let it pass.
pub(super) fn request(data: &[u8]) -> Option<(Parts, Bytes)> {
    let (line, mut rest) = split(data, b'\n');
    let (method, target) = split(line, b' ');
    let mut request = Request::builder().method(method).uri(target);
    loop {
        let (line, behind) = split(rest, b'\n');
        rest = behind;
        if line.is_empty() {
            break;
        }
        let (name, value) = split(line, b':');
        request = request.header(name, value.trim_ascii());
    }
    let parts = request.body(()).ok()?.into_parts().0;
    Some((parts, Bytes::copy_from_slice(rest)))
}
