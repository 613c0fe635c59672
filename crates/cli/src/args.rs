//! The command line's grammar and its help.

mod examples;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use dockyard_oci::UserName;

use crate::address::Server;

/// Keeps what every command takes apart from what one command takes.
const GLOBAL_HEADING: &str = "Global options";

const SERVER_HELP: &str =
    "The Dockyard to talk to [default: the one logged in to, else http://127.0.0.1:3000]";

/// Pushes and pulls images of a Dockyard, through the local engine or as tarballs
#[derive(Debug, Parser)]
#[command(name = "mydocker", version, after_help = examples::ALL, arg_required_else_help = true)]
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
    #[command(after_help = examples::SIGNUP)]
    Signup(Account),
    /// Log in; keeps a token for this machine, never the password
    #[command(after_help = examples::LOGIN)]
    Login(LogIn),
    /// Give the token back and forget it
    Logout,
    /// Say who is logged in, and where
    Whoami,
    /// List your repositories
    #[command(after_help = examples::REPOS)]
    Repos,
    /// Create a repository
    #[command(after_help = examples::CREATE)]
    Create(Create),
    /// Change the description and the README of a repository, or print them
    #[command(after_help = examples::DESCRIBE)]
    Describe(Describe),
    /// Say who may see a repository: everyone, or you alone
    #[command(after_help = examples::VISIBILITY)]
    Visibility(SetVisibility),
    /// Delete a tag, or a repository with all of its tags
    #[command(after_help = examples::DELETE)]
    Delete(Delete),
    /// Send an image from the local engine, or a tarball, to the server
    #[command(after_help = examples::PUSH)]
    Push(Push),
    /// Fetch an image into the local engine, or into a tarball
    #[command(after_help = examples::PULL)]
    Pull(Pull),
    /// Find repositories by words of their names and descriptions
    #[command(after_help = examples::SEARCH)]
    Search(Search),
    /// List the tags of a repository
    #[command(after_help = examples::TAGS)]
    Tags(Tags),
    /// Make, list and revoke personal tokens
    #[command(subcommand)]
    Token(Token),
    /// Print what makes a shell complete commands and options
    #[command(after_help = examples::COMPLETIONS)]
    Completions(Completions),
    /// Print the manual page, or write one for each command into a folder
    #[command(after_help = examples::MAN)]
    Man(Man),
}

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token, and print it this once
    #[command(after_help = examples::TOKEN)]
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
    #[arg(required_unless_present = "into")]
    pub image: Option<String>,
    /// Send this tarball (of `docker save`, also compressed; - is standard input) instead of an
    /// image of the engine; without a tag in IMAGE, every tag of it in the tarball
    #[arg(long, short, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Of several images in the tarball, send this one: nginx:1.2, as the tarball names it
    #[arg(long = "image", value_name = "NAME", requires = "file")]
    pub chosen: Option<String>,
    /// Store each image of the tarball in a repository of its own in this namespace: nginx:1.2 becomes alice/nginx:1.2
    #[arg(long, value_name = "NAMESPACE", requires = "file", conflicts_with_all = ["image", "chosen"])]
    pub into: Option<UserName>,
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
    /// For an engine before docker 23, which knows no zstd; found out by itself when the image is loaded here
    #[arg(long, value_name = "ENGINE")]
    pub compat: Option<Compat>,
}

/// Engines that a tarball must be made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Compat {
    Docker20,
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
            assert_eq!(push.image.as_deref(), Some("alice/app:v1"));
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
