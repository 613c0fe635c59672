//! Opens a repository for the one who looks at the page.

use axum::http::request::Parts;
use dockyard_hub::Hub;
use dockyard_hub::accounts::{AccessError, Administer, Caller, Grant, Permission, Pull};
use dockyard_hub::images::Repository;
use dockyard_oci::RepositoryName;
use leptos::prelude::use_context;

use super::accounts::viewer_of;
use crate::web::addresses;
use crate::web::dto::RepositoryHead;
use crate::web::error::AppError;

/// Finds a repository that the caller may read. A former name leads on to the new one.
pub(super) async fn open(
    hub: &Hub,
    caller: &Caller,
    name: &RepositoryName,
) -> Result<(Grant<Pull>, Repository), AppError> {
    let grant = hub
        .access
        .authorize::<Pull>(caller, name)
        .await
        .map_err(hidden)?;
    if grant.repository() != name {
        lead_on(name, grant.repository());
    }
    let repository = hub.repositories.show(&grant).await?;
    Ok((grant, repository))
}

/// Asks whether the caller may change something in a repository.
///
/// Errors: `NotFound` for those who may not even see it, `Forbidden` for the others.
pub(super) async fn may<P: Permission>(
    hub: &Hub,
    caller: &Caller,
    name: &RepositoryName,
) -> Result<Grant<P>, AppError> {
    Ok(hub.access.authorize::<P>(caller, name).await?)
}

/// Makes what every page of a repository shows at its head.
pub(super) async fn head(
    hub: &Hub,
    caller: &Caller,
    grant: &Grant<Pull>,
    repository: Repository,
) -> Result<RepositoryHead, AppError> {
    let may_change = match hub
        .access
        .authorize::<Administer>(caller, &repository.name)
        .await
    {
        Ok(_) => true,
        Err(AccessError::Database(cause)) => return Err(AppError::internal(cause)),
        Err(
            AccessError::NotFound(_)
            | AccessError::Denied(_)
            | AccessError::Anonymous(_)
            | AccessError::OutOfScope(_)
            | AccessError::Renamed { .. },
        ) => false,
    };
    Ok(RepositoryHead {
        is_starred: hub
            .stars
            .has(caller, grant)
            .await
            .map_err(AppError::internal)?,
        card: repository.into(),
        may_change,
        viewer: viewer_of(hub, caller),
    })
}

/// Leads from an address with a former name to the same place under the new one.
fn lead_on(from: &RepositoryName, to: &RepositoryName) {
    let parts = use_context::<Parts>();
    let before = addresses::repository(from.as_str());
    let rest = parts.as_ref().and_then(|parts| {
        let target = parts.uri.path_and_query()?.as_str();
        target.strip_prefix(before.as_str()).map(str::to_owned)
    });
    let after = addresses::repository(to.as_str());
    leptos_axum::redirect(&format!("{after}{}", rest.unwrap_or_default()));
}

/// Makes one answer of all refusals to read, so that a page never tells what exists.
fn hidden(error: AccessError) -> AppError {
    match error {
        AccessError::NotFound(_)
        | AccessError::Denied(_)
        | AccessError::Anonymous(_)
        | AccessError::OutOfScope(_)
        | AccessError::Renamed { .. } => AppError::NotFound,
        AccessError::Database(cause) => AppError::internal(cause),
    }
}
