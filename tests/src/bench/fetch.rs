//! Downloads, verified end to end, against what people use: `curl` and then `sha256sum`, and `aria2c --checksum`.
//!
//! Images lie in memory (`/dev/shm`), so that the disk of this machine is not what is measured.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::sys::resource::{UsageWho, getrusage};
use tempfile::TempDir;

use super::{
    Figure, Samples, Target,
    nginx::{Extra, Nginx},
};
use crate::{binaries, fault_server, tool};

/// Bytes of the image.
const SIZE: u64 = 4 << 30;
/// Bytes of its part that differs from everything else; it is repeated.
const BLOCK: usize = 32 << 20;
/// Bytes of the image on the server that limits each connection.
const LIMITED_SIZE: u64 = 2 << 30;
const ROUNDS: usize = 3;

/// An image on a server.
struct Served {
    url: String,
    size: u64,
    sha256: String,
    _server: Nginx,
}

/// All figures of this kind.
pub fn figures(samples: &Samples) -> io::Result<Vec<Figure>> {
    let targets = tempfile::Builder::new().prefix("isomirror-bench-").tempdir_in("/dev/shm")?;
    let served = serve(samples, "fast", SIZE, "")?;
    let mut figures = whole(&served, &targets)?;
    figures.push(resumed("4 GiB", &served, &targets)?);
    drop(served);
    let served = serve(samples, "limited", LIMITED_SIZE, "limit_rate 20m;")?;
    figures.extend(limited(&served, &targets)?);
    figures.push(resumed("2 GiB, 20 MB/s a connection", &served, &targets)?);
    Ok(figures)
}

fn whole(served: &Served, targets: &TempDir) -> io::Result<Vec<Figure>> {
    let mut runs: [Vec<Run>; 4] = Default::default();
    for _ in 0..ROUNDS {
        runs[0].push(ours(served, targets)?);
        runs[1].push(curl(served, targets, "sha256sum", &[])?);
        runs[2].push(aria2(served, targets, &[])?);
        runs[3].push(curl(served, targets, "openssl", &["dgst", "-sha256", "-r"])?);
    }
    let [ours, curl, aria2, openssl] = &runs;
    let seconds = |run: &Run| run.seconds;
    let processor = |run: &Run| run.processor;
    let figure = |name: &str, peer: Option<&Vec<Run>>, of: fn(&Run) -> f64, unit, target| {
        let name = format!("fetch: 4 GiB, {name}");
        let (ours, peer) = (median(ours, of), peer.map(|peer| median(peer, of)));
        Figure { name, unit, ours, peer, target }
    };
    // Debian's sha256sum leaves out what processors have for it, OpenSSL does not.
    let by_sum = |of: &str| format!("{of}, against curl and sha256sum");
    let by_openssl = |of: &str| format!("{of}, against curl and openssl dgst");
    let (verified, time) = ("verified", "processor time");
    Ok(vec![
        figure(&by_sum(verified), Some(curl), seconds, "s", Target::RatioAtMost(0.8)),
        figure(&by_openssl(verified), Some(openssl), seconds, "s", Target::None),
        figure(
            "verified, against aria2c --checksum",
            Some(aria2),
            seconds,
            "s",
            Target::RatioAtMost(0.9),
        ),
        figure(&by_sum(time), Some(curl), processor, "s", Target::RatioAtMost(0.9)),
        figure(&by_openssl(time), Some(openssl), processor, "s", Target::None),
        figure("most memory resident", None, |run| run.resident, "MiB", Target::AtMost(32.0)),
    ])
}

/// Of a server that limits each connection.
fn limited(served: &Served, targets: &TempDir) -> io::Result<Vec<Figure>> {
    let mut runs: [Vec<Run>; 2] = Default::default();
    for _ in 0..2 {
        runs[0].push(ours(served, targets)?);
        runs[1].push(aria2(served, targets, &["-x16", "-s16", "-k1M"])?);
    }
    let figure = |name: &str, unit, ours, peer, target| {
        let name = format!("fetch: 2 GiB, 20 MB/s a connection, {name}");
        Figure { name, unit, ours, peer, target }
    };
    let seconds = |runs: &[Run]| median(runs, |run| run.seconds);
    let (time, peer) = (seconds(&runs[0]), Some(seconds(&runs[1])));
    let resident = median(&runs[0], |run| run.resident);
    let name = "against aria2c -x16 with the checksum";
    Ok(vec![
        figure(name, "s", time, peer, Target::RatioAtMost(1.1)),
        figure("most memory resident", "MiB", resident, None, Target::AtMost(32.0)),
    ])
}

fn median(runs: &[Run], of: fn(&Run) -> f64) -> f64 {
    let mut figures: Vec<_> = runs.iter().map(of).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How much is read back from the disk when a transfer goes on that was killed at nine tenths.
fn resumed(what: &str, served: &Served, targets: &TempDir) -> io::Result<Figure> {
    let store = emptied(targets)?;
    let mut child = start(served, &store)?;
    let staged = store.join(".staging/linux/image");
    let begun = Instant::now();
    while fs::metadata(&staged).map_or(0, |found| found.len()) < served.size / 10 * 9 {
        if begun.elapsed() > Duration::from_mins(2) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "nothing was fetched"));
        }
        thread::sleep(Duration::from_millis(2));
    }
    child.kill()?;
    child.wait()?;
    let run = finish(start(served, &store)?, Instant::now())?;
    let name = format!("fetch: {what}, read back after kill -9 at nine tenths");
    let (unit, target) = ("MiB", Target::AtMost(64.0));
    Ok(Figure { name, unit, ours: run.read, peer: None, target })
}

/// What one run took: seconds, seconds of all processors, MiB.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    seconds: f64,
    processor: f64,
    read: f64,
    resident: f64,
}

fn ours(served: &Served, targets: &TempDir) -> io::Result<Run> {
    let store = emptied(targets)?;
    let (before, begun) = (processor_time()?, Instant::now());
    let run = finish(start(served, &store)?, begun)?;
    Ok(Run { processor: processor_time()? - before, ..run })
}

fn start(served: &Served, store: &Path) -> io::Result<Child> {
    let Served { url, size, sha256, .. } = served;
    let mut command = Command::new(binaries::path("fetch_image")?);
    command.arg(store).args([&size.to_string(), sha256, url]).env("FETCH_PATIENCE", "long");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()
}

fn finish(child: Child, begun: Instant) -> io::Result<Run> {
    let output = child.wait_with_output()?;
    let seconds = begun.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(io::Error::other(format!("the download was held: {said}")));
    }
    let number = |key: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.trim().parse::<f64>().ok()).unwrap_or(f64::NAN)
    };
    let (read, resident) = (number("read") / 1_048_576.0, number("resident") / 1024.0);
    Ok(Run { seconds, processor: 0.0, read, resident })
}

/// By curl, and then a program that tells the digest before anything else.
fn curl(served: &Served, targets: &TempDir, program: &str, more: &[&str]) -> io::Result<Run> {
    let file = emptied(targets)?.join("image.iso");
    measured(|| {
        tool::run("curl", |command| command.args(["-sSf", "-o"]).arg(&file).arg(&served.url))?;
        let said = tool::run(program, |command| command.args(more).arg(&file))?;
        if said.starts_with(&served.sha256) {
            Ok(())
        } else {
            Err(io::Error::other("curl fetched something else"))
        }
    })
}

fn aria2(served: &Served, targets: &TempDir, more: &[&str]) -> io::Result<Run> {
    let directory = emptied(targets)?;
    let checksum = format!("--checksum=sha-256={}", served.sha256);
    measured(|| {
        tool::run("aria2c", |command| {
            command.args(["-q", "--no-conf", &checksum, "-o", "image.iso", "-d"]);
            command.arg(&directory).args(more).arg(&served.url)
        })
        .map(drop)
    })
}

fn measured(work: impl FnOnce() -> io::Result<()>) -> io::Result<Run> {
    let (before, begun) = (processor_time()?, Instant::now());
    work()?;
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Run { seconds, processor: processor_time()? - before, ..Run::default() })
}

/// Seconds that processors spent for processes that this one has waited for.
fn processor_time() -> io::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| {
        Duration::from_secs(time.tv_sec().unsigned_abs()).as_secs_f64()
            + Duration::from_micros(time.tv_usec().unsigned_abs()).as_secs_f64()
    };
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

fn emptied(targets: &TempDir) -> io::Result<PathBuf> {
    let target = targets.path().join("target");
    match fs::remove_dir_all(&target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::create_dir(&target)?,
    }
    Ok(target)
}

/// Makes an image of `size` bytes and serves it, with `more` directives.
fn serve(samples: &Samples, name: &str, size: u64, more: &str) -> io::Result<Served> {
    let directory = samples.new_directory(name)?;
    let content = directory.join("content");
    fs::create_dir(&content)?;
    let path = content.join("image.iso");
    let block = fault_server::image(BLOCK, size);
    let mut file = io::BufWriter::with_capacity(1 << 20, fs::File::create(&path)?);
    for _ in 0..size / BLOCK as u64 {
        io::Write::write_all(&mut file, &block)?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    let said = tool::run("sha256sum", |command| command.arg(&path))?;
    let sha256 = said.split(' ').next().unwrap_or_default().to_owned();
    let server =
        Nginx::start(&directory, &content, Extra { directives: more, ..Extra::default() })?;
    let url = format!("http://127.0.0.1:{}/image.iso", server.port());
    Ok(Served { url, size, sha256, _server: server })
}
