//! The server as a process of its own, to be killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use dockyard_hub::Caretaker;
use dockyard_hub::clock::Clock;
use dockyard_hub::images::{Problem, Repair};
use reqwest::{Client, Method, RequestBuilder};

use crate::engines;

/// A `dockyard serve` on a folder; it is killed when dropped.
pub struct Server {
    child: Child,
    url: String,
    client: Client,
    token: String,
}

impl Server {
    /// Starts the server and waits until it listens. `fault` is the point at which it kills itself.
    pub fn start(folder: &Path, token: &str, fault: Option<&str>) -> Self {
        let mut command = command(folder, fault);
        command.args(["serve", "--listen", "127.0.0.1:0", "--gc-interval", "never"]);
        Self::run(command, token)
    }

    /// Runs a command that serves, and waits until it listens.
    pub fn run(mut command: Command, token: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut urls = lines.filter_map(|line| {
            let line = line.unwrap();
            let (_, url) = line.split_once("is ready on ")?;
            Some(url.trim().to_owned())
        });
        let url = urls.next().expect("the server says where it is");
        // A pool's idle connection could be the one that is cut: each request opens its own.
        let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self {
            child,
            url,
            client,
            token: token.to_owned(),
        }
    }

    /// Is where it listens, `http://host:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn by_alice(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        request.bearer_auth(&self.token)
    }

    /// Waits for the end that the server brings on itself.
    pub async fn ended(mut self) -> ExitStatus {
        for _ in 0..400 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server goes on");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the program with a data folder, and a point at which it kills itself.
pub fn command(folder: &Path, fault: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dockyard"));
    command
        .env("DOCKYARD_DATA_DIR", folder)
        .envs(engines::environment(folder))
        .env("DOCKYARD_LOG", "warn")
        .env("DOCKYARD_FAULT", fault.unwrap_or_default())
        .current_dir(folder);
    command
}

/// Reads everything on a folder anew and returns what is wrong with it.
pub async fn verify(folder: &Path) -> Vec<Problem> {
    let options = engines::options(folder, Clock::system()).await;
    let caretaker = Caretaker::open(options).await.unwrap();
    let mut problems = Vec::new();
    let mut tell = |problem: &Problem| problems.push(problem.clone());
    caretaker
        .verifier
        .verify(Repair::No, &mut tell)
        .await
        .unwrap();
    caretaker.close().await;
    problems
}
