//! Machines without a disk that boot over the network, by the iPXE in the option ROM of their network card.
//!
//! DHCP tells them a URL, and iPXE fetches it. The hypervisor's own network shows them this machine's loopback as
//! [`MIRROR_HOST`], so what listens on 127.0.0.1 is their mirror. Their console is a serial line, by which keys are typed
//! too. Nothing here ends a process that it did not start.

use std::{
    fs,
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::scratch;

/// What these machines reach this machine's 127.0.0.1 by.
pub const MIRROR_HOST: &str = "10.0.2.2";

/// The key that moves down in a menu, as a terminal sends it.
pub const KEY_DOWN: &str = "\x1b[B";

/// The key that takes what is chosen.
pub const KEY_ENTER: &str = "\r";

/// Memory in MiB: with less, Debian's installer begins by telling that it is short of it.
const MEMORY: &str = "1024";

/// How long the hypervisor may take to start.
const START: Duration = Duration::from_secs(30);

/// OVMF's code, and its variables as they are before the first boot.
const OVMF: [&str; 2] = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"];

/// Names in a machine's directory.
const CONSOLE: &str = "console";
const MESSAGES: &str = "qemu.log";

/// What a machine starts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetbootFirmware {
    /// `SeaBIOS`, and the iPXE of a virtio network card.
    Bios,
    /// OVMF, and the iPXE of an e1000: OVMF has a driver of its own for virtio, which knows no URLs.
    Efi,
}

/// A running machine. It goes when this is dropped.
#[derive(Debug)]
pub struct NetbootMachine {
    process: Child,
    keyboard: UnixStream,
    screen: Arc<Mutex<Vec<u8>>>,
    directory: TempDir,
}

impl NetbootMachine {
    /// Starts one that boots `url`.
    pub fn start(firmware: NetbootFirmware, url: &str) -> io::Result<Self> {
        let directory = scratch::directory()?;
        let listener = UnixListener::bind(directory.path().join(CONSOLE))?;
        let mut command = command(firmware, url, directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::create(directory.path().join(MESSAGES))?);
        let mut process = command.spawn()?;
        let keyboard = accept(&listener, &mut process).map_err(|error| {
            let _ = process.kill();
            let _ = process.wait();
            let said = fs::read_to_string(directory.path().join(MESSAGES)).unwrap_or_default();
            let advice = "tests/install-dependencies.sh installs what the tests need";
            io::Error::other(format!("the machine does not start: {error}: {said}; {advice}"))
        })?;
        let screen = Arc::default();
        let (line, seen) = (keyboard.try_clone()?, Arc::clone(&screen));
        thread::spawn(move || record(line, &seen));
        Ok(Self { process, keyboard, screen, directory })
    }

    /// All that the machine wrote to its console, without the sequences that move and colour.
    #[must_use]
    pub fn console(&self) -> String {
        let bytes = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        without_sequences(&String::from_utf8_lossy(&bytes))
    }

    /// Waits until `text` stands on the console.
    ///
    /// # Errors
    /// With the end of what stands there instead, after `timeout` or when the machine ended.
    pub fn wait_for(&mut self, text: &str, timeout: Duration) -> io::Result<()> {
        let deadline = Instant::now() + timeout;
        while !self.console().contains(text) {
            let ended = self.process.try_wait()?;
            if ended.is_some() || Instant::now() >= deadline {
                let console = self.console();
                let lines: Vec<_> =
                    console.lines().filter(|line| !line.trim().is_empty()).collect();
                let last = lines[lines.len().saturating_sub(40)..].join("\n");
                let said = fs::read_to_string(self.directory.path().join(MESSAGES))?;
                let error = format!("no `{text}` on the console ({ended:?})\n{said}\n{last}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, error));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Types `keys`.
    pub fn press(&mut self, keys: &str) -> io::Result<()> {
        self.keyboard.write_all(keys.as_bytes())
    }
}

impl Drop for NetbootMachine {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = self.keyboard.shutdown(Shutdown::Both);
    }
}

fn command(firmware: NetbootFirmware, url: &str, directory: &Path) -> Command {
    // setpriv: a test that is killed must not leave its machine running.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
    command.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]);
    // Without graphics SeaBIOS and iPXE write to the serial line, and read keys from it. KVM is not asked for: where it is
    // offered inside other virtual machines it often does not work.
    command.args(["-machine", "q35,graphics=off", "-accel", "tcg,thread=multi", "-cpu", "max"]);
    command.args(["-m", MEMORY]);
    let card = match firmware {
        NetbootFirmware::Bios => "virtio-net-pci",
        NetbootFirmware::Efi => {
            let [code, variables] = OVMF;
            let flash = |file, rest| format!("if=pflash,format=raw,file={file},{rest}");
            command.args(["-drive", &flash(code, "readonly=on")]);
            // What it writes goes with it.
            command.args(["-drive", &flash(variables, "snapshot=on")]);
            "e1000"
        }
    };
    command.args(["-netdev", &format!("user,id=network,ipv6=off,bootfile={url}")]);
    command.args(["-device", &format!("{card},netdev=network,bootindex=0")]);
    let console = directory.join(CONSOLE);
    command.args(["-chardev", &format!("socket,id=console,path={}", console.display())]);
    command.args(["-serial", "chardev:console"]);
    command
}

/// Takes the hypervisor's end of the serial line.
fn accept(listener: &UnixListener, process: &mut Child) -> io::Result<UnixStream> {
    listener.set_nonblocking(true)?;
    let deadline = Instant::now() + START;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Err(_) => {}
        }
        if let Some(status) = process.try_wait()? {
            return Err(io::Error::other(format!("the hypervisor ended: {status}")));
        }
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Keeps what comes, until the line is closed: a hypervisor whose line nobody reads loses what it cannot write.
fn record(mut line: UnixStream, screen: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = line.read(&mut buffer) {
        let mut screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
        screen.extend_from_slice(&buffer[..length]);
    }
}

/// `text` with a line end for each control sequence (ECMA-48, 5.4) of a terminal.
fn without_sequences(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|character| matches!(character, '@'..='~'));
        plain.push('\n');
        plain.push_str(end.map_or("", |end| &part[end + 1..]));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_and_colours_is_not_text() {
        for (text, plain) in [
            ("plain\r\n", "plain\r\n"),
            ("\x1b[0m\x1b[2Jok", "\n\nok"),
            ("a\x1b[05;02H\x1b[0;41;1m  Start over HTTP (5)", "a\n\n  Start over HTTP (5)"),
            ("cut off\x1b[05;", "cut off\n"),
        ] {
            assert_eq!(without_sequences(text), plain);
        }
    }
}
