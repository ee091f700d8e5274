//! Compares one payment with what the provider shows, and learns from it.

use contracts::ids::PaymentId;
use metrics::counter;
use platform::{Context, Result, Tx};

use super::Settlement;
use crate::commands::learn;
use crate::domain::payment::Payment;
use crate::provider::ProviderError;

/// Counts where the provider's records and ours differ in what nobody asked for: somebody should look.
const DIFFERENCES: &str = "ticketing_payment_differences_total";

/// Counts how often the provider did not answer a comparison.
const UNANSWERED: &str = "ticketing_payment_provider_unanswered_total";

impl Settlement {
    /// Brings a payment to what the provider shows; false when the provider does not answer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn compare(&self, ctx: &Context, payment: Payment) -> Result<bool> {
        let key = payment.provider_key();
        let shown = self.settings.provider.look_up(&key);
        let charge = match self.call(ctx, shown).await {
            Ok(Some(charge)) => charge,
            Ok(None) => return Ok(true),
            Err(error) => return Ok(unanswered(&error)),
        };
        let id = payment.id;
        let learned = ctx
            .db
            .write(async move |tx: &mut Tx| learn::learn(tx, &payment, &charge).await)
            .await;
        match learned {
            Ok(unasked) => went_back(id, unasked),
            Err(failure) if failure.refused().is_some() => {
                differs("not_believed");
                tracing::error!(payment_id = %id, %failure, "the provider's record is not believed");
            }
            Err(failure) => return Err(failure),
        }
        Ok(true)
    }
}

/// Shows what has not happened yet too, so that the first time is seen as a rise.
pub(crate) fn show_figures() {
    for kind in ["given_back", "not_believed", "undone"] {
        counter!(DIFFERENCES, "kind" => kind).increment(0);
    }
    counter!(UNANSWERED).increment(0);
}

/// Counts that money went back which nobody had asked for, if so.
pub(super) fn went_back(id: PaymentId, unasked: bool) {
    if unasked {
        differs("given_back");
        tracing::warn!(payment_id = %id, "money went back that nobody had asked for here");
    }
}

/// Counts a difference that nobody asked for.
pub(crate) fn differs(kind: &'static str) {
    counter!(DIFFERENCES, "kind" => kind).increment(1);
}

/// Whether it makes sense to go on: not when the provider can't be reached.
pub(crate) fn unanswered(error: &ProviderError) -> bool {
    counter!(UNANSWERED).increment(1);
    tracing::warn!(%error, "a comparison got no answer from the payment provider");
    matches!(error, ProviderError::Invalid { .. })
}
