//! What happens to discs.

use std::{io, thread::sleep, time::Duration};

use super::stage::{Disc, Stage};
use crate::guest::Fault;

/// One row of the table.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) run: fn(&Stage<'_>) -> io::Result<String>,
}

/// All of them.
pub(super) const ROWS: &[Row] = &[
    Row { name: "a drive is plugged in with a disc", run: plugged_in },
    Row { name: "a disc is put into a present drive", run: put_in },
    Row { name: "a disc is there before it starts", run: at_start },
    Row { name: "eject by the hypervisor, idle", run: |stage| eject(stage, Usage::Idle) },
    Row {
        name: "eject by the hypervisor with an open file",
        run: |stage| eject(stage, Usage::OpenFile),
    },
    Row {
        name: "eject by the hypervisor during a download",
        run: |stage| eject(stage, Usage::Download),
    },
    Row { name: "`eject` in the guest with an open file", run: guest_eject },
    Row { name: "silent eject, idle", run: |stage| silent(stage, Usage::Idle) },
    Row { name: "silent eject with an open file", run: |stage| silent(stage, Usage::OpenFile) },
    Row { name: "disc changed by force under a reader", run: forced_change },
    Row { name: "drive unplugged under a reader", run: unplugged },
    Row { name: "two discs with one label", run: one_label },
    Row { name: "the same disc in two drives", run: same_twice },
    Row { name: "its processes are killed, then the disc is changed", run: killed },
    Row { name: "a disc while another drive hangs", run: hung },
    Row { name: "20 discs come and are taken out by force: what is left over", run: left_over },
];

const LABEL: &str = "PEER-DISC-01";
const OTHER: &str = "PEER-DISC-02";
const TWIN: &str = "PEER-TWIN-01";
const DRIVE: &str = "peer0";
const SECOND_DRIVE: &str = "peer1";

/// What is done with the disc meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Usage {
    Idle,
    OpenFile,
    Download,
}

fn first(stage: &Stage<'_>) -> io::Result<Disc> {
    stage.disc(LABEL, LABEL, 0)
}

fn second(stage: &Stage<'_>) -> io::Result<Disc> {
    stage.disc(OTHER, OTHER, 1)
}

/// The first disc, shown from a drive of its own.
fn shown(stage: &Stage<'_>) -> io::Result<Disc> {
    let disc = first(stage)?;
    stage.plug(DRIVE, Some(&disc))?;
    stage.is_there(&disc)?;
    stage.script("udevadm settle")?;
    Ok(disc)
}

fn begin(stage: &Stage<'_>, disc: &Disc, usage: Usage) -> io::Result<()> {
    match usage {
        Usage::Idle => Ok(()),
        Usage::OpenFile => stage.open_file(disc),
        Usage::Download => stage.download(disc),
    }
}

fn end(stage: &Stage<'_>, disc: &Disc, usage: Usage) -> io::Result<String> {
    Ok(match usage {
        Usage::OpenFile => format!("; the reader gets {}", stage.reader_of(disc, None)?),
        Usage::Idle | Usage::Download => String::new(),
    })
}

fn plugged_in(stage: &Stage<'_>) -> io::Result<String> {
    let disc = first(stage)?;
    stage.comes(&disc, || stage.plug(DRIVE, Some(&disc)))
}

fn put_in(stage: &Stage<'_>) -> io::Result<String> {
    let disc = first(stage)?;
    stage.plug(DRIVE, None)?;
    stage.script("sleep 3; udevadm settle")?;
    stage.comes(&disc, || stage.change(DRIVE, &disc))
}

/// With the events that systemd has udev repeat at boot, for what was there before.
fn at_start(stage: &Stage<'_>) -> io::Result<String> {
    let disc = shown(stage)?;
    stage.script(
        "systemctl stop isomirrord udiskie udisks2 autofs 2>/dev/null || true
         awk '/ iso9660 / { print $5 }' /proc/1/mountinfo | sort -r | xargs -r umount
         systemctl reset-failed",
    )?;
    stage.comes(&disc, || {
        stage.script(stage.system.begin)?;
        stage.script("udevadm trigger --action=add; udevadm settle").map(drop)
    })
}

fn eject(stage: &Stage<'_>, usage: Usage) -> io::Result<String> {
    let disc = shown(stage)?;
    begin(stage, &disc, usage)?;
    let mut tray = String::new();
    let gone = stage.goes(&disc, || {
        tray = stage.eject(DRIVE)?;
        Ok(())
    })?;
    Ok(format!("{tray}, {gone}{}", end(stage, &disc, usage)?))
}

fn guest_eject(stage: &Stage<'_>) -> io::Result<String> {
    let disc = shown(stage)?;
    begin(stage, &disc, Usage::OpenFile)?;
    let mut tray = "";
    let gone = stage.goes(&disc, || {
        stage.guest.run("eject $(readlink -f /dev/disk/by-id/scsi-*peer0)")?;
        let is_open = stage.guest.tray(DRIVE).map_err(io::Error::other)?.open;
        tray = if is_open { "tray open" } else { "**refused**" };
        Ok(())
    })?;
    Ok(format!("{tray}, {gone}{}", end(stage, &disc, Usage::OpenFile)?))
}

fn silent(stage: &Stage<'_>, usage: Usage) -> io::Result<String> {
    let disc = shown(stage)?;
    begin(stage, &disc, usage)?;
    let gone = stage.goes(&disc, || stage.force_eject(DRIVE))?;
    Ok(format!("{gone}{}", end(stage, &disc, usage)?))
}

fn forced_change(stage: &Stage<'_>) -> io::Result<String> {
    let (disc, other) = (shown(stage)?, second(stage)?);
    begin(stage, &disc, Usage::OpenFile)?;
    let next = stage.comes(&other, || stage.change(DRIVE, &other))?;
    let reader = stage.reader_of(&disc, Some(&other))?;
    let old = stage.sight(&disc)?;
    Ok(format!("the reader gets {reader}; old name: {old}; next disc {next}"))
}

fn unplugged(stage: &Stage<'_>) -> io::Result<String> {
    let disc = shown(stage)?;
    begin(stage, &disc, Usage::OpenFile)?;
    let gone = stage.goes(&disc, || stage.unplug(DRIVE))?;
    Ok(format!("{gone}{}", end(stage, &disc, Usage::OpenFile)?))
}

fn one_label(stage: &Stage<'_>) -> io::Result<String> {
    shown(stage)?;
    let twin = stage.disc(LABEL, TWIN, 1)?;
    stage.plug(SECOND_DRIVE, Some(&twin))?;
    stage.script("sleep 5; udevadm settle; sleep 3")?;
    texts(stage)
}

fn same_twice(stage: &Stage<'_>) -> io::Result<String> {
    let disc = shown(stage)?;
    stage.plug(SECOND_DRIVE, Some(&disc))?;
    stage.script("sleep 5; udevadm settle; sleep 3")?;
    texts(stage)
}

/// What can be read below the root, by name.
fn texts(stage: &Stage<'_>) -> io::Result<String> {
    let root = stage.system.root;
    let text = stage.script(&format!(
        "ls {root}/{LABEL} >/dev/null 2>&1 || true
         for file in {root}/*/label.txt; do
             test -e \"$file\" || continue
             name=${{file%/label.txt}}
             printf '`%s` shows %s\\n' \"${{name##*/}}\" \"$(cat \"$file\")\"
         done"
    ))?;
    Ok(text.lines().collect::<Vec<_>>().join(", "))
}

fn killed(stage: &Stage<'_>) -> io::Result<String> {
    let processes = stage.system.processes;
    if processes.is_empty() {
        return Ok("not measured (it is PID 1)".to_owned());
    }
    let (disc, other) = (shown(stage)?, second(stage)?);
    stage.script(&format!("kill -KILL $({processes}); sleep 4"))?;
    let after = stage.sight(&disc)?;
    let next = stage.comes(&other, || stage.change(DRIVE, &other))?;
    let old = stage.sight(&disc)?;
    // Whatever the outcome, it runs again for the next row.
    stage.script(&format!(
        "systemctl reset-failed
         test -n \"$({processes} | tr -d '0 \\n')\" || {{ true\n{}\n}}",
        stage.system.begin
    ))?;
    Ok(format!("killed: {after}; next disc {next}, old name: {old}"))
}

fn hung(stage: &Stage<'_>) -> io::Result<String> {
    let (disc, other) = (first(stage)?, second(stage)?);
    stage.note_plugged("hung");
    stage
        .guest
        .attach_faulty_drive("hung", &other.image, Fault::Hangs)
        .map_err(io::Error::other)?;
    sleep(Duration::from_secs(8));
    stage.comes(&disc, || stage.plug(DRIVE, Some(&disc)))
}

fn left_over(stage: &Stage<'_>) -> io::Result<String> {
    let discs = [first(stage)?, second(stage)?];
    stage.plug(DRIVE, None)?;
    stage.script("sleep 2; udevadm settle")?;
    let before = holdings(stage)?;
    let mut missed = 0;
    for disc in discs.iter().cycle().take(20) {
        stage.change(DRIVE, disc)?;
        let there = format!(
            "test \"$(timeout 5 cat {}/{}/label.txt)\" = {}",
            stage.system.root, disc.label, disc.label
        );
        missed += u32::from(stage.guest.wait_until(&there, Duration::from_secs(8)).is_err());
        stage.force_eject(DRIVE)?;
        stage.script("sleep 1")?;
    }
    stage.script("sleep 6; udevadm settle")?;
    let after = holdings(stage)?;
    let more: Vec<_> = ["mounts", "loop devices", "directories"]
        .iter()
        .zip(before.iter().zip(&after))
        .filter(|(_, (before, after))| after > before)
        .map(|(what, (before, after))| format!("{} {what}", after - before))
        .collect();
    let left =
        if more.is_empty() { "nothing".to_owned() } else { format!("**{}**", more.join(", ")) };
    Ok(if missed == 0 { left } else { format!("{left}; {missed} of 20 not shown in 8 s") })
}

/// Mounts of discs, loop devices, and directories below the root.
fn holdings(stage: &Stage<'_>) -> io::Result<Vec<u32>> {
    let text = stage.script(&format!(
        "grep -c ' iso9660 ' /proc/1/mountinfo || true
         losetup --list --noheadings | wc -l
         find {} -mindepth 1 -maxdepth 1 -type d ! -name _ | wc -l",
        stage.system.root
    ))?;
    text.lines().map(|line| line.trim().parse().map_err(io::Error::other)).collect()
}
