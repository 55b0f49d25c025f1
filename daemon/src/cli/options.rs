//! The command line of `isomirror`.

use std::{ffi::OsString, path::PathBuf};

use clap::{Parser, Subcommand};
use isomirror_core::{
    backend_choice::BackendChoice, config::ListenAddress, containment::SymlinkPolicy,
    medium::IdentityKey,
};

/// The control socket of the machine's daemon. Programs that udev runs find it there whatever their environment says.
const MACHINE_SOCKET: &str = "/run/isomirror/control.sock";

const EXAMPLES: &str = "\
Examples:
  isomirror status                          What is served, and what is wrong
  isomirror inspect debian.iso              What is on an image, and how it boots
  isomirror ls debian.iso /boot             What is in a directory of an image
  isomirror cat /dev/sr0 /.treeinfo         A file of the disc in a drive
  isomirror mount debian.iso /mnt           Its tree as a directory
  isomirror umount --all                    Take everything down after the daemon
  isomirror eject ROCKY                     A disc, out of its drive
  isomirror verify debian.iso               Whether it is what those say who speak about it
  isomirror fetch debian-13-netinst-amd64   The newest one, verified, into the store

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing to verify by, 4 verification failed, 77 not permitted, 78 error in the configuration.";

/// Looks into install media, and at the isomirror daemon of this machine.
#[derive(Clone, Debug, Parser)]
#[command(name = "isomirror", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show what is served, since when, and what is wrong
    #[command(after_help = "Examples:\n  isomirror status\n  isomirror status --watch\n  \
        isomirror status --json | jq .problems\n\n\
        Fails with exit code 1 where no daemon is running; with --watch one is waited for. Colours are for terminals, and \
        for those who have not set NO_COLOR.")]
    Status {
        /// Print the whole state document as JSON; with --watch one document a line.
        #[arg(long)]
        json: bool,
        /// Go on telling whatever changes, until Ctrl-C: on a terminal in place.
        #[arg(short, long)]
        watch: bool,
    },
    /// List the published media, one a line
    #[command(
        after_help = "Examples:\n  isomirror list\n  isomirror list --json | jq -r '.media[].url'"
    )]
    List {
        /// Print `{"schema": 1, "media": [...]}`, the media as in the state document.
        #[arg(long)]
        json: bool,
    },
    /// Show what an image or a disc says of itself, what is on it and how it boots
    #[command(
        after_help = "Examples:\n  isomirror inspect debian.iso\n  isomirror inspect --count --json /dev/sr0\n  \
        isomirror inspect --why unknown.iso\n\n\
        Needs neither the daemon nor root. Problems of the image are shown, not failed with; an image that cannot \
        be read at all is exit code 1.\n\n\
        What is on it and how it boots is told by signatures: those in /usr/lib/isomirror/boot.d, and your own in \
        /etc/isomirror/boot.d."
    )]
    Inspect {
        /// Image file or device.
        path: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Also walk the whole tree and count what is in it.
        #[arg(long)]
        count: bool,
        /// Also list every signature by which systems are recognised, and what it failed on.
        #[arg(long)]
        why: bool,
    },
    /// List a directory of an image
    #[command(
        after_help = "Examples:\n  isomirror ls debian.iso\n  isomirror ls -l debian.iso /dists/\n  \
        isomirror ls -0 debian.iso | tr '\\0' '\\n'\n\n\
        Names are printed with control and other invisible characters, bytes that are no UTF-8, and backslashes \
        escaped as \\u{1b}, \\xff and \\\\; with --null they are printed as they are, each ended by a NUL."
    )]
    Ls {
        /// Image file or device.
        image: PathBuf,
        /// Path in the image. A link to a directory is followed unless -l is given and no slash ends the path.
        #[arg(default_value = "/")]
        path: OsString,
        /// Also show mode, links, owner, group, size, time and link targets.
        #[arg(short, long)]
        long: bool,
        /// End names by NUL and print them as they are.
        #[arg(short = '0', long, conflicts_with_all = ["long", "json"])]
        null: bool,
        /// Print JSON.
        #[arg(long, conflicts_with = "long")]
        json: bool,
    },
    /// Write a file of an image to standard output
    #[command(after_help = "Examples:\n  isomirror cat fedora.iso /.treeinfo\n  \
        isomirror cat debian.iso /install.amd/vmlinuz > vmlinuz")]
    Cat {
        /// Image file or device.
        image: PathBuf,
        /// Path in the image. Symbolic links are followed within the image only.
        path: OsString,
    },
    /// Mount an image or a disc on a directory, read-only
    #[command(after_help = "Examples:\n  isomirror mount debian.iso /mnt\n  \
        isomirror mount --backend fuse debian.iso ~/debian\n\n\
        Needs no daemon. Without root only FUSE can mount.")]
    Mount {
        /// Image file or device.
        image: PathBuf,
        /// An existing, empty directory.
        directory: PathBuf,
        /// Which way to mount: auto, kernel, erofs or fuse.
        #[arg(long, value_name = "BACKEND", default_value_t = BackendChoice::Auto)]
        backend: BackendChoice,
    },
    /// Unmount what `isomirror mount` mounted, or everything of ours below the web root
    #[command(after_help = "Examples:\n  isomirror umount /mnt\n  \
        systemctl stop isomirrord && isomirror umount --all\n\n\
        With --all, mounts and directories that are not isomirror's stay as they are. Readers have the time of \
        `mount.drain`; then they are cut off.")]
    Umount {
        /// Where it is mounted.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        directory: Option<PathBuf>,
        /// Take down everything of isomirror's below the web root; refused while isomirrord runs.
        #[arg(long)]
        all: bool,
        /// Configuration file that names the web root.
        #[arg(long, value_name = "FILE", requires = "all", conflicts_with = "directory")]
        config: Option<PathBuf>,
        /// Web root, instead of the configuration's.
        #[arg(long, value_name = "DIR", requires = "all", conflicts_with = "directory")]
        webroot: Option<PathBuf>,
    },
    /// Serves a mount over FUSE; started by `mount`.
    #[command(hide = true, after_help = "Examples:\n  isomirror fuse-serve debian.iso /mnt")]
    FuseServe {
        /// Image file or device.
        image: PathBuf,
        /// An existing, empty directory.
        directory: PathBuf,
        /// What becomes of symbolic links.
        #[arg(long, value_name = "POLICY", default_value_t = SymlinkPolicy::Contained)]
        symlinks: SymlinkPolicy,
        /// The only medium to be served.
        #[arg(long, value_name = "KEY")]
        key: Option<IdentityKey>,
    },
    /// Check images, discs and trees against everything that speaks about them
    #[command(
        after_help = "Examples:\n  isomirror verify debian.iso\n  isomirror verify --key fedora.gpg fedora.iso\n  \
        isomirror verify /dev/sr0\n  isomirror verify Rocky-9-5-x86_64-dvd\n  isomirror verify --json | jq .results\n\n\
        What speaks: lists of checksums and signatures beside the image, a sum that was implanted into it, and lists \
        on the medium of its files. `verified` is what a pinned key signed, and nothing else; `intact` is what agrees \
        with itself. Keys are those in /etc/isomirror/catalog.d/keys and /usr/lib/isomirror/catalog.d/keys, and those \
        of --key.\n\n\
        Exit codes: 0 nothing failed and something was checked, 1 something cannot be read, 3 nothing that can be \
        checked speaks about it, 4 something failed."
    )]
    Verify {
        /// Image files, devices, directories or published names; without any, all published media.
        #[arg(value_name = "NAME|PATH")]
        targets: Vec<PathBuf>,
        /// File with public keys of OpenPGP, minisign or signify that are to be trusted too.
        #[arg(long = "key", value_name = "FILE")]
        keys: Vec<PathBuf>,
        /// Print `{"schema": 1, "results": [...]}`.
        #[arg(long)]
        json: bool,
    },
    /// Have the daemon let go of a disc and open its drive
    #[command(
        after_help = "Examples:\n  isomirror eject Rocky-9-5-x86_64-dvd\n  isomirror eject --force /dev/sr0\n\n\
        New requests are refused at once, readers have mount.drain (2.5 s) to finish; with mount.eject: defer they \
        have mount.eject_deadline (30 s). Then their mount is detached, and the tray opens. A disc that is still \
        there half a minute later is published again."
    )]
    Eject {
        /// A published name, or the device node of a drive.
        target: OsString,
        /// Do not wait for readers: cut them off and tell which processes that were.
        #[arg(long)]
        force: bool,
    },
    /// Have the daemon look at all drives and directories again
    #[command(after_help = "Examples:\n  isomirror rescan\n\n\
        Never needed where events come; on file systems of other machines they do not.")]
    Rescan,
    /// Has the daemon let go of a drive; run by udev before it opens one.
    #[command(hide = true, after_help = "Examples:\n  isomirror udev-release /dev/sr0")]
    UdevRelease {
        /// The drive.
        device: PathBuf,
        /// The daemon's socket.
        #[arg(long, default_value = MACHINE_SOCKET)]
        socket: PathBuf,
    },
    /// Whether the daemon takes over a request to eject; run by udev.
    #[command(hide = true, after_help = "Examples:\n  isomirror udev-defer /dev/sr0")]
    UdevDefer {
        /// The drive.
        device: PathBuf,
        /// The daemon's socket.
        #[arg(long, default_value = MACHINE_SOCKET)]
        socket: PathBuf,
    },
    /// Cuts off the readers of discs that are no longer in a drive, where no daemon does; run by udev.
    #[command(hide = true, after_help = "Examples:\n  isomirror udev-changed /dev/sr0")]
    UdevChanged {
        /// The drive.
        device: PathBuf,
        /// The daemon's socket.
        #[arg(long, default_value = MACHINE_SOCKET)]
        socket: PathBuf,
    },
    /// Fetch images of the catalog, verified, into the store
    #[command(
        after_help = "Examples:\n  isomirror fetch\n  isomirror fetch debian-13-netinst-amd64 rocky-9-dvd-x86_64\n  \
        isomirror fetch --force debian-13-netinst-amd64\n  isomirror fetch --dry-run --all\n  isomirror fetch --json | jq '.results[] | select(.problem)'\n\n\
        A daemon that runs does it, and goes on when this command is interrupted; without one it is done here, and an \
        interrupted transfer goes on where it was the next time. What is in the store and the newest is not fetched \
        again. Nothing is published that is not verified as the catalog promises.\n\n\
        Exit codes: 0 everything is current, 1 something could not be fetched, 4 something that was offered is not what \
        it should be."
    )]
    Fetch {
        /// Ids of the catalog; without any, those of `fetch.want`.
        #[arg(value_name = "ID", conflicts_with = "all")]
        ids: Vec<String>,
        /// Everything that is in the catalog and can be fetched.
        #[arg(long)]
        all: bool,
        /// Fetch again what is there already.
        #[arg(long)]
        force: bool,
        /// Only tell what is offered now, and what vouches for it; the store is not looked at.
        #[arg(long, conflicts_with = "force")]
        dry_run: bool,
        /// Configuration file, where no daemon runs.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print `{"schema": 1, "results": [...]}`, as `fetch` in the state document, when all is done.
        #[arg(long)]
        json: bool,
    },
    /// List, show or check what can be fetched
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Look at this host and say what would fail, and how to mend it
    #[command(
        after_help = "Examples:\n  isomirror doctor\n  isomirror doctor --json | jq '.findings[] | select(.level == \"fail\")'\n\n\
        Looks at the configuration, units and roles, the kernel's file systems and loop devices, udev and its rule, drives, \
        mount propagation, autofs, SELinux, what web servers may read, the server's ports, free space, inotify, the clock, \
        keys of what is wanted, and proxies. Changes nothing. Needs no daemon; root sees more.\n\n\
        Exit codes: 0 nothing fails, 1 something does."
    )]
    Doctor {
        /// Configuration file, instead of the one that the daemon reads.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print `{"schema": 1, "level": ..., "findings": [{"level", "check", "object", "text", "remedy"}]}`.
        #[arg(long)]
        json: bool,
    },
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// What to do with the catalog.
#[derive(Clone, Debug, Subcommand)]
pub enum CatalogCommand {
    /// List what can be fetched, one entry a line
    #[command(
        after_help = "Examples:\n  isomirror catalog list\n  isomirror catalog list debian ubuntu\n  \
        isomirror catalog list --json | jq -r '.entries[].id'\n\n\
        TRUST is what vouches for an image; KEY says whether a key is there by which that can be verified."
    )]
    List {
        /// Distributions or ids; without any, everything.
        #[arg(value_name = "DISTRIBUTION|ID")]
        ids: Vec<String>,
        /// Print `{"schema": 1, "entries": [...]}`.
        #[arg(long)]
        json: bool,
    },
    /// Show one entry
    #[command(after_help = "Examples:\n  isomirror catalog show debian-13-netinst-amd64\n  \
        isomirror catalog show --json rocky-9-dvd-x86_64 | jq .keys")]
    Show {
        /// Id of the entry.
        id: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check the catalog and tell all that is wrong with it
    #[command(
        after_help = "Examples:\n  isomirror catalog check\n  isomirror catalog check ./mine.yaml\n\n\
        Prints one line for each problem, FILE:LINE:COLUMN: what is wrong, and ends with exit code 78. Keys that are \
        not there are told of, and are no problem: what they should verify is not fetched."
    )]
    Check {
        /// Files to check instead of the machine's catalog.
        files: Vec<PathBuf>,
    },
}

/// What to do with the configuration.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check the configuration and tell all that is wrong with it
    #[command(
        after_help = "Examples:\n  isomirror config check\n  isomirror config check ./isomirror.yaml\n\n\
        Looks at the file and at the drop-ins beside it, FILE.d/*.yaml; a drop-in can be checked by itself too. Prints \
        one line for each problem of all of them, FILE:LINE:COLUMN: what is wrong, and ends with exit code 78. What \
        holds and may surprise is told as a warning, with exit code 0."
    )]
    Check {
        /// File to check instead of the one that the daemon reads.
        file: Option<PathBuf>,
    },
    /// Print the effective configuration as YAML, defaults included, with the origin of each value
    #[command(
        after_help = "Examples:\n  isomirror config show\n  isomirror config show ./isomirror.yaml\n  \
        isomirror config show --json | jq '.origins[\"serve.listen\"]'\n\n\
        Each value is followed by where it comes from: FILE:LINE, a variable of the environment ($NAME), an option of \
        the command line, or `default`. What is printed can itself be a configuration file."
    )]
    Show {
        /// File to show instead of the one that the daemon reads.
        file: Option<PathBuf>,
        /// Directory of images, as for isomirrord.
        #[arg(long, value_name = "DIR")]
        images: Vec<PathBuf>,
        /// Web root, as for isomirrord.
        #[arg(long, value_name = "DIR")]
        webroot: Option<PathBuf>,
        /// Address of the HTTP server, as for isomirrord.
        #[arg(long, value_name = "ADDR:PORT")]
        listen: Vec<ListenAddress>,
        /// Print `{"schema": 1, "files": [...], "config": {...}, "origins": {KEY: {"kind": ...}}}`.
        #[arg(long)]
        json: bool,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
        super::super::DaemonOptions::command().debug_assert();
    }

    #[test]
    fn every_command_shows_examples_in_its_help() {
        fn check(command: &clap::Command) {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            if command.has_subcommands() {
                command.get_subcommands().for_each(check);
            } else {
                let name = command.get_name();
                assert!(text.contains("Examples:\n  isomirror "), "{name} has none");
            }
        }
        check(&Options::command());
    }
}
