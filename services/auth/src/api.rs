//! HTTP in, under `/api/users`: parse, command, answer.

mod credentials;
mod current_user;
mod password;
mod password_resets;
mod sessions;
mod sign_in;
mod sign_out;
mod sign_up;
mod visitor;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use contracts::ids::UserId;
use platform::clock::later;
use platform::http::answer::Answer;
use platform::session::{SignedIn, set_cookie};
use platform::{Context, Result};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::password::{Password, PasswordError};
use crate::failures::Failures;
use crate::hashing::{Bounds, Hashing, Memory};
use crate::settings::Settings;
use crate::store::sessions::Session;
use visitor::Visitor;

/// Who an idempotency key counts for where nobody is signed in.
const ANONYMOUS: &str = "anonymous";

/// What the handlers share.
#[derive(Clone)]
struct Auth {
    ctx: Context,
    settings: Arc<Settings>,
    hashing: Hashing,
    /// Wrong passwords per account: per e-mail address, whether anybody has it or not.
    accounts: Failures,
    /// Wrong passwords per network address.
    addresses: Failures,
    /// Reset mails asked for, per e-mail address.
    resets: Failures,
}

impl FromRef<Auth> for Context {
    fn from_ref(auth: &Auth) -> Self {
        auth.ctx.clone()
    }
}

/// The routes.
pub fn routes(ctx: &Context, settings: Arc<Settings>, memory: Memory) -> OpenApiRouter {
    let minute = |max| Failures::new(Arc::clone(&ctx.clock), max, Duration::from_secs(60));
    let hour = |max| Failures::new(Arc::clone(&ctx.clock), max, Duration::from_secs(3600));
    let bounds = Bounds {
        running: settings.hash_concurrency,
        waiting: settings.hash_waiting_max,
    };
    let auth = Auth {
        ctx: ctx.clone(),
        hashing: Hashing::new(&settings.hash_cost, bounds, memory, ctx),
        accounts: minute(settings.failures_per_minute),
        addresses: minute(settings.failures_per_minute),
        resets: hour(settings.resets_per_hour),
        settings,
    };
    OpenApiRouter::new()
        .routes(routes!(sign_up::sign_up))
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(sign_out::sign_out))
        .routes(routes!(current_user::current_user))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(password::change))
        .routes(routes!(password_resets::request))
        .routes(routes!(password_resets::confirm))
        .with_state(auth)
}

impl Auth {
    /// A password to be used from now on.
    fn new_password(&self, text: &str) -> std::result::Result<Password, PasswordError> {
        Password::choose(text, &self.settings.password_chars)
    }

    /// A session that begins now.
    fn new_session(&self, user_id: UserId, visitor: &Visitor) -> Session {
        let now = self.ctx.now();
        Session {
            id: self.ctx.new_id(),
            user_id,
            user_agent: visitor.user_agent.clone(),
            created_at: now,
            expires_at: later(now, self.settings.session_lifetime),
        }
    }

    /// The answer with the cookie of a session.
    fn with_cookie(&self, answer: Answer, session: &Session, email: &str) -> Result<Answer> {
        let signed_in = SignedIn {
            user_id: session.user_id,
            session_id: session.id,
            email: email.to_owned(),
            issued_at: session.created_at,
            expires_at: session.expires_at,
        };
        let token = self.settings.signing_key.sign(&signed_in)?;
        let secure = self.ctx.secure_cookies();
        let cookie = set_cookie(&token, secure, self.settings.session_lifetime);
        Ok(answer.header(http::header::SET_COOKIE, cookie))
    }
}
