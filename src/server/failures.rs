//! Errors in the form that whoever asked can read: a page for people, JSON for programs.
//!
//! Handlers answer with errors in their own protocol's form; what a person meets of them in a browser is
//! put in a page here, and the pages' own "not found" in JSON for a program that wants nothing else.

use std::panic::AssertUnwindSafe;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{
    ACCEPT, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderValue, RETRY_AFTER,
};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;

use super::error::{ApiError, Message, error_body};
use crate::web::api::theme::of_cookies;
use crate::web::dto::Theme;
use crate::web::error_document::{ErrorDocument, Trouble};

/// What the page of an error may load: nothing but the style and the font. It has no script.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// In which form an error can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In the colours that the person wants.
    Page(Theme),
    Json,
    /// As the handler says it.
    Own,
}

impl Form {
    /// Finds out who asks. Clients of the registry protocol get what the protocol says, always.
    pub fn wanted(request: &Request) -> Self {
        let path = request.uri().path();
        let is_protocol = ["/v2", "/v1/", "/token"]
            .iter()
            .any(|start| path.starts_with(start));
        let accept = request
            .headers()
            .get(ACCEPT)
            .and_then(|accept| accept.to_str().ok());
        match accept {
            _ if is_protocol => Self::Own,
            Some(accept) if accept.contains("text/html") => {
                Self::Page(of_cookies(request.headers()))
            }
            Some(accept) if accept.contains("json") => Self::Json,
            _ => Self::Own,
        }
    }
}

/// Runs the rest, and makes an error of a panic: other requests on the connection go on.
pub async fn caught(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            let cause = format!("panic: {}", text.unwrap_or("without a message"));
            ApiError::internal(cause).into_response()
        }
    }
}

/// Puts an error in the wanted form; what is no error stays as it is.
pub fn dress(form: Form, request_id: &str, response: Response) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let is_page = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    match form {
        Form::Page(theme) if !is_page => page(response, request_id, theme),
        Form::Json if is_page => json(response, request_id),
        Form::Page(_) | Form::Json | Form::Own => response,
    }
}

fn page(mut response: Response, request_id: &str, theme: Theme) -> Response {
    let status = response.status();
    let message = response.extensions_mut().remove::<Message>();
    let wait = response.headers().get(RETRY_AFTER);
    let trouble = Trouble {
        status: status.as_u16(),
        message: message
            .filter(|_| status.is_client_error())
            .map(|message| message.0),
        wait_secs: wait.and_then(|wait| wait.to_str().ok()?.parse().ok()),
        request_id: status.is_server_error().then(|| request_id.to_owned()),
    };
    let html = ErrorDocument::of(&trouble, theme);
    replace(&mut response, "text/html; charset=utf-8", html);
    let policy = HeaderValue::from_static(POLICY);
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, policy);
    response
}

fn json(mut response: Response, request_id: &str) -> Response {
    let status = response.status();
    let (code, message) = match status {
        StatusCode::NOT_FOUND => ("NOT_FOUND", "there is nothing at this address".to_owned()),
        StatusCode::FORBIDDEN => ("DENIED", "this is not for you".to_owned()),
        StatusCode::UNAUTHORIZED => ("UNAUTHORIZED", "log in first".to_owned()),
        _ if status.is_server_error() => ("UNKNOWN", went_wrong(request_id)),
        _ => ("REFUSED", "this page can't be shown".to_owned()),
    };
    let body = error_body(code, &message).to_string();
    replace(&mut response, "application/json", body);
    response.headers_mut().remove(CONTENT_SECURITY_POLICY);
    response
}

/// Is what a client is told of a failure of the server.
pub fn went_wrong(request_id: &str) -> String {
    format!("something went wrong on the server; its log has it as {request_id}")
}

fn replace(response: &mut Response, content_type: &'static str, body: String) {
    let headers = response.headers_mut();
    for name in [CONTENT_LENGTH, CONTENT_DISPOSITION, ETAG] {
        headers.remove(name);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    *response.body_mut() = Body::from(body);
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower_service::Service;

    use super::*;
    use crate::server::metrics::Metrics;
    use crate::server::requests;

    async fn broken() -> &'static str {
        panic!("the secret cause")
    }

    async fn ask(accept: &str) -> (StatusCode, String) {
        let mut app = Router::new()
            .route("/", get(broken))
            .layer(middleware::from_fn_with_state(
                Metrics::default(),
                requests::observe,
            ));
        let request = Request::builder()
            .header(ACCEPT, accept)
            .header("x-request-id", "r1")
            .body(Body::empty())
            .unwrap();
        let response = app.call(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_an_error_like_any_other() {
        for (accept, start) in [("text/html", "<!DOCTYPE html>"), ("*/*", "{\"errors\"")] {
            let (status, text) = ask(accept).await;
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
            assert!(text.starts_with(start) && text.contains("r1"), "{text}");
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn clients_of_the_registry_get_what_the_protocol_says() {
        let form = |path: &str, accept: &str| {
            let request = Request::builder().uri(path).header(ACCEPT, accept);
            Form::wanted(&request.body(Body::empty()).unwrap())
        };
        assert_eq!(form("/v2/alice/app/tags/list", "text/html"), Form::Own);
        assert_eq!(form("/token", "application/json"), Form::Own);
        assert_eq!(
            form("/api/v1/user", "text/html,*/*;q=0.8"),
            Form::Page(Theme::System)
        );
        assert_eq!(form("/nowhere", "application/json"), Form::Json);
        assert_eq!(form("/nowhere", "*/*"), Form::Own);
    }
}
