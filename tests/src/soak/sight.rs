//! All that can be seen from outside of the daemon at one moment, and whose bytes each name gives.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::FileExt,
    path::Path,
};

use serde_json::{Value, json};

use super::{
    BLOCK, BLOCKS, Disc,
    readers::{HTTP_PORT, WEBROOT},
    whose,
};
use crate::{corrupt::Random, http};

/// Blocks of each name that are looked at in each way.
const PIECES: usize = 3;

/// What there is.
#[derive(Debug)]
pub struct Sight {
    /// The state document.
    pub state: Value,
    /// `/index.json`.
    pub index: Value,
    /// Directories of the web root that are not the views.
    pub listed: BTreeSet<String>,
    /// Mount points below the web root, as PID 1 sees them, without what is before the name.
    pub mounted: Vec<String>,
    /// What came of each name that is known, listed or asked for.
    pub names: BTreeMap<String, NameSight>,
    /// Units that run after all of this was seen.
    pub running: BTreeSet<String>,
}

/// What came of one name: the disc, or in words why none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameSight {
    /// Through the mount.
    pub mount: Result<Disc, String>,
    /// Over HTTP, from the tree.
    pub http: Result<Disc, String>,
    /// Over HTTP, from the image.
    pub image: Result<Disc, String>,
}

/// Looks, from inside of the guest. `seed` tells at which blocks, `asked` names that may be gone, `blocks_offset` where
/// the blocks are in an image.
///
/// # Errors
/// Where even the kernel does not answer.
pub fn look(seed: u64, blocks_offset: usize, asked: &[String]) -> io::Result<Value> {
    let document = |text: Option<String>| -> Value {
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    };
    let state = document(fs::read_to_string("/run/isomirror/state.json").ok());
    let index = document(http::get(HTTP_PORT, "/index.json").ok().map(|answer| answer.text()));
    let listed = listed()?;
    let mounted = mounted()?;
    let known = state["media"].as_array().into_iter().flatten();
    let known = known.filter_map(|medium| medium["name"].as_str().map(str::to_owned));
    let all: BTreeSet<String> = known.chain(listed.iter().cloned()).chain(asked.to_vec()).collect();
    let mut random = Random::new(seed);
    let mut ways = |name: &str| {
        json!({
            "mount": told(through_mount(name, &mut random)),
            "http": told(over_http(&format!("/{name}/blocks"), 0, &mut random)),
            "image": told(over_http(&format!("/_/{name}.iso"), blocks_offset, &mut random)),
        })
    };
    let names: BTreeMap<_, _> = all.iter().map(|name| (name, ways(name))).collect();
    let running = running()?;
    Ok(json!({
        "state": state, "index": index, "listed": listed, "mounted": mounted, "names": names,
        "running": running,
    }))
}

/// Services that have a process, by their control groups.
fn running() -> io::Result<BTreeSet<String>> {
    let entries = fs::read_dir("/sys/fs/cgroup/system.slice")?.filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter_map(|name| name.strip_suffix(".service").map(str::to_owned)).collect())
}

fn told(seen: Result<Disc, String>) -> Value {
    seen.map_or_else(|error| json!({ "error": error }), |disc| json!({ "disc": disc.0 }))
}

fn listed() -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(WEBROOT)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // The type alone: a mount that hangs must not be asked.
        if name != "_" && entry.file_type()?.is_dir() {
            names.insert(name);
        }
    }
    Ok(names)
}

fn mounted() -> io::Result<Vec<String>> {
    let table = fs::read_to_string("/proc/1/mountinfo")?;
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    let below = points.filter_map(|point| point.strip_prefix(WEBROOT)?.strip_prefix('/'));
    Ok(below.map(str::to_owned).collect())
}

/// Whose the pieces are that `read` gives, which have to be one disc's.
fn one_disc(
    random: &mut Random,
    mut read: impl FnMut(u32) -> Result<Vec<u8>, String>,
) -> Result<Disc, String> {
    let mut seen = BTreeSet::new();
    for _ in 0..PIECES {
        let number = u32::try_from(random.below(BLOCKS as usize)).unwrap_or_default();
        let bytes = read(number)?;
        let disc = whose(&bytes, number);
        seen.insert(disc.ok_or_else(|| format!("block {number} is no disc's"))?);
    }
    let mut seen = seen.into_iter();
    match (seen.next(), seen.next()) {
        (Some(disc), None) => Ok(disc),
        discs => Err(format!("bytes of several discs: {discs:?}")),
    }
}

fn through_mount(name: &str, random: &mut Random) -> Result<Disc, String> {
    let told = |error: io::Error| error.kind().to_string();
    let file = fs::File::open(Path::new(WEBROOT).join(name).join("blocks")).map_err(told)?;
    one_disc(random, |number| {
        let mut bytes = vec![0; BLOCK];
        file.read_exact_at(&mut bytes, u64::from(number) * BLOCK as u64).map_err(told)?;
        Ok(bytes)
    })
}

fn over_http(path: &str, offset: usize, random: &mut Random) -> Result<Disc, String> {
    one_disc(random, |number| {
        let start = offset + number as usize * BLOCK;
        let range = format!("bytes={start}-{}", start + BLOCK - 1);
        let answer = http::request(HTTP_PORT, "GET", path, &[("Range", &range)])
            .map_err(|error| error.kind().to_string())?;
        if answer.status == 206 { Ok(answer.body) } else { Err(answer.status.to_string()) }
    })
}

impl Sight {
    /// What [`look`] told.
    #[must_use]
    pub fn of(told: &Value) -> Self {
        let texts = |key: &str| {
            let values = told[key].as_array().into_iter().flatten();
            values.filter_map(|value| value.as_str().map(str::to_owned))
        };
        let names = told["names"].as_object().into_iter().flatten();
        Self {
            state: told["state"].clone(),
            index: told["index"].clone(),
            listed: texts("listed").collect(),
            mounted: texts("mounted").collect(),
            names: names.map(|(name, seen)| (name.clone(), NameSight::of(seen))).collect(),
            running: texts("running").collect(),
        }
    }
}

impl NameSight {
    fn of(told: &Value) -> Self {
        let one = |key: &str| {
            let disc = told[key]["disc"].as_u64().and_then(|number| u32::try_from(number).ok());
            let error = told[key]["error"].as_str().unwrap_or("nothing was told");
            disc.map(Disc).ok_or_else(|| error.to_owned())
        };
        Self { mount: one("mount"), http: one("http"), image: one("image") }
    }
}
