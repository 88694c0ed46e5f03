//! TLS 1.2 and 1.3: the certificate and its key are read from files and checked, and read again on a signal.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rekindle_core::{Clock, SystemClock};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use tokio_rustls::TlsAcceptor;
use tracing::{error, info, warn};
use webpki::{EndEntityCert, KeyUsage};

const CERTIFICATE: &str = "TLS_CERT_FILE";
const KEY: &str = "TLS_KEY_FILE";

/// The files that TLS needs, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// `TLS_CERT_FILE`: the chain.
    pub certificate: PathBuf,
    /// `TLS_KEY_FILE`: the private key of its first certificate.
    pub key: PathBuf,
}

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing, or not what it should be.
    #[error("{name}: {why}")]
    File {
        /// The setting that names it.
        name: &'static str,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// The library refuses.
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// The certificate that new connections are shown.
#[derive(Debug)]
pub struct Certificates {
    files: TlsFiles,
    current: RwLock<Arc<CertifiedKey>>,
}

/// Which setting is wrong, and why.
type Wrong = (&'static str, String);

impl Certificates {
    /// Those of the files.
    ///
    /// # Errors
    /// When a file is missing, or not what it should be.
    pub fn read(files: &TlsFiles) -> Result<Arc<Self>, TlsError> {
        let current = read(files).map_err(|(name, why)| TlsError::File { name, why })?;
        Ok(Arc::new(Self { files: files.clone(), current: RwLock::new(current) }))
    }

    /// What speaks TLS with them.
    ///
    /// # Errors
    /// The library's.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::Setup)?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::clone(self) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again. New connections get what is in them now; when that cannot be used, they get what they got
    /// before, and the log says so.
    pub fn reload(&self) {
        match read(&self.files) {
            Ok(current) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
                info!("TLS certificate read again: new connections get it");
            }
            Err((name, why)) => {
                error!(setting = name, cause = why, "The new TLS certificate cannot be used; the old one stays");
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read(files: &TlsFiles) -> Result<Arc<CertifiedKey>, Wrong> {
    let chain = certificates(&files.certificate).map_err(|why| (CERTIFICATE, why))?;
    let key = key(&files.key).map_err(|why| (KEY, why))?;
    warn_of_validity(&files.certificate, &chain);
    let provider: CryptoProvider = ring::default_provider();
    let (certificate, key_file) = (files.certificate.display(), files.key.display());
    let pair = CertifiedKey::from_der(chain, key, &provider).map_err(|error| {
        let mismatch = rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch);
        if error == mismatch {
            (KEY, format!("{key_file} is not the key of the certificate in {certificate}; set it to the one that is"))
        } else if let rustls::Error::InvalidCertificate(why) = error {
            (CERTIFICATE, format!("{certificate} holds a certificate that cannot be read: {why:?}"))
        } else {
            (KEY, format!("{key_file} holds a key that cannot be used: {error}"))
        }
    })?;
    Ok(Arc::new(pair))
}

/// The chain, the server's own certificate first.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = file.display();
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = found.map_err(|error| in_words(file, &error))?;
    if chain.is_empty() {
        return Err(format!("{shown} holds no certificate; it must be PEM, with -----BEGIN CERTIFICATE-----"));
    }
    Ok(chain)
}

fn key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| in_words(file, &error))
}

fn in_words(file: &Path, error: &pem::Error) -> String {
    let file = file.display();
    if let pem::Error::Io(error) = error {
        format!("{file} cannot be read: {error}")
    } else if matches!(error, pem::Error::NoItemsFound) {
        format!("{file} holds no private key; it must be PEM, with -----BEGIN PRIVATE KEY----- and no password")
    } else {
        format!("{file} is no PEM: {error}")
    }
}

/// A certificate that is out of its time is served all the same: some clients do not mind, and a server that is gone helps
/// none.
fn warn_of_validity(file: &Path, chain: &[CertificateDer<'_>]) {
    let Some(certificate) = chain.first().and_then(|der| EndEntityCert::try_from(der).ok()) else { return };
    let now = std::time::Duration::from_millis(u64::try_from(SystemClock.now().millis()).unwrap_or(0));
    let now = UnixTime::since_unix_epoch(now);
    // No certificate is trusted here: of the verification only its first step matters, which is the validity period.
    let verified = certificate.verify_for_usage(&[], &[], &[], now, KeyUsage::server_auth(), None, None);
    let file = file.display();
    match verified.err() {
        Some(webpki::Error::CertExpired { not_after, .. }) => {
            let days = now.as_secs().saturating_sub(not_after.as_secs()) / 86_400;
            warn!(file = %file, "The TLS certificate expired {days} days ago: clients will refuse it");
        }
        Some(webpki::Error::CertNotValidYet { .. }) => {
            warn!(file = %file, "The TLS certificate is not valid yet: clients will refuse it");
        }
        _ => {}
    }
}
