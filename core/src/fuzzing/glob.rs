//! Globs over header values, and rules that ask for them.

use crate::{
    grant::{Door, Grant, GrantId},
    message::{Headers, RouteId},
    route::{Glob, HeaderGlobs, MAX_GLOB, MAX_WILD_VALUE, NewRule, Owner, Table},
    time::Timestamp,
};

/// The most rules that an input makes: each is a line.
const MAX_RULES: usize = 8;

/// A value, and a glob in each line behind it: what is found by look-up is what is found by trying
/// one after another, and a glob matches as its definition says.
pub(super) fn glob(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let value = lines.next().unwrap_or_default();
    let mut table = Table::default();
    for (n, line) in (1..).zip(lines.take(MAX_RULES)) {
        let Ok(glob) = line.parse::<Glob>() else {
            continue;
        };
        assert_eq!(glob.as_str(), line);
        let short = value.len() <= MAX_WILD_VALUE;
        let any = line.bytes().all(|byte| byte == b'*');
        let exact = !line.contains(['*', '?']);
        let expected = any || ((exact || short) && defined(line, value));
        assert_eq!(glob.matches(value), expected, "{line:?} {value:?}");
        assert!(line.chars().count() <= MAX_GLOB);
        let rule = NewRule {
            id: RouteId::from_u128(n),
            owner: Owner::Root,
            pattern: "hook:**".parse().expect("a pattern"),
            sender: None,
            headers: HeaderGlobs::new([("x-a", line)]).expect("a glob"),
            target: format!("to/r{n}").parse().expect("a folder"),
            session_made: None,
            seq: None,
            created_at: Timestamp::from_millis(1),
        };
        table = table.with(rule).expect("there is room").0;
    }
    let headers = Headers::from_pairs(vec![("x-a".into(), value.into())]);
    let grant = grant();
    let decided = table.decide(&grant, &headers, &|_| None);
    let (explained, _) = table.explain(&grant, &headers, &|_| None);
    assert_eq!(decided, explained);
}

/// By the words of the definition, a column of the table of all beginnings at a time.
fn defined(glob: &str, value: &str) -> bool {
    let value: Vec<char> = value.chars().collect();
    // Whether what was read of the glob matches the first so many characters of the value.
    let mut matches = vec![false; value.len() + 1];
    matches[0] = true;
    for c in glob.chars() {
        let before = std::mem::replace(&mut matches, vec![false; value.len() + 1]);
        let mut some_before = false;
        for at in 0..matches.len() {
            some_before |= before[at];
            matches[at] = match c {
                '*' => some_before,
                '?' => at > 0 && before[at - 1],
                c => at > 0 && before[at - 1] && value[at - 1] == c,
            };
        }
    }
    matches[value.len()]
}

fn grant() -> Grant {
    Grant {
        id: GrantId::from_u128(7),
        door: Door::Hook {
            label: "github".parse().expect("a segment"),
            suffix: None,
        },
        owner_folder: "acme".parse().expect("a folder"),
        target_folder: "acme".parse().expect("a folder"),
        context: None,
        public_url: None,
        probe: false,
        created_at: Timestamp::from_millis(1),
        expires_at: None,
        revoked_at: None,
    }
}
