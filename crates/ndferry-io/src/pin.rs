//! [`Pin`]: which certificate the other side has.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::Error;

/// The SHA-256 of a certificate (of its DER form), as `openssl x509 -fingerprint -sha256` tells it. It is no secret.
///
/// Prints as `sha256=` and 64 hex digits; parses that, the digits alone, and digits with colons between them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin(pub [u8; 32]);

impl FromStr for Pin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Pin {
            text: text.to_owned(),
        };
        let digits = text.strip_prefix("sha256=").unwrap_or(text);
        let digits: Vec<u8> = match digits.contains(':') {
            true if digits.split(':').any(|pair| pair.len() != 2) => return Err(wrong()),
            true => digits.bytes().filter(|byte| *byte != b':').collect(),
            false => digits.bytes().collect(),
        };
        let (pairs, []) = digits.as_chunks::<2>() else {
            return Err(wrong());
        };
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        let bytes = pairs
            .iter()
            .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
        let bytes: Option<Vec<u8>> = bytes.collect();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256=")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

/// Over `tls://`: whom to believe, and who this side is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsOptions {
    /// For who connects: the listener must have this certificate; whoever signed it, whatever it says. The address may
    /// say so as well.
    pub pin: Option<Pin>,
    /// For who connects: a PEM file of authorities. One of them must have signed the listener's certificate, which must be
    /// for the host of the address and not have expired. Without it and without a pin, those are asked that Mozilla trusts.
    pub authorities: Option<PathBuf>,
    /// For who listens; without it, a self-signed certificate is made for each listener. For who connects: shown to listeners
    /// that ask for one.
    pub identity: Option<TlsIdentity>,
    /// For who listens: a PEM file of authorities. One of them must have signed a certificate that whoever connects shows, and
    /// which has not expired; what name is in it is not looked at. Without it, everybody may connect, and nobody is asked for one.
    pub client_authorities: Option<PathBuf>,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsIdentity {
    /// A PEM file: the certificate, then those that lead from it to an authority.
    pub certificate: PathBuf,
    /// A PEM file with its private key.
    pub key: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_prints_as_it_parses_with_or_without_colons() {
        let text = format!("sha256={}", "0a".repeat(31) + "ff");
        let pin: Pin = text.parse().unwrap();
        assert_eq!(pin.to_string(), text);
        assert_eq!(pin.0[31], 255);
        let colons = format!("{}FF", "0A:".repeat(31));
        assert_eq!(colons.parse::<Pin>().unwrap(), pin);
    }

    #[test]
    fn whatever_else_is_no_pin() {
        for text in [
            "",
            "sha256=",
            "sha1=00",
            &"0".repeat(63),
            &"0".repeat(65),
            &"0".repeat(66),
            &"g".repeat(64),
            &"+1".repeat(32),
            &"é".repeat(32),
            &format!("0{}", ":00".repeat(32)),
        ] {
            let error = text.parse::<Pin>().unwrap_err();
            assert!(matches!(error, Error::Pin { .. }), "{text}");
        }
    }
}
