//! Certificates: which are believed, and our own.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, ServerConfig,
    SignatureScheme,
};
use sha2::{Digest, Sha256};

use super::TlsProblem;
use crate::{Pin, Result, TlsIdentity};

/// A PEM file longer than this is something else.
const MOST: u64 = 4 << 20;

/// The name in certificates made here; they are known by their pin.
const NAME: &str = "ndferry";

/// What is wanted of the other side: to have the pinned certificate, or one that an authority has signed, or both. And what it
/// gets to see if it wants something of this side.
pub(super) fn client_config(
    pin: Option<Pin>,
    authorities: Option<&Path>,
    identity: Option<&TlsIdentity>,
) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let roots = match (pin, authorities) {
        (_, Some(path)) => Some(authorities_of(path)?),
        (None, None) => Some(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        }),
        (Some(_), None) => None,
    };
    let signed = roots.map(|roots| {
        WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build()
    });
    let signed = signed.transpose();
    let verifier = Verifier {
        pin,
        signed: signed.map_err(|error| TlsProblem::Other(error.to_string()))?,
        provider: Arc::clone(&provider),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| TlsProblem::of(error, true))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = (certificates(&identity.certificate)?, key(&identity.key)?);
            let built = builder.with_client_auth_cert(chain, key);
            built.map_err(|error| not_of_use(identity, &error))?
        }
    };
    // Each connection is one of its own.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// This side's certificate, and what it is known by. Whoever calls must have been signed by one of the authorities, if there are
/// any.
pub(super) fn server_config(
    identity: Option<&TlsIdentity>,
    client_authorities: Option<&Path>,
) -> Result<(ServerConfig, Pin)> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| TlsProblem::of(error, true))?;
    let builder = match client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(authorities_of(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            let verifier = verifier.map_err(|error| TlsProblem::Other(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let (chain, key) = match identity {
        Some(identity) => (certificates(&identity.certificate)?, key(&identity.key)?),
        None => self_signed()?,
    };
    // There is a first one: both ways to get them see to it.
    let pin = chain.first().map_or(Pin([0; 32]), pin_of);
    let built = builder.with_single_cert(chain, key);
    let mut config = built.map_err(|error| match identity {
        Some(identity) => not_of_use(identity, &error),
        None => TlsProblem::Other(error.to_string()),
    })?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok((config, pin))
}

/// A certificate and a key that do not go together, or not with us.
fn not_of_use(identity: &TlsIdentity, error: &rustls::Error) -> TlsProblem {
    let problem = error.to_string();
    match error {
        rustls::Error::InvalidCertificate(_) => TlsProblem::BadCertificate {
            path: identity.certificate.clone(),
            problem,
        },
        _ => TlsProblem::BadKey {
            path: identity.key.clone(),
            problem,
        },
    }
}

/// The SHA-256 of a certificate.
fn pin_of(certificate: &CertificateDer<'_>) -> Pin {
    Pin(Sha256::digest(certificate).into())
}

/// A new key, and a certificate for it that is valid for ever.
fn self_signed() -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()])
        .map_err(|error| TlsProblem::Other(error.to_string()))?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    Ok((vec![made.cert.into()], key.into()))
}

fn authorities_of(path: &Path) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        let added = roots.add(certificate);
        added.map_err(|error| TlsProblem::BadCertificate {
            path: path.to_owned(),
            problem: error.to_string(),
        })?;
    }
    Ok(roots)
}

/// All certificates of a PEM file, at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let text = read(path)?;
    let all: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) | Err(pem::Error::NoItemsFound) => Err(TlsProblem::NoCertificate(path.into()).into()),
        Err(error) => Err(TlsProblem::BadCertificate {
            path: path.to_owned(),
            problem: error.to_string(),
        }
        .into()),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let key = PrivateKeyDer::from_pem_slice(&read(path)?);
    key.map_err(|error| {
        let path = path.to_owned();
        let problem = match error {
            pem::Error::NoItemsFound => TlsProblem::NoKey(path),
            // Not what is in the file: it is a secret.
            _ => TlsProblem::BadKey {
                path,
                problem: "not PEM".to_owned(),
            },
        };
        problem.into()
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST).read_to_end(&mut text));
    read.map_err(|error| TlsProblem::Unreadable {
        path: path.to_owned(),
        problem: error.to_string(),
    })?;
    Ok(text)
}

/// Looks at the other side's certificate.
#[derive(Debug)]
struct Verifier {
    pin: Option<Pin>,
    signed: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let found = pin_of(end_entity);
        if let Some(pinned) = self.pin
            && pinned != found
        {
            return Err(ours(TlsProblem::Pin { pinned, found }));
        }
        if let Some(signed) = &self.signed {
            signed
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .map_err(|error| match error {
                    rustls::Error::InvalidCertificate(
                        CertificateError::UnknownIssuer | CertificateError::BadSignature,
                    ) => ours(TlsProblem::Authority { found }),
                    other => other,
                })?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn ours(problem: TlsProblem) -> rustls::Error {
    CertificateError::Other(OtherError(Arc::new(problem))).into()
}
