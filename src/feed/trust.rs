//! Whose certificates are believed: the public authorities that are compiled in and, where a desk says so, its own beside
//! them. There is no way to believe anybody.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, Once};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Error;

/// The largest file of authorities, in bytes.
const BYTES_MAX: u64 = 1 << 20;

/// What a server must prove before a word is said to it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trust(Arc<ClientConfig>);

/// A file of authorities that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadAuthority {
    /// It cannot be read.
    Read(String),
    /// It is larger than what is taken, 1 MiB.
    TooLarge,
    /// A block in it is no PEM.
    Pem(String),
    /// There is no certificate in it.
    Empty,
    /// One of its certificates, from 1, is none that can be believed.
    Certificate(usize, String),
}

impl fmt::Display for BadAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(why) => write!(f, "the file cannot be read: {why}"),
            Self::TooLarge => write!(f, "the file is larger than {BYTES_MAX} bytes"),
            Self::Pem(why) => write!(f, "the file is no PEM: {why}"),
            Self::Empty => write!(f, "the file holds no certificate (as in -----BEGIN CERTIFICATE-----)"),
            Self::Certificate(place, why) => write!(f, "certificate {place} of the file is unsound: {why}"),
        }
    }
}

impl std::error::Error for BadAuthority {}

impl Trust {
    /// The public authorities.
    pub fn public() -> Self {
        Self::of(public_roots())
    }

    /// The public authorities and those of a PEM file: one certificate at least, every one of them sound.
    pub fn with_file(path: &Path) -> Result<Self, BadAuthority> {
        let mut text = Vec::new();
        let read = File::open(path).and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut text));
        read.map_err(|why| BadAuthority::Read(why.to_string()))?;
        if text.len() as u64 > BYTES_MAX { Err(BadAuthority::TooLarge) } else { Self::with(&text) }
    }

    /// The same of PEM text.
    pub fn with(pem: &[u8]) -> Result<Self, BadAuthority> {
        let mut roots = public_roots();
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            count += 1;
            let certificate = certificate.map_err(|why| BadAuthority::Pem(say(&why)))?;
            roots.add(certificate).map_err(|why| BadAuthority::Certificate(count, why.to_string()))?;
        }
        if count == 0 { Err(BadAuthority::Empty) } else { Ok(Self::of(roots)) }
    }

    fn of(roots: RootCertStore) -> Self {
        install_tls();
        Self(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
    }

    /// For the handshake.
    pub(super) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }
}

impl Default for Trust {
    fn default() -> Self {
        Self::public()
    }
}

fn public_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// Two crates in one process may offer ways of TLS; ours is ring, said once and aloud.
fn install_tls() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        // An error means that the process chose one before us.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// In the words of a reader of PEM, without the text: a key may stand in it.
fn say(why: &pem::Error) -> String {
    match why {
        pem::Error::MissingSectionEnd { .. } => "a block has no end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a block begins wrongly".to_owned(),
        pem::Error::Base64Decode(_) => "a block is not base64".to_owned(),
        pem::Error::SectionTooLarge => "a block is too large".to_owned(),
        _ => "it cannot be read".to_owned(),
    }
}

/// Why a connection could not be made, with what may help where a certificate is at fault.
pub(super) fn explain(fault: &Error) -> String {
    let certificate = match fault {
        Error::Io(why) => blame(why, "`ca_file`"),
        _ => None,
    };
    certificate.unwrap_or_else(|| fault.to_string())
}

/// What is wrong with a server's certificate, where that is the fault; `option` is what gives another authority.
pub(super) fn blame(why: &io::Error, option: &str) -> Option<String> {
    Some(match blamed(why)? {
        CertificateError::UnknownIssuer => format!(
            "the server's certificate is of no authority that is trusted (a proxy that looks into TLS needs {option})"
        ),
        why => format!("the server's certificate is refused: {why}"),
    })
}

fn blamed(why: &io::Error) -> Option<&CertificateError> {
    match why.get_ref()?.downcast_ref()? {
        rustls::Error::InvalidCertificate(certificate) => Some(certificate),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(pem: &str) -> String {
        Trust::with(pem.as_bytes()).expect_err("no authority").to_string()
    }

    #[test]
    fn what_is_no_authority_is_refused_by_what_it_is() {
        let block = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        assert!(refused("").contains("no certificate"));
        assert!(refused("hello").contains("no certificate"));
        assert!(refused("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").contains("no certificate"));
        assert!(refused("-----BEGIN CERTIFICATE-----\nAAAA\n").contains("no end"));
        assert!(refused(&block("!!!!")).contains("not base64"));
        assert!(refused(&block("AAAA")).starts_with("certificate 1 of the file is unsound"));
        assert!(refused(&format!("{}{}", block("AAAA"), block("AAAA"))).starts_with("certificate 1 "));
    }

    #[test]
    fn the_public_authorities_are_compiled_in() {
        assert!(public_roots().len() > 50, "{}", public_roots().len());
    }

    #[test]
    fn a_file_that_never_ends_is_not_read_to_its_end() {
        assert_eq!(Trust::with_file(Path::new("/dev/zero")).expect_err("no authority"), BadAuthority::TooLarge);
        assert!(matches!(Trust::with_file(Path::new("/nowhere/ca.pem")), Err(BadAuthority::Read(_))));
    }
}
