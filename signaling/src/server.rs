//! Puts a server together, and takes it down in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use jiff::Timestamp;
use sfu::{Events, Media, Sfu};
use tokio::net::TcpListener;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::access::AccessLog;
use crate::accounts::{FIRST_WELCOME, Hasher, welcome_url};
use crate::admission::Admission;
use crate::app::{App, Inner, Restarting};
use crate::auth::{Issued, Keys, LinkCode, NewToken};
use crate::check::Checks;
use crate::clock::Clock;
use crate::conference_task::{Endings, SettingsInForce, Surroundings, WelcomeTimes};
use crate::config::Config;
use crate::data_dir::{DataDir, Lock};
use crate::directory::Directory;
use crate::heartbeat;
use crate::ice_servers;
use crate::listener::{self, Port, Secure, Security, Until};
use crate::live::LiveConfig;
use crate::mail::{self, Post};
use crate::media::MediaPlane;
use crate::metrics::Metrics;
use crate::oidc::Providers;
use crate::opening;
use crate::returns::Returns;
use crate::routes;
use crate::running::Running;
use crate::sealer::Sealer;
use crate::sockets::{self, Sockets};
use crate::store::{Store, StoreError};
use crate::store_check::StoreCheck;
use crate::telemetry::{Collector, Join, Telemetry};
use crate::tls::{self, Tls, TlsError};
use crate::tokens::{IssueError, Mint};
use crate::vault::{Served, Vault, VaultError};
use crate::warden;
use crate::webhooks::{self, Webhooks};
use crate::whip::Resources;

/// How often the media plane is asked how much it forwards, where that is limited.
const OBSERVE_EVERY: Duration = Duration::from_secs(1);

/// How often the access log looks whether there is something to sum up.
const SUM_UP_EVERY: Duration = Duration::from_secs(10);

/// A running server. Dropping it does not stop it; [`stop`](Self::stop) does.
#[derive(Debug)]
pub struct Server {
    app: App,
    http: SocketAddr,
    admin: SocketAddr,
    redirect: Option<SocketAddr>,
    /// Whether those who come while this process stops may wait for the next one.
    sockets_are_kept: bool,
    /// Cancelled when nothing more is to be served.
    silence: CancellationToken,
    listeners: TaskTracker,
    sealer: Arc<Sealer>,
    /// Nobody else serves these data.
    _lock: Lock,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What is kept cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no certificate to show.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The media plane cannot start.
    #[error(transparent)]
    Media(#[from] sfu::StartError),
    /// The collector of traces cannot be trusted.
    #[error("`telemetry.authority`: {0}")]
    Telemetry(String),
    /// A port cannot be bound.
    #[error("cannot listen on {address} (`{key}`): {source}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Where it was configured.
        key: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl Server {
    /// Starts a server with its own media plane.
    ///
    /// # Errors
    /// When something cannot be opened or bound.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_on_sockets(config, Sockets::default()).await
    }

    /// Starts a server that goes on with sockets of a process before it.
    ///
    /// # Errors
    /// When something cannot be opened or bound.
    pub async fn start_on_sockets(config: Config, sockets: Sockets) -> Result<Self, StartError> {
        // First, so that a second server on the same data says so, whatever its ports are.
        let vault = Vault::serve(&config).await?;
        let (sfu, events) = Sfu::start(&config.media.to_sfu())?;
        let plane = (Arc::new(sfu) as Arc<dyn Media>, events);
        Self::start_on(config, vault, plane, (Clock::system(), sockets)).await
    }

    /// Starts a server on a given media plane.
    ///
    /// # Errors
    /// When something cannot be opened or bound.
    pub async fn start_with(
        config: Config,
        media: Arc<dyn Media>,
        events: Events,
    ) -> Result<Self, StartError> {
        Self::start_by_clock(config, media, events, Clock::system()).await
    }

    /// Starts a server on a given media plane and by a given clock.
    ///
    /// # Errors
    /// When something cannot be opened or bound.
    pub async fn start_by_clock(
        config: Config,
        media: Arc<dyn Media>,
        events: Events,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let vault = Vault::serve(&config).await?;
        let around = (clock, Sockets::default());
        Self::start_on(config, vault, (media, events), around).await
    }

    async fn start_on(
        config: Config,
        vault: Served,
        (media, events): (Arc<dyn Media>, Events),
        (clock, mut sockets): (Clock, Sockets),
    ) -> Result<Self, StartError> {
        let Served {
            vault: Vault { store, keys },
            sealer,
            lock,
        } = vault;
        let up_until = store.up_until().await?;
        if let Some(up_until) = up_until {
            clock.has_been(up_until);
        }
        let data = DataDir::create(&config.data_dir).map_err(VaultError::from)?;
        let tls = Tls::open(&config, &data, clock.now().wall)?.map(Arc::new);
        let collector = Collector::open(&config.telemetry);
        let collector = collector.map_err(|error| StartError::Telemetry(format!("{error:#}")))?;
        let (telemetry, joins) = collector.as_ref().map(|_| Telemetry::new()).unzip();
        let telemetry = telemetry.map(Arc::new);
        let (http, public) = bind(&mut sockets, config.http.listen, sockets::HTTP)?;
        let (admin, private) = bind(&mut sockets, config.admin.listen, sockets::ADMIN)?;
        let clear = config.http.redirect_listen;
        let clear = clear.map(|address| bind(&mut sockets, address, sockets::REDIRECT));
        let (redirect, clear) = clear.transpose()?.unzip();
        let app = assemble(
            Kept {
                store,
                keys,
                up_until,
                tls,
                http,
                telemetry,
            },
            config,
            media,
            clock,
        );
        app.directory.open_all().await?;
        let server = Self {
            _lock: lock,
            sealer: Arc::new(sealer),
            http,
            admin,
            redirect,
            sockets_are_kept: sockets.are_kept(),
            silence: CancellationToken::new(),
            listeners: TaskTracker::new(),
            app,
        };
        server.deliver(events);
        server.listeners.spawn(heartbeat::beat(
            server.app.store.clone(),
            server.app.clock.clone(),
            server.silence.clone(),
        ));
        server.watch_tokens();
        server.open_booked();
        server.observe();
        server.sum_up_refusals();
        server.keep_signing();
        server.app.tasks.spawn(mail::run(Arc::clone(&server.app)));
        server
            .app
            .tasks
            .spawn(webhooks::run(Arc::clone(&server.app)));
        server.renew_certificate();
        server.send_traces(collector.zip(joins));
        server.serve_all(public, private, clear);
        info!(%http, %admin, "serving");
        Ok(server)
    }

    /// Passes on what the media plane says; ends when that stops.
    fn deliver(&self, events: Events) {
        let (media, silence) = (self.app.media.clone(), self.silence.clone());
        self.listeners
            .spawn(async move { silence.run_until_cancelled(media.deliver(events)).await });
    }

    /// Has those go whose token is good no longer.
    fn watch_tokens(&self) {
        let (app, silence) = (Arc::clone(&self.app), self.silence.clone());
        self.listeners.spawn(async move {
            silence.run_until_cancelled(warden::watch(app)).await;
        });
    }

    /// Opens and begins booked conferences when their time has come.
    fn open_booked(&self) {
        let (app, silence) = (Arc::clone(&self.app), self.app.draining.clone());
        self.listeners.spawn(async move {
            silence.run_until_cancelled(opening::watch(app)).await;
        });
    }

    /// Lets admission know how much is forwarded, while there is a limit to it.
    fn observe(&self) {
        let (app, silence) = (Arc::clone(&self.app), self.silence.clone());
        self.listeners.spawn(async move {
            let mut tick = tokio::time::interval(OBSERVE_EVERY);
            while let Some(now) = silence.run_until_cancelled(tick.tick()).await {
                if app.admission.limits_packets() {
                    app.admission.observe(now, &app.media.media().stats());
                }
            }
        });
    }

    /// Writes how many refusals were not written one by one.
    fn sum_up_refusals(&self) {
        let (app, silence) = (Arc::clone(&self.app), self.silence.clone());
        self.listeners.spawn(async move {
            let mut tick = tokio::time::interval(SUM_UP_EVERY);
            while silence.run_until_cancelled(tick.tick()).await.is_some() {
                app.access.sum_up();
            }
        });
    }

    /// Checks the records of conferences that have ended, and signs what the record holds from then
    /// on.
    fn keep_signing(&self) {
        let (sealer, silence) = (Arc::clone(&self.sealer), self.silence.clone());
        let store = self.app.store.clone();
        self.listeners.spawn(async move {
            silence
                .run_until_cancelled(sealer.keep_signing(&store))
                .await
        });
    }

    /// Shows a new certificate when there is one.
    fn renew_certificate(&self) {
        let Some(tls) = self.app.tls.clone() else {
            return;
        };
        let (clock, silence) = (self.app.clock.clone(), self.silence.clone());
        self.listeners.spawn(async move {
            silence.run_until_cancelled(tls::watch(tls, clock)).await;
        });
    }

    /// Sends traces of joins to who wants them.
    fn send_traces(&self, to: Option<(Collector, Receiver<Join>)>) {
        let (Some(telemetry), Some((collector, joins))) = (self.app.telemetry.clone(), to) else {
            return;
        };
        let silence = self.silence.clone();
        self.listeners.spawn(async move {
            let sending = collector.send_all(telemetry, joins);
            silence.run_until_cancelled(sending).await;
        });
    }

    /// How the public port is secured, if it is.
    fn security(&self) -> Option<Security> {
        Some(Security {
            tls: self.app.tls.as_ref()?.public(),
            clear: self.in_clear(),
            behind_proxies: true,
            hsts_seconds: self.app.config().tls.hsts_seconds,
        })
    }

    /// How the private port is secured, if it is.
    fn private_security(&self) -> Option<Security> {
        let secure = Secure::Port(self.admin.port());
        Some(Security {
            tls: self.app.tls.as_ref()?.private()?,
            clear: routes::in_clear(self.app.clone(), move |_| secure.clone()),
            behind_proxies: false,
            hsts_seconds: 0,
        })
    }

    /// What is answered in the clear where there is TLS.
    fn in_clear(&self) -> Router {
        let http = self.http;
        routes::in_clear(self.app.clone(), move |config| {
            let has_name = !(config.http.public_url.is_empty() && config.tls.names.is_empty());
            match has_name {
                true => Secure::Url(config.base_url(http)),
                false => Secure::Port(http.port()),
            }
        })
    }

    /// Begins to answer at every port.
    fn serve_all(&self, public: TcpListener, private: TcpListener, clear: Option<TcpListener>) {
        let public_port = ice_servers::public_port(&self.app.config(), self.http);
        self.app.media.media().open(public_port);
        let pages = Port {
            router: routes::public(self.app.clone()),
            security: self.security(),
            takes_media: true,
        };
        // Who comes from then on waits for the next process, which has the same socket.
        let public_until = match self.sockets_are_kept {
            true => self.app.draining.clone(),
            false => self.silence.clone(),
        };
        let figures = Port {
            router: routes::private(self.app.clone()),
            security: self.private_security(),
            takes_media: false,
        };
        self.serve(public, pages, public_until);
        self.serve(private, figures, self.silence.clone());
        if let Some(clear) = clear {
            let leads_away = Port {
                router: self.in_clear(),
                security: None,
                takes_media: false,
            };
            self.serve(clear, leads_away, self.silence.clone());
        }
    }

    /// Takes connections at a port until then; those that are there are served until silence.
    fn serve(&self, listener: TcpListener, port: Port, until: CancellationToken) {
        let until = Until {
            taken: until,
            served: self.silence.clone(),
        };
        self.listeners.spawn(listener::serve(
            listener,
            port,
            Arc::clone(&self.app),
            until,
            self.listeners.clone(),
        ));
    }

    /// Where the public is served.
    #[must_use]
    pub const fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where metrics are served.
    #[must_use]
    pub const fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Where `http://` is led to `https://`, if that has a port of its own.
    #[must_use]
    pub const fn redirect(&self) -> Option<SocketAddr> {
        self.redirect
    }

    /// How clients reach it.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.app.config().base_url(self.http)
    }

    /// What its handlers have at hand.
    #[must_use]
    pub const fn app(&self) -> &App {
        &self.app
    }

    /// Makes a token with the server's own key, and writes it down.
    ///
    /// # Errors
    /// When the claims make no sense together, or it cannot be written down.
    pub async fn issue(&self, new: NewToken) -> Result<Issued, IssueError> {
        let (keys, store) = (&self.app.keys, &self.app.store);
        let mint = Mint {
            within: None,
            keys,
            store,
            by: "server",
            now: self.app.clock.now().wall,
        };
        mint.one(new).await
    }

    /// A link with which the first administrator makes an account, in place of any that was made before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn first_welcome(&self) -> Result<String, StoreError> {
        let code = LinkCode::new(rand::random());
        let until = self.app.clock.now().wall + FIRST_WELCOME;
        self.app.store.add_welcome(code.hash(), None, until).await?;
        Ok(welcome_url(&self.base_url(), &code, None))
    }

    /// Stops in order: load balancers are told, no new work, everybody is told when to come back, then silence. Whatever
    /// takes longer than the deadline is cut off.
    pub async fn stop(self) {
        let deadline = self.app.drain_deadline();
        info!(participants = self.app.metrics.participants(), "stopping");
        self.app.announced.cancel();
        let announce = self.app.config().shutdown.announce_seconds;
        tokio::time::sleep(Duration::from_secs(announce)).await;
        let in_time = tokio::time::timeout(deadline, self.drain()).await.is_ok();
        info!(in_time, "stopped");
        AccessLog::server("stopped");
    }

    async fn drain(&self) {
        let participants = u64::try_from(self.app.metrics.participants()).unwrap_or_default();
        let returns = Returns::new(&self.app.config().shutdown, participants);
        self.app.draining.cancel();
        let endings = || Box::new(Restarting(returns)) as Box<dyn Endings>;
        self.app.directory.drain(endings).await;
        self.app.tasks.close();
        self.app.tasks.wait().await;
        self.silence.cancel();
        self.listeners.close();
        self.listeners.wait().await;
        self.sealer.sign(&self.app.store).await;
        self.app.store.close().await;
        let media = Arc::clone(self.app.media.media());
        // It waits for its threads.
        if tokio::task::spawn_blocking(move || media.shutdown())
            .await
            .is_err()
        {
            warn!("the media plane did not stop");
        }
    }
}

/// Listens on an address, on the socket of the process before this one if that does so already.
fn bind(
    sockets: &mut Sockets,
    address: SocketAddr,
    key: &'static str,
) -> Result<(SocketAddr, TcpListener), StartError> {
    let failed = |source| StartError::Bind {
        address,
        key,
        source,
    };
    let listener = match sockets.take(address).map_err(failed)? {
        Some(socket) => TcpListener::from_std(socket),
        None => listener::bind(address),
    };
    let listener = listener.map_err(failed)?;
    sockets.keep(key, &listener);
    let bound = listener.local_addr().map_err(failed)?;
    Ok((bound, listener))
}

/// What a server finds when it starts.
struct Kept {
    store: Store,
    keys: Keys,
    /// Until when the one before it ran.
    up_until: Option<Timestamp>,
    tls: Option<Arc<Tls>>,
    /// Where the public is served.
    http: SocketAddr,
    telemetry: Option<Arc<Telemetry>>,
}

fn assemble(kept: Kept, config: Config, media: Arc<dyn Media>, clock: Clock) -> App {
    let Kept {
        store,
        keys,
        up_until,
        tls,
        http,
        telemetry,
    } = kept;
    let metrics = Arc::new(Metrics::default());
    metrics.add_media(Arc::clone(&media));
    metrics.add_store(store.clone());
    if let Some(tls) = &tls {
        metrics.add_tls(Arc::clone(tls));
    }
    if let Some(telemetry) = &telemetry {
        metrics.add_telemetry(Arc::clone(telemetry));
    }
    let seconds = |seconds: u64| u32::try_from(seconds).unwrap_or(u32::MAX);
    let around = Surroundings {
        store: store.clone(),
        media: Arc::clone(&media),
        metrics: Arc::clone(&metrics),
        telemetry: telemetry.clone(),
        running: Running::new(config.conferences.max_open),
        settings: SettingsInForce::new(config.settings()),
        revoked: keys.revoked().clone(),
        welcome: WelcomeTimes {
            resume_seconds: seconds(config.sessions.resume_seconds),
            ping_seconds: seconds(config.sessions.ping_seconds),
        },
        clock: clock.clone(),
        up_until,
    };
    let media = MediaPlane::new(media);
    let draining = CancellationToken::new();
    Arc::new(Inner {
        directory: Directory::new(around),
        access: AccessLog::default(),
        admission: Admission::new(&config),
        hasher: Hasher::default(),
        providers: Providers::default(),
        announced: draining.child_token(),
        draining,
        tasks: TaskTracker::new(),
        resources: Resources::default(),
        checks: Checks::default(),
        post: Post::default(),
        webhooks: Webhooks::default(),
        live: LiveConfig::new(config),
        http,
        keys,
        store,
        store_check: StoreCheck::default(),
        tls,
        telemetry,
        is_demo: AtomicBool::new(false),
        media,
        metrics,
        clock,
    })
}
