//! What is typed to a program, what it prints, what a client writes, and what a model is shown.

use doorbell_core::fuzzing::Target;

use super::{Kind, Work};
use crate::{faces::mcp::fuzzing as mcp, session::pty::fuzzing as pty, untrusted};

/// So many bytes of a piece, over and over.
fn filled(piece: &[u8], length: usize) -> Vec<u8> {
    piece.iter().copied().cycle().take(length).collect()
}

/// What is counted is the target itself, which does a constant number of passes of its own.
fn met(target: Target, data: Vec<u8>) -> Work {
    Box::new(move || target.1(&data))
}

pub(super) fn kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for (name, piece) in [
        ("a text of line ends", &b"\r\n\r"[..]),
        ("a text of controls", b"\x1b[201~\x7f"),
        ("a text without a line's end", b"abc\xc3\xa9"),
        ("sequences that set modes", b"\x1b[?1;2004;25h"),
        ("a sequence without an end", b"1;"),
        ("strings that are broken off", b"\x1b]0;a\x18\x1bP\x1b"),
        ("pastes that almost end", b"\x1b[200~\x1b\x1b[201"),
    ] {
        kinds.push(Kind::new(name, 4 << 10, move |length| {
            let mut data = filled(piece, length);
            // In canonical mode, as a paste, and read a byte at a time.
            data.insert(0, 0b1111);
            if name == "a sequence without an end" {
                data.splice(1..1, *b"\x1b[?");
            }
            met(("pty", pty::pty), data)
        }));
    }
    let message = |id: usize| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
    kinds.push(Kind::new("lines of a client", 80, move |count| {
        let lines: String = (0..count).map(|id| message(id) + "\n").collect();
        met(("mcp", mcp::mcp), [b"\xff", lines.as_bytes()].concat())
    }));
    kinds.push(Kind::new("a batch", 40, move |count| {
        let batch: Vec<_> = (0..count).map(message).collect();
        let batch = format!("\u{7f}[{}]\n", batch.join(","));
        met(("mcp", mcp::mcp), batch.into_bytes())
    }));
    for (name, piece) in [
        ("arguments of a call", r#""a":{"b":[1,"\u0041"]},"#),
        (
            "deep arguments",
            r#""a":[[[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]],"#,
        ),
        ("an argument many times", r#""max":1,"#),
    ] {
        kinds.push(Kind::new(name, 8 << 10, move |length| {
            let arguments = piece.repeat(length / piece.len());
            let call = format!(
                "\u{7f}{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\
                 \"params\":{{\"name\":\"x\",\"arguments\":{{{arguments}\"b\":1}}}}}}\n"
            );
            met(("mcp", mcp::mcp), call.into_bytes())
        }));
    }
    kinds.push(Kind::new("lines that are not JSON", 80, |count| {
        met(
            ("mcp", mcp::mcp),
            [b"\xff", "{]\n".repeat(count).as_bytes()].concat(),
        )
    }));
    kinds.push(Kind::new("blanks that do not show", 16 << 10, |length| {
        let text = "\u{200b} \u{202e}\n".repeat(length / 8);
        Box::new(move || {
            let shown = untrusted::quoted(&text, usize::MAX / 2);
            assert!(shown.len() > text.len());
        })
    }));
    kinds
}
