//! A thousand images at once: how soon they are served, in how much memory, and how soon they are mounted compared
//! with a shell loop.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Figure, Samples, Target};
use crate::{
    daemon::{Daemon, DaemonOptions},
    tool,
};

const COUNT: usize = 1000;
const ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_mins(2);

/// All figures of this kind.
pub fn figures(samples: &Samples) -> io::Result<Vec<Figure>> {
    let images = samples.many_images(COUNT)?;
    let (mut seconds, mut mebibytes) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (elapsed, daemon) = first_round(&images, "none")?;
        seconds.push(elapsed);
        mebibytes.push(peak_memory(daemon.id())?);
    }
    let middle = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let alone = |name: &str, unit, ours, limit| {
        let target = Target::AtMost(limit);
        Figure { name: format!("1,000 images, none: {name}"), unit, ours, peer: None, target }
    };
    Ok(vec![
        alone("start to first complete round", "s", middle(seconds), 2.0),
        alone("most memory resident", "MiB", middle(mebibytes), 40.0),
        Figure::compare(
            "1,000 images, erofs: start to all mounted, against a shell loop of losetup and mount (ext4)",
            "s",
            Target::RatioAtMost(0.3),
            ROUNDS,
            || first_round(&images, "erofs").map(|(elapsed, _)| elapsed),
            || shell_loop(samples),
        )?,
    ])
}

/// Seconds until all images are served, and the daemon that does so.
fn first_round(images: &Path, backend: &str) -> io::Result<(f64, Daemon)> {
    let config = format!("media:\n  drives: none\nmount:\n  backend: {backend}\n");
    let arguments = vec!["--images".into(), images.into()];
    let options = DaemonOptions { config, arguments, ..DaemonOptions::default() };
    let begin = Instant::now();
    let daemon = Daemon::start(options)?;
    daemon.wait_for_state(PATIENCE, |state| serving(state, backend) == COUNT)?;
    Ok((begin.elapsed().as_secs_f64(), daemon))
}

/// Media that are published by `backend`: one that fell back to another was not measured.
fn serving(state: &Value, backend: &str) -> usize {
    let media = state["media"].as_array().into_iter().flatten();
    media.filter(|m| m["state"] == "serving" && m["backend"] == backend).count()
}

/// MiB that the process `id` had resident at most (`VmHWM` of `proc_pid_status(5)`).
fn peak_memory(id: u32) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.map(|kibibytes| kibibytes / 1024.0).ok_or_else(|| io::Error::other("no VmHWM"))
}

/// Seconds that a shell takes to mount as many small ext4 images.
fn shell_loop(samples: &Samples) -> io::Result<f64> {
    let directory = ext4_images(samples)?;
    let timed = tool::run("bash", |command| command.arg("-c").arg(MOUNT).arg("-").arg(&directory));
    let undone =
        tool::run("bash", |command| command.arg("-c").arg(UNMOUNT).arg("-").arg(&directory));
    let elapsed = timed?.trim().parse::<f64>().map_err(io::Error::other)?;
    undone?;
    Ok(elapsed / 1e6)
}

/// Tells its time in microseconds, and notes each loop device that it made.
const MOUNT: &str = r#"
set -e
cd "$1"
begin=${EPOCHREALTIME/./}
for image in *.ext4; do
    device=$(losetup --find --show --read-only "$image")
    echo "$device" >>devices
    mount -o ro "$device" "${image%.ext4}"
done
echo $((${EPOCHREALTIME/./} - begin))
"#;

/// Undoes what [`MOUNT`] did and nothing else.
const UNMOUNT: &str = r#"
cd "$1"
for image in *.ext4; do umount "${image%.ext4}"; done
while read -r device; do losetup --detach "$device"; done <devices
rm devices
"#;

fn ext4_images(samples: &Samples) -> io::Result<PathBuf> {
    let directory = samples.path().join("ext4");
    if directory.exists() {
        return Ok(directory);
    }
    fs::create_dir(&directory)?;
    let first = samples.path().join("first.ext4");
    tool::run("mke2fs", |command| {
        command.args(["-q", "-t", "ext4", "-O", "^has_journal", "-b", "1024"]);
        command.arg(&first).arg("512")
    })?;
    for number in 0..COUNT {
        fs::copy(&first, directory.join(format!("{number}.ext4")))?;
        fs::create_dir(directory.join(number.to_string()))?;
    }
    Ok(directory)
}
