//! The login that is kept between calls, in `~/.mydocker.json`. It holds a token, never a password.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};

use crate::address::Server;
use crate::password::Secret;

/// The kept login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    pub server: Server,
    pub username: String,
    pub token: Secret,
    pub token_id: String,
}

/// The file that the login is kept in.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    path: PathBuf,
}

/// Is the folder for what can be fetched again.
pub fn cache_folder() -> PathBuf {
    let set = env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty());
    let home = || env::home_dir().map(|home| home.join(".cache"));
    let caches = set.map(PathBuf::from).or_else(home);
    caches.unwrap_or_else(env::temp_dir).join("mydocker")
}

/// Is the folder of docker's own settings.
pub fn docker_folder() -> Option<PathBuf> {
    let set = env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty());
    let home = || env::home_dir().map(|home| home.join(".docker"));
    set.map(PathBuf::from).or_else(home)
}

impl ConfigFile {
    /// Finds the file: `MYDOCKER_CONFIG`, else `.mydocker.json` in the home folder.
    pub fn locate() -> Result<Self> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        if let Some(path) = set("MYDOCKER_CONFIG") {
            return Ok(Self { path: path.into() });
        }
        let home = env::home_dir().filter(|home| !home.as_os_str().is_empty()).context(
            "there is no home folder to keep the login in: set MYDOCKER_CONFIG to a file of yours",
        )?;
        Ok(Self {
            path: home.join(".mydocker.json"),
        })
    }

    /// Reads the kept login; `None` when nobody is logged in.
    pub fn load(&self) -> Result<Option<Login>> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.trouble("read", &error)),
        };
        serde_json::from_str(&text).map(Some).map_err(|_| {
            anyhow!(
                "{} is damaged: delete it, then run `mydocker login`",
                self.path.display()
            )
        })
    }

    /// Writes the login for its owner's eyes only, whole or not at all.
    ///
    /// The new file is made beside the old one, so that the rename stays on one file system.
    pub fn save(&self, login: &Login) -> Result<()> {
        self.replace(login)
            .map_err(|error| self.trouble("write", &error))
    }

    /// Removes the kept login; that there is none is no error.
    pub fn forget(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.trouble("delete", &error))
            }
            _ => Ok(()),
        }
    }

    fn replace(&self, login: &Login) -> io::Result<()> {
        // Follows a symbolic link, so that a linked configuration stays linked.
        let target = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let mut file = tempfile::Builder::new()
            .prefix(".mydocker-")
            .tempfile_in(folder(&target))?;
        restrict(file.as_file())?;
        serde_json::to_writer_pretty(&mut file, login)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(&target).map_err(|error| error.error)?;
        Ok(())
    }

    fn trouble(&self, verb: &str, error: &io::Error) -> anyhow::Error {
        anyhow!(
            "can't {verb} {}: {error}; MYDOCKER_CONFIG can name another file",
            self.path.display()
        )
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn restrict(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn restrict(_file: &fs::File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(username: &str) -> Login {
        Login {
            server: Server::default(),
            username: username.to_owned(),
            token: Secret::new("dyp_secret"),
            token_id: "7".to_owned(),
        }
    }

    fn at(folder: &tempfile::TempDir) -> ConfigFile {
        ConfigFile {
            path: folder.path().join("login.json"),
        }
    }

    #[test]
    fn a_login_comes_back_as_it_was_saved() {
        let folder = tempfile::tempdir().unwrap();
        let file = at(&folder);
        assert_eq!(file.load().unwrap(), None);
        file.save(&login("alice")).unwrap();
        assert_eq!(file.load().unwrap(), Some(login("alice")));
        file.forget().unwrap();
        file.forget().unwrap();
        assert_eq!(file.load().unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it_even_where_the_old_file_was_open() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = at(&folder);
        fs::write(&file.path, "{}").unwrap();
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o644)).unwrap();
        file.save(&login("alice")).unwrap();
        let mode = fs::metadata(&file.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn saving_replaces_the_file_and_leaves_nothing_beside_it() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let file = at(&folder);
        file.save(&login("alice")).unwrap();
        let still_open = fs::File::open(&file.path).unwrap();
        file.save(&login("bob")).unwrap();
        let old = still_open.metadata().unwrap().ino();
        assert_ne!(old, fs::metadata(&file.path).unwrap().ino());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_linked_configuration_stays_linked() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real.json");
        fs::write(&real, "{}").unwrap();
        let file = at(&folder);
        std::os::unix::fs::symlink(&real, &file.path).unwrap();
        file.save(&login("alice")).unwrap();
        assert!(fs::symlink_metadata(&file.path).unwrap().is_symlink());
        assert!(fs::read_to_string(&real).unwrap().contains("alice"));
    }

    #[test]
    fn a_damaged_file_is_named_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let file = at(&folder);
        fs::write(&file.path, "{\"token\":\"dyp_secret\"").unwrap();
        let message = file.load().unwrap_err().to_string();
        assert!(
            message.contains("damaged") && message.contains("mydocker login"),
            "{message}"
        );
        assert!(!message.contains("dyp_"), "{message}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let file = ConfigFile {
            path: folder.path().join("missing/login.json"),
        };
        let message = file.save(&login("alice")).unwrap_err().to_string();
        assert!(message.contains("MYDOCKER_CONFIG"), "{message}");
    }
}
