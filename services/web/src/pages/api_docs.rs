//! The API for people: every endpoint with its bodies and answers, from the OpenAPI document.

mod document;

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use crate::answer::Reply;
use crate::ask::Ask;
use crate::frame::{Frame, Section, page};
use crate::web::Web;
use document::{Document, Group, Schema};

#[derive(Template)]
#[template(path = "api_docs/show.html")]
struct Page {
    frame: Frame,
    title: String,
    version: String,
    about: String,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

/// `GET /api-docs`
pub async fn show(State(web): State<Web>, ask: Ask) -> Reply {
    let (person, answer) = futures::join!(ask.person(), ask.get("/api/openapi.json"));
    let document: Document = answer?.read()?;
    let shown = Page {
        frame: Frame::new(&web, &ask, person, Section::Elsewhere),
        title: document.info.title.clone(),
        version: document.info.version.clone(),
        about: document.info.description.clone().unwrap_or_default(),
        groups: document.groups(),
        schemas: document.schemas(),
    };
    page(StatusCode::OK, &shown)
}
