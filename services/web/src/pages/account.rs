//! One's account: the password, and where one is signed in.

use askama::Template;
use axum::extract::{Path, State};
use contracts::api::users::SessionView;
use contracts::ids::SessionId;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::answer::{Failure, Refusal, Reply};
use crate::ask::{Act, Ask};
use crate::fields::{Errors, Fields, Label};
use crate::frame::{Frame, Section, page, refused_page, see_other};
use crate::times;
use crate::web::Web;

const PATH: &str = "/account";
const LABELS: [Label; 2] = [("current", "Current password"), ("new", "New password")];

/// The password until now and from now on.
#[derive(Debug, Deserialize)]
pub struct Change {
    #[serde(default)]
    current: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    idempotency_key: String,
}

struct Row {
    id: String,
    browser: String,
    began: String,
    began_machine: String,
    ends: String,
    ends_machine: String,
    is_this: bool,
}

#[derive(Template)]
#[template(path = "account/show.html")]
struct Page {
    frame: Frame,
    key: Uuid,
    sessions: Vec<Row>,
    errors: Errors,
}

/// `GET /account`
pub async fn show(State(web): State<Web>, ask: Ask) -> Reply {
    shown(&web, &ask, None).await
}

/// `GET` of what is only posted to: back to the account.
pub async fn back() -> Reply {
    see_other(PATH)
}

/// `POST /account/password`
pub async fn change_password(
    State(web): State<Web>,
    ask: Ask,
    Fields(form): Fields<Change>,
) -> Reply {
    let body = json!({"current": form.current, "new": form.new});
    let act = Act::new(Method::POST, "/api/users/password", PATH);
    match ask
        .act(act.key(web.key_of(&form.idempotency_key)).body(&body))
        .await?
    {
        Ok(_) => see_other("/account?done=password"),
        Err(refusal) => shown(&web, &ask, Some(&refusal)).await,
    }
}

/// `POST /account/sessions/{id}/revocation`
pub async fn revoke_session(State(web): State<Web>, ask: Ask, Path(id): Path<String>) -> Reply {
    let id: SessionId = id.parse().map_err(|_| Failure::NotFound)?;
    let path = format!("/api/users/sessions/{id}");
    match ask.act(Act::new(Method::DELETE, &path, PATH)).await {
        // A session that is gone is what was asked for.
        Ok(Ok(_)) | Err(Failure::NotFound) => see_other("/account?done=session"),
        Ok(Err(refusal)) => shown(&web, &ask, Some(&refusal)).await,
        Err(failure) => Err(failure),
    }
}

async fn shown(web: &Web, ask: &Ask, refusal: Option<&Refusal>) -> Reply {
    let (person, answer) = futures::join!(ask.person(), ask.get("/api/users/sessions"));
    let sessions: Vec<SessionView> = match answer {
        Err(Failure::SignIn(_)) => return Err(Failure::SignIn(PATH.to_owned())),
        answer => answer?.read()?,
    };
    let frame = match refusal {
        Some(_) => Frame::refused(web, ask, person, Section::Account, PATH),
        None => Frame::new(web, ask, person, Section::Account),
    };
    let shown = Page {
        frame,
        key: web.new_id(),
        sessions: sessions.iter().map(row).collect(),
        errors: refusal
            .map(|refusal| Errors::new(refusal, &LABELS))
            .unwrap_or_default(),
    };
    match refusal {
        Some(refusal) => refused_page(refusal, &shown),
        None => page(StatusCode::OK, &shown),
    }
}

fn row(session: &SessionView) -> Row {
    Row {
        id: session.id.to_string(),
        browser: browser(&session.user_agent),
        began: times::moment(session.created_at),
        began_machine: times::machine(session.created_at),
        ends: times::day(session.expires_at),
        ends_machine: times::machine(session.expires_at),
        is_this: session.current,
    }
}

/// The browser in words where its `User-Agent` tells; else what it says of itself.
fn browser(agent: &str) -> String {
    let names = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &'static str)]| {
        known
            .iter()
            .find(|(sign, _)| agent.contains(sign))
            .map(|(_, name)| *name)
    };
    match (find(&names), find(&systems)) {
        (Some(name), Some(system)) => format!("{name} on {system}"),
        (Some(name), None) => name.to_owned(),
        _ if agent.is_empty() => "An unnamed browser".to_owned(),
        _ => agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/148.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome on Linux");
        assert_eq!(browser("curl/8"), "curl");
        assert_eq!(browser("my own"), "my own");
        assert_eq!(browser(""), "An unnamed browser");
    }
}
