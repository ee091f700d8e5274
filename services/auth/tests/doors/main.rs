//! auth through its doors: requests in, answers, events and mail out.

mod accounts;
mod idempotency;
mod limits;
mod passwords;
mod replicas;
mod resets;
mod sessions;
mod site;
