//! The role of serving in a process of its own: it is told what there is, is handed it, and serves that.

use std::{
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use isomirror_core::{
    containment::SymlinkPolicy,
    medium::IdentityKey,
    role_link::{FromRole, LONGEST_TO_ROLE, LinkedRole, PROTOCOL, ROLE_SOCKET, ToRole},
    view::ViewSettings,
};
use tokio::{
    net::UnixStream,
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    RETRY,
    conversation::{Conversation, Heard},
    shelf::{HandedError, Shelf, open},
};
use crate::{
    logging::Chain,
    open_medium::OpenMedium,
    serve::{Bound, Server, StartError},
    service::Service,
};

/// How long clients wait in the kernel's queue for the first whole set.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// How often media are looked at while nobody is there who would tell that they have changed.
const CHECK: Duration = Duration::from_secs(1);

/// For how long media that were opened are taken together.
const COLLECT: Duration = Duration::from_millis(20);

/// What this process knows by itself, and may change.
#[derive(Clone, Debug)]
pub struct Followed {
    /// What views are rendered by.
    pub views: Arc<ViewSettings>,
    /// For how long responses from a medium that leaves may go on.
    pub drain: Duration,
    /// What is done with symbolic links.
    pub symlinks: SymlinkPolicy,
    /// File to which a line is appended for every response.
    pub access_log: Option<PathBuf>,
}

/// Serves on `bound` what the process that mounts says, until `cancel`. It is found in `runtime_directory`, and looked for
/// again when it has gone; until it is back, what it said goes on to be served as long as it is what it was.
///
/// # Errors
/// The server cannot be started.
pub async fn follow_as_server(
    bound: Bound,
    runtime_directory: &Path,
    settings: watch::Receiver<Arc<Followed>>,
    cancel: &CancellationToken,
) -> Result<Option<Server>, StartError> {
    let socket = runtime_directory.join(ROLE_SOCKET);
    let mut side = ServeSide {
        shelf: Shelf::default(),
        opening: JoinSet::new(),
        closed: Arc::new(Notify::new()),
        settings,
        bound: Some(bound),
        server: None,
        opens_at: Instant::now() + START_PATIENCE,
        publish_at: None,
        checked: Instant::now(),
        published: None,
        told: 0,
    };
    Service.status("waits for isomirrord");
    while !cancel.is_cancelled() {
        match UnixStream::connect(&socket).await {
            Ok(stream) => {
                tokio::select! {
                    talked = side.talk(stream) => tell_end(talked?),
                    () = cancel.cancelled() => break,
                }
            }
            Err(_) => side.look_by_itself()?,
        }
        side.wait_alone(RETRY, cancel).await?;
    }
    Ok(side.server)
}

fn tell_end(ended: io::Result<()>) {
    match ended {
        Ok(()) => info!("isomirrord has gone; what it told of is served as long as it is there"),
        Err(error) => warn!(error = %Chain(&error), "isomirrord has gone"),
    }
}

struct ServeSide {
    shelf: Shelf,
    opening: JoinSet<(IdentityKey, Result<OpenMedium, HandedError>)>,
    /// Rings when a medium is closed for good.
    closed: Arc<Notify>,
    settings: watch::Receiver<Arc<Followed>>,
    /// Listens, until there is something to serve.
    bound: Option<Bound>,
    server: Option<Server>,
    opens_at: Instant,
    /// When the server is told of media that were opened.
    publish_at: Option<Instant>,
    checked: Instant,
    /// Number of the set that can be had, if that is all of it.
    published: Option<u64>,
    /// Number of the last set of which that was told in this conversation.
    told: u64,
}

impl ServeSide {
    /// Talks to the process that mounts until it hangs up.
    async fn talk(&mut self, stream: UnixStream) -> Result<io::Result<()>, StartError> {
        let mut conversation = Conversation::<ToRole>::new(stream, LONGEST_TO_ROLE);
        let (protocol, holds) = (PROTOCOL, self.shelf.holds());
        let hello = FromRole::Hello { protocol, role: LinkedRole::Serve, holds };
        if let Err(error) = conversation.say(&hello, None).await {
            return Ok(Err(error));
        }
        self.told = 0;
        let closed = Arc::clone(&self.closed);
        loop {
            let due = self.due();
            let said = tokio::select! {
                heard = conversation.next() => match heard {
                    None => return Ok(Ok(())),
                    Some(heard) => match self.hear(heard)? {
                        ControlFlow::Continue(answer) => answer,
                        ControlFlow::Break(()) => return Ok(Ok(())),
                    },
                },
                Some(opened) = self.opening.join_next(), if !self.opening.is_empty() => {
                    self.opened(opened.ok())
                }
                Ok(()) = self.settings.changed() => {
                    self.take_settings()?;
                    None
                }
                () = closed.notified() => self.released(),
                () = sleep_until(due) => {
                    self.publish()?;
                    None
                }
            };
            for said in said.into_iter().chain(self.completed()) {
                if let Err(error) = conversation.say(&said, None).await {
                    return Ok(Err(error));
                }
            }
        }
    }

    /// That all of the set can be had, told once.
    fn completed(&mut self) -> Option<FromRole> {
        let number = self.published.filter(|number| *number > self.told)?;
        self.told = number;
        Some(FromRole::Complete { number })
    }

    /// When the server is to be told, or opened, at the latest.
    fn due(&self) -> Instant {
        let opens_at = self.bound.is_some().then_some(self.opens_at);
        let never = Instant::now() + Duration::from_hours(24);
        self.publish_at.into_iter().chain(opens_at).min().unwrap_or(never)
    }

    /// Deals with a message; what is to be answered.
    fn hear(
        &mut self,
        heard: Heard<ToRole>,
    ) -> Result<ControlFlow<(), Option<FromRole>>, StartError> {
        match heard.message {
            ToRole::Set(set) => {
                let number = set.number;
                self.shelf.replace(set);
                // Before it is said that nobody gets anything else any more.
                self.publish()?;
                return Ok(ControlFlow::Continue(Some(FromRole::Refused { number })));
            }
            ToRole::Medium(handed) => {
                let closed = Arc::clone(&self.closed);
                self.opening
                    .spawn_blocking(move || (handed.key, open(&handed, heard.descriptor, closed)));
            }
            ToRole::Rejected { reason } => {
                warn!(reason, "isomirrord does not take this process in");
                return Ok(ControlFlow::Break(()));
            }
            ToRole::Document { .. } | ToRole::Fetch { .. } => {}
        }
        Ok(ControlFlow::Continue(None))
    }

    /// Takes in what was opened; what there is to say of it.
    fn opened(
        &mut self,
        opened: Option<(IdentityKey, Result<OpenMedium, HandedError>)>,
    ) -> Option<FromRole> {
        let (medium, opened) = opened?;
        match opened {
            Ok(medium) => {
                self.shelf.put(medium);
                self.publish_at.get_or_insert_with(|| Instant::now() + COLLECT);
                None
            }
            Err(error) => {
                warn!(error = %Chain(&error), "a medium is not served");
                Some(FromRole::Unusable { medium })
            }
        }
    }

    fn released(&mut self) -> Option<FromRole> {
        let media = self.shelf.released();
        (!media.is_empty()).then_some(FromRole::Released { media })
    }

    /// Tells the server what there is; opens it when all of the first set is there, or that has taken too long.
    fn publish(&mut self) -> Result<(), StartError> {
        self.publish_at = None;
        let settings = Arc::clone(&self.settings.borrow());
        let exports = self.shelf.exports(&settings);
        if let Some(server) = &self.server {
            server.publish(exports);
        } else if self.shelf.complete().is_some() || Instant::now() >= self.opens_at {
            let Some(bound) = self.bound.take() else { return Ok(()) };
            let server = Server::start_with(bound, exports)?;
            server.places().iter().for_each(|url| info!(%url, "listening"));
            self.server = Some(server);
            Service.ready();
        } else {
            return Ok(());
        }
        self.published = self.shelf.complete();
        Service.status(&format!("{} media served", self.shelf.len()));
        Ok(())
    }

    fn take_settings(&mut self) -> Result<(), StartError> {
        let settings = Arc::clone(&self.settings.borrow_and_update());
        if let Some(server) = &self.server {
            server.log_to(settings.access_log.as_deref());
        }
        self.publish()
    }

    /// Without the process that mounts: what has changed is served no longer.
    fn look_by_itself(&mut self) -> Result<(), StartError> {
        let is_due = self.checked.elapsed() >= CHECK;
        if is_due {
            self.checked = Instant::now();
        }
        let has_changed = is_due && self.shelf.let_go_of_changed();
        let is_late = self.bound.is_some() && Instant::now() >= self.opens_at;
        if has_changed || is_late { self.publish() } else { Ok(()) }
    }

    /// Lets some time pass in which nobody is talked to.
    async fn wait_alone(
        &mut self,
        pause: Duration,
        cancel: &CancellationToken,
    ) -> Result<(), StartError> {
        tokio::select! {
            () = sleep(pause) => {}
            Ok(()) = self.settings.changed() => self.take_settings()?,
            Some(opened) = self.opening.join_next(), if !self.opening.is_empty() => {
                let _ = self.opened(opened.ok());
                self.publish()?;
            }
            () = cancel.cancelled() => {}
        }
        // Whoever mounts next is told what is held then.
        self.shelf.released();
        Ok(())
    }
}
