//! Measures the HTTP server against nginx with the same files: small and middle ones by wrk, a large one by a loop that
//! receives. Prints a table of medians and ratios; ends with 1 where a ratio misses its target. Arguments choose loads
//! (`small`, `middle`, `large`); BENCH_ROUNDS and BENCH_SECONDS say how long.
//!
//! Rounds are interleaved, so that whatever else the machine does meets both. nginx serves plain files from a file
//! system, as tuned as its manual says; the server serves the same files out of an image.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for people who measure")]

use std::{
    collections::BTreeMap,
    env, fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use isomirror::{
    open_medium::OpenMedium,
    serve::{Exports, ServeSettings, Server},
    sys::medium_file::MediumFile,
};
use isomirror_core::{
    medium::{Identity, Source},
    name::sanitise,
};
use isomirror_tests::images::iso9660::{bytes, xorriso};
use tempfile::TempDir;

/// What is measured.
struct Load {
    title: &'static str,
    file: &'static str,
    size: u64,
    /// wrk's connections; `None` for one that receives in a loop.
    connections: Option<u32>,
    unit: &'static str,
    /// The ratio to nginx that is wanted.
    target: f64,
}

const LOADS: [Load; 3] = [
    Load {
        title: "1 KiB, 32 connections",
        file: "small",
        size: 1 << 10,
        connections: Some(32),
        unit: "requests/s",
        target: 1.0,
    },
    Load {
        title: "1 MiB, 16 connections",
        file: "middle",
        size: 1 << 20,
        connections: Some(16),
        unit: "MiB/s",
        target: 1.3,
    },
    Load {
        title: "1 GiB, 1 connection",
        file: "large",
        size: 1 << 30,
        connections: None,
        unit: "MiB/s",
        target: 1.2,
    },
];

fn main() -> ExitCode {
    let number = |name: &str, default: u64| {
        env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    let rounds = number("BENCH_ROUNDS", 5);
    let seconds = number("BENCH_SECONDS", 3);
    let directory = tempfile::Builder::new().prefix("isomirror-bench-").tempdir_in("/var/tmp");
    let directory = directory.unwrap();
    let tree = directory.path().join("tree");
    fs::create_dir(&tree).unwrap();
    for load in &LOADS {
        write_file(&tree.join(load.file), load.size);
    }
    let image = xorriso(&tree, &directory.path().join("image.iso"), &["-R", "-iso-level", "3"]);
    warm(LOADS.iter().map(|load| tree.join(load.file)).chain([image.clone()]));
    let nginx = Nginx::start(&directory, &tree);
    let server = Server::start(Server::bind(&settings()).unwrap()).unwrap();
    server.publish(exports(&image));
    let ours = server.local_addresses()[0];

    println!("| load | nginx | isomirror | ratio | wanted | unit | processor time |");
    println!("|---|---|---|---|---|---|---|");
    let mut missed = false;
    let wanted =
        |load: &&Load| env::args().len() < 2 || env::args().any(|argument| argument == load.file);
    for load in LOADS.iter().filter(wanted) {
        let mut results: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let mut costs: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for round in 0..=rounds {
            let mut peers = [("nginx", nginx.address, "/"), ("isomirror", ours, "/IMAGE/")];
            if round % 2 == 1 {
                peers.reverse();
            }
            for (peer, address, prefix) in peers {
                let before = (Instant::now(), processor_time(peer, &nginx));
                let result = measure(load, address, &format!("{prefix}{}", load.file), seconds);
                let used =
                    (processor_time(peer, &nginx) - before.1) / before.0.elapsed().as_secs_f64();
                // The first round fills caches.
                if round > 0 {
                    results.entry(peer).or_default().push(result);
                    costs.entry(peer).or_default().push(used / result);
                }
            }
        }
        missed |= !report(load, &results, &costs);
    }
    ExitCode::from(u8::from(missed))
}

/// Prints one row; returns whether the target is met.
fn report(
    load: &Load,
    results: &BTreeMap<&str, Vec<f64>>,
    costs: &BTreeMap<&str, Vec<f64>>,
) -> bool {
    let (nginx, ours) = (&results["nginx"], &results["isomirror"]);
    let ratio = median(&ratios(ours, nginx));
    let cost = median(&ratios(&costs["isomirror"], &costs["nginx"]));
    println!(
        "| {} | {:.0} | {:.0} | {ratio:.2} | {:.1} | {} | {cost:.2} |",
        load.title,
        median(nginx),
        median(ours),
        load.target,
        load.unit
    );
    ratio >= load.target
}

/// Ratios of each round.
fn ratios(ours: &[f64], nginx: &[f64]) -> Vec<f64> {
    ours.iter().zip(nginx).map(|(ours, nginx)| ours / nginx).collect()
}

/// Seconds of processor time that a server's processes or threads have used.
fn processor_time(peer: &str, nginx: &Nginx) -> f64 {
    let tasks: Vec<PathBuf> = if peer == "nginx" {
        let id = nginx.process.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        children.split_whitespace().map(|id| format!("/proc/{id}").into()).collect()
    } else {
        fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path()).collect()
    };
    tasks.iter().map(|task| task_time(task, peer)).sum()
}

/// utime and stime of proc(5), which are in hundredths of a second; 0 for other threads of this process.
fn task_time(task: &Path, peer: &str) -> f64 {
    let stat = fs::read_to_string(task.join("stat")).unwrap();
    let (name, fields) = stat.rsplit_once(") ").unwrap();
    if peer != "nginx" && !name.contains("(serve-") {
        return 0.0;
    }
    let ticks = |index: usize| fields.split(' ').nth(index).unwrap().parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn write_file(path: &Path, size: u64) {
    let mut file = fs::File::create(path).unwrap();
    let block = bytes(size, usize::try_from(size.min(1 << 20)).unwrap());
    for _ in 0..size / block.len() as u64 {
        file.write_all(&block).unwrap();
    }
}

/// Brings files into the page cache by reading them from the disk one after the other: pages that were written in
/// small pieces, as image tools do, are dearer to send than those that read-ahead makes.
fn warm(files: impl Iterator<Item = PathBuf>) {
    for path in files {
        let mut file = fs::File::open(path).unwrap();
        file.sync_all().unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        std::io::copy(&mut file, &mut std::io::sink()).unwrap();
    }
}

fn settings() -> ServeSettings {
    ServeSettings { listen: vec![([127, 0, 0, 1], 0).into()], ..ServeSettings::default() }
}

fn exports(image: &Path) -> Exports {
    let file = fs::File::open(image).unwrap();
    let metadata = file.metadata().unwrap();
    let identity = Identity::File {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.len(),
        modified: i128::from(metadata.mtime_nsec()),
    };
    let source = Source::File(image.to_owned());
    let file = Arc::new(MediumFile::new(file, source, identity, metadata.len()));
    let medium = Arc::new(OpenMedium::open(file).unwrap());
    Exports { media: [(sanitise("IMAGE").unwrap(), medium)].into(), ..Exports::default() }
}

/// Requests or MiB in a second.
fn measure(load: &Load, address: SocketAddr, target: &str, seconds: u64) -> f64 {
    match load.connections {
        None => receive(address, target, load.size),
        Some(connections) => {
            let requests = wrk(address, target, connections, seconds);
            if load.unit == "MiB/s" { requests * mebibytes(load.size) } else { requests }
        }
    }
}

fn mebibytes(bytes: u64) -> f64 {
    // Sizes here are far below 2^52.
    #[expect(clippy::cast_precision_loss, reason = "exact for sizes that fit on a disk")]
    let bytes = bytes as f64;
    bytes / f64::from(1 << 20)
}

fn wrk(address: SocketAddr, target: &str, connections: u32, seconds: u64) -> f64 {
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s")])
        .arg(format!("http://{address}{target}"))
        .output()
        .expect("wrk is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "{text}");
    let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    rate.unwrap_or_else(|| panic!("{text}")).trim().parse().unwrap()
}

fn receive(address: SocketAddr, target: &str, size: u64) -> f64 {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let start = Instant::now();
    let request = format!("GET {target} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut received = 0;
    loop {
        let count = stream.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        received += count as u64;
    }
    assert!((size..size + 2048).contains(&received), "{received} bytes");
    mebibytes(size) / start.elapsed().as_secs_f64()
}

/// nginx with a configuration of its own.
struct Nginx {
    process: Child,
    address: SocketAddr,
}

impl Nginx {
    fn start(directory: &TempDir, root: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (root, prefix) = (root.display(), directory.path().display());
        let configuration = format!(
            "daemon off; worker_processes 2; pid {prefix}/pid; error_log stderr error; user root;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;\n\
             server {{ listen {address} reuseport; root {root}; }} }}\n"
        );
        let path = directory.path().join("nginx.conf");
        fs::write(&path, configuration).unwrap();
        let process = Command::new("nginx")
            .arg("-c")
            .arg(&path)
            .args(["-e", "stderr"])
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx is installed");
        let nginx = Self { process, address };
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "nginx does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers when it is asked to end, not when it is killed.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
