//! Mounted trees: ours by EROFS and FUSE against fuseiso, and against reading the image itself.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{
    Figure, Samples, Target,
    samples::{self, LARGE},
};
use crate::{binaries, mounts, tool};

const ROUNDS: usize = 5;
/// How long a mount may take to appear and to go.
const PATIENCE: Duration = Duration::from_secs(30);

/// All figures of this kind.
pub fn figures(samples: &Samples) -> io::Result<Vec<Figure>> {
    let target = samples.new_directory("mounted")?;
    let (many, sizes) = (samples.many_files()?, samples.sizes_image()?);
    let find = |mounter: Mounter| mounter.with(&many, &target, find);
    let read =
        |mounter: Mounter| mounter.with(&sizes, &target, |at| throughput(&at.join("large.bin"), 0));
    // A server in user space copies: what it costs shows where the disk is out of the way, so the image is in memory
    // and only the mount is cold.
    let read_in_memory = |mounter: Mounter| {
        throughput(&sizes, 1 << 19)?;
        mounter.with_image(&sizes, &target, |at| throughput(&at.join("large.bin"), 0))
    };
    // The content lies in the image in one piece; where it begins makes no difference to the time.
    let image = || {
        samples::make_cold(&sizes)?;
        throughput(&sizes, 1 << 19)
    };
    let fuseiso = Mounter::Fuseiso;
    let (erofs, fuse) = (Mounter::Isomirror("erofs"), Mounter::Isomirror("fuse"));
    Ok(vec![
        Figure::compare(
            "erofs: cold `find` over 20,000 files, against fuseiso",
            "ms",
            Target::RatioAtMost(0.3),
            ROUNDS,
            || find(erofs),
            || find(fuseiso),
        )?,
        Figure::compare(
            "erofs: cold sequential read of 1 GiB, against reading the image",
            "MiB/s",
            Target::RatioAtLeast(0.5),
            ROUNDS,
            || read(erofs),
            image,
        )?,
        Figure::compare(
            "fuse: sequential read of 1 GiB through a fresh mount, against fuseiso",
            "MiB/s",
            Target::RatioAtLeast(4.0),
            ROUNDS,
            || read_in_memory(fuse),
            || read_in_memory(fuseiso),
        )?,
    ])
}

/// Who mounts an image.
#[derive(Clone, Copy, Debug)]
enum Mounter {
    /// `isomirror mount` with this backend.
    Isomirror(&'static str),
    /// fuseiso.
    Fuseiso,
}

impl Mounter {
    /// Mounts the cold `image` at `target` for as long as `measure` takes.
    fn with(
        self,
        image: &Path,
        target: &Path,
        measure: impl FnOnce(&Path) -> io::Result<f64>,
    ) -> io::Result<f64> {
        samples::make_cold(image)?;
        self.with_image(image, target, measure)
    }

    /// Mounts `image` as it is in memory or not.
    fn with_image(
        self,
        image: &Path,
        target: &Path,
        measure: impl FnOnce(&Path) -> io::Result<f64>,
    ) -> io::Result<f64> {
        let mut command = match self {
            Self::Isomirror(backend) => {
                let mut command = Command::new(binaries::path("isomirror")?);
                command.args(["mount", "--backend", backend]);
                command
            }
            Self::Fuseiso => Command::new("fuseiso"),
        };
        let child = command.arg(image).arg(target).stdin(Stdio::null()).spawn()?;
        let mounted = Mounted { child, target, mounter: self };
        wait_until(|| Ok(mounts::at(target)?.is_some()))?;
        let result = measure(target);
        drop(mounted);
        result
    }
}

/// A mount that is being measured.
struct Mounted<'a> {
    child: Child,
    target: &'a Path,
    mounter: Mounter,
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let unmounted = match self.mounter {
            Mounter::Isomirror(_) => binaries::path("isomirror").and_then(|program| {
                let program = program.display().to_string();
                tool::run(&program, |command| command.arg("umount").arg(self.target))
            }),
            Mounter::Fuseiso => {
                tool::run("fusermount3", |command| command.arg("-u").arg(self.target))
            }
        };
        if unmounted.is_err() {
            let _ = rustix::mount::unmount(self.target, rustix::mount::UnmountFlags::DETACH);
        }
        // A mounter that serves in the foreground ends with its mount; one that does not is ended.
        let _ = wait_until(|| Ok(self.child.try_wait()?.is_some()));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until(mut done: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !done()? {
        if Instant::now() >= deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the mount did not come or go"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Milliseconds that find(1) takes to list all of `directory` with attributes.
fn find(directory: &Path) -> io::Result<f64> {
    let begin = Instant::now();
    let listed = tool::run("find", |command| command.arg(directory).arg("-ls"))?;
    let milliseconds = begin.elapsed().as_secs_f64() * 1000.0;
    let lines = listed.lines().count();
    if lines < samples::MANY_FILES {
        return Err(io::Error::other(format!("only {lines} objects in `{}`", directory.display())));
    }
    Ok(milliseconds)
}

/// MiB/s of reading 1 GiB of `path` from `offset` on.
fn throughput(path: &Path, offset: u64) -> io::Result<f64> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut buffer = vec![0; 1 << 20];
    let (begin, mut left) = (Instant::now(), LARGE);
    while left > 0 {
        match file.read(&mut buffer)? {
            0 => break,
            length => left = left.saturating_sub(length),
        }
    }
    if left > 0 {
        return Err(io::Error::other(format!("`{}` ends {left} bytes early", path.display())));
    }
    Ok(1024.0 / begin.elapsed().as_secs_f64())
}
