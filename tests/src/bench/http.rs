//! HTTP: our server straight from the image against nginx from the same content as plain files.

use std::{
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use super::{Figure, Samples, Target, nginx::Nginx, samples::LARGE};
use crate::{
    daemon::{Daemon, DaemonOptions},
    tool,
};

const ROUNDS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(30);

/// All figures of this kind.
pub fn figures(samples: &Samples) -> io::Result<Vec<Figure>> {
    let images = samples.new_directory("served")?;
    fs::hard_link(samples.sizes_image()?, images.join("sizes.iso"))?;
    let config = "media:\n  drives: none\n  settle: 100ms\nmount:\n  backend: none\n".to_owned();
    let arguments = vec!["--images".into(), images.into()];
    let ours = Daemon::start(DaemonOptions { config, arguments, ..DaemonOptions::default() })?;
    ours.wait_for_serving(PATIENCE, &["SIZES"])?;
    let peer = Nginx::start(samples.path(), &samples.sizes()?, "")?;
    let url = |port: u16, path: &str| format!("http://127.0.0.1:{port}{path}");
    let figure =
        |name: &str, unit, limit, measure: &dyn Fn(u16, &str) -> io::Result<f64>, file: &str| {
            let path = format!("/SIZES/{file}");
            let name = format!("HTTP: {name}, against nginx with plain files");
            let target = Target::RatioAtLeast(limit);
            Figure::compare(
                &name,
                unit,
                target,
                ROUNDS,
                || measure(ours.port(), &path),
                || measure(peer.port, &format!("/{file}")),
            )
        };
    let requests = |port: u16, path: &str| wrk(&url(port, path), 32);
    // wrk counts requests; one is a MiB.
    let mebibytes = |port: u16, path: &str| wrk(&url(port, path), 16);
    Ok(vec![
        figure("1 KiB, 32 connections", "requests/s", 1.0, &requests, "small.bin")?,
        figure("1 MiB, 16 connections", "MiB/s", 1.3, &mebibytes, "medium.bin")?,
        figure("1 GiB, one connection", "MiB/s", 1.2, &download, "large.bin")?,
    ])
}

/// Requests a second that wrk gets answered with success.
fn wrk(url: &str, connections: u32) -> io::Result<f64> {
    let connections = connections.to_string();
    let report =
        tool::run("wrk", |command| command.args(["-t1", "-d3s", "-c", &connections, url]))?;
    if report.contains("Non-2xx") || report.contains("Socket errors") {
        return Err(io::Error::other(format!("not all requests succeeded:\n{report}")));
    }
    let line = report.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    line.and_then(|number| number.trim().parse().ok()).ok_or_else(|| io::Error::other(report))
}

/// MiB/s of one download of `large.bin`.
fn download(port: u16, path: &str) -> io::Result<f64> {
    let begin = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
    let (mut buffer, mut received) = (vec![0; 1 << 20], 0);
    loop {
        match stream.read(&mut buffer)? {
            0 => break,
            length => received += length,
        }
    }
    if received < LARGE {
        return Err(io::Error::other(format!("only {received} bytes of `{path}`")));
    }
    Ok(1024.0 / begin.elapsed().as_secs_f64())
}
