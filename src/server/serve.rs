//! Start and stop.

use std::future::IntoFuture;
use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use dockyard_hub::clock::Clock;
use dockyard_hub::{Hub, HubOptions};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use super::config::{Cli, Command, LogFormat, Settings};
use super::{AppState, router};

/// How long requests may go on after the server was asked to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How often expired sessions are swept.
const SWEEP: Duration = Duration::from_hours(1);

/// Runs what the command line asks for.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Serve(args) => serve(Settings::resolve(args)?).await,
    }
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    start_log(settings.log_format);
    let listener = TcpListener::bind(settings.listen).await.with_context(|| {
        format!(
            "can't listen on {} (choose another address with --listen)",
            settings.listen
        )
    })?;
    let options = HubOptions {
        data_dir: settings.data_dir.clone(),
        clock: Clock::system(),
    };
    let hub = Hub::open(options).await?;
    let address = listener.local_addr()?;
    let url = settings
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{address}"));
    greet(&hub, &url).await?;
    tokio::spawn(sweep(hub.clone()));

    let app = router(AppState::new(hub.clone(), settings.public_url));
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let mut server = std::pin::pin!(server.into_future());
    tokio::select! {
        result = &mut server => result?,
        () = asked_to_stop() => {
            info!("stopping");
            let _ = stop.send(());
            if tokio::time::timeout(GRACE, server).await.is_err() {
                warn!("some requests did not end in time and were cut off");
            }
        }
    }
    hub.close().await;
    Ok(())
}

/// Says where the server is, and how to make the first administrator while there is none.
async fn greet(hub: &Hub, url: &str) -> anyhow::Result<()> {
    println!("Dockyard {} is ready on {url}", env!("CARGO_PKG_VERSION"));
    if let Some(key) = hub.accounts.setup_key().await? {
        println!(
            "No administrator yet. Make the first one here (once, valid until used): \
             {url}/setup?key={}",
            key.reveal()
        );
    }
    Ok(())
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("DOCKYARD_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,tantivy=warn,sqlx=warn"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            log.with_target(false)
                .with_ansi(std::io::stderr().is_terminal())
                .init();
        }
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

async fn asked_to_stop() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate => {}
    }
}

async fn sweep(hub: Hub) {
    loop {
        tokio::time::sleep(SWEEP).await;
        match hub.accounts.sessions.delete_expired().await {
            Ok(count) => info!(count, "swept expired sessions"),
            Err(error) => warn!(%error, "could not sweep expired sessions"),
        }
    }
}
