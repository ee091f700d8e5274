//! A PostgreSQL server that encrypts its connections.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::{Postgres, READY_WITHIN, own};

impl Postgres {
    /// Lets it encrypt connections whose client asks for it, with this certificate and its key (PEM).
    ///
    /// # Errors
    /// When it does not accept them.
    #[expect(
        clippy::disallowed_methods,
        reason = "machine time: it waits for a server"
    )]
    pub fn encrypt(&self, certificate: &str, key: &str) -> Result<()> {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let file = self.options.directory.join(name);
            fs::write(&file, text)?;
            // It refuses a key that others can read.
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
            own(&file)?;
        }
        let ask = |sql: &str| self.reached.psql("postgres", sql);
        ask("alter system set ssl = on")?;
        ask("select pg_reload_conf()")?;
        let began = Instant::now();
        while ask("show ssl")?.trim() != "on" {
            if began.elapsed() > READY_WITHIN {
                bail!("PostgreSQL does not encrypt: {}", self.log_tail());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}
