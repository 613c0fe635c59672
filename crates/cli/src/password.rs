//! Asks for user names and passwords. A password is never an argument and never stored.

use std::fmt;
use std::io::{self, BufRead, IsTerminal, Read, Write};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// Longest password read from standard input, in bytes: a whole file by mistake is no password.
const STDIN_MAX_BYTES: u64 = 4096;

/// A text that must not be printed: a password or a token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Gives the text itself, to be sent or stored.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Where the password comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Asked for once, without echo.
    Terminal,
    /// Asked for twice, without echo, since nobody knows it yet.
    TerminalTwice,
    /// The first and only line of standard input.
    Stdin,
}

/// Reads a password.
///
/// Errors: there is no terminal to ask on, the two answers differ, or the password is empty.
pub fn read(source: Source) -> Result<Secret> {
    let password = match source {
        Source::Stdin => from_reader(io::stdin().lock())?,
        Source::Terminal => ask("Password: ")?,
        Source::TerminalTwice => {
            let password = ask("Password: ")?;
            if password != ask("The same again: ")? {
                bail!("the two passwords differ: try again");
            }
            password
        }
    };
    if password.expose().is_empty() {
        bail!("the password is empty: type one, or pipe it in with --password-stdin");
    }
    Ok(password)
}

/// Asks for a user name on the terminal, offering the last one.
pub fn read_username(last: Option<&str>) -> Result<String> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        bail!("who are you? Name the account with --username NAME");
    }
    let offer = last.map_or_else(String::new, |last| format!(" [{last}]"));
    eprint!("Username{offer}: ");
    io::stderr().flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    match (line.trim(), last) {
        ("", Some(last)) => Ok(last.to_owned()),
        ("", None) => bail!("who are you? Name the account with --username NAME"),
        (name, _) => Ok(name.to_owned()),
    }
}

fn ask(prompt: &str) -> Result<Secret> {
    rpassword::prompt_password(prompt)
        .map(Secret::new)
        .context("there is no terminal to ask for the password: pipe it in with --password-stdin")
}

fn from_reader(reader: impl Read) -> Result<Secret> {
    let mut text = String::new();
    reader
        .take(STDIN_MAX_BYTES + 1)
        .read_to_string(&mut text)
        .context("the password on standard input is not text")?;
    if text.len() as u64 > STDIN_MAX_BYTES {
        bail!("the password on standard input is longer than {STDIN_MAX_BYTES} bytes");
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains('\n') {
        bail!("the password on standard input has more than one line");
    }
    Ok(Secret::new(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_one_line_and_keeps_its_spaces() {
        for (input, password) in [
            ("pw\n", "pw"),
            ("pw\r\n", "pw"),
            (" p w ", " p w "),
            ("", ""),
        ] {
            assert_eq!(from_reader(input.as_bytes()).unwrap().expose(), password);
        }
        assert!(from_reader("a\nb\n".as_bytes()).is_err());
        assert!(from_reader(io::repeat(b'a')).is_err());
        assert!(from_reader(&[0xff, 0xfe][..]).is_err());
    }

    #[test]
    fn a_secret_hides_itself() {
        assert_eq!(format!("{:?}", Secret::new("pw")), "[hidden]");
    }
}
