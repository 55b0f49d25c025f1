//! Starting, signals, and ending.

use std::{
    future::Future,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use isomirror_core::config::{Change, EjectPolicy, LogFile, MediaConfig, MountConfig};
use tokio::{
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
    sync::{Notify, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    commands::Commands,
    defer_mark::mark,
    fetching,
    releases::Releases,
    supervisor::{self, supervise},
    translate::{keeper_settings, reconcile_settings, serve_settings},
};
use crate::{
    boot_data::BootData,
    control::{self, ListenError, Socket},
    instance::{Instance, InstanceError},
    keeper,
    lanes::Lanes,
    logging::Chain,
    probe::Probe,
    reconcile::{self, Inputs, Outputs, Places, Reconciler},
    serve::{BindError, Bound, Server, StartError as ServeError},
    service::Service,
    settings::Settings,
    sys::{inherited_sockets::take_inherited_sockets, resource::raise_open_file_limit},
    verified_records::{VerifiedRecords, store_below},
    withheld::LettingGo,
};

/// Threads for what may block. One that hangs with its drive is one less.
const BLOCKING_THREADS: usize = 128;

/// How long threads that still block are waited for at the end.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// Why the daemon could not start, or go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another one runs, or the runtime directory cannot be used.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// Nobody could control the daemon.
    #[error(transparent)]
    Control(#[from] ListenError),
    /// Nothing can be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The server's threads cannot be started.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The operating system refuses something basic.
    #[error("cannot set up {what}")]
    System {
        /// What was to be set up.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A part that runs for as long as the daemon does has ended.
    #[error("a part of the daemon has ended unexpectedly")]
    PartEnded,
    /// The roles asked for have nothing to do.
    #[error("the roles asked for need the role mount in the same process")]
    Roles,
}

/// Runs the daemon until it is told to end.
pub fn run(settings: Settings) -> Result<(), RunError> {
    if !settings.roles.mount {
        return Err(RunError::Roles);
    }
    if let Err(error) = raise_open_file_limit() {
        warn!(error = %Chain(&error), "the limit of open files stays low");
    }
    let instance = Instance::acquire(&settings.runtime_directory)?;
    let socket = Socket::listen(&settings.runtime_directory)?;
    let server = settings.roles.serve.then(|| start_server(&settings)).transpose()?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|source| RunError::System { what: "the event loop", source })?;
    let drain = settings.config.mount.drain.duration();
    let ended = runtime.block_on(daemon(settings, server.clone(), socket));
    // Whoever still downloads has the drain time, as with any medium that leaves.
    if let Some(server) = server.and_then(Arc::into_inner) {
        server.shutdown(drain);
    }
    runtime.shutdown_timeout(LAST_WAIT);
    drop(instance);
    ended
}

fn start_server(settings: &Settings) -> Result<Arc<Server>, RunError> {
    let serve = serve_settings(&settings.config);
    let inherited = take_inherited_sockets()
        .map_err(|source| RunError::System { what: "the service manager's sockets", source })?;
    let bound = if inherited.is_empty() {
        Server::bind(&serve)?
    } else {
        info!(sockets = inherited.len(), "the service manager's sockets stand in for serve.listen");
        Bound::from_inherited(inherited, &serve)?
    };
    let server = Server::start(bound)?;
    for place in server.places() {
        info!(url = %place, "listening");
    }
    Ok(Arc::new(server))
}

/// The configuration as it is spread to the tasks.
struct Configuration {
    reconcile: watch::Sender<Arc<reconcile::Settings>>,
    media: watch::Sender<MediaConfig>,
    mount: watch::Sender<MountConfig>,
    boot_data: watch::Sender<Arc<BootData>>,
    keeper: watch::Sender<Arc<keeper::Settings>>,
}

/// The signals that the daemon answers.
struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, RunError> {
        let listen =
            |kind| signal(kind).map_err(|source| RunError::System { what: "signals", source });
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }
}

async fn daemon(
    mut settings: Settings,
    server: Option<Arc<Server>>,
    socket: Socket,
) -> Result<(), RunError> {
    let mut signals = Signals::listen()?;
    let cancel = CancellationToken::new();
    let (configuration, mut tasks) = start_tasks(&settings, server.clone(), socket, &cancel);
    mark(&settings.runtime_directory, settings.config.mount.eject);
    let ended = loop {
        tokio::select! {
            _ = signals.hangup.recv() => {
                reload(&mut settings, &configuration);
                reopen_log(server.as_deref(), &settings);
            }
            _ = signals.interrupt.recv() => break Ok(()),
            _ = signals.terminate.recv() => break Ok(()),
            // None of them ends by itself: one that did has failed, and the service manager starts us anew.
            _ = tasks.join_next() => break Err(RunError::PartEnded),
        }
    };
    Service.stopping();
    mark(&settings.runtime_directory, EjectPolicy::Release);
    cancel.cancel();
    while tasks.join_next().await.is_some() {}
    ended
}

/// Starts everything that runs for as long as the daemon does.
fn start_tasks(
    settings: &Settings,
    server: Option<Arc<Server>>,
    socket: Socket,
    cancel: &CancellationToken,
) -> (Configuration, JoinSet<()>) {
    let (reconcile, reconcile_input) =
        watch::channel(Arc::new(reconcile_settings(&settings.config)));
    let (media, media_input) = watch::channel(settings.config.media.clone());
    let (mount, mount_input) = watch::channel(settings.config.mount.clone());
    let (boot_data, boot_data_input) =
        watch::channel(Arc::new(BootData::load(&settings.boot_directories)));
    let (withheld, withheld_input) = watch::channel(Arc::default());
    let (let_go, progress) = watch::channel(LettingGo::default());
    let (document, document_input) = watch::channel(Arc::default());
    let (candidates, candidates_input) = watch::channel(None);
    let (probed, probed_input) = watch::channel(None);
    let lanes = Arc::new(Lanes::default());
    let address = server.as_ref().and_then(|server| server.local_addresses().first().copied());
    let outputs = Outputs {
        server_url: address.map(|address| format!("http://{address}")).unwrap_or_default(),
        publish: Box::new(move |exports| {
            document.send_replace(Arc::clone(&exports.state));
            if let Some(server) = &server {
                server.publish(exports);
            }
        }),
        let_go,
        service: Service,
    };
    let rescan = Arc::new(Notify::new());
    let (role, fetching) = fetching::role(settings);
    let commands = Arc::new(Commands {
        releases: Arc::new(Releases::new(withheld, progress)),
        media: probed_input.clone(),
        document: document_input.clone(),
        settings: mount_input,
        rescan: Arc::clone(&rescan),
        keeper: fetching.requests,
        deferring: Mutex::default(),
    });
    let inputs = Inputs {
        settings: reconcile_input,
        media: probed_input,
        withheld: withheld_input.clone(),
        downloads: fetching.downloads,
    };
    let reconciler = Reconciler::new(inputs, places(settings), outputs, Arc::clone(&lanes));
    let inputs = supervisor::Inputs {
        configuration: media_input,
        withheld: withheld_input,
        rescan,
        drives: settings.drives.clone(),
    };
    let mut tasks = JoinSet::new();
    let answer = move |request| Arc::clone(&commands).answer(request);
    spawn(&mut tasks, control::serve(socket, answer, cancel.clone()));
    spawn(&mut tasks, supervise(inputs, candidates, cancel.clone()));
    let records = VerifiedRecords::new(store_below(&settings.state_directory));
    let probe = Probe::new(candidates_input, boot_data_input, probed, lanes, records);
    spawn(&mut tasks, probe.run(cancel.clone()));
    spawn(&mut tasks, reconciler.run(cancel.clone()));
    spawn(&mut tasks, role.play(document_input, cancel.clone()));
    (Configuration { reconcile, media, mount, boot_data, keeper: fetching.settings }, tasks)
}

fn places(settings: &Settings) -> Places {
    Places {
        runtime_directory: settings.runtime_directory.clone(),
        state_directory: settings.state_directory.clone(),
    }
}

fn spawn(tasks: &mut JoinSet<()>, task: impl Future<Output = ()> + Send + 'static) {
    tasks.spawn(task);
}

/// Where the access log was renamed, a new one is begun; where it is another one, that is taken.
fn reopen_log(server: Option<&Server>, settings: &Settings) {
    let file = settings.config.serve.access_log.as_ref();
    let reopened = server.map(|server| server.log_to(file.map(LogFile::path)));
    if let Some(Err(error)) = reopened {
        warn!(%error, "cannot open the access log, nothing is logged");
    }
}

/// Says what a reload changes, and what of it has to wait.
fn tell_changes(old: &Settings, new: &Settings) {
    for Change { key, needs_restart, old, new } in old.changes(new) {
        if needs_restart {
            warn!(%key, %old, %new, "setting changes at the next restart");
        } else {
            info!(%key, %old, %new, "setting changes");
        }
    }
}

/// Takes in a changed configuration; a broken one leaves everything as it is.
fn reload(settings: &mut Settings, configuration: &Configuration) {
    let new = match settings.reload() {
        Ok(new) => new,
        Err(error) => {
            error!(error = %Chain(&error), "the configuration is not taken over");
            return;
        }
    };
    tell_changes(settings, &new);
    *settings = new;
    let reconcile = Arc::new(reconcile_settings(&settings.config));
    configuration.reconcile.send_replace(reconcile);
    configuration.media.send_replace(settings.config.media.clone());
    configuration.mount.send_replace(settings.config.mount.clone());
    let boot_data = BootData::load(&settings.boot_directories);
    configuration.boot_data.send_replace(Arc::new(boot_data));
    let catalog = Arc::clone(&configuration.keeper.borrow().catalog);
    configuration.keeper.send_replace(Arc::new(keeper_settings(settings, Some(&catalog))));
    mark(&settings.runtime_directory, settings.config.mount.eject);
    info!("the configuration was read again");
}
