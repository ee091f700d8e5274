//! All guards that can be switched off one at a time.

use platform::flaws::Flaw;

/// Those of the platform and of every service.
#[must_use]
pub fn all() -> Vec<Flaw> {
    let guards: [&[Flaw]; 5] = [
        &platform::flaws::ALL,
        &expiration::flaws::ALL,
        &orders::flaws::ALL,
        &payments::flaws::ALL,
        &tickets::flaws::ALL,
    ];
    guards.concat()
}
