//! What is measured, and how it is written down.

use std::time::Duration;

/// The durations of a run.
#[derive(Default)]
pub struct Figures {
    /// How long each answer took.
    pub took: Vec<Duration>,
}

impl Figures {
    /// The duration below which this share of the answers lies.
    pub fn quantile(&mut self, share: f64) -> Duration {
        self.took.sort_unstable();
        let last = self.took.len().saturating_sub(1);
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a list of some millions"
        )]
        let place = (last as f64 * share).round() as usize;
        self.took.get(place).copied().unwrap_or_default()
    }
}

/// One line of the table.
pub struct Line<'a> {
    /// The workload.
    pub workload: &'a str,
    /// Which case of it.
    pub case: String,
    /// How long the whole took.
    pub wall: Duration,
    /// How much processor time the program used meanwhile.
    pub cpu: Duration,
    /// What else is to be said.
    pub note: String,
}

impl Line<'_> {
    /// Prints the line.
    pub fn print(&self, figures: &mut Figures) {
        let count = f64::from(u32::try_from(figures.took.len()).unwrap_or(u32::MAX)).max(1.0);
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        println!(
            "| {} | {} | {:.0} | {:.2} | {:.2} | {:.3} | {} |",
            self.workload,
            self.case,
            count / self.wall.as_secs_f64().max(1e-9),
            millis(figures.quantile(0.5)),
            millis(figures.quantile(0.99)),
            millis(self.cpu) / count,
            self.note
        );
    }
}
