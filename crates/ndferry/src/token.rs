//! [`Token`]: a secret that both ends of a transfer know.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{ErrorKind, Result};

/// Both ends of a transfer prove to each other that they know it, by HMAC-SHA-256 of random challenges; it is never sent.
/// Does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Vec<u8>);

/// Longer ones are some other file.
const MOST: usize = 4096;

/// The alphabet of made ones: none that look like others, none that a shell or an address minds.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

impl Token {
    /// From its bytes; white space around them does not count.
    ///
    /// # Errors
    /// [`ErrorKind::TokenText`] if nothing is left, or more than 4096 bytes.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self> {
        let bytes = bytes.as_ref().trim_ascii();
        if bytes.is_empty() || bytes.len() > MOST {
            let nbytes = bytes.len();
            return Err(ErrorKind::TokenText { nbytes }.into());
        }
        Ok(Self(bytes.to_owned()))
    }

    /// A new one of 160 random bits, as 32 letters and digits.
    ///
    /// # Errors
    /// [`crate::ErrorClass::System`] if the system has no randomness.
    pub fn random() -> Result<Self> {
        let bytes: [u8; 32] = random()?;
        let letters = bytes.map(|byte| LETTERS[usize::from(byte % 32)]);
        Ok(Self(letters.to_vec()))
    }

    /// Its text, for the person who carries it to the other side.
    pub fn reveal(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    fn mac(&self, proof: &Proof<'_>) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(b"ndferry NPB auth");
        mac.update(&[proof.step]);
        mac.update(proof.listener);
        mac.update(proof.connecter);
        mac.update(&Sha256::digest(proof.hello_of_connecter));
        mac.update(&Sha256::digest(proof.hello_of_listener));
        mac.update(proof.binding);
        Some(mac)
    }

    /// The proof that this side knows it.
    pub(crate) fn prove(&self, proof: &Proof<'_>) -> [u8; 32] {
        // Keys of any length are taken.
        self.mac(proof)
            .map_or([0; 32], |mac| mac.finalize().into_bytes().into())
    }

    /// Whether the other side does; takes as long for any bytes.
    pub(crate) fn is_proved(&self, proof: &Proof<'_>, by: &[u8; 32]) -> bool {
        self.mac(proof)
            .is_some_and(|mac| mac.verify_slice(by).is_ok())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What a proof is about: see AUTH in `docs/formats/npb.md`.
pub(crate) struct Proof<'a> {
    /// 2 for the connecting side's, 3 for the listening side's.
    pub(crate) step: u8,
    pub(crate) listener: &'a [u8; 32],
    pub(crate) connecter: &'a [u8; 32],
    pub(crate) hello_of_connecter: &'a [u8],
    pub(crate) hello_of_listener: &'a [u8],
    pub(crate) binding: &'a [u8; 32],
}

/// Bytes that nobody can guess.
pub(crate) fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::from)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use ndferry_npb::{Auth, Codec, Hello, Limits};

    use super::*;

    #[test]
    fn white_space_around_it_does_not_count_and_nothing_is_none() {
        let token = Token::new(" correct horse\r\n").unwrap();
        assert_eq!(token, Token::new("correct horse").unwrap());
        for wrong in ["", " \n", &"x".repeat(4097)] {
            let error = Token::new(wrong).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::TokenText { .. }));
        }
        assert!(!format!("{token:?}").contains("horse"));
    }

    #[test]
    fn made_ones_are_long_and_never_the_same() {
        let (a, b) = (Token::random().unwrap(), Token::random().unwrap());
        assert_ne!(a, b);
        assert_eq!(a.reveal().len(), 32);
        assert_eq!(Token::new(a.reveal()).unwrap(), a);
    }

    #[test]
    fn a_proof_is_the_one_in_the_document_and_holds_for_nothing_else() {
        let mut hello = Hello::new(&[Codec::Raw, Codec::Deflate], &Limits::PEER);
        hello.proves = true;
        let hello = hello.message();
        let token = Token::new("correct horse").unwrap();
        let proof = |step, binding| Proof {
            step,
            listener: &[1; 32],
            connecter: &[2; 32],
            hello_of_connecter: &hello,
            hello_of_listener: &hello,
            binding,
        };
        let proved = token.prove(&proof(2, &[0; 32]));
        let message = Auth::Answer {
            challenge: [2; 32],
            proof: proved,
        }
        .message();
        let rows: Vec<String> = message[44..]
            .chunks(16)
            .map(|row| row.iter().map(|byte| format!("{byte:02x} ")).collect())
            .collect();
        let document = include_str!("../../../docs/formats/npb.md");
        // The challenge is 4 bytes off a row.
        let shown: String = document
            .split("```hexdump auth\n")
            .nth(1)
            .unwrap()
            .lines()
            .take_while(|line| !line.starts_with("```"))
            .map(|line| format!("{} ", &line[10..57].trim_end()))
            .collect();
        assert!(
            shown.ends_with(&rows.concat()),
            "{shown}\n{}",
            rows.concat()
        );
        assert!(token.is_proved(&proof(2, &[0; 32]), &proved));
        assert!(!token.is_proved(&proof(3, &[0; 32]), &proved));
        assert!(!token.is_proved(&proof(2, &[1; 32]), &proved));
        let other = Token::new("correct horsf").unwrap();
        assert!(!other.is_proved(&proof(2, &[0; 32]), &proved));
    }
}
