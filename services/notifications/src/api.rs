//! HTTP in: nothing for programs, one page for whoever tries the site out.

pub mod dev_mail;
mod linked;
