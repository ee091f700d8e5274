//! The two processes that own nothing: the load balancer and the pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::http::uri::Authority;
use axum::routing::get;
use platform::http::layers::layered;
use platform::random::SystemRandom;
use platform::telemetry::Metrics;

use crate::serve::{Parts, watch_bus};
use crate::site::{pages, show};
use crate::transport;

/// The API of all services, as `cargo xtask docs` has written it down.
const DOCUMENT: &str = include_str!("../../docs/openapi.json");

/// The load balancer.
///
/// # Errors
/// When it does not know where a service answers.
pub fn gateway(parts: &Parts<'_>, metrics: &Metrics) -> anyhow::Result<Router> {
    let mut upstreams: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in &parts.settings.upstreams {
        let (service, place) = text.split_once('=').with_context(|| {
            format!("--upstream (TICKETING_UPSTREAMS) {text}: write it as orders=host:port")
        })?;
        if gateway::TABLE.iter().all(|route| route.service != service) {
            let mut known: Vec<&str> = gateway::TABLE.iter().map(|route| route.service).collect();
            known.dedup();
            bail!(
                "--upstream (TICKETING_UPSTREAMS) {text}: there is no service {service}, but {}",
                known.join(", ")
            );
        }
        let authority: Option<Authority> = place.parse().ok();
        if authority
            .and_then(|authority| authority.port_u16())
            .is_none()
        {
            bail!("--upstream (TICKETING_UPSTREAMS) {text}: write it as {service}=host:port");
        }
        let places = upstreams.entry(service.to_owned()).or_default();
        places.push(place.to_owned());
    }
    // What developers look at may be missing.
    let needed = |route: &&gateway::Route| !route.is_for_development();
    for route in gateway::TABLE.iter().filter(needed) {
        if !upstreams.contains_key(route.service) {
            bail!(
                "--upstream (TICKETING_UPSTREAMS) {}=host:port is missing",
                route.service
            );
        }
    }
    let settings = gateway::Settings {
        trusted: parts.settings.site.trusted(),
        public_url: parts.options.public_url.as_deref().map(Arc::from),
        show: Some(show(parts.options)),
        ..gateway::Settings::new(upstreams, DOCUMENT.into())
    };
    let around = gateway::Surroundings {
        clock: Arc::clone(&parts.clock),
        random: Arc::new(SystemRandom),
        tasks: parts.streams.clone(),
        readiness: parts.readiness.clone(),
        metrics: metrics.clone(),
    };
    Ok(gateway::proxy(settings, around))
}

/// The pages. They know the load balancer and no service.
///
/// # Errors
/// When the load balancer's address is missing or malformed, or the bus does not answer.
pub async fn web(parts: &Parts<'_>) -> anyhow::Result<Router> {
    const SETTING: &str = "--gateway-url (TICKETING_GATEWAY_URL)";
    let url = parts.settings.gateway_url.as_deref();
    let url = url.with_context(|| format!("{SETTING} is missing: http://gateway:3000"))?;
    let gateway = gateway::remote(url, &parts.clock).context(SETTING)?;
    parts.readiness.set(transport::CHECK, false);
    let bus = parts.bus().await?;
    let process = parts.process(Arc::clone(&bus), Vec::new());
    let routes = pages(parts.options, &process, gateway, &parts.streams).await?;
    let watch = watch_bus(bus, parts.readiness.clone(), Arc::clone(&parts.clock));
    parts.tasks.spawn(watch);
    // What the load balancer has no service for comes here, paths of the API among it.
    let document = || std::future::ready(([("content-type", "application/json")], DOCUMENT));
    let document = Router::new().route("/api/openapi.json", get(document));
    let mut layers = parts.layers();
    layers.show = Some(show(parts.options));
    Ok(layered(gateway::in_process([document, routes]), &layers))
}
