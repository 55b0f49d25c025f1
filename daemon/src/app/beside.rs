//! A process that does not mount: it serves, or fetches, or both, beside one that mounts.

use std::{future::Future, sync::Arc};

use isomirror_core::state::DownloadPhase;
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{
    RunError, fetching,
    run::{LAST_WAIT, event_loop, reread},
    serving,
    signals::{Signals, Told},
    translate::{followed, keeper_settings},
};
use crate::{
    keeper::{self, Downloads},
    logging::message_id,
    roles::{Followed, follow_as_fetcher, follow_as_server},
    serve::{Bound, Server, StartError},
    service::Service,
    settings::Settings,
};

/// What came of serving: the server, which is to be shut down.
type Served = Result<Option<Server>, StartError>;

/// Runs until it is told to end.
pub(super) fn run(settings: Settings) -> Result<(), RunError> {
    let bound = settings.roles.serve.then(|| serving::bind(&settings)).transpose()?;
    let runtime = event_loop()?;
    let drain = settings.config.mount.drain.duration();
    let ended = runtime.block_on(play(settings, bound));
    // Whoever still downloads has the drain time, as with any medium that leaves.
    let ended = ended.map(|server| server.map(|server| server.shutdown(drain)).unwrap_or_default());
    runtime.shutdown_timeout(LAST_WAIT);
    ended
}

/// The configuration as it is spread to the roles.
struct Configuration {
    serve: watch::Sender<Arc<Followed>>,
    keeper: Option<watch::Sender<Arc<keeper::Settings>>>,
}

async fn play(mut settings: Settings, bound: Option<Bound>) -> Result<Option<Server>, RunError> {
    let mut signals = Signals::listen()?;
    let cancel = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let (serve, serve_input) = watch::channel(Arc::new(followed(&settings.config)));
    let mut serving = JoinSet::<Served>::new();
    if let Some(bound) = bound {
        let (directory, cancel) = (settings.runtime_directory.clone(), cancel.clone());
        serving
            .spawn(async move { follow_as_server(bound, &directory, serve_input, &cancel).await });
    }
    let keeper = settings.roles.fetch.then(|| start_fetching(&settings, &mut tasks, &cancel));
    let configuration = Configuration { serve, keeper };
    tasks.spawn(Service.stay_alive());
    loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::Reload => reload(&mut settings, &configuration),
                Told::End => break,
            },
            Some(ended) = serving.join_next() => return served(ended),
            _ = tasks.join_next() => return Err(RunError::PartEnded),
        }
    }
    info!(message_id = message_id::STOPPING, "stopping");
    Service.stopping();
    cancel.cancel();
    let server = match serving.join_next().await {
        Some(ended) => served(ended)?,
        None => None,
    };
    tasks.shutdown().await;
    Ok(server)
}

fn served(ended: Result<Served, JoinError>) -> Result<Option<Server>, RunError> {
    Ok(ended.map_err(|_| RunError::PartEnded)??)
}

/// Starts the role of fetching; what tells it of a changed configuration.
fn start_fetching(
    settings: &Settings,
    tasks: &mut JoinSet<()>,
    cancel: &CancellationToken,
) -> watch::Sender<Arc<keeper::Settings>> {
    let (document, document_input) = watch::channel(Arc::default());
    let (role, fetching) = fetching::role(settings, document_input);
    let fetching::Fetching { settings: keeper, requests, downloads } = fetching;
    let (directory, told) = (settings.runtime_directory.clone(), downloads.clone());
    let until = cancel.clone();
    spawn(tasks, async move {
        follow_as_fetcher(&directory, told, requests, document, until).await;
    });
    spawn(tasks, role.play(cancel.clone()));
    if !settings.roles.serve {
        // The server says so when there is something to serve.
        Service.ready();
        spawn(tasks, tell_status(downloads));
    }
    info!(wanted = settings.config.fetch.want.len(), "fetching");
    keeper
}

fn spawn(tasks: &mut JoinSet<()>, task: impl Future<Output = ()> + Send + 'static) {
    tasks.spawn(task);
}

/// Keeps the line of `systemctl status` true. Ends with the role.
async fn tell_status(mut downloads: watch::Receiver<Downloads>) {
    loop {
        Service.status(&status(&downloads.borrow_and_update()));
        if downloads.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// How many entries there are, and the first that is held.
fn status(downloads: &Downloads) -> String {
    let count = |phase| downloads.iter().filter(|state| state.state == phase).count();
    let mut text =
        format!("{} of {} images current", count(DownloadPhase::Current), downloads.len());
    let coming = count(DownloadPhase::Downloading);
    if coming > 0 {
        text = format!("{text}, {coming} downloading");
    }
    let held = downloads.iter().find(|state| state.state == DownloadPhase::Held);
    match held.and_then(|state| Some((&state.id, state.problem.as_ref()?))) {
        Some((id, problem)) => format!("{text} ({id}: {problem})"),
        None => text,
    }
}

fn reload(settings: &mut Settings, configuration: &Configuration) {
    if !reread(settings) {
        return;
    }
    configuration.serve.send_replace(Arc::new(followed(&settings.config)));
    if let Some(keeper) = &configuration.keeper {
        let catalog = Arc::clone(&keeper.borrow().catalog);
        keeper.send_replace(Arc::new(keeper_settings(settings, Some(&catalog))));
    }
    info!("the configuration was read again");
}

#[cfg(test)]
mod tests {
    use isomirror_core::state::DownloadState;

    use super::*;

    #[test]
    fn the_status_line_counts_and_names_the_first_that_is_held() {
        let state = |id, phase| DownloadState::new(id, phase, "");
        let mut states = vec![state("a", DownloadPhase::Current), state("b", DownloadPhase::Held)];
        assert_eq!(status(&Arc::new(states.clone())), "1 of 2 images current");
        states[1].problem = Some("no key".to_owned());
        states.push(state("c", DownloadPhase::Downloading));
        let expected = "1 of 3 images current, 1 downloading (b: no key)";
        assert_eq!(status(&Arc::new(states)), expected);
    }
}
