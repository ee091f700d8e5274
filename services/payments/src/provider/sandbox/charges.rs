//! The sandbox's own records.

use anyhow::anyhow;
use contracts::money::Money;
use platform::db::{Row, params};
use platform::{Failure, Result, Tx};

use super::cards::action_url;
use crate::domain::charge::{Charge, Returned, Standing};
use crate::provider::Position;

const COLUMNS: &str = "reference, key, token, amount_minor, currency, standing, code, created_at";

/// Lets one call at a time judge the charge, or the key, of this name: its first statement.
pub(super) async fn lock(tx: &mut Tx, name: &str) -> Result<()> {
    tx.lock(&[name]).await
}

/// A charge's id: random, because knowing it lets one confirm the payment.
pub(super) fn new_reference(tx: &Tx) -> String {
    let random: String = tx
        .random_bytes::<16>()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("ch_{random}")
}

pub(super) async fn insert(tx: &mut Tx, charge: &Charge, token: &str) -> Result<()> {
    let (standing, code) = columns(&charge.standing);
    tx.execute(
        "insert into charges (reference, key, token, amount_minor, currency, standing, code, \
         created_at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            charge.reference,
            charge.key,
            token,
            charge.amount.minor,
            charge.amount.currency,
            standing,
            code,
            charge.created_at,
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn find(tx: &mut Tx, reference: &str) -> Result<Option<Charge>> {
    let found = with_reference(tx, reference).await?;
    Ok(found.map(|(charge, _)| charge))
}

/// The charge with this reference, and the token that it was made with.
pub(super) async fn with_reference(
    tx: &mut Tx,
    reference: &str,
) -> Result<Option<(Charge, String)>> {
    let sql = format!("select {COLUMNS} from charges where reference = $1");
    let Some(row) = tx.query_opt(&sql, params![reference]).await? else {
        return Ok(None);
    };
    Ok(Some((read(tx, &row).await?, row.get(2)?)))
}

/// The charge with this key, and the token that it was made with.
pub(super) async fn with_key(tx: &mut Tx, key: &str) -> Result<Option<(Charge, String)>> {
    let sql = format!("select {COLUMNS} from charges where key = $1");
    let Some(row) = tx.query_opt(&sql, params![key]).await? else {
        return Ok(None);
    };
    Ok(Some((read(tx, &row).await?, row.get(2)?)))
}

pub(super) async fn after(tx: &mut Tx, after: &Position, limit: u32) -> Result<Vec<Charge>> {
    let sql = format!(
        "select {COLUMNS} from charges \
         where created_at > $1 or (created_at = $1 and reference > $2) \
         order by created_at, reference limit $3"
    );
    let limit = i64::from(limit);
    let rows = tx
        .query(&sql, params![after.created_at, after.reference, limit])
        .await?;
    let mut charges = Vec::new();
    for row in rows {
        charges.push(read(tx, &row).await?);
    }
    Ok(charges)
}

pub(super) async fn set_standing(tx: &mut Tx, reference: &str, standing: &Standing) -> Result<()> {
    let (standing, code) = columns(standing);
    tx.execute(
        "update charges set standing = $2, code = $3 where reference = $1",
        params![reference, standing, code],
    )
    .await?;
    Ok(())
}

pub(super) async fn insert_refund(
    tx: &mut Tx,
    charge: &Charge,
    key: &str,
    amount_minor: i64,
) -> Result<()> {
    let place = i64::try_from(charge.refunds.len()).unwrap_or(i64::MAX);
    tx.execute(
        "insert into refunds (key, reference, amount_minor, place) values ($1, $2, $3, $4)",
        params![key, charge.reference, amount_minor, place],
    )
    .await?;
    Ok(())
}

async fn read(tx: &mut Tx, row: &Row) -> Result<Charge> {
    let reference: String = row.get(0)?;
    let refunds = tx
        .query(
            "select key, amount_minor from refunds where reference = $1 order by place",
            params![reference],
        )
        .await?
        .iter()
        .map(|row| {
            Ok(Returned {
                key: row.get(0)?,
                amount_minor: row.get(1)?,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Charge {
        standing: standing(&reference, &row.get::<String>(5)?, row.get(6)?)?,
        reference,
        key: row.get(1)?,
        amount: Money {
            minor: row.get(3)?,
            currency: row.get(4)?,
        },
        refunds,
        created_at: row.get(7)?,
    })
}

fn columns(standing: &Standing) -> (&'static str, Option<&str>) {
    match standing {
        Standing::ActionRequired { .. } => ("action_required", None),
        Standing::Authorized => ("authorized", None),
        Standing::Captured => ("captured", None),
        Standing::Declined { code } => ("declined", Some(code)),
        Standing::Voided => ("voided", None),
    }
}

fn standing(reference: &str, name: &str, code: Option<String>) -> Result<Standing> {
    Ok(match name {
        "action_required" => Standing::ActionRequired {
            url: action_url(reference),
        },
        "authorized" => Standing::Authorized,
        "captured" => Standing::Captured,
        "declined" => Standing::Declined {
            code: code.unwrap_or_default(),
        },
        "voided" => Standing::Voided,
        other => return Err(Failure::Broken(anyhow!("an unknown standing: {other}"))),
    })
}
