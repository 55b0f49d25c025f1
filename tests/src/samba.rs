//! A Samba server of a test's own: on a free port of the loopback, with nothing of the machine's.

use std::{
    fs,
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::{daemon::free_port, scratch};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(30);
/// A user that every Debian has, and whom this server knows.
pub const USER: &str = "daemon";
/// The password.
pub const PASSWORD: &str = "a secret = word";

/// A running server with three shares: `isos` (for [`USER`], read-only), `open` (for guests, read-only) and `incoming`
/// (for [`USER`], writable). It ends with the value.
#[derive(Debug)]
pub struct Samba {
    process: Child,
    port: u16,
    directory: TempDir,
}

impl Samba {
    /// Starts one, and waits until it takes connections.
    ///
    /// # Errors
    /// Where there is no Samba, or it does not start; with its log.
    pub fn start() -> io::Result<Self> {
        let directory = scratch::directory()?;
        for name in ["private", "run", "isos", "open", "incoming"] {
            fs::create_dir(directory.path().join(name))?;
        }
        let port = free_port()?;
        fs::write(directory.path().join("smb.conf"), configuration(directory.path(), port))?;
        fs::write(
            directory.path().join("credentials"),
            format!("username={USER}\npassword={PASSWORD}\n"),
        )?;
        add_user(directory.path())?;
        let log = fs::File::create(directory.path().join("output"))?;
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "smbd", "--foreground", "--no-process-group"])
            .arg(format!("--configfile={}", directory.path().join("smb.conf").display()))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        let server = Self { process, port, directory };
        server.wait()?;
        Ok(server)
    }

    /// URL of a share, or of something in it: `isos/a.iso`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("smb://127.0.0.1:{}/{path}", self.port)
    }

    /// The directory behind a share.
    #[must_use]
    pub fn share(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A file with the credentials of [`USER`].
    #[must_use]
    pub fn credentials(&self) -> PathBuf {
        self.directory.path().join("credentials")
    }

    fn wait(&self) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        while let Err(error) = TcpStream::connect(address) {
            if Instant::now() > deadline {
                let log = fs::read_to_string(self.directory.path().join("output"))?;
                return Err(io::Error::other(format!("Samba does not start: {error}\n{log}")));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        // With the processes of its connections.
        let group = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.process.wait();
    }
}

fn configuration(directory: &Path, port: u16) -> String {
    let at = directory.display();
    format!(
        "[global]\n\
         server role = standalone server\n\
         netbios name = ISOTEST\n\
         interfaces = 127.0.0.1\n\
         bind interfaces only = yes\n\
         smb ports = {port}\n\
         disable netbios = yes\n\
         private dir = {at}/private\n\
         lock directory = {at}/run\n\
         state directory = {at}/run\n\
         cache directory = {at}/run\n\
         pid directory = {at}/run\n\
         ncalrpc dir = {at}/run/ncalrpc\n\
         log file = {at}/log\n\
         passdb backend = tdbsam:{at}/private/users.tdb\n\
         map to guest = bad user\n\
         guest account = nobody\n\
         usershare max shares = 0\n\
         load printers = no\n\
         printcap name = /dev/null\n\
         disable spoolss = yes\n\
         [isos]\n\
         path = {at}/isos\n\
         valid users = {USER}\n\
         force user = root\n\
         [open]\n\
         path = {at}/open\n\
         guest ok = yes\n\
         [incoming]\n\
         path = {at}/incoming\n\
         valid users = {USER}\n\
         force user = root\n\
         read only = no\n"
    )
}

fn add_user(directory: &Path) -> io::Result<()> {
    let mut adding = Command::new("smbpasswd")
        .arg("-c")
        .arg(directory.join("smb.conf"))
        .args(["-L", "-s", "-a", USER])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = adding.stdin.take() {
        write!(input, "{PASSWORD}\n{PASSWORD}\n")?;
    }
    let ended = adding.wait_with_output()?;
    if ended.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&ended.stderr).into_owned()))
}
