//! Loop devices that stand in for drives: a read-only one can have its backing file exchanged, which is to the kernel
//! what a forced change of the medium is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::tool;

/// A loop device that is detached when it goes.
#[derive(Debug)]
pub struct LoopDrive {
    node: PathBuf,
}

impl LoopDrive {
    /// Puts `image` into a drive of its own.
    pub fn attach(image: &Path) -> io::Result<Self> {
        let arguments = ["--find", "--show", "--read-only"];
        let node = tool::run("losetup", |command| command.args(arguments).arg(image))?;
        Ok(Self { node: node.trim_end().into() })
    }

    /// Its device node.
    #[must_use]
    pub fn node(&self) -> &Path {
        &self.node
    }

    /// Its name in the kernel.
    ///
    /// # Panics
    /// Never: losetup prints `/dev/loopN`.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.node.file_name().and_then(|name| name.to_str());
        name.expect("losetup prints a path").to_owned()
    }

    /// The kernel's DISKSEQ of what is in it.
    pub fn sequence(&self) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/sys/block/{}/diskseq", self.name()))?;
        text.trim_end().parse().map_err(io::Error::other)
    }

    /// Puts another image of the same size into it, whoever uses it (`LOOP_CHANGE_FD` of linux/loop.h): the next
    /// DISKSEQ, and an event.
    pub fn exchange(&self, image: &Path) -> io::Result<()> {
        const SCRIPT: &str = "open(L,'<',$ARGV[0]) and open(F,'<',$ARGV[1]) \
                              and ioctl(L,0x4C06,fileno(F)) or die $!";
        tool::run("perl", |command| command.args(["-e", SCRIPT]).arg(&self.node).arg(image))?;
        Ok(())
    }

    /// Has the kernel announce the device once more, as udev's own rules do.
    pub fn announce(&self) -> io::Result<()> {
        fs::write(format!("/sys/block/{}/uevent", self.name()), "change")
    }
}

impl Drop for LoopDrive {
    /// Where it is still used, the kernel frees it with its last user.
    fn drop(&mut self) {
        let detached = tool::run("losetup", |command| command.arg("--detach").arg(&self.node));
        detached.expect("a test's own loop device can be detached");
    }
}
