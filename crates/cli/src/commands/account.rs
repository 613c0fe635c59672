//! Accounts: signing up, logging in and out, saying who is logged in.

use anyhow::{Result, anyhow, bail};
use dockyard_oci::UserName;
use serde_json::json;

use super::{Session, docker};
use crate::args::{Account, LogIn};
use crate::client::{Client, Credentials};
use crate::config::Login;
use crate::password::{self, Secret, Source};
use crate::progress::Screen;

pub async fn sign_up(session: &Session, args: Account) -> Result<()> {
    let client = session.anonymous().await?;
    let username = username(&args, None)?;
    username
        .parse::<UserName>()
        .map_err(|error| anyhow!("{username} can't be a user name: {error}"))?;
    let password = read_password(session, &args, Source::TerminalTwice).await?;
    let user = client.create_user(&username, &password).await?;
    session.output.say(&format!(
        "Created the account {} at {}",
        user.username, session.server
    ));
    keep_token(session, client, user.username, password).await
}

pub async fn log_in(session: &Session, args: LogIn) -> Result<()> {
    let (with_docker, args) = (args.docker, args.account);
    let client = session.anonymous().await?;
    let last = session.login_here().map(|login| login.username.as_str());
    let username = username(&args, last)?;
    let password = read_password(session, &args, Source::Terminal).await?;
    keep_token(session, client, username, password).await?;
    if with_docker {
        let remark = docker::set_up(&session.server)?;
        let line = format!(
            "docker asks mydocker for the token of {}",
            session.server.authority()
        );
        session.output.say(&line);
        if let Some(remark) = remark {
            Screen::Stderr.say(&remark);
        }
    }
    Ok(())
}

pub async fn log_out(session: &Session) -> Result<()> {
    let Some(login) = &session.login else {
        bail!("nobody is logged in: there is nothing to forget");
    };
    let returned = give_back(session, login).await;
    session.file.forget()?;
    let forgotten = format!("{} at {}", login.username, login.server);
    match returned {
        Ok(()) => {
            session.output.say(&format!("Logged out {forgotten}"));
            Ok(())
        }
        Err(error) => bail!(
            "the login of {forgotten} is forgotten here, but its token still stands there: \
            delete it in your settings on the server ({error})"
        ),
    }
}

pub async fn who_am_i(session: &Session) -> Result<()> {
    let (_, user) = session.signed_in().await?;
    print_who(session, &user.username, |who| who);
    Ok(())
}

/// Exchanges the password for a token, keeps that, and gives the one before it back.
async fn keep_token(
    session: &Session,
    client: Client,
    username: String,
    password: Secret,
) -> Result<()> {
    let client = client.with(Credentials::Password {
        username: username.clone(),
        password,
    });
    let token = client
        .create_token(&format!("mydocker on {}", hostname()), "all", None)
        .await?;
    let login = Login {
        server: session.server.clone(),
        username,
        token: token.token,
        token_id: token.id.to_string(),
    };
    session.file.save(&login)?;
    if let Some(before) = &session.login {
        // Only tidies up: the old token may long be gone, or its server.
        let _ = give_back(session, before).await;
    }
    print_who(session, &login.username, |who| {
        format!("Logged in as {who}")
    });
    Ok(())
}

/// Prints a user and the server.
fn print_who(session: &Session, username: &str, line: impl FnOnce(String) -> String) {
    let server = session.server.to_string();
    let line = line(format!("{username} at {server}"));
    let value = json!({ "username": username, "server": server });
    session.output.print(&value, [username.to_owned()], [line]);
}

/// Deletes a login's token on its server; one that is not valid any more counts as deleted.
async fn give_back(session: &Session, login: &Login) -> Result<()> {
    let client = Client::new(login.server.clone(), session.ca_file.as_deref())?;
    client.greet().await?;
    let client = client.with(Credentials::Token(login.token.clone()));
    client.delete_current_token().await
}

fn username(args: &Account, last: Option<&str>) -> Result<String> {
    match &args.username {
        Some(name) => Ok(name.clone()),
        None if args.password_stdin => match last {
            Some(last) => Ok(last.to_owned()),
            None => {
                bail!("--password-stdin needs to know whose password it is: add --username NAME")
            }
        },
        None => password::read_username(last),
    }
}

/// Reads the password, and warns before it where it would be sent in the clear.
async fn read_password(session: &Session, args: &Account, source: Source) -> Result<Secret> {
    let server = &session.server;
    if server.is_plain() && !server.is_loopback() {
        Screen::Stderr.say(&format!(
            "warning: {server} is spoken to without encryption, so everybody on the way can read the password: use \
            https:// if it has it"
        ));
    }
    let source = if args.password_stdin {
        Source::Stdin
    } else {
        source
    };
    tokio::task::spawn_blocking(move || password::read(source)).await?
}

/// Names this machine, for the list of tokens on the server.
fn hostname() -> String {
    let of_kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let of_command = || {
        let output = std::process::Command::new("hostname").output().ok()?;
        String::from_utf8(output.stdout).ok()
    };
    let name = of_kernel.or_else(of_command).unwrap_or_default();
    match name.trim() {
        "" => "an unnamed machine".to_owned(),
        name => name.chars().take(64).collect(),
    }
}
