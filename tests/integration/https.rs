//! HTTPS by the server itself: what clients see, a certificate that is replaced, the health command.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dockyard_hub::clock::Clock;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::tls::TlsInfo;
use reqwest::{Certificate, Client, StatusCode};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::engines;
use crate::process::{Server, command};

/// An authority of the test's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Writes a new certificate and its key, and returns the certificate.
    fn issue(&self, folder: &Path) -> Vec<u8> {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let params = CertificateParams::new(names).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
        fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
        certificate.der().to_vec()
    }

    /// Builds a client that trusts the authority and opens a connection for each request.
    fn client(&self) -> Client {
        let root = Certificate::from_pem(self.0.pem().as_bytes()).unwrap();
        Client::builder()
            .add_root_certificate(root)
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .tls_info(true)
            .build()
            .unwrap()
    }
}

/// Makes a folder, and the database of whoever serves from it.
async fn data() -> TempDir {
    let folder = TempDir::new().unwrap();
    engines::options(folder.path(), Clock::system()).await;
    folder
}

fn serve(folder: &Path, more: &[&str]) -> Command {
    let mut command = command(folder, None);
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--gc-interval", "never"])
        .args(["--tls-cert", "cert.pem", "--tls-key", "key.pem"])
        .args(more);
    command
}

fn health(folder: &Path, listen: &str, more: &[&str]) -> Output {
    let mut command = command(folder, None);
    command.args(["health", "--listen", listen]).args(more);
    command.output().unwrap()
}

#[tokio::test]
async fn clients_speak_tls_with_the_server_itself() {
    let (folder, authority) = (data().await, Authority::new());
    authority.issue(folder.path());
    let server = Server::run(serve(folder.path(), &[]), "");
    let client = authority.client();
    let at = server.url().strip_prefix("https://").unwrap();

    let answer = client.get(server.url()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    let headers = answer.headers();
    assert_eq!(headers["strict-transport-security"], "max-age=31536000");

    // Where a client fetches its token is on the same scheme.
    let url = format!("{}/v2/", server.url());
    let answer = client.get(url).send().await.unwrap();
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.contains(&format!("https://{at}/token")),
        "{challenge}"
    );

    let stranger = Client::new().get(server.url()).send().await;
    assert!(
        stranger.is_err(),
        "a certificate of an unknown authority is not trusted"
    );

    let mut plain = tokio::net::TcpStream::connect(at).await.unwrap();
    let question = format!("GET / HTTP/1.1\r\nHost: {at}\r\n\r\n");
    plain.write_all(question.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = plain.read_to_string(&mut answer);
    let read = tokio::time::timeout(Duration::from_millis(500), read);
    // The server waits for the client to hang up.
    let _ = read.await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        answer.contains("write https:// instead of http://"),
        "{answer}"
    );
}

#[tokio::test]
async fn plain_http_is_led_on() {
    let (folder, authority) = (data().await, Authority::new());
    authority.issue(folder.path());
    // Nothing else listens on this one of the many loopback addresses.
    let [.., high, low] = std::process::id().to_be_bytes();
    let plain = format!("127.83.{high}.{low}:8080");
    let mut command = serve(folder.path(), &["--http-redirect", &plain]);
    command.args(["--public-url", "https://hub.example.org"]);
    let _server = Server::run(command, "");
    let client = authority.client();
    let url = format!("http://{plain}/search?q=a%20b");
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(
        answer.headers()["location"],
        "https://hub.example.org/search?q=a%20b"
    );
}

#[tokio::test]
async fn a_new_certificate_is_taken_up_while_clients_go_on() {
    let (folder, authority) = (data().await, Authority::new());
    authority.issue(folder.path());
    let server = Arc::new(Server::run(serve(folder.path(), &[]), ""));
    let (stop, asked) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (server, client) = (Arc::clone(&server), authority.client());
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let url = format!("{}/healthz", server.url());
                    let answer = client.get(url).send().await.unwrap();
                    assert_eq!(answer.status(), StatusCode::OK);
                    asked.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
        })
        .collect();

    let shown = async || {
        let answer = authority.client().get(server.url()).send().await.unwrap();
        let info = answer.extensions().get::<TlsInfo>().unwrap();
        info.peer_certificate().unwrap().to_vec()
    };
    let until_shown = async |expected: &[u8]| {
        let started = Instant::now();
        while shown().await != expected {
            assert!(
                started.elapsed() < Duration::from_mins(1),
                "it is not taken up"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let second = authority.issue(folder.path());
    until_shown(&second).await;

    // What can't be used changes nothing.
    fs::write(folder.path().join("cert.pem"), "rubbish").unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(shown().await, second);
    let third = authority.issue(folder.path());
    until_shown(&third).await;

    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    assert!(asked.load(Ordering::Relaxed) > 20);
}

#[tokio::test]
async fn the_health_command_asks_over_tls_too() {
    let (folder, authority) = (data().await, Authority::new());
    authority.issue(folder.path());
    let server = Server::run(serve(folder.path(), &[]), "");
    let at = server.url().strip_prefix("https://").unwrap().to_owned();
    let told = health(folder.path(), &at, &["--tls-cert", "cert.pem"]);
    assert!(told.status.success(), "{told:?}");
    assert_eq!(told.stdout, b"ready\n");

    // Without the setting it hears what the port speaks.
    let told = health(folder.path(), &at, &[]);
    assert_eq!(told.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&told.stdout).contains("HTTPS"),
        "{told:?}"
    );

    drop(server);
    let told = health(folder.path(), &at, &["--tls-cert", "cert.pem"]);
    assert_eq!(told.status.code(), Some(1));
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(said.contains(&format!("nothing listens on {at}")), "{said}");
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_at_the_start() {
    let (folder, authority) = (data().await, Authority::new());
    let said = |more: &[&str]| {
        let mut command = command(folder.path(), None);
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(more);
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let both = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let text = said(&both);
    assert!(
        text.contains("can't read the certificate cert.pem"),
        "{text}"
    );

    authority.issue(folder.path());
    fs::write(folder.path().join("key.pem"), "rubbish").unwrap();
    let text = said(&both);
    assert!(text.contains("can't read the key key.pem"), "{text}");

    let other = KeyPair::generate().unwrap();
    fs::write(folder.path().join("key.pem"), other.serialize_pem()).unwrap();
    let text = said(&both);
    assert!(text.contains("can't be used together"), "{text}");

    fs::write(folder.path().join("cert.pem"), "").unwrap();
    let text = said(&both);
    assert!(text.contains("holds no certificate"), "{text}");

    let text = said(&["--tls-cert", "cert.pem"]);
    assert!(text.contains("--tls-key"), "{text}");
    let text = said(&["--http-redirect", "127.0.0.1:0"]);
    assert!(text.contains("takes a certificate"), "{text}");
}
