//! What a driver's error means: meeting another transaction, surroundings that fail, or a fault of ours.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::failure::Failure;
use crate::tls;

/// Whether two transactions met, so that the same may succeed now.
pub(super) fn met_another(error: &Error) -> bool {
    error.code().is_some_and(|code| {
        *code == SqlState::T_R_SERIALIZATION_FAILURE
            || *code == SqlState::T_R_DEADLOCK_DETECTED
            || *code == SqlState::LOCK_NOT_AVAILABLE
            // A prepared statement from before a migration.
            || *code == SqlState::FEATURE_NOT_SUPPORTED
    })
}

/// Whether a statement that must change a row has changed none (see `FAIL_IF_NONE`).
pub(super) fn changed_nothing(error: &Error) -> bool {
    error.code() == Some(&SqlState::DIVISION_BY_ZERO)
}

/// Whether the connection is gone.
pub(super) fn is_lost(error: &Error) -> bool {
    match error.code() {
        None => error.is_closed() || is_transport(error),
        Some(code) => {
            *code == SqlState::ADMIN_SHUTDOWN
                || *code == SqlState::CRASH_SHUTDOWN
                || *code == SqlState::CANNOT_CONNECT_NOW
                || *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
        }
    }
}

fn is_transport(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.is::<std::io::Error>() {
            return true;
        }
        source = inner.source();
    }
    false
}

/// What the operator can do about a server that answers and refuses the connection; `None` if it may
/// accept it by itself later.
pub(super) fn remedy(error: &Error) -> Option<&'static str> {
    if tls::distrust(error).is_some() {
        return Some(
            "name the file of the authority that signed the server's certificate with --database-ca \
             (TICKETING_DATABASE_CA), and the server as its certificate does",
        );
    }
    let Some(code) = error.code() else {
        // The driver has no word of its own for it.
        let unencrypted = chain(error).contains("server does not support TLS");
        return unencrypted.then_some("switch ssl on in the server, or say sslmode=disable");
    };
    if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
    {
        Some("correct the user or the password")
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        Some(
            "make it with: create database … template template0 encoding 'UTF8' lc_collate 'C' \
             lc_ctype 'C'",
        )
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        Some("grant the user connect on it")
    } else {
        None
    }
}

/// Sorts an error by the classes of PostgreSQL's SQLSTATE (appendix A of its manual): connection
/// (08), resources (53), operator (57) and system (58) are the surroundings' fault, a standby that
/// takes no writes (25006) too; the rest is ours.
pub(super) fn failure(error: Error, sql: &str) -> Failure {
    let surroundings = is_lost(&error)
        || met_another(&error)
        || error.code().is_some_and(|code| {
            let class = code.code().get(..2).unwrap_or_default();
            matches!(class, "08" | "53" | "57" | "58")
                || *code == SqlState::READ_ONLY_SQL_TRANSACTION
        });
    if surroundings {
        Failure::Unavailable(chain(&error))
    } else {
        let text = chain(&error);
        Failure::Broken(anyhow::Error::new(error).context(format!("{text} in: {sql}")))
    }
}

/// The driver's own words are short; what happened stands in the sources.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = inner.source();
    }
    text
}
