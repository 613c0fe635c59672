//! Routes with a list of what they are, so that a test can ask each of them who may use it.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};

use super::AppState;

/// One method of one address, as the router knows it: `/u/{user}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Route {
    pub method: String,
    pub path: String,
}

impl Route {
    pub fn new(method: impl ToString, path: impl ToString) -> Self {
        Self {
            method: method.to_string(),
            path: path.to_string(),
        }
    }
}

/// A router, and the list of its routes.
#[derive(Default)]
pub struct Routes {
    pub router: Router<AppState>,
    pub list: Vec<Route>,
}

macro_rules! method {
    ($name:ident, $method:ident) => {
        pub fn $name<H, T>(self, path: &str, handler: H) -> Self
        where
            H: Handler<T, AppState>,
            T: 'static,
        {
            self.on(Method::$method, MethodFilter::$method, path, handler)
        }
    };
}

impl Routes {
    method!(get, GET);
    method!(post, POST);
    method!(put, PUT);
    method!(patch, PATCH);
    method!(delete, DELETE);

    fn on<H, T>(mut self, method: Method, filter: MethodFilter, path: &str, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        self.list.push(Route::new(method, path));
        self.router = self.router.route(path, on(filter, handler));
        self
    }

    /// Adds the routes of another.
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.list.extend(other.list);
        self
    }
}
