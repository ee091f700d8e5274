//! What stands around every page: who is signed in, where one is, what was just done.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use uuid::Uuid;

use crate::answer::{Failure, Refusal, Reply};
use crate::ask::{Ask, Person};
use crate::assets::{ASSETS, Assets};
use crate::local;
use crate::web::{Limits, Settings, Web};

/// Where in the site a page stands; the navigation marks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What can be bought.
    Browse,
    /// Listing a ticket.
    Sell,
    /// One's listings.
    Mine,
    /// One's orders.
    Orders,
    /// One's account.
    Account,
    /// Signing in and up.
    Auth,
    /// None of these.
    Elsewhere,
}

/// What the layout shows.
pub struct Frame {
    /// Who looks at it.
    pub person: Person,
    /// Where it stands.
    pub section: Section,
    /// Where the assets are.
    pub assets: &'static Assets,
    /// What was just done.
    pub notice: Option<&'static str>,
    /// Where the link to the sign-in page leads.
    pub sign_in: String,
    /// The one-time key of the form that signs out.
    pub sign_out_key: Uuid,
    /// Whether no real money moves.
    pub sandbox: bool,
    /// Whether the mail that was sent can be read here.
    pub dev_mail: bool,
    /// How long what one types may be.
    pub limits: Limits,
}

impl Frame {
    /// The frame of the page that was asked for.
    pub fn new(web: &Web, ask: &Ask, person: Person, section: Section) -> Self {
        let sign_in = match (&person, section) {
            (Person::Known(_), _) => String::new(),
            (_, Section::Auth) => "/auth/signin".to_owned(),
            _ => format!("/auth/signin?next={}", local::in_query(ask.here())),
        };
        Self {
            person,
            section,
            assets: &ASSETS,
            notice: notice(ask.here()),
            sign_in,
            sign_out_key: web.new_id(),
            sandbox: web.settings().sandbox,
            dev_mail: web.settings().dev_mail,
            limits: web.settings().limits.clone(),
        }
    }

    /// The frame of the page that a refused form comes back as: there is no notice, and signing
    /// in leads to `page`.
    pub fn refused(web: &Web, ask: &Ask, person: Person, section: Section, page: &str) -> Self {
        let mut frame = Self::new(web, ask, person, section);
        frame.notice = None;
        if frame.section != Section::Auth {
            frame.sign_in = format!("/auth/signin?next={}", local::in_query(page));
        }
        frame
    }

    /// The frame of a page that is shown without asking who looks at it.
    pub fn alone(settings: &Settings) -> Self {
        Self {
            person: Person::Nobody,
            section: Section::Elsewhere,
            assets: &ASSETS,
            notice: None,
            sign_in: "/auth/signin".to_owned(),
            sign_out_key: Uuid::nil(),
            sandbox: settings.sandbox,
            dev_mail: settings.dev_mail,
            limits: settings.limits.clone(),
        }
    }

    /// Whether that section is the page's.
    pub fn within(&self, section: Section) -> bool {
        self.section == section
    }

    /// Whether nobody is signed in.
    pub fn is_nobody(&self) -> bool {
        self.person == Person::Nobody
    }

    /// Whether nobody knows who is signed in, because auth does not answer.
    pub fn is_unknown(&self) -> bool {
        self.person == Person::Unknown
    }

    /// The address of who is signed in.
    pub fn email(&self) -> Option<&str> {
        match &self.person {
            Person::Known(user) => Some(&user.email),
            Person::Nobody | Person::Unknown => None,
        }
    }
}

/// What was just done, by the `done` of the page's query: one of a few known words.
fn notice(here: &str) -> Option<&'static str> {
    let (_, query) = here.split_once('?')?;
    let done = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("done="))?;
    Some(match done {
        "listed" => "Your ticket is listed. Everybody can see and buy it now.",
        "changed" => "Your listing is changed.",
        "withdrawn" => "Your listing is withdrawn. Nobody can buy it any more.",
        "refund" => "The refund is on its way. The buyer gets all the money back.",
        "password" => "Your password is changed. You were signed out everywhere else.",
        "session" => "You were signed out there.",
        "reset" => "Your new password is set. Sign in with it.",
        "signedout" => "You are signed out.",
        "welcome" => "Welcome! Your account is ready.",
        _ => return None,
    })
}

/// A page as an answer.
///
/// # Errors
/// When it cannot be rendered.
pub fn page(status: StatusCode, page: &impl Template) -> Reply {
    let html = page.render()?;
    let kind = (
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    Ok((status, [kind], html).into_response())
}

/// The page that a refused form comes back as; says when to try again, if the API does.
///
/// # Errors
/// When it cannot be rendered.
pub fn refused_page(refusal: &Refusal, shown: &impl Template) -> Reply {
    let mut response = page(refusal.status, shown)?;
    if let Some(seconds) = refusal.retry_after {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// Sends the browser to another page of ours, which it gets afresh.
///
/// # Errors
/// When the path cannot stand in a header.
pub fn see_other(path: &str) -> Reply {
    let location = HeaderValue::from_str(&local::in_header(path)).map_err(|_| Failure::Broken)?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

/// Has the browser fetch `path` after so many seconds, with and without scripts.
pub fn refresh(mut response: Response, seconds: u64, path: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(&format!("{seconds}; url={path}")) {
        response.headers_mut().insert(header::REFRESH, value);
    }
    response
}
