//! `sfumato serve`: the parts of the server, put together, watched and stopped.
//!
//! Everything runs until the first signal, or until one part ends by itself: a server of which a part is gone is ended
//! and said to be broken, so that whoever watches over it starts it again.

mod listening;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use sfumato_console::{ConsoleSettings, ServerSetting};
use sfumato_core::{Clock, Entropy, Secret};
use sfumato_engine::admission::RateSettings;
use sfumato_engine::guard::AddressPolicy;
use sfumato_engine::openid::OpenIdSettings;
use sfumato_engine::room::Reserve;
use sfumato_engine::system::{SystemClock, SystemEntropy};
use sfumato_engine::{Engine, EngineSettings, Parts};
use sfumato_http::{HttpSettings, PublicUrl, ServeSettings, TrustedProxies};
use sfumato_media_client::limits::{ArchiveLimits, MediaLimits, VideoLimits};
use sfumato_media_client::{MediaError, MediaPool, MediaPoolConfig, Warm};
use tokio::net::TcpListener;

use crate::data_dir::DataDir;
use crate::settings::{Count, Loaded, LogFormat, Origin, Role, Settings, lines};
use crate::tasks::Tasks;
use crate::{
    base_url, database, descriptors, front, instance, lifecycle, locate, output, sandbox, storage, traces,
};
use listening::Sockets;

/// How long requests in flight may go on: less than everything together, so that cutting them off is orderly too.
const REQUESTS_DEADLINE: Duration = Duration::from_secs(7);

/// A server whose media processes do not get ready is given up after so many tries.
const WARM_UPS_MAX: u32 = 3;

/// Serves until a signal.
///
/// # Errors
/// Something that a server needs is missing; says what. Exit code 1 where a part has ended by itself.
pub(crate) async fn serve(loaded: &Loaded) -> anyhow::Result<ExitCode> {
    descriptors::raise_limit();
    let settings = &loaded.settings;
    let shutdown = lifecycle::watch_signals().context("watch for signals")?;
    let dir = DataDir::open_or_create(&settings.data_dir)?;
    // Held until the process ends: a second server would take this one's jobs for those of a dead one.
    let mut lock = dir.lock()?;
    warn_of_risks(settings, &dir);
    let sockets = Sockets::take(settings)?;
    let engine = assemble(settings, &dir, sockets.addresses()).await?;
    let export = traces::Export::start(&engine);
    let freed = engine
        .recover(dir.earlier_worker()?)
        .await
        .context("free what an earlier run was working on")?;
    dir.remember_worker(engine.worker_id())?;
    if freed > 0 {
        tracing::info!(leases = freed, "took up what an earlier run has left");
    }
    let listeners = sockets.open()?;
    let address = listeners.main.local_addr().context("read the bound address")?;
    let mut tasks = Tasks::new(shutdown);
    start(&mut tasks, &engine, loaded, listeners.main);
    if let Some(listener) = listeners.metrics {
        tell_metrics(&mut tasks, &engine, listener)?;
    }
    let base_url = base_url::of(settings, address);
    let answers = settings.roles.include(Role::Api);
    if answers {
        lock.tell_base_url(&base_url);
    }
    announce(address, &dir, settings);
    if answers {
        invite(&engine, settings, &dir, &base_url).await?;
    }
    let whole = tasks.watch().await;
    export.end().await;
    Ok(if whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn assemble(
    settings: &Settings,
    dir: &DataDir,
    listeners: impl Iterator<Item = SocketAddr>,
) -> anyhow::Result<Engine> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let store = database::open(settings, dir, &clock, &entropy).await?;
    let instance = instance::join(settings, dir, &*store, &*clock, &*entropy).await?;
    let blobs = storage::open(settings, dir, &entropy)?;
    // No blob is deleted before it is known whose they are.
    storage::claim(&blobs, settings, dir, instance.installation).await?;
    let from_settings = engine_settings(settings);
    Ok(Engine::new(Parts {
        store,
        blobs,
        media: media_pool(settings, dir)?,
        clock,
        keys: instance.keys,
        settings: EngineSettings {
            openid: openid(settings)?,
            traces: traces::settings(settings, instance.installation, &*entropy)?,
            addresses: from_settings.addresses.clone().denying_listeners(listeners),
            ..from_settings
        },
        entropy,
    }))
}

/// The media processes of a worker; nothing else needs them, or the models.
fn media_pool(settings: &Settings, dir: &DataDir) -> anyhow::Result<Option<MediaPool>> {
    if !settings.roles.include(Role::Worker) {
        return Ok(None);
    }
    let locations = locate::locate(settings)?;
    let mut pool = MediaPoolConfig::new(locations.program, locations.assets_dir, dir.scratch()?);
    pool.model_packs = settings.model_packs.0.clone();
    pool.children_max = jobs_at_once(settings);
    pool.threads_per_child = settings.threads_per_job.get();
    pool.task_deadline = settings.task_deadline;
    sandbox::configure(&mut pool, settings);
    Ok(Some(MediaPool::new(pool)?))
}

fn engine_settings(settings: &Settings) -> EngineSettings {
    let mut addresses = if settings.allow_private_webhooks {
        AddressPolicy::allowing_private()
    } else {
        AddressPolicy::default()
    };
    addresses = addresses.allowing(settings.webhook_networks.0.iter().copied());
    if settings.webhooks_require_https {
        addresses = addresses.requiring_https();
    }
    // Loopback is denied as such, and what stands for every address is none. All other addresses of this machine are found
    // out at each connection; this one is refused already when an endpoint is registered.
    let own = settings.listen.ip();
    if !own.is_unspecified() && !own.is_loopback() {
        addresses = addresses.denying_own([own]);
    }
    EngineSettings {
        access_token_lifetime: settings.access_token_lifetime,
        refresh_token_lifetime: settings.refresh_token_lifetime,
        rates: RateSettings {
            per_client: limit(settings.requests_per_client),
            per_address: limit(settings.requests_per_address),
            tokens_per_address: limit(settings.token_requests_per_address),
        },
        upload_bytes_max: settings.upload_bytes_max.0,
        jobs_waiting_max: limit(settings.jobs_waiting_max).map(u64::from),
        reserve: Some(Reserve {
            folder: settings.data_dir.clone(),
            free_min: settings.storage_free_min.0,
        }),
        media_limits: media_limits(settings),
        jobs_at_once: jobs_at_once(settings),
        long_jobs_at_once: long_jobs_at_once(settings),
        part_length_s: part_length_s(settings),
        lease: settings.lease,
        deliveries_at_once: settings.deliveries_at_once.get(),
        deliveries_per_endpoint: settings.deliveries_per_endpoint.get(),
        deliveries_per_endpoint_per_second: NonZeroU32::new(settings.deliveries_per_second.0)
            .filter(|count| *count < NonZeroU32::MAX),
        delivery_deadline: settings.webhook_deadline,
        addresses,
        keep_responses: settings.keep_responses,
        originals_kept: settings.originals_kept,
        results_kept: settings.results_kept,
        history_kept: settings.history_kept,
        session_idle: settings.session_idle,
        session_lifetime: settings.session_lifetime,
        audit_kept: settings.audit_kept,
        password_sign_in: settings.password_sign_in,
        openid: None,
        orphans_kept: settings.orphans_kept,
        shared: settings.database_url.is_some(),
        traces: None,
    }
}

/// The largest number is no limit.
fn limit(count: Count) -> Option<u32> {
    (count.0 < u32::MAX).then_some(count.0)
}

/// The OpenID Connect provider, with the secret out of its file.
///
/// # Errors
/// The file cannot be read, or is empty.
pub(crate) fn openid(settings: &Settings) -> anyhow::Result<Option<OpenIdSettings>> {
    let Some(issuer) = settings.openid_issuer.clone() else {
        return Ok(None);
    };
    let secret = |path: &PathBuf| -> anyhow::Result<Secret> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("read the secret of OpenID Connect in {}", path.display()))?;
        let text = text.trim();
        anyhow::ensure!(
            !text.is_empty(),
            "use the secret of OpenID Connect: {} is empty",
            path.display()
        );
        Ok(Secret::from_clear_text(text.to_owned()))
    };
    Ok(Some(OpenIdSettings {
        name: settings.openid_name.clone(),
        issuer,
        client_id: settings.openid_client_id.clone(),
        client_secret: settings
            .openid_client_secret_file
            .as_ref()
            .map(secret)
            .transpose()?,
        scopes: settings.openid_scopes.0.clone(),
        role_claim: settings.openid_role_claim.clone(),
        roles: settings.openid_roles.0.clone(),
        newcomers: settings.openid_newcomers.as_ref().map(|client| client.0.clone()),
    }))
}

/// Pictures at the same time: one a core where nobody says.
pub(crate) fn jobs_at_once(settings: &Settings) -> usize {
    settings.jobs_at_once.resolve(|cores| cores)
}

/// Videos and archives at the same time: one for four cores where nobody says.
pub(crate) fn long_jobs_at_once(settings: &Settings) -> usize {
    settings.long_jobs_at_once.resolve(|cores| cores.div_ceil(4))
}

/// A second where somebody says less.
fn part_length_s(settings: &Settings) -> NonZeroU32 {
    let seconds = u32::try_from(settings.part_length.as_secs()).unwrap_or(u32::MAX);
    NonZeroU32::new(seconds).unwrap_or(NonZeroU32::MIN)
}

/// The limits of media that the settings name.
pub(crate) fn media_limits(settings: &Settings) -> MediaLimits {
    MediaLimits {
        picture_bytes_max: settings.picture_bytes_max.0,
        side_pixels_max: settings.picture_side_pixels_max.0,
        picture_pixels_max: u64::from(settings.picture_pixels_max.0),
        frames_max: settings.picture_frames_max.0,
        frames_pixels_max: u64::from(settings.picture_frames_pixels_max.0),
        video: VideoLimits {
            side_pixels_max: settings.video_side_pixels_max.0,
            frame_pixels_max: settings.video_frame_pixels_max.0,
            frames_max: settings.video_frames_max.0,
            duration_s_max: u32::try_from(settings.video_duration_max.as_secs()).unwrap_or(u32::MAX),
            damaged: settings.video_damaged,
            ..VideoLimits::default()
        },
        archive: ArchiveLimits {
            entries_max: settings.archive_entries_max.0,
            entry_bytes_max: settings.archive_entry_bytes_max.0,
            bytes_max: settings.archive_bytes_max.0,
            ratio_max: settings.archive_ratio_max.0,
        },
    }
}

/// The settings as the Manager shows them.
fn shown(loaded: &Loaded) -> Vec<ServerSetting> {
    lines(loaded)
        .into_iter()
        .map(|line| ServerSetting {
            key: line.key.to_owned(),
            value: line.value,
            origin: match line.origin {
                Origin::Default => None,
                origin => Some(origin.to_string()),
            },
            meaning: line.meaning,
        })
        .collect()
}

fn start(tasks: &mut Tasks, engine: &Engine, loaded: &Loaded, listener: TcpListener) {
    let roles = &loaded.settings.roles;
    serve_http(tasks, engine, loaded, listener);
    if roles.include(Role::Worker) {
        start_worker(tasks, engine, &loaded.settings);
    }
    let shutdown = tasks.shutdown.clone();
    if roles.include(Role::Courier) {
        let (courier, until) = (engine.clone(), shutdown.clone());
        tasks.spawn("courier", async move { courier.run_courier(until).await });
        let (replays, until) = (engine.clone(), shutdown.clone());
        tasks.spawn("replays", async move { replays.run_replays(until).await });
    }
    if roles.include(Role::Janitor) {
        let (janitor, until) = (engine.clone(), shutdown);
        tasks.spawn("janitor", async move { janitor.run_janitor(until).await });
    }
}

/// The API and the Manager, or, without that role, whether the process lives and works.
fn serve_http(tasks: &mut Tasks, engine: &Engine, loaded: &Loaded, listener: TcpListener) {
    let settings = &loaded.settings;
    let shutdown = tasks.shutdown.clone();
    let limits = ServeSettings {
        connections_max: settings.connections_max.get(),
        connections_per_address_max: settings.connections_per_address.get(),
        trusted_proxies: TrustedProxies::new(settings.trusted_proxies.0.iter().copied()),
        headers_timeout: settings.headers_timeout,
        write_stall_timeout: settings.stall_timeout,
        shutdown_deadline: REQUESTS_DEADLINE,
    };
    if !settings.roles.include(Role::Api) {
        let router = sfumato_http::probes(engine.clone());
        tasks.spawn("probes", async move {
            sfumato_http::serve(listener, router, limits, shutdown).await;
        });
        return;
    }
    let upload_rate_min = u32::try_from(settings.upload_rate_min.0).unwrap_or(u32::MAX);
    let http = HttpSettings {
        public_url: settings.public_url.clone(),
        allowed_origins: settings.allowed_origins.clone(),
        default_profile: settings.detection_profile,
        result_redirects: settings
            .storage_redirect_results
            .then_some(settings.storage_redirect_lifetime),
        upload_idle_timeout: settings.stall_timeout,
        upload_rate_min,
        ..HttpSettings::default()
    };
    let console = ConsoleSettings {
        public_url: settings.public_url.as_ref().map(PublicUrl::to_url),
        upload_idle_timeout: settings.stall_timeout,
        upload_rate_min,
        default_profile: settings.detection_profile,
        server: shown(loaded),
        ..ConsoleSettings::default()
    };
    let router = front::join(
        sfumato_http::router(engine.clone(), http),
        sfumato_console::router(engine.clone(), console),
    );
    let until = shutdown.clone();
    tasks.spawn("API", async move {
        sfumato_http::serve(listener, router, limits, until).await;
    });
    let waiting = engine.clone();
    // Requests that wait for events would otherwise hold up the end for half a minute.
    tasks.spawn("waiting requests", async move {
        shutdown.cancelled().await;
        waiting.end_waiting();
    });
}

fn start_worker(tasks: &mut Tasks, engine: &Engine, settings: &Settings) {
    let shutdown = tasks.shutdown.clone();
    let (worker, until) = (engine.clone(), shutdown.clone());
    tasks.spawn("worker", async move { worker.run_worker(until).await });
    let media = engine.clone();
    let (mode, log_format) = (settings.sandbox, settings.log_format);
    // Ends at the first signal as the others do, and before it only where no job could ever succeed.
    tasks.spawn("media pool", async move {
        match warm_up(&media).await {
            Ok(warm) => {
                sandbox::tell(&warm.layers, mode, log_format);
                tracing::info!(models = warm.models.join(", "), "media processes are ready");
                shutdown.cancelled().await;
            }
            Err(MediaError::ShutDown) => {}
            Err(error) => {
                tracing::error!("failed to {:#}", anyhow::Error::new(error));
            }
        }
    });
}

/// Starts the media processes ahead. One that was killed while it got ready, as the kernel does where memory has run out, is no
/// reason to stop serving: only what happens again and again is.
async fn warm_up(engine: &Engine) -> Result<Warm, MediaError> {
    let mut tries = 1;
    loop {
        match engine.warm_up().await {
            Err(error @ MediaError::NotReady { .. }) if tries < WARM_UPS_MAX => {
                tracing::warn!(tries, "failed to {:#}; trying again", anyhow::Error::new(error));
                tries += 1;
            }
            outcome => return outcome,
        }
    }
}

/// Answers `/metrics` on an address of its own.
fn tell_metrics(tasks: &mut Tasks, engine: &Engine, listener: TcpListener) -> anyhow::Result<()> {
    let address = listener.local_addr().context("read the bound address")?;
    tracing::info!("metrics are told at http://{address}/metrics");
    let router = sfumato_http::operations_router(engine.clone());
    let until = tasks.shutdown.clone();
    tasks.spawn("metrics", async move {
        sfumato_http::serve(listener, router, ServeSettings::default(), until).await;
    });
    Ok(())
}

fn warn_of_risks(settings: &Settings, dir: &DataDir) {
    if dir.is_open_to_others() {
        tracing::warn!(
            data_dir = %dir.path().display(),
            "other users of this machine can look into the data folder; `chmod 700` closes it"
        );
    }
    let missing = settings.roles.missing();
    if settings.database_url.is_none() && !missing.is_empty() {
        tracing::warn!(
            missing = missing.join(","),
            "nothing else can use this data folder while this process runs: what the missing roles do stays undone"
        );
    }
    if !settings.allow_private_webhooks {
        return;
    }
    let text = "webhooks may reach this machine and private networks: every client of the API can make this server send \
                requests into your network; for development only";
    if settings.log_format == LogFormat::Text {
        let rule = "!".repeat(78);
        output::note(format!(
            "{rule}\n!!  --allow-private-webhooks is on.\n!!  Every client of the API can make this server send requests to this\n!!  machine and into your network. For development only.\n{rule}"
        ));
    }
    tracing::warn!("{text}");
}

fn announce(address: SocketAddr, dir: &DataDir, settings: &Settings) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        data_dir = %dir.path().display(),
        roles = %settings.roles,
        "listening on http://{address}"
    );
}

/// Says how to make the first user of the Manager, where there is none: by a link that works once and for a day, and that the
/// next start voids. It goes to a file that only the owner of the data folder can read, and to a person who looks at the
/// terminal; a log may be read by many.
///
/// Where several processes answer, the start of each would void the link that another one has made: there a command makes
/// the first administrator.
async fn invite(engine: &Engine, settings: &Settings, dir: &DataDir, base_url: &str) -> anyhow::Result<()> {
    let asked = "look for users of the Manager";
    if settings.database_url.is_some() {
        if !engine.has_users().await.context(asked)? {
            tracing::info!(
                "the Manager has no users yet; `sfumato user create NAME` makes the first administrator"
            );
        }
        return Ok(());
    }
    let Some(token) = engine.open_setup().await.context(asked)? else {
        return Ok(dir.remove_setup_link()?);
    };
    let link = format!("{base_url}/manager/setup/{}", token.expose());
    match dir.write_setup_link(&link) {
        Ok(()) => tracing::info!(
            "the Manager has no users yet; whoever opens the link in {} makes the first administrator",
            dir.setup_link_path().display()
        ),
        // The jobs do not wait for a person: a disk that is full is no reason not to start.
        Err(error) => tracing::warn!(
            error = sfumato_core::chain(&error),
            "the Manager has no users yet; `sfumato user create NAME` makes the first administrator"
        ),
    }
    if std::io::stderr().is_terminal() {
        crate::output::note(format!("Make the first administrator of the Manager: {link}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
