//! Whether connections are encrypted, and which servers' certificates are believed then.

use rustls::ClientConfig;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::tls::Authorities;

/// Whether nothing is encrypted.
pub(super) fn is_off(config: &Config) -> bool {
    config.get_ssl_mode() == SslMode::Disable || is_local(config)
}

/// Nothing to hide from the own machine, unless it is asked for.
fn is_local(config: &Config) -> bool {
    config.get_ssl_mode() == SslMode::Prefer
        && config.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
            Host::Unix(_) => true,
        })
}

/// Believes these authorities; without them those that the machine trusts, or the web's where it has
/// none.
pub(super) fn connector(authorities: Option<&Authorities>) -> MakeRustlsConnect {
    // Somebody else may have chosen a provider already: then that one it is.
    drop(rustls::crypto::ring::default_provider().install_default());
    if let Some(authorities) = authorities {
        let config = ClientConfig::builder().with_root_certificates(authorities.store());
        return MakeRustlsConnect::new(config.with_no_client_auth());
    }
    match MakeRustlsConnect::with_native_certs() {
        Ok((connector, _)) => connector,
        Err(_) => MakeRustlsConnect::with_webpki_roots(),
    }
}
