//! docker's credential helper: after `mydocker login --docker`, docker asks here for the token.
//!
//! Source: docker-credential-helpers, "Development": the action is the argument, the rest comes on standard input.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use crate::address::Server;
use crate::config::{self, ConfigFile, Login};
use crate::password::Secret;

/// Name of the helper, which docker puts after `docker-credential-`.
const HELPER: &str = "mydocker";
/// Name of the program that docker starts.
pub const PROGRAM: &str = "docker-credential-mydocker";
/// What docker takes for "ask the registry without".
const NOT_FOUND: &str = "credentials not found in native keychain";

/// Answers docker.
///
/// # Errors
///
/// What docker shows when it can't go on.
pub fn answer(action: Option<&str>) -> Result<()> {
    let login = ConfigFile::locate()?.load()?;
    match action {
        Some("get") => {
            let asked = io::read_to_string(io::stdin())?;
            let token = token_for(login.as_ref());
            match login.filter(|login| is_for(login, asked.trim())) {
                Some(login) => print(&json!({
                    "ServerURL": asked.trim(),
                    "Username": login.username,
                    "Secret": token.as_ref().unwrap_or(&login.token).expose(),
                })),
                None => bail!("{NOT_FOUND}"),
            }
        }
        Some("list") => {
            let mut listed = json!({});
            if let Some(login) = login {
                listed[login.server.authority()] = login.username.into();
            }
            print(&listed)
        }
        // `docker logout` forgets what docker itself keeps, which is nothing.
        Some("erase") => Ok(()),
        Some("store") => bail!(
            "`mydocker login` keeps the login of this server: run it in place of `docker login`"
        ),
        _ => bail!("{PROGRAM} is started by docker, with get, list, store or erase"),
    }
}

/// Returns the token of the environment where it is meant for the server of the login: the one that the environment
/// names, or else that of the login itself.
fn token_for(login: Option<&Login>) -> Option<Secret> {
    let token = env::var("MYDOCKER_TOKEN").ok()?;
    let named = env::var("MYDOCKER_SERVER").ok();
    let is_meant = is_meant_for(&login?.server, named.as_deref());
    (is_meant && !token.is_empty()).then(|| Secret::new(token))
}

fn is_meant_for(server: &Server, named: Option<&str>) -> bool {
    match named.filter(|named| !named.is_empty()) {
        Some(named) => named.parse::<Server>().is_ok_and(|named| named == *server),
        None => true,
    }
}

fn print(value: &Value) -> Result<()> {
    writeln!(io::stdout(), "{value}")?;
    Ok(())
}

/// Tells whether a login is for the server that docker names, with its scheme or with none.
fn is_for(login: &Login, asked: &str) -> bool {
    let own = if login.server.is_plain() {
        "http"
    } else {
        "https"
    };
    let asked = match asked.split_once("://") {
        Some((scheme, _)) if scheme != own => return false,
        Some((_, rest)) => rest,
        None => asked,
    };
    asked.trim_end_matches('/') == login.server.authority()
}

/// Lets docker ask this program for the token of a server; returns what a person should still know.
pub fn set_up(server: &Server) -> Result<Option<String>> {
    let program = env::current_exe().context("can't find where this program is")?;
    let link = link_program(&program)?;
    add_helper(&docker_config()?, server.authority())?;
    let folder = link.parent().unwrap_or(Path::new("/"));
    let path = env::var_os("PATH").unwrap_or_default();
    let is_found = env::split_paths(&path).any(|entry| entry == folder);
    Ok((!is_found).then(|| {
        format!(
            "add {} to your PATH, so that docker finds {PROGRAM}",
            folder.display()
        )
    }))
}

/// Puts the helper beside the program, or in `~/.local/bin` where that can't be written.
fn link_program(program: &Path) -> Result<PathBuf> {
    let local = env::home_dir().map(|home| home.join(".local/bin"));
    let folders = program
        .parent()
        .map(Path::to_owned)
        .into_iter()
        .chain(local);
    let mut refused = anyhow!("there is no folder for {PROGRAM}");
    for folder in folders {
        let link = folder.join(PROGRAM);
        let made = fs::create_dir_all(&folder).and_then(|()| link_to(program, &link));
        match made {
            Ok(()) => return Ok(link),
            Err(error) => refused = anyhow!("can't write {}: {error}", link.display()),
        }
    }
    Err(refused)
}

#[cfg(unix)]
fn link_to(program: &Path, link: &Path) -> io::Result<()> {
    match fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(program, link)
}

#[cfg(not(unix))]
fn link_to(program: &Path, link: &Path) -> io::Result<()> {
    fs::copy(program, link.with_extension("exe")).map(drop)
}

fn docker_config() -> Result<PathBuf> {
    let folder = config::docker_folder().context(
        "there is no home folder: set DOCKER_CONFIG to the folder of docker's config.json",
    )?;
    Ok(folder.join("config.json"))
}

/// Names the helper in docker's configuration, and leaves the rest of it as it is.
fn add_helper(path: &Path, server: &str) -> Result<()> {
    let shown = path.display();
    let mut config: Value = match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| anyhow!("{shown} is not JSON ({error}): mend it first"))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => json!({}),
        Err(error) => bail!("can't read {shown}: {error}"),
    };
    let root = config.as_object_mut();
    let root = root.with_context(|| format!("{shown} holds no JSON object: mend it first"))?;
    let helpers = root.entry("credHelpers").or_insert_with(|| json!({}));
    let helpers = helpers.as_object_mut();
    let helpers = helpers.with_context(|| format!("credHelpers in {shown} is no object"))?;
    helpers.insert(server.to_owned(), HELPER.into());
    // What `docker login` kept for this server would win otherwise.
    if let Some(auths) = root.get_mut("auths").and_then(Value::as_object_mut) {
        auths.remove(server);
    }
    write(path, &config).with_context(|| format!("can't write {shown}"))
}

/// Writes the file whole or not at all.
fn write(path: &Path, config: &Value) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".config-")
        .tempfile_in(folder)?;
    serde_json::to_writer_pretty(&mut file, config)?;
    file.write_all(b"\n")?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_may_name_the_server_with_or_without_a_scheme() {
        let login = Login {
            server: "https://images.example.com".parse().unwrap(),
            username: "alice".to_owned(),
            token: Secret::new("dyp_secret"),
            token_id: "7".to_owned(),
        };
        for asked in [
            "images.example.com",
            "https://images.example.com",
            "https://images.example.com/",
        ] {
            assert!(is_for(&login, asked), "{asked}");
        }
        for asked in [
            "example.com",
            "https://images.example.com.evil.net",
            "http://images.example.com",
            "",
        ] {
            assert!(!is_for(&login, asked), "{asked}");
        }
    }

    #[test]
    fn the_token_of_the_environment_goes_to_the_server_that_it_names_alone() {
        let server: Server = "https://images.example.com".parse().unwrap();
        assert!(is_meant_for(&server, None));
        assert!(is_meant_for(&server, Some("images.example.com")));
        for other in [
            "https://other.example.com",
            "http://images.example.com",
            "?",
        ] {
            assert!(!is_meant_for(&server, Some(other)), "{other}");
        }
    }

    #[test]
    fn the_rest_of_dockers_configuration_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker/config.json");
        add_helper(&path, "a:1").unwrap();
        let before = json!({"auths": {"a:1": {}, "b:2": {}}, "credHelpers": {"c": "pass"}, "x": 1});
        fs::write(&path, before.to_string()).unwrap();
        add_helper(&path, "a:1").unwrap();
        let after: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let expected = json!({
            "auths": {"b:2": {}},
            "credHelpers": {"a:1": "mydocker", "c": "pass"},
            "x": 1,
        });
        assert_eq!(after, expected);
        fs::write(&path, "[").unwrap();
        let message = add_helper(&path, "a:1").unwrap_err().to_string();
        assert!(message.contains("not JSON"), "{message}");
    }
}
