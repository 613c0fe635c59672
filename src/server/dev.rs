//! `make dev`: a page loads itself anew when another server stands behind it.
//!
//! Only in builds with debug assertions, and only when `DOCKYARD_DEV` is set.

use std::sync::LazyLock;

use dockyard_hub::Id;

/// Which start of the server this is; `None` outside of `make dev`.
static START: LazyLock<Option<String>> = LazyLock::new(|| {
    let wanted = cfg!(debug_assertions) && std::env::var_os("DOCKYARD_DEV").is_some();
    wanted.then(|| Id::new().to_string())
});

/// Tells whether the server was started by `make dev`.
pub fn is_on() -> bool {
    START.is_some()
}

/// `GET /dev/start`: which start of the server this is.
pub async fn start() -> &'static str {
    START.as_deref().unwrap_or_default()
}

/// Is the script that asks for the start twice a second and reloads the page when it is another.
pub fn script() -> Option<String> {
    let start = START.as_deref()?;
    Some(format!(
        "setInterval(async () => {{ try {{ const r = await fetch('/dev/start'); \
         if (r.ok && await r.text() !== '{start}') location.reload(); }} catch {{}} }}, 500)"
    ))
}
