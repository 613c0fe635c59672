//! Takes the place of `servers` in builds without the feature of that name, which need SQLite alone: the same names, of
//! which no value can exist.

use std::convert::Infallible;
use std::fmt;

use sqlx::SqlStr;
use sqlx::error::DatabaseError;

use super::{DatabaseUrl, DatabaseUrlError, DbError, Row, Value};

pub(crate) trait ServerRow {}
impl<T> ServerRow for T {}

#[derive(Clone)]
pub struct ServerUrl(Infallible);

impl ServerUrl {
    pub(crate) const fn postgres(_url: &str) -> Result<Self, DatabaseUrlError> {
        Err(DatabaseUrlError::NotBuiltIn)
    }

    pub(crate) const fn mariadb(_url: &str) -> Result<Self, DatabaseUrlError> {
        Err(DatabaseUrlError::NotBuiltIn)
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {}
    }
}

#[derive(Clone, Debug)]
pub(super) struct Server(Infallible);

impl Server {
    pub(super) async fn open(_url: &DatabaseUrl, at: &ServerUrl) -> Result<Self, DbError> {
        match at.0 {}
    }

    pub(super) async fn begin(&self) -> Result<ServerTx, DbError> {
        match self.0 {}
    }

    pub(super) async fn now_ms(&self) -> Result<i64, DbError> {
        match self.0 {}
    }

    pub(super) async fn all<R: Row>(&self, _: SqlStr, _: Vec<Value>) -> Result<Vec<R>, DbError> {
        match self.0 {}
    }

    pub(super) async fn optional<R: Row>(
        &self,
        _: SqlStr,
        _: Vec<Value>,
    ) -> Result<Option<R>, DbError> {
        match self.0 {}
    }

    pub(super) async fn execute(&self, _: SqlStr, _: Vec<Value>) -> Result<u64, DbError> {
        match self.0 {}
    }

    pub(super) const fn connections(&self) -> (u32, usize) {
        match self.0 {}
    }

    pub(super) async fn close(&self) {
        match self.0 {}
    }
}

#[derive(Debug)]
pub struct ServerTx(Infallible);

impl ServerTx {
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self.0 {}
    }

    pub(crate) async fn all<R: Row>(
        &mut self,
        _: SqlStr,
        _: Vec<Value>,
    ) -> Result<Vec<R>, sqlx::Error> {
        match self.0 {}
    }

    pub(crate) async fn optional<R: Row>(
        &mut self,
        _: SqlStr,
        _: Vec<Value>,
    ) -> Result<Option<R>, sqlx::Error> {
        match self.0 {}
    }

    pub(crate) async fn execute(&mut self, _: SqlStr, _: Vec<Value>) -> Result<u64, DbError> {
        match self.0 {}
    }

    pub(crate) const fn lock_clause(&self) -> &'static str {
        match self.0 {}
    }

    pub(crate) const fn share_clause(&self) -> &'static str {
        match self.0 {}
    }

    pub(crate) const fn has_on_conflict(&self) -> bool {
        match self.0 {}
    }
}

pub(super) fn error_number(_error: &dyn DatabaseError) -> Option<u16> {
    None
}
