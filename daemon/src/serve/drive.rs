//! The thread that reads a drive.
//!
//! Reading from a disc blocks for as long as the disc likes, some seconds if it has to spin up and for ever if it is
//! broken. So connections that wait for one medium in a drive are handed, as they are, to a thread that has nothing
//! else to do; one a drive, because a disc with two readers spends its time seeking.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use tracing::warn;

use super::{
    connection::Connection,
    shared::{Message, Shared},
    turn::Turn,
};

/// Connections that may wait for one drive. Far more than a disc can serve.
const WAITING: usize = 512;

/// A connection whose next turn may have to wait for the drive.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) shared: Arc<Shared>,
    pub(super) worker: usize,
    pub(super) token: u64,
    pub(super) connection: Box<Connection>,
}

/// Leads to the thread of one medium. The thread ends when the medium is no longer held by anybody.
#[derive(Debug)]
pub(super) struct DriveQueue(SyncSender<Job>);

impl DriveQueue {
    /// Starts the thread for the stay `id`. Without a thread the medium is read by the workers themselves.
    pub(super) fn start(id: u64) -> Option<Self> {
        let (sender, receiver) = sync_channel(WAITING);
        let run = move || run(id, &receiver);
        match thread::Builder::new().name("serve-drive".into()).spawn(run) {
            Ok(_) => Some(Self(sender)),
            Err(error) => {
                warn!(%error, "cannot start a thread for a drive, it may slow down others");
                None
            }
        }
    }

    /// Hands a connection over; it comes back by its worker's inbox. Too many waiting give it back at once.
    pub(super) fn send(&self, job: Job) -> Result<(), Box<Connection>> {
        self.0.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => job.connection,
        })
    }
}

fn run(id: u64, jobs: &Receiver<Job>) {
    while let Ok(Job { shared, worker, token, mut connection }) = jobs.recv() {
        let mut turn = Turn::on_drive(Arc::clone(&shared), id);
        connection.advance_away(&mut turn);
        turn.write_log();
        shared.inbox(worker).send(Message::Back(token, connection));
    }
}
