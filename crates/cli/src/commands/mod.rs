//! What each command does, and what all of them share: which server, which login.

mod account;
pub mod docker;
mod images;
mod manual;
mod pull;
mod push;
mod repositories;
mod tokens;

use std::env;
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use dockyard_oci::RepositoryName;

use crate::address::Server;
use crate::answers::User;
use crate::args::{Arguments, Command, Global};
use crate::client::{Client, Credentials};
use crate::config::{ConfigFile, Login};
use crate::output::Output;
use crate::password::Secret;

/// Runs the command that the arguments name.
pub async fn run(arguments: Arguments) -> Result<()> {
    let session = Session::open(arguments.global)?;
    match arguments.command {
        Command::Signup(args) => account::sign_up(&session, args).await,
        Command::Login(args) => account::log_in(&session, args).await,
        Command::Logout => account::log_out(&session).await,
        Command::Whoami => account::who_am_i(&session).await,
        Command::Repos => repositories::list(&session).await,
        Command::Visibility(args) => repositories::set_visibility(&session, args).await,
        Command::Delete(args) => repositories::delete(&session, args).await,
        Command::Token(args) => tokens::run(&session, args).await,
        Command::Completions(args) => manual::completions(args),
        Command::Man(args) => manual::man(args),
        Command::Create(args) => repositories::create(&session, args).await,
        Command::Describe(args) => repositories::describe(&session, args).await,
        Command::Search(args) => repositories::search(&session, args).await,
        Command::Tags(args) => repositories::tags(&session, args).await,
        Command::Push(args) => push::push(&session, args).await,
        Command::Pull(args) => pull::pull(&session, args).await,
    }
}

/// The server to talk to and the login to use there.
struct Session {
    file: ConfigFile,
    login: Option<Login>,
    server: Server,
    env_token: Option<Secret>,
    ca_file: Option<PathBuf>,
    output: Output,
}

impl Session {
    fn open(global: Global) -> Result<Self> {
        let file = ConfigFile::locate()?;
        let login = file.load()?;
        let kept = login.as_ref().map(|login| login.server.clone());
        let token = env::var("MYDOCKER_TOKEN").ok();
        Ok(Self {
            file,
            server: global.server.or(kept).unwrap_or_default(),
            login,
            env_token: token.filter(|token| !token.is_empty()).map(Secret::new),
            ca_file: global.ca_file,
            output: Output::of(global.json, global.quiet),
        })
    }

    /// Is the kept login, when it is for the server in use: a token never goes to another one.
    fn login_here(&self) -> Option<&Login> {
        self.login
            .as_ref()
            .filter(|login| login.server == self.server)
    }

    /// Connects as nobody, once a Dockyard has answered.
    async fn anonymous(&self) -> Result<Client> {
        let client = Client::new(self.server.clone(), self.ca_file.as_deref())?;
        client.greet().await?;
        Ok(client)
    }

    /// Connects as whoever is logged in, or as nobody.
    async fn client(&self) -> Result<Client> {
        let client = self.anonymous().await?;
        Ok(match self.token() {
            Some(token) => client.with(Credentials::Token(token.clone())),
            None => client,
        })
    }

    /// Connects as the user who is logged in, once the server has confirmed it.
    async fn signed_in(&self) -> Result<(Client, User)> {
        if self.token().is_none() {
            return Err(self.not_logged_in());
        }
        let client = self.client().await?;
        let user = client.user().await?;
        Ok((client, user))
    }

    fn token(&self) -> Option<&Secret> {
        let kept = || self.login_here().map(|login| &login.token);
        self.env_token.as_ref().or_else(kept)
    }

    fn not_logged_in(&self) -> anyhow::Error {
        let server = &self.server;
        match &self.login {
            Some(login) => anyhow!(
                "you are logged in at {}, not at {server}: run `mydocker --server {server} login`",
                login.server
            ),
            None => anyhow!(
                "you are not logged in at {server}: run `mydocker login`, or `mydocker signup` \
                for a new account"
            ),
        }
    }

    /// Reads the name of a repository.
    fn repository(&self, name: &str) -> Result<RepositoryName> {
        let parsed = self.without_host(name)?.parse();
        parsed.map_err(|error| anyhow!("{name}: {error}"))
    }

    /// Takes the server's own host off a name: docker's form of it, `HOST/alice/app`, works too.
    ///
    /// Errors: the name is that of an image somewhere else.
    fn without_host<'a>(&self, name: &'a str) -> Result<&'a str> {
        let name = name.trim();
        if name.is_empty() {
            bail!("the name is empty: write it as in alice/app:v1");
        }
        let Some((host, rest)) = name.split_once('/') else {
            return Ok(name);
        };
        if self.server.is_called(host) {
            return Ok(rest);
        }
        // A namespace has no colon; one with a dot has a repository behind it, and no more.
        let is_host =
            host.contains(':') || host == "localhost" || (host.contains('.') && rest.contains('/'));
        if is_host {
            let server = &self.server;
            bail!(
                "{name} names an image at {host}, and this is for {server}: leave {host}/ out, or run \
                `mydocker --server {host} ...`"
            );
        }
        Ok(name)
    }
}
