//! Certificates for servers of tests, and the authority that signs them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// An authority of a test's own, which no machine trusts.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: TempDir,
}

/// What a server shows, and the key that proves it, as files' contents (PEM).
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// When its certificate can't be written.
    pub fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let directory = tempfile::tempdir()?;
        // No other has the name: then it is not taken for that one with a wrong key.
        let name = format!("authority in {}", directory.path().display());
        params.distinguished_name.push(DnType::CommonName, name);
        let authority = Self {
            directory,
            issuer: Issuer::new(params.clone(), KeyPair::try_from(key.serialize_der())?),
        };
        let certificate = params.self_signed(&key)?;
        std::fs::write(authority.file(), certificate.pem()).context("write the certificate")?;
        Ok(authority)
    }

    /// The file with its certificate.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        Path::new(self.directory.path()).join("authority.pem")
    }

    /// Signs a server's certificate, for this name or address alone.
    ///
    /// # Errors
    /// When it can't be signed.
    pub fn sign(&self, name: &str) -> anyhow::Result<Certificate> {
        let key = KeyPair::generate()?;
        let params = CertificateParams::new([name.to_owned()])?;
        Ok(Certificate {
            certificate: params.signed_by(&key, &self.issuer)?.pem(),
            key: key.serialize_pem(),
        })
    }
}
