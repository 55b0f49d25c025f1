//! The OCI image: made of the built programs, and run as a container runtime runs it, with as little as can be given.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use isomirror_tests::{binaries, images::iso9660::xorriso, scratch, tool};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// The image, unpacked by somebody else's tool, and a directory of images.
struct Unpacked {
    directory: TempDir,
    /// What a runtime is told, by the image's own configuration.
    process: Value,
}

/// Makes the image `name` below `directory`.
fn make(directory: &Path, name: &str) -> String {
    let image = directory.join(name);
    try_to_make(&image).unwrap();
    image.display().to_string()
}

fn try_to_make(image: &Path) -> std::io::Result<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/container.sh");
    let programs = binaries::path("isomirrord").unwrap();
    tool::run("bash", |bash| bash.arg(script).arg(image).arg(programs.parent().unwrap()))
}

fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

fn unpacked() -> Unpacked {
    let directory = scratch::directory().unwrap();
    let image = format!("{}:{}", make(directory.path(), "image"), version());
    let bundle = directory.path().join("bundle");
    tool::run("umoci", |umoci| umoci.args(["unpack", "--image", &image]).arg(&bundle)).unwrap();
    fs::set_permissions(&bundle, fs::Permissions::from_mode(0o755)).unwrap();
    let config = fs::read(bundle.join("config.json")).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    let images = directory.path().join("images");
    fs::create_dir(&images).unwrap();
    let tree = directory.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("hello.txt"), "hello\n").unwrap();
    xorriso(&tree, &images.join("a.iso"), &["-R", "-V", "In A Box"]);
    Unpacked { directory, process: config["process"].clone() }
}

/// A running container.
struct Container {
    runtime: Child,
    /// What is PID 1 inside, as it is called here.
    first: Pid,
}

impl Unpacked {
    /// Runs it: a user of no privilege, no device but those that every container has, nothing that can be written to but
    /// the two volumes, and a network, process table and file system of its own.
    fn run(&self) -> Container {
        let path = |name: &str| self.directory.path().join(name);
        let info = path("info");
        let mut command = Command::new("bash");
        // The program's arguments follow; file descriptor 3 tells of its process.
        command.args(["-c", "exec bwrap --info-fd 3 \"$@\" 3>\"$0\""]).arg(&info);
        command.args(["--unshare-all", "--die-with-parent", "--as-pid-1", "--cap-drop", "ALL"]);
        for (option, key) in [("--uid", "uid"), ("--gid", "gid")] {
            command.arg(option).arg(self.process["user"][key].to_string());
        }
        command.arg("--ro-bind").arg(path("bundle/rootfs")).arg("/");
        command.arg("--ro-bind").arg(path("images")).arg("/images");
        command.args(["--proc", "/proc", "--dev", "/dev"]);
        command.args(["--tmpfs", "/var/lib/isomirror", "--tmpfs", "/run/isomirror", "--clearenv"]);
        for variable in texts(&self.process["env"]) {
            let (name, value) = variable.split_once('=').unwrap();
            command.args(["--setenv", name, value]);
        }
        command.args(["--chdir", self.process["cwd"].as_str().unwrap(), "--"]);
        command.args(texts(&self.process["args"]));
        let runtime = command.stdin(Stdio::null()).spawn().unwrap();
        Container { runtime, first: first_process(&info) }
    }
}

/// The process that bubblewrap tells of in the file `info`.
fn first_process(info: &Path) -> Pid {
    let end = Instant::now() + PATIENCE;
    loop {
        let told = fs::read_to_string(info).unwrap_or_default();
        if let Ok(told) = serde_json::from_str::<Value>(&told) {
            let first = told["child-pid"].as_i64().and_then(|id| i32::try_from(id).ok());
            return Pid::from_raw(first.unwrap()).unwrap();
        }
        assert!(Instant::now() < end, "bubblewrap does not start: {told}");
        sleep(Duration::from_millis(20));
    }
}

impl Container {
    /// GETs a path, from within its network.
    fn get(&self, path: &str) -> std::io::Result<String> {
        tool::run("nsenter", |nsenter| {
            nsenter.args(["--net", "--target", &self.first.as_raw_nonzero().to_string(), "--"]);
            nsenter.args(["curl", "-sSf", "--max-time", "5", "--retry", "0"]);
            nsenter.arg(format!("http://127.0.0.1:8080{path}"))
        })
    }

    fn get_at_last(&self, path: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.get(path) {
                Ok(body) => return body,
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            sleep(Duration::from_millis(100));
        }
    }

    /// Runs a program inside, as `podman exec` does.
    fn execute(&self, arguments: &[&str]) -> std::io::Result<String> {
        tool::run("nsenter", |nsenter| {
            nsenter.args(["--user", "--mount", "--pid", "--net", "--preserve-credentials"]);
            nsenter.args(["--target", &self.first.as_raw_nonzero().to_string(), "--"]);
            nsenter.env("RUNTIME_DIRECTORY", "/run/isomirror").args(arguments)
        })
    }

    /// Asks it to stop as a runtime does, and tells how it ended.
    fn stop(mut self) -> Option<i32> {
        kill_process(self.first, Signal::TERM).unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.runtime.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "it does not stop on SIGTERM");
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // With it goes what is inside.
        self.runtime.kill().ok();
        self.runtime.wait().ok();
    }
}

fn texts(value: &Value) -> Vec<String> {
    let values = value.as_array().into_iter().flatten();
    values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

#[test]
fn a_container_without_root_devices_and_a_writable_file_system_serves_and_stops() {
    let unpacked = unpacked();
    assert_ne!(unpacked.process["user"]["uid"], 0, "it is no root's");
    let container = unpacked.run();
    assert_eq!(container.get_at_last("/In_A_Box/hello.txt"), "hello\n");
    let state: Value = serde_json::from_str(
        &container.execute(&["/usr/bin/isomirror", "status", "--json"]).unwrap(),
    )
    .unwrap();
    assert_eq!(state["media"][0]["state"], "serving");
    assert_eq!(state["problems"], Value::Null, "{state:#}");
    // What comes and goes outside comes and goes in there.
    let images = unpacked.directory.path().join("images");
    fs::rename(images.join("a.iso"), unpacked.directory.path().join("a.iso")).unwrap();
    let end = Instant::now() + PATIENCE;
    while container.get("/In_A_Box/hello.txt").is_ok() {
        assert!(Instant::now() < end, "what is removed is still served");
        sleep(Duration::from_millis(100));
    }
    assert_eq!(container.stop(), Some(0));
}

#[test]
fn its_places_can_be_written_by_its_user_and_by_one_of_group_0_that_a_platform_chooses() {
    let unpacked = unpacked();
    for place in ["var/lib/isomirror", "run/isomirror"] {
        let metadata = fs::metadata(unpacked.directory.path().join("bundle/rootfs").join(place));
        let metadata = metadata.unwrap();
        let owner = (metadata.uid(), metadata.gid(), metadata.permissions().mode() & 0o7777);
        assert_eq!(owner, (65532, 0, 0o775), "{place}");
    }
}

#[test]
fn the_same_programs_give_the_same_image_and_others_can_read_it() {
    let directory = scratch::directory().unwrap();
    let (first, second) = (make(directory.path(), "first"), make(directory.path(), "second"));
    let index = |image: &str| fs::read_to_string(Path::new(image).join("index.json")).unwrap();
    assert_eq!(index(&first), index(&second));
    let archive = make(directory.path(), "image.tar");
    for image in
        [format!("oci:{first}:{}", version()), format!("oci-archive:{archive}:{}", version())]
    {
        let told = tool::run("skopeo", |skopeo| skopeo.args(["inspect", &image])).unwrap();
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["Labels"]["org.opencontainers.image.version"], version());
    }
    // Every blob is what its name says.
    for blob in fs::read_dir(Path::new(&first).join("blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let sum = tool::run("sha256sum", |sha256sum| sha256sum.arg(&path)).unwrap();
        assert!(sum.starts_with(path.file_name().unwrap().to_str().unwrap()), "{sum}");
    }
    let again = try_to_make(Path::new(&first)).unwrap_err().to_string();
    assert!(again.contains("is there already"), "{again}");
}
