//! How a server proves that it holds an operator's key, before that key is sent to it: whoever took
//! the port of a server that died must not be handed it.
//!
//! It answers a nonce with a MAC, by the key's hash, over the nonce and the address that it listens
//! on. The address is in it so that nobody can pass the question on to the server itself, which then
//! listens elsewhere than was dialled.

use std::{fmt, net::SocketAddr};

use doorbell_core::token::{Chance, TokenHash};
use doorbell_ingress::machine::SystemChance;
use serde::{Deserialize, Serialize};

/// Where the question is asked, with the nonce in its query.
pub const PROOF_PATH: &str = "/proof";

/// What the MAC's key is derived from the hash for.
const CONTEXT: &str = "doorbell 2026-11-25 a server proves that it holds an operator's key";

/// What proofs are made with. It cannot be printed by accident.
#[derive(Clone)]
pub struct ProofKey([u8; 32]);

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofKey")
    }
}

/// A question that was never asked before: 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce([u8; 32]);

impl Nonce {
    /// A new one.
    pub fn new() -> Self {
        let mut bytes = [0; 32];
        SystemChance.fill(&mut bytes);
        Self(bytes)
    }

    /// As it is asked.
    pub fn to_hex(self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// Reads one that was asked.
    pub fn parse(text: &str) -> Option<Self> {
        let hash = blake3::Hash::from_hex(text).ok()?;
        Some(Self(*hash.as_bytes()))
    }
}

impl Default for Nonce {
    fn default() -> Self {
        Self::new()
    }
}

/// The answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proof {
    /// The address that the server listens on.
    pub address: SocketAddr,
    /// The MAC, in hexadecimal digits.
    pub mac: String,
}

impl ProofKey {
    /// Of whoever holds the key with this hash.
    pub fn new(hash: &TokenHash) -> Self {
        Self(blake3::derive_key(CONTEXT, hash.as_bytes()))
    }

    fn mac(&self, nonce: &Nonce, address: SocketAddr) -> blake3::Hash {
        let mut mac = blake3::Hasher::new_keyed(&self.0);
        mac.update(&nonce.0);
        mac.update(address.to_string().as_bytes());
        mac.finalize()
    }

    /// Answers a question.
    pub fn prove(&self, nonce: &Nonce, address: SocketAddr) -> Proof {
        Proof {
            address,
            mac: self.mac(nonce, address).to_hex().to_string(),
        }
    }

    /// Whether an answer to this question proves that whoever was dialled holds the key.
    pub fn is_proof(&self, nonce: &Nonce, proof: &Proof, dialled: SocketAddr) -> bool {
        // Two hashes are compared in constant time.
        let holds = blake3::Hash::from_hex(&proof.mac)
            .is_ok_and(|mac| mac == self.mac(nonce, proof.address));
        holds && covers(proof.address, dialled)
    }
}

/// Whether a listener at this address is who answers at that one: it has every address of its family
/// where it names none, and both families' under IPv6.
fn covers(listens: SocketAddr, dialled: SocketAddr) -> bool {
    let (listens_at, dialled_at) = (listens.ip().to_canonical(), dialled.ip().to_canonical());
    let any = listens_at.is_unspecified() && (listens_at.is_ipv6() || dialled_at.is_ipv4());
    listens.port() == dialled.port() && (any || listens_at == dialled_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> ProofKey {
        ProofKey::new(&TokenHash::from_bytes([byte; 32]))
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn only_whoever_holds_the_key_proves_it_and_only_for_this_question() {
        let (own, asked) = (at("127.0.0.1:8788"), Nonce::new());
        let proof = key(1).prove(&asked, own);
        assert!(key(1).is_proof(&asked, &proof, own));
        assert!(!key(2).is_proof(&asked, &proof, own));
        assert!(!key(1).is_proof(&Nonce::new(), &proof, own), "replayed");
        let moved = Proof {
            address: at("127.0.0.1:9999"),
            mac: proof.mac.clone(),
        };
        assert!(!key(1).is_proof(&asked, &moved, at("127.0.0.1:9999")));
    }

    #[test]
    fn a_question_that_was_passed_on_proves_nothing() {
        let asked = Nonce::new();
        let elsewhere = key(1).prove(&asked, at("127.0.0.1:9000"));
        assert!(!key(1).is_proof(&asked, &elsewhere, at("127.0.0.1:8788")));
    }

    #[test]
    fn a_listener_that_names_no_address_has_those_of_its_family() {
        for (listens, dialled, good) in [
            ("0.0.0.0:1", "127.0.0.1:1", true),
            ("0.0.0.0:1", "127.0.0.1:2", false),
            ("0.0.0.0:1", "[::1]:1", false),
            ("[::]:1", "[::1]:1", true),
            ("[::]:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("[::1]:1", "127.0.0.1:1", false),
        ] {
            assert_eq!(
                covers(at(listens), at(dialled)),
                good,
                "{listens} {dialled}"
            );
        }
    }
}
