//! How many connections one peer may have.

use std::str::FromStr;

use doorbell_ingress::limits::PeerConnections;
use serde::{Deserialize, Deserializer};

use super::quantity::from_toml;

/// A number of connections, or `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peers(pub(super) PeerConnections);

impl FromStr for Peers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self(PeerConnections::All));
        }
        match text.parse() {
            Ok(part @ 1..) => Ok(Self(PeerConnections::Of(part))),
            _ => Err(format!("{text:?} is neither a number from 1 on nor all")),
        }
    }
}

impl<'de> Deserialize<'de> for Peers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from_toml(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_part_is_a_number_or_all() {
        let parsed = |text: &str| text.parse::<Peers>().map(|peers| peers.0);
        assert_eq!(parsed("all"), Ok(PeerConnections::All));
        assert_eq!(parsed("1"), Ok(PeerConnections::Of(1)));
        for bad in ["0", "-1", "many", "", "1.5"] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }
}
