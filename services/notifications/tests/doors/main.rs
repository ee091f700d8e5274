//! notifications through its doors: events in, mail and pages out.

mod delivery;
mod dev_mail;
mod market;
mod occasions;
mod replicas;
