//! Lists of tickets.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use contracts::api::problem::Problem;
use contracts::api::tickets::TicketView;
use platform::http::answer::Answer;
use platform::http::pages::{PageRequest, invalid_cursor};
use platform::http::query::Query;
use platform::session::SignedIn;
use platform::{Refused, Result, Tx};
use serde::Deserialize;

use super::first_pages::FirstPages;
use super::{Api, view};
use crate::domain::words::Term;
use crate::store::listings::{self, Page, Position};
use crate::store::search::search;

/// A search has at most as many characters as the longest title, by default.
const SEARCH_CHARS_MAX: usize = 200;

/// What a list is asked for besides the page.
#[derive(Debug, Deserialize)]
pub struct Asked {
    q: Option<String>,
}

/// What can be bought now, newest first.
#[utoipa::path(
    get,
    path = "/api/tickets",
    tag = "tickets",
    params(
        ("q" = Option<String>, Query, description = "Words that the title must have; from three characters on, beginnings of words"),
        ("limit" = Option<i64>, Query, description = "At most so many, 1 to 200; 100 if absent"),
        ("cursor" = Option<String>, Query, description = "From the link to the next page"),
    ),
    responses(
        (status = 200, description = "Tickets; `Link: rel=\"next\"` leads to more", body = Vec<TicketView>),
        (status = 400, description = "The limit, the cursor or the search is none", body = Problem),
    )
)]
pub async fn on_sale(
    State(api): State<Api>,
    uri: Uri,
    asked: Result<Query<Asked>>,
    request: Result<PageRequest>,
) -> Result<Answer> {
    let query = uri.query().unwrap_or_default();
    // Counted before the page is read: the page then shows at least these.
    let commits = api.ctx.db.commits().filter(|_| FirstPages::is_kept(query));
    if let Some(page) = commits.and_then(|commits| api.first_pages.get(query, commits)) {
        return Ok(page);
    }
    let (Query(asked), request) = (asked?, request?);
    let (after, limit) = (position_in(&request)?, request.limit);
    let page = match terms_in(&asked)? {
        None => {
            let read = async move |tx: &mut Tx| listings::listed(tx, after, limit).await;
            api.ctx.db.read(read).await?
        }
        Some(terms) => {
            let read = async move |tx: &mut Tx| search(tx, &terms, after, limit).await;
            api.ctx.db.read(read).await?
        }
    };
    let answer = answer(&page, &request)?;
    if let Some(commits) = commits {
        api.first_pages.put(query, commits, &answer);
    }
    Ok(answer)
}

/// One's own tickets in every state, newest first.
#[utoipa::path(
    get,
    path = "/api/tickets/mine",
    tag = "tickets",
    params(
        ("limit" = Option<i64>, Query, description = "At most so many, 1 to 200; 100 if absent"),
        ("cursor" = Option<String>, Query, description = "From the link to the next page"),
    ),
    responses(
        (status = 200, description = "Tickets; `Link: rel=\"next\"` leads to more", body = Vec<TicketView>),
        (status = 401, description = "Nobody is signed in", body = Problem),
    )
)]
pub async fn mine(
    State(api): State<Api>,
    seller: SignedIn,
    request: PageRequest,
) -> Result<Answer> {
    let (after, limit, seller) = (position_in(&request)?, request.limit, seller.user_id);
    let read = async move |tx: &mut Tx| listings::of_seller(tx, seller, after, limit).await;
    answer(&api.ctx.db.read(read).await?, &request)
}

fn position_in(request: &PageRequest) -> Result<Option<Position>> {
    let position = request.cursor.as_deref().map(str::parse).transpose();
    Ok(position.map_err(|()| invalid_cursor())?)
}

/// The words that are searched for; none when nothing is searched.
fn terms_in(asked: &Asked) -> Result<Option<Vec<Term>>> {
    let Some(text) = asked
        .q
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    if text.chars().count() > SEARCH_CHARS_MAX {
        let message = format!("search for at most {SEARCH_CHARS_MAX} characters");
        return Err(Refused::invalid("search_too_long", message)
            .on_field("q")
            .into());
    }
    Ok(Some(Term::of(text)))
}

fn answer(page: &Page, request: &PageRequest) -> Result<Answer> {
    let views: Vec<TicketView> = page.tickets.iter().map(view).collect();
    let next = page.next.map(|position| position.to_string());
    Ok(Answer::json(StatusCode::OK, &views)?.next_page(request, next.as_deref()))
}
