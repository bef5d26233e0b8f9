//! Folders, addresses and what they are written from.

use super::split;
use crate::{
    address::{Address, Jid},
    folder::{Folder, MAX_DEPTH},
    label::{Label, Suffix},
    pattern::Pattern,
    segment,
};

/// What is read as an address reads back as it was written, and nothing else is in it.
pub(super) fn jid(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(address) = text.parse::<Address>() {
        assert_eq!(address.to_string(), text);
        assert!(text.is_ascii() && text.len() <= 20 + (MAX_DEPTH + 2) * (segment::MAX_LEN + 1));
        let itself: Pattern = text.parse().expect("an address is a pattern");
        assert!(itself.matches(&text));
        assert_eq!(
            matches!(address, Address::Jid(_)),
            text.parse::<Jid>().is_ok()
        );
    }
    // A folder, a label and a suffix, a line each, are written as one and never split again.
    let (folder, rest) = split(data, b'\n');
    let (label, suffix) = split(rest, b'\n');
    let folder: Result<Folder, _> = String::from_utf8_lossy(folder).parse();
    let label: Result<Label, _> = String::from_utf8_lossy(label).parse();
    let suffix: Option<Suffix> = String::from_utf8_lossy(suffix).parse().ok();
    if let Ok(folder) = &folder {
        contained(folder);
        let web = Jid::web(folder, suffix.as_ref());
        assert_eq!(web.as_str().parse(), Ok(web.clone()));
    }
    if let (Ok(folder), Ok(label)) = (folder, label) {
        let hook = Jid::hook(&folder, &label, suffix.as_ref());
        assert_eq!(hook.as_str().parse(), Ok(hook.clone()));
    }
}

/// A folder is within itself and those above it, and in no other whose name it begins with.
fn contained(folder: &Folder) {
    let mut above = 0;
    for ancestor in folder.ancestors() {
        let ancestor: Folder = ancestor.parse().expect("a part of a folder is one");
        assert!(ancestor.contains(folder));
        assert_eq!(folder.contains(&ancestor), ancestor == *folder);
        assert!(ancestor.outermost() == folder.outermost());
        let namesake: Folder = match format!("{ancestor}x").parse() {
            Ok(namesake) => namesake,
            Err(_) => continue,
        };
        assert!(!ancestor.contains(&namesake) && !namesake.contains(folder));
        above += 1;
    }
    assert!(above <= MAX_DEPTH);
}
