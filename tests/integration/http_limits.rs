//! What slow and greedy clients get, and what a server does that has run out of something.

use std::{
    env, fs,
    net::TcpStream,
    os::unix::fs::FileExt,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use isomirror::serve::ServeSettings;
use isomirror_tests::images::iso9660::bytes;

use crate::http_fixture::{Client, Workshop, exports, medium, server, settings, within};

#[test]
fn a_head_that_does_not_come_is_given_up() {
    let timeout = Duration::from_millis(300);
    let (_server, address) = server(&ServeSettings { head_timeout: timeout, ..settings() });
    let start = Instant::now();
    let mut silent = Client::connect(address);
    let mut slow = Client::connect(address);
    for byte in b"GET / HT" {
        slow.send([*byte]);
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(slow.response(false).status, 408);
    assert!(slow.is_ended());
    assert!(silent.is_ended());
    assert!((300..1500).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[test]
fn an_idle_connection_is_ended_after_its_time() {
    let timeout = Duration::from_millis(300);
    let (server, address) = server(&ServeSettings { idle_timeout: timeout, ..settings() });
    let mut client = Client::connect(address);
    for _ in 0..4 {
        assert_eq!(client.get("/healthz").status, 200);
        thread::sleep(timeout / 2);
    }
    let start = Instant::now();
    assert!(client.is_ended());
    assert!(start.elapsed() < timeout * 2);
    assert!(within(timeout, || server.statistics().connections == 0));
}

#[test]
fn a_client_that_takes_nothing_is_cut_and_a_slow_one_is_not() {
    let length = 24 << 20;
    let workshop = Workshop::new();
    workshop.file("file", &bytes(1, length));
    let timeout = Duration::from_millis(400);
    let (server, address) = server(&ServeSettings { stall_timeout: timeout, ..settings() });
    server.publish(exports([("A", medium(&workshop.image("a.iso")))]));
    let request = "GET /A/file HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut stalled = Client::connect(address);
    stalled.send(request);
    stalled.head().unwrap();
    let mut slow = Client::connect(address);
    slow.send(request);
    slow.head().unwrap();
    for megabytes in 1..=16 {
        assert!(slow.take(1 << 20).is_some(), "cut after {megabytes} MiB");
        thread::sleep(timeout / 4);
    }
    assert!(slow.take(8 << 20).is_some());
    assert!(within(timeout, || server.statistics().connections == 1));
    while stalled.receive() {}
    assert!(stalled.received.len() < length);
}

#[test]
fn a_client_that_trickles_gives_way_when_places_are_scarce_and_only_then() {
    let workshop = Workshop::new();
    workshop.file("file", &bytes(1, 48 << 20));
    let timeout = Duration::from_millis(800);
    let (server, address) = server(&ServeSettings {
        connections: 4,
        stall_timeout: timeout,
        minimum_speed: 512 << 10,
        ..settings()
    });
    server.publish(exports([("A", medium(&workshop.image("a.iso")))]));
    let reader = || {
        let mut client = Client::with_buffer(address, 64 << 10);
        client.send("GET /A/file HTTP/1.1\r\nHost: a\r\n\r\n");
        client.head().unwrap();
        client
    };
    let (mut slow, mut fast) = (reader(), reader());
    // Whether each is cut before `time` is over, or one of them is: one takes 200 KiB a second, the other 2 MiB at least.
    let mut take_for = |time: Duration| {
        let end = Instant::now() + time;
        let mut is_cut = [false; 2];
        while Instant::now() < end && is_cut == [false; 2] {
            is_cut = [slow.take(8 << 10).is_none(), fast.take(96 << 10).is_none()];
            thread::sleep(timeout / 20);
        }
        is_cut
    };
    assert_eq!(take_for(timeout * 4), [false, false]);
    assert_eq!(server.statistics().connections, 2, "there are places enough");
    let _third = Client::connect(address);
    assert!(within(timeout, || server.statistics().connections == 3));
    assert_eq!(take_for(timeout * 8), [true, false]);
}

#[test]
fn idle_connections_end_in_time_beside_busy_ones() {
    let timeout = Duration::from_millis(300);
    let (_server, address) =
        server(&ServeSettings { workers: 4, idle_timeout: timeout, ..settings() });
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Client::connect(address);
                while !is_over.load(Ordering::Relaxed) {
                    assert_eq!(client.get("/healthz").status, 200);
                }
            });
        }
        let mut slowest = Duration::ZERO;
        for _ in 0..10 {
            let mut clients: Vec<_> = (0..20).map(|_| Client::connect(address)).collect();
            for client in &mut clients {
                assert_eq!(client.get("/healthz").status, 200);
            }
            let start = Instant::now();
            assert!(clients.iter_mut().all(Client::is_ended));
            slowest = slowest.max(start.elapsed());
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    });
}

#[test]
fn one_address_gets_its_share_of_connections() {
    let settings = ServeSettings { connections_per_address: 3, limit_loopback: true, ..settings() };
    let (server, address) = server(&settings);
    let mut clients: Vec<_> = (0..3).map(|_| Client::connect(address)).collect();
    for client in &mut clients {
        assert_eq!(client.get("/healthz").status, 200);
    }
    let mut fourth = Client::connect(address);
    assert_eq!(fourth.response(false).status, 503);
    assert!(fourth.is_ended());
    drop(clients.pop());
    assert!(within(Duration::from_secs(2), || server.statistics().connections == 2));
    assert_eq!(Client::connect(address).get("/healthz").status, 200);
}

#[test]
fn beyond_the_limit_for_all_clients_wait_for_a_place() {
    let (_server, address) = server(&ServeSettings { connections: 2, ..settings() });
    let mut clients: Vec<_> = (0..2).map(|_| Client::connect(address)).collect();
    for client in &mut clients {
        assert_eq!(client.get("/healthz").status, 200);
    }
    let mut third = Client::connect(address);
    third.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    third.stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(third.stream.peek(&mut [0]).is_err(), "nobody answers yet");
    third.stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    drop(clients);
    assert_eq!(third.response(false).status, 200);
}

#[test]
fn a_server_without_descriptors_recovers_by_itself() {
    alone("a_server_without_descriptors_recovers_by_itself", || {
        let (_server, address) = server(&settings());
        let mut first = Client::connect(address);
        assert_eq!(first.get("/healthz").status, 200);
        let stat = fs::File::open("/proc/self/stat").unwrap();
        let mut taken: Vec<_> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
        assert!(taken.len() > 10);
        // Its socket is made from the one descriptor that is free again, so the server has none to accept it with.
        taken.pop();
        let stream = TcpStream::connect(address).unwrap();
        let mut waiting = Client { stream, received: Vec::new() };
        waiting.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        waiting.stream.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
        assert!(waiting.stream.peek(&mut [0]).is_err(), "it cannot be accepted");
        assert_eq!(first.get("/healthz").status, 200, "the others are served");
        let busy = cpu_ticks(&stat);
        thread::sleep(Duration::from_millis(500));
        assert!(cpu_ticks(&stat) - busy < 10, "it waits, and does not spin");
        drop(taken);
        waiting.stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert_eq!(waiting.response(false).status, 200);
    });
}

#[test]
fn a_server_with_nothing_to_do_does_not_wake_up() {
    alone("a_server_with_nothing_to_do_does_not_wake_up", || {
        let (_server, address) = server(&settings());
        let mut client = Client::connect(address);
        assert_eq!(client.get("/healthz").status, 200);
        // Threads get their names when they first run.
        assert!(within(Duration::from_secs(5), || wake_ups().len() >= 2), "they are there");
        let mut before = wake_ups();
        // A busy machine may hold up the end of the response; what wakes up by itself does so in every window.
        let is_quiet = (0..4).any(|_| {
            before = wake_ups();
            thread::sleep(Duration::from_secs(2));
            wake_ups() == before
        });
        assert!(is_quiet, "{before:?} and {:?}", wake_ups());
        assert_eq!(client.get("/healthz").status, 200);
        // A thread is counted when it goes back to sleep, which may be after its answer has arrived.
        let counts = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(20));
            wake_ups() != before
        });
        assert!(counts, "the count counts");
    });
}

/// Context switches of this process's server threads.
fn wake_ups() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let mut counts: Vec<String> = tasks
        .filter_map(|task| {
            let status = fs::read_to_string(task.unwrap().path().join("status")).ok()?;
            let is_server = status.starts_with("Name:\tserve-");
            is_server.then(|| {
                status.lines().filter(|line| line.starts_with("voluntary")).collect::<String>()
            })
        })
        .collect();
    counts.sort();
    counts
}

/// Processor time of this process in clock ticks (proc(5)).
fn cpu_ticks(stat: &fs::File) -> u64 {
    let mut text = [0; 1024];
    let length = stat.read_at(&mut text, 0).unwrap();
    let stat = str::from_utf8(&text[..length]).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Runs a test in a process of its own with few descriptors, since it looks at, or uses up, what is the process's.
fn alone(name: &str, test: impl FnOnce()) {
    const VARIABLE: &str = "ISOMIRROR_TEST_ALONE";
    if env::var_os(VARIABLE).is_some() {
        return test();
    }
    let status = Command::new("prlimit")
        .arg("--nofile=64:64")
        .arg(env::current_exe().unwrap())
        .args(["--exact", &format!("http_limits::{name}"), "--nocapture", "--test-threads=1"])
        .env(VARIABLE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{name} alone: {status}");
}
