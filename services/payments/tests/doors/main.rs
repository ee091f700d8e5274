//! Payments through its doors: HTTP and orders' events in, HTTP and events out.

#[cfg(test)]
mod chaos;
#[cfg(test)]
mod confirm;
#[cfg(test)]
mod decide;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod misbehave;
#[cfg(test)]
mod pay;
#[cfg(test)]
mod reconcile;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod webhooks;
