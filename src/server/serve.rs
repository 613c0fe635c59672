//! Start and stop.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use dockyard_hub::Hub;
use dockyard_hub::admission::Places;
use dockyard_hub::images::{Collected, CollectorOptions};
use tokio::net::TcpListener;
use tracing::{info, warn};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::config::{Cli, Command, LogFormat, Settings};
use super::connection::{Bounds, Connections};
use super::http::unsent::Unsent;
use super::listen::{leads_on, listen};
use super::metrics::Metrics;
use super::peer::Proxies;
use super::tls::Tls;
use super::{AppState, admin, health, router};

/// How soon after the start the collector makes its first pass.
const FIRST_PASS: Duration = Duration::from_mins(5);
/// How often expired sessions are swept.
const SWEEP: Duration = Duration::from_hours(1);

/// Interval at which the signing key is reloaded.
const KEYS_FOLLOWED: Duration = Duration::from_secs(30);

/// Runs what the command line asks for.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(args) => serve(Settings::resolve(*args)?)
            .await
            .map(|()| ExitCode::SUCCESS),
        Command::Health(args) => health::run(args).await,
        Command::Admin(command) => admin::run(command).await,
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
    let tls = settings.tls.map(Tls::load).transpose()?.map(Arc::new);
    let leading_on = match settings.http_redirect {
        Some(address) => Some(TcpListener::bind(address).await.with_context(|| {
            format!("can't listen on {address} (choose another address with --http-redirect)")
        })?),
        None => None,
    };
    // On another core, while this one waits for disk and database.
    tokio::spawn(async { router::prepare() });
    let hub = Hub::open(settings.data.clone()).await?;
    let address = listener.local_addr()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = settings
        .public_urls
        .first()
        .cloned()
        .unwrap_or_else(|| format!("{scheme}://{address}"));
    greet(&hub, &url).await?;
    tokio::spawn(sweep(hub.clone()));
    tokio::spawn(follow_keys(hub.clone()));
    let mut state = AppState::new(hub.clone(), settings.public_urls);
    state.addresses.is_tls = tls.is_some();
    state.unsent = Unsent::new(settings.unsent, state.metrics.clone());
    let addresses = state.addresses.clone();
    if let Some(interval) = settings.gc_interval {
        let metrics = state.metrics.clone();
        tokio::spawn(collect(hub.clone(), interval, settings.collector, metrics));
    }
    let (metrics, proxies) = (
        state.metrics.clone(),
        Proxies::new(settings.trusted_proxies),
    );
    let (most, of_one) = settings.connections;
    let places = Places::new(most, of_one);
    let connections = |app| {
        let bounds = Bounds::default();
        Connections::new(
            app,
            bounds,
            places.clone(),
            proxies.clone(),
            metrics.clone(),
        )
    };
    if let Some(listener) = leading_on {
        let app = leads_on(addresses, address.port());
        tokio::spawn(listen(listener, connections(app), None));
    }
    listen(listener, connections(router(state)), tls).await;
    hub.close().await;
    Ok(())
}

/// Says where the server is, and how to make the first administrator while there is none.
async fn greet(hub: &Hub, url: &str) -> anyhow::Result<()> {
    // Whether anybody reads this is not the server's concern.
    let mut out = std::io::stdout();
    let _ = writeln!(
        out,
        "Dockyard {} is ready on {url}",
        env!("CARGO_PKG_VERSION")
    );
    if let Some(key) = hub.accounts.new_setup_key().await? {
        let _ = writeln!(
            out,
            "No administrator yet. Make the first one here (once; each start prints a new link): \
             {url}/setup?key={}",
            key.reveal()
        );
    }
    Ok(())
}

/// What the log holds unless `DOCKYARD_LOG` says otherwise.
const LOGGED: &str = "info,tantivy=warn,sqlx=warn";

/// Starts the log on stderr.
pub(super) fn start_log(format: LogFormat) {
    let asked = std::env::var("DOCKYARD_LOG").ok();
    let asked = asked.map(|text| text.parse::<Targets>().map_err(|error| (text, error)));
    let filter = match &asked {
        Some(Ok(filter)) => filter.clone(),
        _ => LOGGED.parse().expect("it is well-formed"),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
    if let Some(Err((text, error))) = asked {
        warn!(
            DOCKYARD_LOG = text,
            %error,
            "DOCKYARD_LOG is not understood and left aside: write it like \"info,dockyard_hub=debug\""
        );
    }
}

/// Runs the collector whenever a pass is due; one that fails is tried again at the next turn.
async fn collect(hub: Hub, interval: Duration, options: CollectorOptions, metrics: Metrics) {
    let mut wait = interval.min(FIRST_PASS);
    loop {
        tokio::time::sleep(wait).await;
        // Another node may have done it, or do it now.
        wait = interval.min(FIRST_PASS);
        let started = Instant::now();
        match hub.collector.collect_in_turn(options, interval).await {
            Ok(None) => {}
            Ok(Some(collected)) => {
                metrics.collected(&collected);
                let millis = started.elapsed().as_millis();
                let Collected {
                    manifests,
                    links,
                    blobs,
                    uploads,
                    orphans,
                    freed_bytes,
                    waiting,
                    failures,
                } = collected;
                info!(
                    manifests,
                    links,
                    blobs,
                    uploads,
                    orphans,
                    freed_bytes,
                    waiting,
                    failures,
                    millis,
                    "collected what nothing refers to"
                );
            }
            Err(error) => warn!(%error, "the collector gave up this pass"),
        }
    }
}

/// Reloads the signing key, which `dockyard admin rotate-keys` may have replaced.
async fn follow_keys(hub: Hub) {
    loop {
        tokio::time::sleep(KEYS_FOLLOWED).await;
        if let Err(error) = hub.accounts.tokens.load_key().await {
            warn!(%error, "could not look for new keys");
        }
    }
}

async fn sweep(hub: Hub) {
    loop {
        tokio::time::sleep(SWEEP).await;
        match hub.accounts.sweep().await {
            Ok(count) => info!(count, "swept expired sessions"),
            Err(error) => warn!(%error, "could not sweep expired sessions"),
        }
    }
}
