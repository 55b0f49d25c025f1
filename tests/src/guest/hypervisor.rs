//! The hypervisor's process: what machine it emulates, and that it never outlives its test.

use std::{
    fs, io,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{GuestOptions, system::System};

/// PCI slots into which virtio disks can be plugged while the guest runs.
pub(super) const ROOT_PORTS: usize = 4;

/// Id of the SATA drive that every guest has.
pub const SATA_DRIVE: &str = "sata0";

/// Names in a hypervisor's directory: sockets that it connects to, and the payload disk that it reads.
pub(super) const MONITOR: &str = "monitor";
pub(super) const AGENT: &str = "agent";
pub(super) const PAYLOAD: &str = "payload.ext4";
/// Names of what it writes there.
const CONSOLE: &str = "console.log";
const MESSAGES: &str = "qemu.log";

/// A running hypervisor and the directory of its files. Both go when this is dropped.
#[derive(Debug)]
pub(super) struct Hypervisor {
    process: Child,
    directory: TempDir,
}

impl Hypervisor {
    /// Starts it with the files in `directory`.
    pub(super) fn start(
        system: &System,
        options: &GuestOptions,
        directory: TempDir,
    ) -> io::Result<Self> {
        let mut command = command(system, options, directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::create(directory.path().join(MESSAGES))?);
        let process = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("cannot run `setpriv` of util-linux: {error}"))
        })?;
        Ok(Self { process, directory })
    }

    /// An error if it ended.
    pub(super) fn alive(&mut self) -> io::Result<()> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(status) => Err(io::Error::other(format!("the hypervisor ended: {status}"))),
        }
    }

    /// Waits for it to end by itself for at most `patience`.
    pub(super) fn wait_for_end(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the guest wrote to its console.
    pub(super) fn console(&self) -> String {
        let bytes = fs::read(self.directory.path().join(CONSOLE)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// `error` with what the hypervisor and the guest said before it.
    pub(super) fn explained(&self, error: &io::Error) -> io::Error {
        let said = fs::read_to_string(self.directory.path().join(MESSAGES)).unwrap_or_default();
        let console = self.console();
        let tail = console.lines().count().saturating_sub(60);
        let last: Vec<_> = console.lines().skip(tail).collect();
        let last = last.join("\n");
        io::Error::new(error.kind(), format!("the guest did not boot: {error}\n{said}\n{last}"))
    }
}

impl Drop for Hypervisor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(system: &System, options: &GuestOptions, directory: &Path) -> Command {
    // setpriv: a test that is killed must not leave its guest running.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
    command.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]);
    // KVM is not asked for: where it is offered inside other virtual machines it often does not work.
    command.args(["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"]);
    command.args(["-m", &options.memory.to_string(), "-nic", "none"]);
    command.arg("-kernel").arg(&system.kernel).arg("-initrd").arg(&system.initrd);
    command.args(["-append", "root=/dev/vda rw console=ttyS0 quiet panic=-1 net.ifnames=0"]);
    let file = |name: &str| directory.join(name).display().to_string();
    let disk = |path: &str, rest: &str| format!("file={path},if=virtio,format=raw,{rest}");
    let root = system.root.display().to_string();
    command.args(["-drive", &disk(&root, "snapshot=on,cache=unsafe")]);
    command.args(["-drive", &disk(&file(PAYLOAD), "readonly=on")]);
    command.args(["-device", "virtio-scsi-pci,id=scsi", "-device", "virtio-serial-pci"]);
    command.args(["-device", "qemu-xhci,id=usb"]);
    // AHCI cannot plug drives in: this one is always there, without a disc.
    command.args(["-device", &format!("ide-cd,bus=ide.0,id={SATA_DRIVE}")]);
    for (number, disc) in options.discs.iter().enumerate() {
        let (id, node) = (format!("boot{number}"), format!("disc{number}"));
        let file = disc.display();
        command.args(["-blockdev", &format!("file,node-name={node},filename={file},read-only=on")]);
        command.args(["-device", &format!("scsi-cd,bus=scsi.0,id={id},serial={id},drive={node}")]);
    }
    for port in 0..ROOT_PORTS {
        command.args(["-device", &format!("pcie-root-port,id=port{port},chassis={}", port + 1)]);
    }
    let socket = |name: &str| format!("socket,id={name},path={}", file(name));
    command.args(["-chardev", &socket(MONITOR), "-mon", "chardev=monitor,mode=control"]);
    command.args(["-chardev", &socket(AGENT)]);
    command.args(["-device", "virtserialport,chardev=agent,name=isomirror.agent"]);
    command.args(["-serial", &format!("file:{}", file(CONSOLE))]);
    command
}
