//! Says when something happened to a drive, by a thread that waits for uevents. It tells no more than that: which
//! drives there are, and what is in them, is read anew.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    thread,
    time::Duration,
};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use tokio::sync::Notify;
use udev::{MonitorBuilder, MonitorSocket};

use super::drive_list::DriveFilter;

/// Pause after a socket in error without any event, so that a broken one does not keep a processor busy.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// Listens until it is dropped.
#[derive(Debug)]
pub(super) struct DriveMonitor {
    stop: Arc<OwnedFd>,
}

impl DriveMonitor {
    /// Starts to wake `something_happened` for every event of a drive that `filter` takes. The kernel's own events
    /// come first and tell of ejects half a second earlier; udev's tell that it has looked.
    pub(super) fn start(filter: DriveFilter, something_happened: Arc<Notify>) -> io::Result<Self> {
        let sockets = [listen(MonitorBuilder::new_kernel()), listen(MonitorBuilder::new())];
        let sockets: Vec<MonitorSocket> = match sockets {
            [Err(error), Err(_)] => return Err(error),
            sockets => sockets.into_iter().flatten().collect(),
        };
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let stopped = Arc::clone(&stop);
        thread::Builder::new()
            .name("drive events".to_owned())
            .spawn(move || wait_for_events(&sockets, &stopped, &filter, &something_happened))?;
        Ok(Self { stop })
    }
}

impl Drop for DriveMonitor {
    fn drop(&mut self) {
        if let Err(error) = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes()) {
            tracing::debug!(%error, "cannot stop listening for events of drives");
        }
    }
}

fn listen(builder: io::Result<MonitorBuilder>) -> io::Result<MonitorSocket> {
    builder?.match_subsystem_devtype("block", "disk")?.listen()
}

fn wait_for_events(
    sockets: &[MonitorSocket],
    stop: &OwnedFd,
    filter: &DriveFilter,
    something_happened: &Notify,
) {
    loop {
        let mut descriptors = vec![PollFd::new(stop, PollFlags::IN)];
        descriptors.extend(
            sockets.iter().map(|socket| PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)),
        );
        match poll(&mut descriptors, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return tracing::error!(%error, "cannot wait for events of drives"),
        }
        if !descriptors[0].revents().is_empty() {
            return;
        }
        let is_in_error = |descriptor: &PollFd<'_>| {
            descriptor.revents().intersects(PollFlags::ERR | PollFlags::HUP)
        };
        let is_broken = descriptors[1..].iter().any(is_in_error);
        // Reading takes an error off the socket, too: a full buffer is told so, and only once.
        let names: Vec<_> = sockets
            .iter()
            .flat_map(MonitorSocket::iter)
            .map(|event| event.sysname().to_string_lossy().into_owned())
            .collect();
        if is_broken || names.iter().any(|name| filter.takes(name)) {
            something_happened.notify_one();
        }
        if is_broken && names.is_empty() {
            thread::sleep(ERROR_PAUSE);
        }
    }
}
