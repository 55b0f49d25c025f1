//! The process that mounts: its tasks, what a reload changes, and its end.

use std::{
    future::{Future, ready},
    pin::Pin,
    sync::{Arc, Mutex},
};

use isomirror_core::{
    config::{EjectPolicy, MediaConfig, MountConfig},
    state::StateDocument,
};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{
    RunError,
    commands::Commands,
    defer_mark::mark,
    fetching,
    releases::Releases,
    run::{LAST_WAIT, event_loop, reread},
    serving::{self, reopen_log},
    signals::{Signals, Told},
    supervisor::{self, supervise},
    translate::{keeper_settings, reconcile_settings},
};
use crate::{
    boot_data::BootData,
    control::{self, Socket},
    instance::Instance,
    keeper,
    lanes::Lanes,
    logging::message_id,
    probe::Probe,
    reconcile::{self, Inputs, Outputs, Places, Publish, Reconciler},
    roles::{RemoteServer, RoleSocket, welcome_roles},
    serve::Server,
    service::Service,
    settings::Settings,
    verified_records::{VerifiedRecords, store_below},
    withheld::LettingGo,
};

/// Runs the process that mounts until it is told to end. Roles that it does not play itself come to it.
pub(super) fn run(settings: Settings) -> Result<(), RunError> {
    let instance = Instance::acquire(&settings.runtime_directory)?;
    let control = Socket::listen(&settings.runtime_directory)?;
    let plays_all = settings.roles.serve && settings.roles.fetch;
    let roles =
        (!plays_all).then(|| RoleSocket::listen(&settings.runtime_directory)).transpose()?;
    let server = if settings.roles.serve {
        ServingRole::Here(Arc::new(serving::start(&settings)?))
    } else {
        ServingRole::Elsewhere(Arc::default())
    };
    let runtime = event_loop()?;
    let drain = settings.config.mount.drain.duration();
    let ended = runtime.block_on(daemon(settings, server.clone(), Sockets { control, roles }));
    // Whoever still downloads has the drain time, as with any medium that leaves.
    if let ServingRole::Here(server) = server
        && let Some(server) = Arc::into_inner(server)
    {
        server.shutdown(drain);
    }
    runtime.shutdown_timeout(LAST_WAIT);
    drop(instance);
    ended
}

/// Who serves.
#[derive(Clone)]
enum ServingRole {
    Here(Arc<Server>),
    Elsewhere(Arc<RemoteServer>),
}

impl ServingRole {
    fn here(&self) -> Option<&Server> {
        match self {
            Self::Here(server) => Some(server),
            Self::Elsewhere(_) => None,
        }
    }

    fn elsewhere(&self) -> Option<Arc<RemoteServer>> {
        match self {
            Self::Here(_) => None,
            Self::Elsewhere(server) => Some(Arc::clone(server)),
        }
    }

    /// What tells it, and `document` of what is served.
    fn publish(self, document: watch::Sender<Arc<StateDocument>>) -> Publish {
        Box::new(move |exports| -> Pin<Box<dyn Future<Output = ()> + Send>> {
            document.send_replace(Arc::clone(&exports.state));
            match &self {
                Self::Here(server) => {
                    server.publish(exports);
                    Box::pin(ready(()))
                }
                Self::Elsewhere(server) => {
                    let server = Arc::clone(server);
                    Box::pin(async move { server.publish(exports).await })
                }
            }
        })
    }
}

/// Where others find this process.
struct Sockets {
    control: Socket,
    /// `None` where it plays all roles itself.
    roles: Option<RoleSocket>,
}

/// The configuration as it is spread to the tasks.
struct Configuration {
    reconcile: watch::Sender<Arc<reconcile::Settings>>,
    media: watch::Sender<MediaConfig>,
    mount: watch::Sender<MountConfig>,
    boot_data: watch::Sender<Arc<BootData>>,
    keeper: watch::Sender<Arc<keeper::Settings>>,
}

async fn daemon(
    mut settings: Settings,
    server: ServingRole,
    sockets: Sockets,
) -> Result<(), RunError> {
    let mut signals = Signals::listen()?;
    let cancel = CancellationToken::new();
    let (configuration, mut tasks) = start_tasks(&settings, server.clone(), sockets, &cancel);
    mark(&settings.runtime_directory, settings.config.mount.eject);
    let ended = loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::Reload => {
                    reload(&mut settings, &configuration);
                    if let Some(server) = server.here() {
                        reopen_log(server, &settings);
                    }
                }
                Told::End => break Ok(()),
            },
            // None of them ends by itself: one that did has failed, and the service manager starts us anew.
            _ = tasks.join_next() => break Err(RunError::PartEnded),
        }
    };
    info!(message_id = message_id::STOPPING, "stopping");
    Service.stopping();
    mark(&settings.runtime_directory, EjectPolicy::Release);
    cancel.cancel();
    while tasks.join_next().await.is_some() {}
    ended
}

/// Starts everything that runs for as long as the daemon does.
fn start_tasks(
    settings: &Settings,
    server: ServingRole,
    sockets: Sockets,
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
    let address = server.here().and_then(|server| server.local_addresses().first().copied());
    let remote_server = server.elsewhere();
    let outputs = Outputs {
        server_url: address.map(|address| format!("http://{address}")).unwrap_or_default(),
        publish: server.publish(document),
        let_go,
        service: Service,
    };
    let rescan = Arc::new(Notify::new());
    let (role, fetching) = fetching::role(settings, document_input.clone());
    let commands = Arc::new(Commands {
        releases: Arc::new(Releases::new(withheld, progress)),
        media: probed_input.clone(),
        document: document_input,
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
        known: reconciler.remembered(),
    };
    let mut tasks = JoinSet::new();
    let answer = move |request| Arc::clone(&commands).answer(request);
    spawn(&mut tasks, control::serve(sockets.control, answer, cancel.clone()));
    if let Some(socket) = sockets.roles {
        let remote_fetcher = role.elsewhere();
        spawn(&mut tasks, welcome_roles(socket, remote_server, remote_fetcher, cancel.clone()));
    }
    spawn(&mut tasks, supervise(inputs, candidates, cancel.clone()));
    let records = VerifiedRecords::new(store_below(&settings.state_directory));
    let probe = Probe::new(candidates_input, boot_data_input, probed, lanes, records);
    spawn(&mut tasks, probe.run(cancel.clone()));
    spawn(&mut tasks, reconciler.run(cancel.clone()));
    spawn(&mut tasks, role.play(cancel.clone()));
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

/// Takes in a changed configuration; a broken one leaves everything as it is.
fn reload(settings: &mut Settings, configuration: &Configuration) {
    if !reread(settings) {
        return;
    }
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
