//! What a form or a query holds, and what is wrong with it.

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::answer::{Failure, Refusal};
use crate::web::Web;
use crate::words;

/// The fields of a form.
pub struct Fields<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Web> for Fields<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Failure> {
        match Form::<T>::from_request(request, web).await {
            Ok(Form(fields)) => Ok(Self(fields)),
            Err(refused) if refused.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Failure::TooLarge)
            }
            Err(_) => Err(Failure::Unreadable),
        }
    }
}

/// What the query asks for; an unreadable query asks for nothing.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequestParts<Web> for Asked<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Web) -> Result<Self, Failure> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        Ok(Self(query.map(|Query(asked)| asked).unwrap_or_default()))
    }
}

/// A field of a form: its name there and in the API, and what people call it.
pub type Label = (&'static str, &'static str);

/// One thing that is wrong with a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The field's name; none when it is about the whole.
    pub field: Option<&'static str>,
    /// What is wrong and what to do.
    pub message: String,
}

/// Everything that is wrong with a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Errors(Vec<Wrong>);

impl Errors {
    /// The API's refusal in the form's own terms.
    pub fn new(refusal: &Refusal, labels: &[Label]) -> Self {
        let wrong = refusal.errors.iter().map(|error| {
            let named = error.field.as_deref().unwrap_or_default();
            let known = labels.iter().find(|(name, _)| *name == named);
            let label = known.map_or("", |(_, label)| label);
            Wrong {
                field: known.map(|(name, _)| *name),
                message: words::sentence(label, &error.message),
            }
        });
        Self(wrong.collect())
    }

    /// One message about the whole.
    pub fn one(message: impl Into<String>) -> Self {
        Self(vec![Wrong {
            field: None,
            message: message.into(),
        }])
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each thing that is wrong.
    pub fn all(&self) -> &[Wrong] {
        &self.0
    }

    /// What is wrong with that field.
    pub fn of(&self, field: &str) -> Option<&str> {
        let wrong = self.0.iter().find(|wrong| wrong.field == Some(field));
        wrong.map(|wrong| wrong.message.as_str())
    }
}
