//! `ticketing check`: audits what must always hold, from the services' own data.

mod facts;
mod messages;
mod money;
mod sales;
mod transport;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::data_dir::AUDIT_COPY;
use crate::operator::{Lines, Operator, Request, beside, offline};
use crate::settings::CheckSettings;
use crate::{backup, control};
use facts::Facts;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The rule, such as `T1`.
    pub rule: &'static str,
    /// What was found.
    pub what: String,
    /// Whether work in progress explains it: a violation only at rest.
    pub pending: bool,
}

impl Finding {
    fn violation(rule: &'static str, what: String) -> Self {
        Self {
            rule,
            what,
            pending: false,
        }
    }

    fn pending(rule: &'static str, what: String) -> Self {
        Self {
            rule,
            what,
            pending: true,
        }
    }
}

/// `ticketing check`.
///
/// # Errors
/// When the data can't be read.
pub async fn check(settings: CheckSettings) -> anyhow::Result<ExitCode> {
    let request = Request::Check {
        at_rest: settings.at_rest,
    };
    if settings.databases.are_set() {
        return control::work_on(beside(&settings.databases).await?, request).await;
    }
    control::ask(&settings.data_dir, request).await
}

/// Audits; a running marketplace is audited on a copy of one moment. Answers the exit code.
///
/// # Errors
/// When the data can't be read.
pub async fn run(operator: &Operator, at_rest: bool, lines: &Lines) -> anyhow::Result<u8> {
    if !operator.running {
        return audit(operator, at_rest, lines).await;
    }
    static COPIES: AtomicU64 = AtomicU64::new(0);
    let name = format!(
        "{AUDIT_COPY}{}-{}",
        std::process::id(),
        COPIES.fetch_add(1, Ordering::Relaxed)
    );
    let copy = operator.data_dir.join(name);
    let outcome = async {
        let (quiet, mut said) = tokio::sync::mpsc::channel(16);
        backup::copy(operator, &copy, &quiet).await?;
        said.close();
        let frozen = offline(&copy).await?;
        let outcome = audit(&frozen, at_rest, lines).await;
        frozen.close();
        outcome
    }
    .await;
    std::fs::remove_dir_all(&copy).ok();
    outcome
}

async fn audit(operator: &Operator, at_rest: bool, lines: &Lines) -> anyhow::Result<u8> {
    let facts = Facts::read(operator).await?;
    let mut findings = transport::findings(operator, &facts).await?;
    findings.extend(sales::findings(&facts));
    findings.extend(money::findings(operator, &facts).await?);
    findings.extend(messages::findings(operator, &facts).await?);
    findings.sort();
    let mut violations = 0usize;
    let mut pending = 0usize;
    for finding in &findings {
        let word = if finding.pending && !at_rest {
            "pending"
        } else {
            "violation"
        };
        if word == "pending" {
            pending += 1;
        } else {
            violations += 1;
        }
        lines
            .send(format!("{word} {}: {}", finding.rule, finding.what))
            .await?;
    }
    let counts = facts.counts();
    lines
        .send(format!(
            "checked {counts}: {violations} violations, {pending} pending"
        ))
        .await?;
    Ok(u8::from(violations > 0))
}
