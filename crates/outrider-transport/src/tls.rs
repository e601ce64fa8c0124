//! The certificates of the ends of a TLS connection, in files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// PEM files for TLS. Both ends show a certificate and check that of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates of the authorities that sign those of the other end.
    pub authority: PathBuf,
    /// This end's certificate, with those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// What the end that connects needs.
    ///
    /// # Errors
    /// Files that are missing or malformed, by name.
    pub fn client_config(&self) -> io::Result<Arc<ClientConfig>> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(self.roots()?)
            .with_client_auth_cert(certificates(&self.certificate)?, self.private_key()?)
            .map_err(|error| named(&self.certificate, error))?;
        Ok(Arc::new(config))
    }

    /// What the end that is connected to needs. It refuses ends without a certificate of the authority.
    ///
    /// # Errors
    /// As [`client_config`](Self::client_config).
    pub fn server_config(&self) -> io::Result<Arc<ServerConfig>> {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()?), provider())
            .build()
            .map_err(|error| named(&self.authority, error))?;
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates(&self.certificate)?, self.private_key()?)
            .map_err(|error| named(&self.certificate, error))?;
        Ok(Arc::new(config))
    }

    fn roots(&self) -> io::Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.authority)? {
            roots.add(certificate).map_err(|error| named(&self.authority, error))?;
        }
        Ok(roots)
    }

    fn private_key(&self) -> io::Result<PrivateKeyDer<'static>> {
        PrivateKeyDer::from_pem_file(&self.key).map_err(|error| unread(&self.key, error))
    }
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let list: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<_, _>>);
    let list = list.map_err(|error| unread(path, error))?;
    if list.is_empty() {
        return Err(named(path, "no certificate in it"));
    }
    Ok(list)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A file that could not be read is the machine's fault or the path's; the kind of the error shows which.
fn unread(path: &Path, error: PemError) -> io::Error {
    match error {
        PemError::Io(error) => io::Error::new(error.kind(), format!("{}: {error}", path.display())),
        error => named(path, error),
    }
}

fn named(path: &Path, error: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {error}", path.display()))
}
