//! HTTP: our server straight from images against nginx from the same content as plain files.

mod crowd;
mod link;
mod load;
mod processes;

use std::{
    ffi::OsString,
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use self::{
    crowd::Crowd,
    link::Link,
    load::{DOWNLOADED, Measured, download, latency, page, requests, spread},
    processes::Processes,
};
use super::{
    Figure, Samples, Target,
    nginx::{Extra, Nginx},
    samples::many_images_name,
};
use crate::daemon::{self, Daemon, DaemonOptions};

const ROUNDS: usize = 5;
const PATIENCE: Duration = Duration::from_mins(1);

/// Media of the figure that spreads requests.
const MEDIA: usize = 1000;

/// Open connections of the figure of memory.
const OPEN: usize = 10_000;

/// All figures of this kind.
pub fn figures(samples: &Samples) -> io::Result<Vec<Figure>> {
    rustix::process::setrlimit(rustix::process::Resource::Nofile, hard_limit())?;
    let images = samples.new_directory("served")?;
    fs::hard_link(samples.sizes_image()?, images.join("sizes.iso"))?;
    let mut figures = over_loopback(samples, &images)?;
    figures.extend(over_link(samples, &images)?);
    figures.extend(many_media(samples)?);
    Ok(figures)
}

fn over_loopback(samples: &Samples, images: &Path) -> io::Result<Vec<Figure>> {
    let ours = start(images, &[])?;
    ours.wait_for_serving(PATIENCE, &["SIZES"])?;
    let peer = Nginx::start(samples.path(), &samples.sizes()?, Extra::default())?;
    let both = Pair { ours: here(ours.port()), peer: here(peer.port()) };
    let mut figures = throughput("HTTP", "nginx", both, true, |client| client())?;
    figures.push(processor_time(&ours, &peer)?);
    figures.push(crowded(&ours, &peer)?);
    figures.push(memory(&ours, &peer)?);
    drop(peer);
    // Where the host paces, a part of the difference is that we do not, on the host itself.
    let unpaced = Nginx::start(
        samples.path(),
        &samples.sizes()?,
        Extra { congestion: Some("reno"), ..Extra::default() },
    )?;
    let both = Pair { peer: here(unpaced.port()), ..both };
    let against = "nginx with an unpaced socket too";
    figures.extend(throughput("HTTP", against, both, false, |client| client())?);
    Ok(figures)
}

/// As between two machines, where both servers have the host's congestion control.
fn over_link(samples: &Samples, images: &Path) -> io::Result<Vec<Figure>> {
    let link = Link::new()?;
    let address = |port| SocketAddr::new(Link::address(), port);
    let both = Pair { ours: address(daemon::free_port()?), peer: address(daemon::free_port()?) };
    let ours = start(images, &["--listen".into(), both.ours.to_string().into()])?;
    ours.wait_for_serving(PATIENCE, &["SIZES"])?;
    let directives = format!("listen {} reuseport;", both.peer);
    let extra = Extra { directives: &directives, ..Extra::default() };
    let _peer = Nginx::start(samples.path(), &samples.sizes()?, extra)?;
    throughput("HTTP over a link (veth)", "nginx", both, false, |client| link.run_there(client))
}

/// Where the two servers are that are compared.
#[derive(Clone, Copy, Debug)]
struct Pair {
    ours: SocketAddr,
    peer: SocketAddr,
}

fn here(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn hard_limit() -> rustix::process::Rlimit {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum }
}

fn start(images: &Path, arguments: &[OsString]) -> io::Result<Daemon> {
    let config = "media:\n  drives: none\n  settle: 100ms\nmount:\n  backend: none\n".to_owned();
    let arguments = [&["--images".into(), images.into()], arguments].concat();
    Daemon::start(DaemonOptions { config, arguments, ..DaemonOptions::default() })
}

/// Small, middling and large files; `run` runs a client where it is to be.
fn throughput(
    what: &str,
    against: &str,
    servers: Pair,
    has_targets: bool,
    run: impl Fn(&(dyn Fn() -> io::Result<f64> + Sync)) -> io::Result<f64>,
) -> io::Result<Vec<Figure>> {
    let figure = |name: &str, unit, limit, measure: Measured, file: &str| {
        let name = format!("{what}: {name}, against {against}");
        let target = if has_targets { Target::RatioAtLeast(limit) } else { Target::None };
        let (our_path, peer_path) = (format!("/SIZES/{file}"), format!("/{file}"));
        Figure::compare(
            &name,
            unit,
            target,
            ROUNDS,
            || run(&|| measure(servers.ours, &our_path)),
            || run(&|| measure(servers.peer, &peer_path)),
        )
    };
    Ok(vec![
        figure("1 KiB, 32 connections", "requests/s", 1.1, |s, f| requests(s, f, 32), "small.bin")?,
        // wrk counts requests; one is a MiB.
        figure("1 MiB, 16 connections", "MiB/s", 1.4, |s, f| requests(s, f, 16), "medium.bin")?,
        figure("1 GiB, one connection", "MiB/s", 1.2, download, "large.bin")?,
    ])
}

/// Processor time of the server for each GiB of a large file.
fn processor_time(ours: &Daemon, peer: &Nginx) -> io::Result<Figure> {
    let measure = |process: u32, port: u16, path: &str| {
        let processes = Processes::of(process)?;
        let before = processes.processor_time()?;
        download(here(port), path)?;
        let spent = processes.processor_time()?.saturating_sub(before);
        Ok(spent.as_secs_f64() * 1000.0 / DOWNLOADED)
    };
    Figure::compare(
        "HTTP: processor time per GiB, against nginx",
        "ms",
        Target::RatioAtMost(0.85),
        ROUNDS,
        || measure(ours.id(), ours.port(), "/SIZES/large.bin"),
        || measure(peer.id(), peer.port(), "/large.bin"),
    )
}

/// Latency of small requests among connections that do nothing, and some that take long.
fn crowded(ours: &Daemon, peer: &Nginx) -> io::Result<Figure> {
    let measure = |port: u16, small: &str, large: &str| {
        let _idle = Crowd::idle(port, small, 1000)?;
        let _slow = Crowd::slow(port, large, 100)?;
        latency(here(port), small, 8)
    };
    Figure::compare(
        "HTTP: 99th percentile of 1 KiB, 8 connections beside 1,000 idle and 100 slow, against nginx",
        "ms",
        Target::RatioAtMost(1.0),
        ROUNDS,
        || measure(ours.port(), "/SIZES/small.bin", "/SIZES/large.bin"),
        || measure(peer.port(), "/small.bin", "/large.bin"),
    )
}

/// Memory of the server with many connections that had a request each.
fn memory(ours: &Daemon, peer: &Nginx) -> io::Result<Figure> {
    let measure = |process: u32, port: u16, path: &str| {
        let _idle = Crowd::idle(port, path, OPEN)?;
        Processes::of(process)?.memory()
    };
    Figure::compare(
        "HTTP: memory with 10,000 open connections, beside nginx",
        "MiB",
        Target::AtMost(64.0),
        1,
        || measure(ours.id(), ours.port(), "/SIZES/small.bin"),
        || measure(peer.id(), peer.port(), "/small.bin"),
    )
}

/// What it costs that there are many media.
fn many_media(samples: &Samples) -> io::Result<Vec<Figure>> {
    let daemon = start(&samples.many_images(MEDIA)?, &[])?;
    let names: Vec<_> = (0..MEDIA).map(many_images_name).collect();
    daemon.wait_for_serving(PATIENCE, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let path = |number: usize| format!("/{}/content.bin", many_images_name(number));
    let all: Vec<_> = (0..MEDIA).map(path).collect();
    let script = |name: &str, paths: &[String]| load::script(&samples.path().join(name), paths);
    let (many, one) = (script("many.lua", &all)?, script("one.lua", &all[..1])?);
    let server = here(daemon.port());
    let spread_figure = Figure::compare(
        "HTTP: 1 KiB of 1,000 media in turn, against all of one medium",
        "requests/s",
        Target::RatioAtLeast(0.9),
        ROUNDS,
        || spread(server, &many),
        || spread(server, &one),
    )?;
    Ok(vec![spread_figure, slowest_page(server)?])
}

/// The page of all media, rendered for each who asks.
fn slowest_page(server: SocketAddr) -> io::Result<Figure> {
    let pages = (0..ROUNDS).map(|round| page(server, &format!("host-{round}"), MEDIA));
    let times = pages.collect::<io::Result<Vec<_>>>()?;
    Ok(Figure {
        name: "HTTP: page of 1,000 media, asked for the first time, the slowest of five".into(),
        unit: "ms",
        ours: times.into_iter().fold(0.0, f64::max),
        peer: None,
        target: Target::AtMost(50.0),
    })
}
