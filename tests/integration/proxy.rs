//! A TCP proxy that brings faults upon what goes through it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// It never gets through: the proxy answers with a status itself.
    Answer(u16),
    /// The connection ends as it comes.
    Cut,
    /// Its answer takes two seconds longer.
    Slow,
    /// Of its answer so many bytes arrive, then the connection ends.
    Half(usize),
}

/// A proxy on loopback that ends with the test.
pub struct Proxy {
    address: SocketAddr,
    plan: Arc<Plan>,
}

struct Plan {
    fault: Mutex<(Fault, u64)>,
    requests: AtomicU64,
    met: AtomicU64,
}

impl Plan {
    /// Decides about the next request.
    fn next(&self) -> Fault {
        let (fault, every) = *self.fault.lock().unwrap();
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        if !request.is_multiple_of(every) || fault == Fault::None {
            return Fault::None;
        }
        self.met.fetch_add(1, Ordering::Relaxed);
        fault
    }
}

impl Proxy {
    /// Starts in front of an `http://host:port`.
    pub async fn before(url: &str) -> Self {
        let target: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Arc::new(Plan {
            fault: Mutex::new((Fault::None, 1)),
            requests: AtomicU64::new(0),
            met: AtomicU64::new(0),
        });
        let shared = plan.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let plan = shared.clone();
                tokio::spawn(async move {
                    let _ = pass(client, target, plan).await;
                });
            }
        });
        Self { address, plan }
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets every so many-th request meet a fault from now on.
    pub fn set(&self, fault: Fault, every: u64) {
        *self.plan.fault.lock().unwrap() = (fault, every);
        self.plan.requests.store(0, Ordering::Relaxed);
        self.plan.met.store(0, Ordering::Relaxed);
    }

    /// Is how many requests met a fault since it was set.
    pub fn met(&self) -> u64 {
        self.plan.met.load(Ordering::Relaxed)
    }
}

/// Passes one request after the other on: what a client sends after an answer begins a new one.
async fn pass(mut client: TcpStream, target: SocketAddr, plan: Arc<Plan>) -> std::io::Result<()> {
    let mut server = TcpStream::connect(target).await?;
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let (mut fault, mut answered, mut sent) = (Fault::None, true, 0);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                if answered {
                    (fault, answered, sent) = (plan.next(), false, 0);
                    match fault {
                        Fault::Cut => return Ok(()),
                        Fault::Answer(status) => {
                            let answer = format!("HTTP/1.1 {status} Broken\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                            client.write_all(answer.as_bytes()).await?;
                            // What it still sends is taken, so that it reads the answer.
                            let drained = async { while client.read(&mut up).await? > 0 {} Ok::<_, std::io::Error>(()) };
                            let _ = tokio::time::timeout(Duration::from_secs(2), drained).await;
                            return Ok(());
                        }
                        _ => {}
                    }
                }
                server.write_all(&up[..read]).await?;
            }
            read = server.read(&mut down) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                if fault == Fault::Slow && !answered {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                answered = true;
                let allowed = match fault {
                    Fault::Half(bytes) => read.min(bytes.saturating_sub(sent)),
                    _ => read,
                };
                sent += allowed;
                client.write_all(&down[..allowed]).await?;
                if allowed < read {
                    return Ok(());
                }
            }
        }
    }
}
