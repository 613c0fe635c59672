//! HTTPS with a certificate and a key in files, which are read again when they change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Where certificate and key are, as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate first, then those that lead to the authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What connections are encrypted with: the newest certificate that could be read.
pub struct Tls {
    files: TlsFiles,
    /// When the files were written that were read first.
    first: Stamp,
    config: RwLock<Arc<ServerConfig>>,
}

/// When the files were written, as far as the system tells.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Tls {
    /// Reads the files. Errors: one can't be read, or they do not belong together.
    pub fn load(files: TlsFiles) -> anyhow::Result<Self> {
        // Looked at before they are read: what is written meanwhile is seen as a change.
        let first = files.stamp();
        let config = RwLock::new(Arc::new(read(&files)?));
        Ok(Self {
            files,
            first,
            config,
        })
    }

    /// Is what the next connection is encrypted with.
    pub fn acceptor(&self) -> TlsAcceptor {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&config))
    }

    /// Reads the files again whenever they change; what can't be used leaves everything as it is.
    pub async fn follow(self: Arc<Self>) {
        let mut seen = self.first;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.files.stamp();
            if now == seen {
                continue;
            }
            seen = now;
            self.reload();
        }
    }

    fn reload(&self) {
        match read(&self.files) {
            Ok(config) => {
                *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                info!(certificate = %self.files.certificate.display(), "took up a new certificate");
            }
            Err(error) => {
                warn!("the certificate changed and can't be used, so the old one stays: {error:#}");
            }
        }
    }
}

impl TlsFiles {
    fn stamp(&self) -> Stamp {
        let of = |path: &Path| {
            let about = std::fs::metadata(path).ok()?;
            Some((about.modified().ok()?, about.len()))
        };
        [of(&self.certificate), of(&self.key)]
    }
}

fn read(files: &TlsFiles) -> anyhow::Result<ServerConfig> {
    let TlsFiles { certificate, key } = files;
    let certificates = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("can't read the certificate {}", certificate.display()))?;
    anyhow::ensure!(
        !certificates.is_empty(),
        "{} holds no certificate (BEGIN CERTIFICATE)",
        certificate.display()
    );
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("can't read the key {}", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, private)
        .with_context(|| {
            let (certificate, key) = (certificate.display(), key.display());
            format!("the certificate {certificate} and the key {key} can't be used together")
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}
