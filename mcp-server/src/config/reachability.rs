//! From where a URL can be reached, as far as its host tells: what every face that prints one says.

use std::net::IpAddr;

use reqwest::Url;

/// Who can reach a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachability {
    /// Programs on this machine alone.
    ThisMachine,
    /// This machine's own network, or whoever knows a name that is not public.
    PrivateNetwork,
    /// Nothing in it says that anyone could not. Whether it is so only a request can tell.
    Anyone,
}

/// Endings of names that no public server resolves (RFC 6762, 6761, 8375; ICANN's `.internal`).
const PRIVATE_NAMES: [&str; 6] = ["local", "lan", "internal", "home", "test", "arpa"];

impl Reachability {
    /// What the host of a URL tells. Nobody is looked up.
    pub fn of(url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(ip) => Self::of_address(ip.to_canonical()),
            Err(_) => Self::of_name(host.trim_end_matches('.')),
        }
    }

    /// The same for a URL that was checked when it was set; what does not read tells nothing.
    pub fn of_text(url: &str) -> Self {
        Url::parse(url).map_or(Self::Anyone, |url| Self::of(&url))
    }

    fn of_address(ip: IpAddr) -> Self {
        let (here, near) = match ip {
            IpAddr::V4(ip) => {
                let [a, b, ..] = ip.octets();
                // Carriers' and overlay networks' own (RFC 6598).
                let shared = a == 100 && (64..128).contains(&b);
                (
                    ip.is_loopback() || ip.is_unspecified(),
                    ip.is_private() || ip.is_link_local() || shared,
                )
            }
            IpAddr::V6(ip) => (
                ip.is_loopback() || ip.is_unspecified(),
                ip.is_unique_local() || ip.is_unicast_link_local(),
            ),
        };
        match (here, near) {
            (true, _) => Self::ThisMachine,
            (_, true) => Self::PrivateNetwork,
            _ => Self::Anyone,
        }
    }

    fn of_name(name: &str) -> Self {
        let last = name.rsplit('.').next().unwrap_or_default();
        if last.eq_ignore_ascii_case("localhost") {
            return Self::ThisMachine;
        }
        let private = PRIVATE_NAMES
            .iter()
            .any(|ending| last.eq_ignore_ascii_case(ending));
        if private || !name.contains('.') {
            Self::PrivateNetwork
        } else {
            Self::Anyone
        }
    }

    /// Who alone can reach it, in words, if not anyone.
    pub fn only(self) -> Option<&'static str> {
        match self {
            Self::Anyone => None,
            Self::ThisMachine => Some("this machine"),
            Self::PrivateNetwork => Some("its own network"),
        }
    }

    /// What whoever is handed a URL that begins with `base` has to know, if anything.
    pub fn warning(self, base: &str) -> Option<String> {
        let who = self.only()?;
        Some(format!(
            "{base} can be reached from only {who}. For senders elsewhere the server needs a public address or a tunnel, and --public-url to print it."
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Reachability {
        Reachability::of(&Url::parse(url).expect("a URL"))
    }

    #[test]
    fn what_leads_back_to_this_machine_is_known_however_it_is_spelt() {
        for url in [
            "http://127.0.0.1:8787",
            "http://127.9.9.9",
            "http://localhost:8787",
            "http://LOCALHOST.",
            "http://bell.localhost",
            "http://[::1]:8787",
            "http://[::ffff:127.0.0.1]",
            "http://0.0.0.0:8787",
            "http://[::]:8787",
            "http://2130706433",
            "http://0x7f.1",
        ] {
            assert_eq!(of(url), Reachability::ThisMachine, "{url}");
        }
    }

    #[test]
    fn private_addresses_and_names_are_told_apart_from_this_machine() {
        for url in [
            "http://10.0.0.7:8787",
            "http://172.16.0.1",
            "http://172.31.255.1",
            "https://192.168.1.5",
            "http://169.254.3.4",
            "http://100.64.0.9",
            "http://[fd12::1]",
            "http://[fe80::1]",
            "http://[::ffff:10.0.0.1]",
            "http://nas:8787",
            "http://nas.local",
            "http://bell.corp.internal.",
        ] {
            assert_eq!(of(url), Reachability::PrivateNetwork, "{url}");
        }
    }

    #[test]
    fn what_may_be_public_is_not_warned_of() {
        for url in [
            "https://bell.example.com",
            "https://localhost.example.com",
            "http://172.32.0.1",
            "http://100.128.0.1",
            "http://8.8.8.8:8787",
            "http://[2606:4700::1]",
        ] {
            assert_eq!(of(url), Reachability::Anyone, "{url}");
            assert_eq!(of(url).warning(url), None, "{url}");
        }
        for url in ["http://127.0.0.1:8787", "http://10.0.0.7"] {
            let warning = of(url).warning(url).expect("a warning");
            assert!(warning.starts_with(url), "{warning}");
            assert!(warning.contains("--public-url"), "{warning}");
        }
    }
}
