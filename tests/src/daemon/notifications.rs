//! What a service tells its supervisor by `sd_notify(3)`, taken in as it comes so that the service never waits.

use std::{
    fs, io,
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// A supervisor's end of the socket.
#[derive(Debug)]
pub(super) struct Notifications {
    lines: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
    receiver: Option<JoinHandle<()>>,
}

impl Notifications {
    /// Listens at `path`, in place of whoever did before.
    pub(super) fn listen(path: &Path) -> io::Result<Self> {
        let _ = fs::remove_file(path);
        let socket = UnixDatagram::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let (lines, ended) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let (all, end) = (Arc::clone(&lines), Arc::clone(&ended));
        let receiver = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !end.load(Ordering::Relaxed) {
                let Ok(length) = socket.recv(&mut buffer) else { continue };
                let text = String::from_utf8_lossy(&buffer[..length]);
                let new = text.lines().map(str::to_owned);
                all.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
            }
        });
        Ok(Self { lines, ended, receiver: Some(receiver) })
    }

    /// All lines that came so far.
    pub(super) fn all(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(receiver) = self.receiver.take() {
            let _ = receiver.join();
        }
    }
}
