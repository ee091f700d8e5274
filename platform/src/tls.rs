//! Which certificates of servers are believed, besides the machine's own choice, and which one is shown.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Authorities whose signature on a server's certificate is believed, and no others.
#[derive(Clone)]
pub struct Authorities {
    file: PathBuf,
    store: Arc<RootCertStore>,
}

impl std::fmt::Debug for Authorities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Authorities").field(&self.file).finish()
    }
}

impl Authorities {
    /// Reads their certificates (PEM) from a file.
    ///
    /// # Errors
    /// When it can't be read, or holds none.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let what = || file.display().to_string();
        let text = std::fs::read(file).with_context(what)?;
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let certificate = certificate.with_context(what)?;
            store.add(certificate).with_context(what)?;
        }
        if store.is_empty() {
            bail!("{} holds no certificate (PEM)", file.display());
        }
        Ok(Self {
            file: file.to_owned(),
            store: Arc::new(store),
        })
    }

    /// The file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Their certificates.
    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.store)
    }
}

/// A certificate that a server wants to be shown, and the key that proves it.
#[derive(Debug, Clone)]
pub struct Identity {
    certificate: PathBuf,
    key: PathBuf,
}

impl Identity {
    /// Looks whether both are in their files (PEM); one file may hold both.
    ///
    /// # Errors
    /// When one can't be read, or holds none.
    pub fn find(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        CertificateDer::from_pem_file(certificate)
            .with_context(|| format!("{}: no certificate (PEM)", certificate.display()))?;
        PrivateKeyDer::from_pem_file(key)
            .with_context(|| format!("{}: no private key (PEM)", key.display()))?;
        Ok(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        })
    }

    /// The file of the certificate.
    pub(crate) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The file of its key.
    pub(crate) fn key(&self) -> &Path {
        &self.key
    }
}

/// What is wrong with a server's certificate, if that is why a connection was not made.
pub(crate) fn distrust<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    within(error).filter(|found| matches!(found, rustls::Error::InvalidCertificate(_)))
}

/// What a server has against our certificate, or against there being none, if that is why a connection
/// was not made.
pub(crate) fn refusal<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    use rustls::AlertDescription::{
        AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked,
        CertificateUnknown, UnknownCA, UnsupportedCertificate,
    };
    let is_about_it = |found: &&rustls::Error| {
        matches!(
            found,
            rustls::Error::AlertReceived(
                AccessDenied
                    | BadCertificate
                    | CertificateExpired
                    | CertificateRequired
                    | CertificateRevoked
                    | CertificateUnknown
                    | UnknownCA
                    | UnsupportedCertificate
            )
        )
    };
    within(error).filter(is_about_it)
}

/// The fault of an encrypted connection in what was told of it.
fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        let wrapped = error.downcast_ref::<io::Error>();
        // An I/O error's source is what stands behind the error that it wraps.
        let inner = wrapped
            .and_then(io::Error::get_ref)
            .map(|inner| -> &(dyn Error + 'static) { inner });
        let found = inner.unwrap_or(error).downcast_ref::<rustls::Error>();
        if found.is_some() {
            return found;
        }
        next = inner.or_else(|| error.source());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_not_believed_is_told_from_other_faults() {
        let unknown = rustls::CertificateError::UnknownIssuer;
        let refused = io::Error::other(rustls::Error::InvalidCertificate(unknown));
        let around = anyhow::Error::new(refused).context("no connection");
        let around: Box<dyn Error + Send + Sync> = around.into();
        let found = distrust(around.as_ref()).unwrap().to_string();
        assert!(found.contains("UnknownIssuer"), "{found}");
        let other = io::Error::other(rustls::Error::DecryptError);
        assert!(distrust(&other).is_none() && refusal(&other).is_none());
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::BadCertificate);
        let alert = io::Error::other(alert);
        assert!(distrust(&alert).is_none() && refusal(&alert).is_some());
        assert!(distrust(&io::Error::from(io::ErrorKind::ConnectionRefused)).is_none());
    }

    #[test]
    fn a_file_without_certificates_is_refused_by_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("authority.pem");
        let missing = format!("{:#}", Authorities::read(&file).unwrap_err());
        assert!(missing.contains("authority.pem"), "{missing}");
        std::fs::write(&file, "nothing of the kind").unwrap();
        let empty = format!("{:#}", Authorities::read(&file).unwrap_err());
        assert!(
            empty.contains("authority.pem") && empty.contains("PEM"),
            "{empty}"
        );
    }
}
