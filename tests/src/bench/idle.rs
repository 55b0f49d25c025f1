//! What the daemon costs when nothing happens.

use std::{fs, io, thread, time::Duration};

use super::{Figure, Samples, Target};
use crate::daemon::{Daemon, DaemonOptions};

/// Watched for half of the time between two rescans, well before the next.
const WATCHED: Duration = Duration::from_secs(30);
/// What a start leaves to be done.
const SETTLED: Duration = Duration::from_secs(15);

/// All figures of this kind.
pub fn figures(samples: &Samples) -> io::Result<Vec<Figure>> {
    let config = "media:\n  drives: none\nmount:\n  backend: none\n".to_owned();
    let arguments = vec!["--images".into(), samples.many_images(10)?.into()];
    let daemon = Daemon::start(DaemonOptions { config, arguments, ..DaemonOptions::default() })?;
    thread::sleep(SETTLED);
    let before = sleeps(daemon.id())?;
    thread::sleep(WATCHED);
    let ours = f64::from(sleeps(daemon.id())?.saturating_sub(before));
    let name = "idle: wake-ups in 30 s between two rescans, all threads".to_owned();
    Ok(vec![Figure { name, unit: "wake-ups", ours, peer: None, target: Target::AtMost(0.0) }])
}

/// How often the threads of the process `id` went to sleep so far: each wake-up ends with that.
fn sleeps(id: u32) -> io::Result<u32> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        sum += line.and_then(|line| line.trim().parse::<u32>().ok()).unwrap_or_default();
    }
    Ok(sum)
}
