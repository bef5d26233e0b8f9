//! Knowing a raw token by its looks (CONTRACT section 2), written apart from the product's code.

use std::{collections::HashSet, fs, io, path::Path};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX: usize = 4;
const SECRET: usize = 43;
const LENGTH: usize = PREFIX + SECRET + 6;

/// CRC32 as IEEE has it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}

/// The checksum's six characters.
fn check(signed: &[u8]) -> [u8; 6] {
    let mut rest = crc32(signed) as usize;
    let mut out = [b'0'; 6];
    for place in out.iter_mut().rev() {
        *place = ALPHABET[rest % 62];
        rest /= 62;
    }
    out
}

/// Completes a prefix and 43 characters to something that has a token's shape and was never minted.
pub fn forge(prefix: &str, secret: &str) -> String {
    assert_eq!((prefix.len(), secret.len()), (PREFIX, SECRET));
    let mut token = format!("{prefix}{secret}");
    let check = check(token.as_bytes());
    token.extend(check.map(char::from));
    token
}

/// Every token in `bytes`, by shape and checksum.
pub fn tokens_in(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(step) = bytes[at..].iter().position(|byte| *byte == b'd') {
        at += step;
        let rest = &bytes[at..];
        if let Some(token) = route_token(rest).or_else(|| channel_token(rest)) {
            found.push(String::from_utf8_lossy(token).into_owned());
            at += token.len();
        } else {
            at += 1;
        }
    }
    found
}

fn route_token(rest: &[u8]) -> Option<&[u8]> {
    let token = rest.get(..LENGTH)?;
    let kind = matches!(&token[..PREFIX], b"dbh_" | b"dbw_" | b"dbk_");
    let (signed, sum) = token.split_at(PREFIX + SECRET);
    (kind && token[PREFIX..].iter().all(u8::is_ascii_alphanumeric) && sum == check(signed))
        .then_some(token)
}

fn channel_token(rest: &[u8]) -> Option<&[u8]> {
    let run = |bytes: &[u8]| {
        let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        bytes.iter().take_while(|byte| legal(byte)).count()
    };
    let claims = run(rest.strip_prefix(b"dbc_")?);
    let mac = run(rest[PREFIX + claims..].strip_prefix(b".")?);
    (claims >= 16 && mac >= 22).then(|| &rest[..PREFIX + claims + 1 + mac])
}

/// Looks for raw tokens below a directory: of any token by its looks, and of the tokens in `minted`
/// by their secret part alone, prefix or not. Says where each was found, without showing it.
///
/// A body is a sender's and is kept verbatim, whatever is in it (CONTRACT.md, section 2): in a home
/// marked by [`BODIES_HOLD_TOKENS`] the log's files and what REST replied are passed over, and
/// nothing else.
pub fn search(dir: &Path, minted: &[String]) -> io::Result<(Vec<String>, u64)> {
    // A channel token's first part is no secret; such a one is found by its looks alone.
    let secrets: HashSet<&[u8]> = minted
        .iter()
        .filter(|token| !token.starts_with("dbc_"))
        .filter_map(|token| token.as_bytes().get(PREFIX..PREFIX + SECRET))
        .collect();
    let (mut found, mut searched) = (Vec::new(), 0);
    let mut dirs = vec![(dir.to_owned(), false)];
    while let Some((dir, marked)) = dirs.pop() {
        let marked = marked || dir.join(BODIES_HOLD_TOKENS).exists();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                dirs.push((entry.path(), marked));
            } else if entry.file_type()?.is_file()
                && entry.file_name() != "operator.key"
                && !(marked && holds_bodies(&entry.path()))
            {
                let bytes = fs::read(entry.path())?;
                searched += bytes.len() as u64;
                for offset in looks(&bytes).chain(known(&bytes, &secrets)) {
                    found.push(format!("{} at byte {offset}", entry.path().display()));
                }
            }
        }
    }
    Ok((found, searched))
}

/// The name of the file that marks a home in which a test posted tokens as bodies.
pub const BODIES_HOLD_TOKENS: &str = "bodies-hold-tokens";

fn holds_bodies(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| {
        name == "replies.log"
            || ((name.starts_with("log-") || name == "next.redb") && name.ends_with(".redb"))
    })
}

fn looks(bytes: &[u8]) -> impl Iterator<Item = usize> {
    runs(bytes, |byte| byte.is_ascii_graphic(), LENGTH - 6)
        .filter(|run| !tokens_in(&bytes[run.clone()]).is_empty())
        .map(|run| run.start)
}

fn known<'a>(bytes: &'a [u8], secrets: &'a HashSet<&[u8]>) -> impl Iterator<Item = usize> + 'a {
    runs(bytes, u8::is_ascii_alphanumeric, SECRET)
        .flat_map(move |run| run.start..=run.end - SECRET)
        .filter(move |at| secrets.contains(&bytes[*at..*at + SECRET]))
}

/// The stretches of at least `least` bytes that are all `legal`.
fn runs<'a>(
    bytes: &'a [u8],
    legal: impl Fn(&u8) -> bool + 'a,
    least: usize,
) -> impl Iterator<Item = std::ops::Range<usize>> + 'a {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at + least <= bytes.len() {
            // Looking at the far end of the next stretch first skips most of a store's zeros.
            match bytes[at..at + least].iter().rposition(|byte| !legal(byte)) {
                Some(bad) => at += bad + 1,
                None => {
                    let start = at;
                    let length = bytes[at..].iter().take_while(|byte| legal(byte)).count();
                    at += length;
                    return Some(start..at);
                }
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_ieee() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_token_is_found_by_its_looks_and_by_its_secret_alone() {
        let token = forge("dbh_", &"Fixture".repeat(7)[..SECRET]);
        let text = format!("{} GET /hook/{token}?x \0", "\0".repeat(500));
        assert_eq!(tokens_in(text.as_bytes()), std::slice::from_ref(&token));
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join("log"), &text).expect("written");
        fs::write(dir.path().join("operator.key"), &text).expect("written");
        let (found, _) = search(dir.path(), &[]).expect("searched");
        assert_eq!(found.len(), 1);
        fs::write(dir.path().join("log"), &token[PREFIX..PREFIX + SECRET]).expect("written");
        assert_eq!(search(dir.path(), &[]).expect("searched").0.len(), 0);
        assert_eq!(
            search(dir.path(), std::slice::from_ref(&token))
                .expect("searched")
                .0
                .len(),
            1
        );
    }

    #[test]
    fn what_only_looks_like_a_token_is_not_one() {
        let mut bent = forge("dbh_", &"Fixture".repeat(7)[..SECRET]);
        bent.pop();
        for text in [
            bent.clone(),
            format!("{bent}0"),
            "dbc_lib.so".into(),
            "dbh_".into(),
        ] {
            assert_eq!(
                tokens_in(text.as_bytes()).len(),
                usize::from(false),
                "{text}"
            );
        }
    }
}
