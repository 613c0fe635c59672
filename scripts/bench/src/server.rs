//! The two servers: started on folders of their own, watched, stopped.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::http::{Body, Connection};
use crate::report::Side;

/// Clock ticks a second in /proc, the same on every Linux of today.
const TICKS: f64 = 100.0;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Dockyard,
    DockerRegistry,
}

/// A server that runs; it is killed when dropped.
pub struct Server {
    pub kind: Kind,
    pub port: u16,
    /// Time from the start of the process to the first 200.
    pub first_answer: Duration,
    child: Child,
}

impl Kind {
    pub const BOTH: [Self; 2] = [Self::Dockyard, Self::DockerRegistry];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Dockyard => "dockyard",
            Self::DockerRegistry => "docker-registry",
        }
    }

    fn command(self, program: &Path, folder: &Path, port: u16) -> Result<Command> {
        let address = format!("127.0.0.1:{port}");
        let mut command = match self {
            Self::Dockyard => {
                let mut command = Command::new(program);
                command.args(["serve", "--listen", &address, "--gc-interval", "never"]);
                command.arg("--data-dir").arg(folder);
                command
            }
            Self::DockerRegistry => {
                let config = folder.join("config.yml");
                let text = format!(
                    "version: 0.1\nlog: {{accesslog: {{disabled: true}}, level: error}}\n\
                     storage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n\
                     http: {{addr: '{address}'}}\n",
                    folder.join("registry").display()
                );
                std::fs::write(&config, text)?;
                let mut command = Command::new("docker-registry");
                command.arg("serve").arg(config);
                // It would take this for a setting of its own.
                command.env_remove("REGISTRY_AUTH_FILE");
                command
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null()).current_dir("/");
        Ok(command)
    }

    /// Is the column of its figures.
    pub const fn side(self) -> Side {
        match self {
            Self::Dockyard => Side::Dockyard,
            Self::DockerRegistry => Side::Other,
        }
    }

    const fn health(self) -> &'static str {
        match self {
            Self::Dockyard => "/healthz",
            Self::DockerRegistry => "/",
        }
    }
}

impl Server {
    /// Starts a server on a folder, and waits for its first 200.
    pub fn start(kind: Kind, program: &Path, folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let mut command = kind.command(program, folder, port)?;
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("can't start {}", kind.name()))?;
        let mut server = Self {
            kind,
            port,
            first_answer: Duration::ZERO,
            child,
        };
        while started.elapsed() < Duration::from_secs(30) {
            let answer = Connection::open(port, None)
                .and_then(|mut connection| connection.send("GET", kind.health(), "", Body::None));
            if answer.is_ok_and(|answer| answer.status == 200) {
                server.first_answer = started.elapsed();
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        bail!("{} does not answer", kind.name())
    }

    /// Kills the process.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// CPU seconds that the process has used.
    pub fn cpu_secs(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(self.proc("stat"))?;
        let (_, fields) = stat.rsplit_once(')').context("not a stat file")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / TICKS)
    }

    /// Resident memory in MiB: `VmRSS` is now, `VmHWM` the most there was.
    pub fn memory_mib(&self, field: &str) -> Result<f64> {
        let status = std::fs::read_to_string(self.proc("status"))?;
        let line = status.lines().find(|line| line.starts_with(field));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        Ok(kib.context("no such line")?.parse::<f64>()? / 1024.0)
    }

    fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.child.id()).into()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
