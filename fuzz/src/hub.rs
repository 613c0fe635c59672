//! A hub on a folder in memory, with one user.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use dockyard_hub::accounts::{SignUp, User};
use dockyard_hub::clock::Clock;
use dockyard_hub::{Hub, HubOptions, Secret};
use tempfile::TempDir;

/// Where all requests come from.
pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub const PASSWORD: &str = "correct horse battery";

/// Makes a folder, in memory where the machine has one.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    folder.expect("a folder can be made")
}

pub fn options(folder: &Path) -> HubOptions {
    HubOptions::embedded(folder.to_owned(), Clock::system())
}

/// Opens a hub in which `fuzz` has signed up.
pub async fn open(folder: &Path) -> (Hub, User) {
    let hub = Hub::open(options(folder)).await.expect("the hub opens");
    let request = SignUp {
        name: "fuzz".parse().expect("a name"),
        password: Secret::new(PASSWORD.to_owned()),
        email: None,
        setup_key: None,
        from: HERE,
    };
    let user = hub.accounts.sign_up(request).await;
    (hub, user.expect("the user signs up"))
}
