//! The command line's grammar and its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::address::Server;

/// Keeps what every command takes apart from what one command takes.
const GLOBAL_HEADING: &str = "Global options";

const SERVER_HELP: &str =
    "The Dockyard to talk to [default: the one logged in to, else http://127.0.0.1:3000]";

const EXAMPLES: &str = "\
Examples:
  mydocker signup --username alice
  mydocker create app --description \"The shop's backend\"
  mydocker describe alice/app --readme README.md
  mydocker push alice/app:v1
  mydocker push --file image.tar alice/app:v1
  mydocker pull alice/app:v1
  mydocker pull alice/app:v1 --output app.tar --platform linux/arm64
  mydocker search web server
  mydocker --server https://images.example.com login

Environment:
  MYDOCKER_SERVER   the server, as --server
  MYDOCKER_CA_FILE  a CA to trust, as --ca-file
  MYDOCKER_TOKEN    a personal token, instead of `mydocker login`
  MYDOCKER_CONFIG   where the login is kept, instead of ~/.mydocker.json
  DOCKER_HOST       the engine to push from and pull into: unix:///path or tcp://host:port

Exit codes: 0 done, 1 failed, 2 wrong usage.";

const SIGNUP_EXAMPLES: &str = "\
Examples:
  mydocker signup --username alice
  mydocker --server https://images.example.com signup";

const LOGIN_EXAMPLES: &str = "\
Examples:
  mydocker login
  mydocker login --username alice --password-stdin < password.txt
  mydocker login --docker                          docker push and docker pull work too
  mydocker --server https://images.example.com login";

const CREATE_EXAMPLES: &str = "\
Examples:
  mydocker create app
  mydocker create app --private --description \"The shop's backend\"
  mydocker create alice/tools/app";

const DESCRIBE_EXAMPLES: &str = "\
Examples:
  mydocker describe alice/app --description \"The shop's backend\"
  mydocker describe alice/app --readme README.md
  mydocker describe alice/app                     prints what is there";

const REPOS_EXAMPLES: &str = "\
Examples:
  mydocker repos
  mydocker repos --quiet                          names alone, for scripts
  mydocker repos --json | jq '.[].name'";

const VISIBILITY_EXAMPLES: &str = "\
Examples:
  mydocker visibility alice/app private
  mydocker visibility alice/app public";

const DELETE_EXAMPLES: &str = "\
Examples:
  mydocker delete alice/app:v1                    one tag
  mydocker delete alice/app                       the repository and all of its tags
  mydocker delete --yes alice/app:nightly";

const TOKEN_EXAMPLES: &str = "\
Examples:
  mydocker token create ci --reach write --days 90
  MYDOCKER_TOKEN=$(mydocker token create ci --quiet)";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  mydocker completions bash > ~/.local/share/bash-completion/completions/mydocker
  mydocker completions zsh > ~/.zfunc/_mydocker
  mydocker completions fish > ~/.config/fish/completions/mydocker.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  mydocker man | man -l -
  mydocker man ~/.local/share/man/man1";

const SEARCH_EXAMPLES: &str = "\
Examples:
  mydocker search web server
  mydocker search backend --limit 5";

const TAGS_EXAMPLES: &str = "\
Examples:
  mydocker tags alice/app";

const PUSH_EXAMPLES: &str = "\
Examples:
  docker build -t alice/app:v1 . && mydocker push alice/app:v1
  mydocker push --file image.tar alice/app:v1
  docker save alice/app:v1 | gzip | mydocker push --file - alice/app:v1
  mydocker push --file all-tags.tar alice/app     every tag of alice/app in the tarball";

const PULL_EXAMPLES: &str = "\
Examples:
  mydocker pull alice/app:v1 && docker run alice/app:v1
  mydocker pull alice/app:v1 --output app.tar
  mydocker pull alice/app:v1 --output - | podman load
  mydocker pull alice/app:v1 --platform linux/arm64
  mydocker pull alice/app:v1 --platform all --output app.tar    every machine's, as an OCI layout";

/// Pushes and pulls images of a Dockyard, through the local engine or as tarballs
#[derive(Debug, Parser)]
#[command(name = "mydocker", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Global {
    #[arg(
        long,
        help = SERVER_HELP,
        global = true,
        help_heading = GLOBAL_HEADING,
        env = "MYDOCKER_SERVER",
        value_name = "URL",
        hide_env = true
    )]
    pub server: Option<Server>,
    /// Also trust the certificates in this PEM file, for a server with a CA of its own
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL_HEADING,
        env = "MYDOCKER_CA_FILE",
        value_name = "FILE",
        alias = "cacert",
        hide_env = true
    )]
    pub ca_file: Option<PathBuf>,
    /// Print JSON on standard output, and everything else on standard error
    #[arg(long, global = true, help_heading = GLOBAL_HEADING, conflicts_with = "quiet")]
    pub json: bool,
    /// Print names and digests only
    #[arg(long, short, global = true, help_heading = GLOBAL_HEADING)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create an account and log in with it
    #[command(after_help = SIGNUP_EXAMPLES)]
    Signup(Account),
    /// Log in; keeps a token for this machine, never the password
    #[command(after_help = LOGIN_EXAMPLES)]
    Login(LogIn),
    /// Give the token back and forget it
    Logout,
    /// Say who is logged in, and where
    Whoami,
    /// List your repositories
    #[command(after_help = REPOS_EXAMPLES)]
    Repos,
    /// Create a repository
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Create),
    /// Change the description and the README of a repository, or print them
    #[command(after_help = DESCRIBE_EXAMPLES)]
    Describe(Describe),
    /// Say who may see a repository: everyone, or you alone
    #[command(after_help = VISIBILITY_EXAMPLES)]
    Visibility(SetVisibility),
    /// Delete a tag, or a repository with all of its tags
    #[command(after_help = DELETE_EXAMPLES)]
    Delete(Delete),
    /// Send an image from the local engine, or a tarball, to the server
    #[command(after_help = PUSH_EXAMPLES)]
    Push(Push),
    /// Fetch an image into the local engine, or into a tarball
    #[command(after_help = PULL_EXAMPLES)]
    Pull(Pull),
    /// Find repositories by words of their names and descriptions
    #[command(after_help = SEARCH_EXAMPLES)]
    Search(Search),
    /// List the tags of a repository
    #[command(after_help = TAGS_EXAMPLES)]
    Tags(Tags),
    /// Make, list and revoke personal tokens
    #[command(subcommand)]
    Token(Token),
    /// Print what makes a shell complete commands and options
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(Completions),
    /// Print the manual page, or write one for each command into a folder
    #[command(after_help = MAN_EXAMPLES)]
    Man(Man),
}

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token, and print it this once
    #[command(after_help = TOKEN_EXAMPLES)]
    Create(NewToken),
    /// List your tokens
    List,
    /// Revoke a token
    Revoke {
        /// The token's id, as `mydocker token list` shows it
        id: String,
    },
}

#[derive(Debug, Args)]
pub struct NewToken {
    /// What the token is for, as lists show it
    pub name: String,
    /// What it may do: read images, write them too, or all that you may
    #[arg(long, value_parser = ["read", "write", "all"], default_value = "all")]
    pub reach: String,
    /// Days after which it ends; for ever when left out
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: Option<u32>,
}

#[derive(Debug, Args)]
pub struct SetVisibility {
    /// The repository: alice/app
    pub repository: String,
    /// public: everyone may pull; private: you alone
    #[arg(value_parser = ["public", "private"])]
    pub visibility: String,
}

#[derive(Debug, Args)]
pub struct Delete {
    /// alice/app:v1 for a tag, alice/app for the repository
    pub name: String,
    /// Delete without asking
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell: bash, zsh, fish, elvish or powershell
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct Man {
    /// A folder to write mydocker.1, mydocker-push.1 and the others into
    pub folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Account {
    /// Your user name; asked for when left out
    #[arg(long, short, value_name = "NAME")]
    pub username: Option<String>,
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    pub password_stdin: bool,
}

#[derive(Debug, Args)]
pub struct LogIn {
    #[command(flatten)]
    pub account: Account,
    /// Let docker use this login too, as its credential helper for this server
    #[arg(long)]
    pub docker: bool,
}

#[derive(Debug, Args)]
pub struct Create {
    /// The repository's name: app (in your own namespace) or alice/app
    pub name: String,
    /// Let only yourself and those you allow pull from it
    #[arg(long)]
    pub private: bool,
    /// What the repository holds, in a sentence
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
}

#[derive(Debug, Args)]
pub struct Describe {
    /// The repository: alice/app
    pub repository: String,
    /// What the repository holds, in a line; empty to take it away
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// The README, a file of Markdown (- is standard input)
    #[arg(long, value_name = "FILE")]
    pub readme: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Push {
    /// The image's name on the server: alice/app:v1 (the tag is latest when left out)
    pub image: String,
    /// Send this tarball (of `docker save`, also compressed; - is standard input) instead of an
    /// image of the engine; without a tag in IMAGE, every tag of it in the tarball
    #[arg(long, short, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Pull {
    /// The image: alice/app:v1, alice/app (latest) or alice/app@sha256:...
    pub image: String,
    /// Write a tarball (- is standard output) instead of loading the image into the engine
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Which image of a multi-platform one: linux/amd64, linux/arm64, linux/arm/v7; with --output also all
    #[arg(long, value_name = "OS/ARCH", value_parser = platform)]
    pub platform: Option<String>,
}

#[derive(Debug, Args)]
pub struct Search {
    /// What to look for
    #[arg(required = true)]
    pub words: Vec<String>,
    /// How many repositories to show at most
    #[arg(long, value_name = "N", default_value_t = 25)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct Tags {
    /// The repository: alice/app
    pub repository: String,
}

fn platform(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let is_word = |part: &&str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    let is_platform = (2..=3).contains(&parts.len()) && parts.iter().all(is_word);
    if is_platform || text == "all" {
        Ok(text.to_owned())
    } else {
        Err("a platform looks like linux/amd64 or linux/arm/v7".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_grammar_has_no_contradictions() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn push_takes_a_file_before_or_after_the_image() {
        for line in [
            "mydocker push -f a.tar alice/app:v1",
            "mydocker push alice/app:v1 --file a.tar",
        ] {
            let Command::Push(push) = parse(line).unwrap().command else {
                panic!("{line} is a push");
            };
            assert_eq!(push.file, Some(PathBuf::from("a.tar")));
            assert_eq!(push.image, "alice/app:v1");
        }
    }

    #[test]
    fn the_server_may_stand_before_or_after_the_command() {
        for line in [
            "mydocker --server http://h:1 whoami",
            "mydocker whoami --server http://h:1/",
        ] {
            let server = parse(line).unwrap().global.server.unwrap();
            assert_eq!(server.to_string(), "http://h:1");
        }
    }

    #[test]
    fn wrong_usage_is_refused_before_anything_happens() {
        for line in [
            "mydocker push",
            "mydocker search",
            "mydocker login --password secret",
            "mydocker pull a/b --platform linux",
            "mydocker pull a/b --platform linux/",
            "mydocker --server ftp://h whoami",
            "mydocker search --limit 0 x",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            assert_ne!(error.kind(), ErrorKind::DisplayHelp, "{line}");
        }
    }
}
