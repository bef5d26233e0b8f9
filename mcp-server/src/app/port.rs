//! Who has a port that was to be listened on.

use std::net::SocketAddr;

/// The process that listens there, in words, as far as this machine tells.
#[cfg(target_os = "linux")]
pub(super) fn holder_of(addr: SocketAddr) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .find_map(|table| listening_inode(&table, addr.port()).map(str::to_owned))?;
    let link = format!("socket:[{inode}]");
    let pid = std::fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .find(|pid| has_open(*pid, &link));
    Some(match pid {
        Some(pid) => format!("process {pid} ({}) listens there", command_of(pid)),
        None => "another user's process listens there".to_owned(),
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn holder_of(_: SocketAddr) -> Option<String> {
    None
}

/// The inode of the socket that listens at this port, in a table of the kernel's (proc(5)).
#[cfg(target_os = "linux")]
fn listening_inode(table: &str, port: u16) -> Option<&str> {
    const LISTENING: &str = "0A";
    let port = format!("{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let here = fields.get(1)?.rsplit(':').next()? == port;
        (here && *fields.get(3)? == LISTENING).then(|| fields.get(9).copied())?
    })
}

#[cfg(target_os = "linux")]
fn has_open(pid: u32, link: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    entries
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .any(|to| to.as_os_str() == link)
}

/// What it is called. Not its arguments: they may hold what is nobody's business.
#[cfg(target_os = "linux")]
fn command_of(pid: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let harmless = |c: char| if c.is_control() { '?' } else { c };
    name.trim().chars().map(harmless).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_behind_its_own_listener() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let said = holder_of(addr).expect("it is told");
        assert!(
            said.starts_with(&format!("process {} (", std::process::id())),
            "{said}"
        );
        drop(listener);
        assert_eq!(holder_of(addr), None, "nobody listens any more");
    }
}
