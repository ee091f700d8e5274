//! The whole site behind one listener: the API, the pages, health and figures.

use std::sync::Arc;

use anyhow::bail;
use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::RETRY_AFTER;
use axum::routing::get;
use contracts::Envelope;
use contracts::envelope::Aggregate;
use contracts::events::orders::Order;
use contracts::events::tickets::Ticket;
use futures::StreamExt;
use platform::http::health;
use platform::http::layers::{LayerSettings, Show, layered};
use platform::run::{Prepared, Process};
use platform::tasks::Tasks;
use platform::telemetry::Metrics;
use tokio::sync::broadcast;
use tower::util::BoxCloneSyncService;

use crate::api_document::{completed, description};
use crate::compose::Options;

/// How many changes a slow browser connection may lag.
const CHANGES: usize = 1024;

/// What the site is given besides the services.
pub struct Surroundings {
    /// The figures of the process.
    pub metrics: Metrics,
    /// What feeds the open streams: they end when these tasks are stopped.
    pub streams: Tasks,
}

/// Builds the site from the services' routes.
///
/// # Errors
/// When a service answers a path that the table gives to another.
pub async fn site(
    options: &Options,
    process: &Process,
    prepared: &mut [Prepared],
    surroundings: Surroundings,
) -> anyhow::Result<Router> {
    let mut routers = Vec::new();
    let mut document = description();
    for service in prepared {
        let (router, paths) = std::mem::take(&mut service.routes).split_for_parts();
        let name = service.context.service;
        if let Err(wrong) = gateway::verify(name, paths.paths.paths.keys()) {
            bail!(
                "{} answers {}, which is not its path",
                wrong.service,
                wrong.path
            );
        }
        document.merge(paths);
        routers.push(router);
    }
    let document: Arc<str> = completed(document).to_json()?.into();
    let answer = move || {
        let document = document.to_string();
        async move { ([("content-type", "application/json")], document) }
    };
    routers.push(Router::new().route("/api/openapi.json", get(answer)));
    let mut layers = LayerSettings::new(Arc::clone(&process.clock), Arc::clone(&process.random));
    layers.body_limit = options.limits.body();
    layers.public_url.clone_from(&process.public_url);
    let api = gateway::in_process(routers);
    let pages = pages(
        options,
        process,
        BoxCloneSyncService::new(layered(api.clone(), &layers)),
        &surroundings.streams,
    )
    .await?;
    layers.show = Some(show(options));
    let whole = api.merge(pages).merge(health::routes(
        process.readiness.clone(),
        surroundings.metrics,
    ));
    Ok(layered(whole, &layers))
}

/// Shows refusals to people as pages; says when to try again, as a problem does.
pub fn show(options: &Options) -> Show {
    let settings = web_settings(options);
    Arc::new(move |refused| {
        let mut page = web::failure_page(&settings, refused.status);
        if let Some(seconds) = refused.retry_after {
            let headers = page.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        page
    })
}

/// What the pages are told.
pub fn web_settings(options: &Options) -> web::Settings {
    web::Settings {
        public_url: options.public_url.clone(),
        sandbox: true,
        dev_mail: options.dev_mail,
        limits: web::Limits {
            title_chars_max: options.limits.title_limit.into(),
            password_chars: options.limits.password(),
        },
    }
}

/// The pages; they ask the API where browsers do.
///
/// # Errors
/// When the bus does not answer.
pub async fn pages(
    options: &Options,
    process: &Process,
    gateway: web::Gateway,
    streams: &Tasks,
) -> anyhow::Result<Router> {
    let changes = broadcast::channel(CHANGES).0;
    for (owner, aggregate) in [(Order::OWNER, Order::NAME), (Ticket::OWNER, Ticket::NAME)] {
        let events = process.bus.follow(owner, aggregate).await?;
        let changes = changes.clone();
        streams.spawn(async move {
            let tell = |event: Arc<Envelope>| {
                drop(changes.send(web::Change {
                    aggregate: event.aggregate.clone(),
                    id: event.subject.clone(),
                    version: event.aggregateversion,
                }));
                std::future::ready(())
            };
            events.for_each(tell).await;
        });
    }
    let (clock, ids) = (Arc::clone(&process.clock), Arc::clone(&process.clock));
    let random = Arc::clone(&process.random);
    let now: web::Now = Arc::new(move || clock.now());
    let new_id: web::NewId =
        Arc::new(move || platform::random::uuid_v7(random.as_ref(), ids.now()));
    Ok(web::routes(
        web_settings(options),
        gateway,
        &changes,
        now,
        new_id,
    ))
}
