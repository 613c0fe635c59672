//! What became of a form, as its fields see it.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::error::{AppError, Refusal};

/// The last answer to a form.
#[derive(Clone, Copy)]
pub struct Outcome {
    error: Signal<Option<AppError>>,
    pending: Signal<bool>,
}

impl Outcome {
    /// Watches an action; with JavaScript off it is the answer that stands in the URL.
    pub fn of<S>(action: ServerAction<S>) -> Self
    where
        S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
        S::Output: Clone + Send + Sync + 'static,
    {
        let value = action.value();
        Self {
            error: Signal::derive(move || value.get().and_then(Result::err)),
            pending: action.pending().into(),
        }
    }

    /// Never has an answer: for forms that ask no server function.
    pub fn none() -> Self {
        Self {
            error: Signal::stored(None),
            pending: Signal::stored(false),
        }
    }

    /// Is the answer to a form that was refused, to be looked at.
    #[cfg(all(debug_assertions, feature = "ssr"))]
    pub fn failed(error: AppError) -> Self {
        Self {
            error: Signal::stored(Some(error)),
            pending: Signal::stored(false),
        }
    }

    /// Is the state of a form that is on its way, to be looked at.
    #[cfg(all(debug_assertions, feature = "ssr"))]
    pub fn pending() -> Self {
        Self {
            error: Signal::stored(None),
            pending: Signal::stored(true),
        }
    }

    /// Is what is wrong with the form as a whole.
    pub fn message(self) -> Option<String> {
        let error = self.error.get()?;
        Some(error.to_string()).filter(|message| !message.is_empty())
    }

    /// Is what is wrong with one field.
    pub fn field(self, name: &str) -> Option<String> {
        self.refusal()
            .and_then(|refusal| find(&refusal.fields, name))
    }

    /// Is what one field held.
    pub fn kept(self, name: &str) -> Option<String> {
        self.refusal()
            .and_then(|refusal| find(&refusal.values, name))
    }

    /// Tells whether an answer is being waited for.
    pub fn is_pending(self) -> bool {
        self.pending.get()
    }

    fn refusal(self) -> Option<Refusal> {
        match self.error.get()? {
            AppError::Refused(refusal) => Some(refusal),
            AppError::NotFound
            | AppError::Anonymous
            | AppError::Forbidden(_)
            | AppError::Busy
            | AppError::Unreachable
            | AppError::Internal(_) => None,
        }
    }
}

fn find(pairs: &[(String, String)], name: &str) -> Option<String> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.clone())
}
