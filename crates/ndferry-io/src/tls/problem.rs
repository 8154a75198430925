//! [`TlsProblem`]: why there is no encrypted connection.

use std::io;
use std::path::PathBuf;

use rustls::{CertificateError, InvalidMessage};

use crate::{Error, Pin};

/// Why there is no encrypted connection, or none any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsProblem {
    /// Another certificate than the one that was pinned: it is someone else, or listens anew.
    #[error("the other side has another certificate, {found}, not {pinned}")]
    Pin {
        /// What was asked for.
        pinned: Pin,
        /// What it has.
        found: Pin,
    },
    /// The address has a pin, and the options another one.
    #[error("the address pins another certificate than the options")]
    TwoPins,
    /// A certificate that was valid once.
    #[error("the other side's certificate has expired")]
    Expired,
    /// A certificate that will be valid.
    #[error("the other side's certificate is not valid yet")]
    NotYet,
    /// A certificate of another host.
    #[error("the other side's certificate is not for this host")]
    Host,
    /// A certificate that nobody signed whom we trust.
    #[error("no authority that is trusted here has signed the other side's certificate, {found}")]
    Authority {
        /// Whose it is, if that is believed.
        found: Pin,
    },
    /// Bytes that are no TLS.
    #[error("the other side does not speak TLS")]
    NotTls,
    /// The end of the connection, before it was one.
    #[error("the other side closed the connection during the TLS hand-shake")]
    HungUp,
    /// The end of the connection, with no word that this is the end.
    #[error("the other side closed the connection without a word")]
    CutOff,
    /// What the other side has to say about it.
    #[error("the other side refused the connection: TLS alert {alert}")]
    Alert {
        /// The name of the alert in RFC 8446.
        alert: String,
    },
    /// A PEM file without a certificate.
    #[error("{}: no certificate is in it", .0.display())]
    NoCertificate(PathBuf),
    /// A PEM file without a private key.
    #[error("{}: no private key is in it", .0.display())]
    NoKey(PathBuf),
    /// A certificate, or an authority's, that is none.
    #[error("{}: not a certificate of use here: {problem}", .path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What TLS says.
        problem: String,
    },
    /// A private key that is none, or of another certificate.
    #[error("{}: not the key of the certificate: {problem}", .path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// What TLS says.
        problem: String,
    },
    /// A file that cannot be read.
    #[error("{}: {problem}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// Whatever else the other side did wrong.
    #[error("TLS: {0}")]
    Other(String),
}

impl TlsProblem {
    pub(super) fn of(error: rustls::Error, is_shaking_hands: bool) -> Self {
        use CertificateError as Certificate;
        match error {
            rustls::Error::InvalidCertificate(certificate) => match certificate {
                Certificate::Expired | Certificate::ExpiredContext { .. } => Self::Expired,
                Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => Self::NotYet,
                Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                    Self::Host
                }
                Certificate::Other(other) => match other.0.downcast_ref::<Self>() {
                    Some(ours) => ours.clone(),
                    None => Self::Other(other.0.to_string()),
                },
                other => Self::Other(other.to_string()),
            },
            rustls::Error::AlertReceived(alert) => Self::Alert {
                alert: format!("{alert:?}"),
            },
            rustls::Error::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) if is_shaking_hands => Self::NotTls,
            other => Self::Other(other.to_string()),
        }
    }
}

/// Through a reader or a writer; [`Error`] takes it out again.
impl From<TlsProblem> for io::Error {
    fn from(problem: TlsProblem) -> Self {
        Self::other(Error::Tls(problem))
    }
}
