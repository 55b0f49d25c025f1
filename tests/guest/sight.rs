//! All that can be seen of one name from outside of the daemon, at one moment.

use std::collections::HashMap;

use serde_json::Value;

use crate::discs::Disc;

/// What `look.sh` printed, taken apart.
#[derive(Debug)]
pub(crate) struct Sight {
    name: String,
    /// The state document.
    pub(crate) state: Value,
    /// Lines of mountinfo of PID 1 below the web root.
    pub(crate) mounts: Vec<String>,
    /// Names in the web root.
    pub(crate) listed: Vec<String>,
    /// SHA-256 of `filler` through the mount, or what went wrong.
    mounted: String,
    /// Status of a GET of `filler`, and the SHA-256 of what came.
    status: String,
    served: String,
    /// `/index.json`.
    pub(crate) index: Value,
}

impl Sight {
    pub(crate) fn of(name: &str, text: &str) -> Self {
        let mut parts: HashMap<&str, &str> = text
            .split("\n@@")
            .filter_map(|part| part.split_once('\n'))
            .map(|(name, text)| (name, text.trim()))
            .collect();
        let mut part = |name| parts.remove(name).unwrap_or_default();
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        let json = |text| serde_json::from_str(text).unwrap_or(Value::Null);
        Self {
            name: name.to_owned(),
            state: json(part("state")),
            mounts: lines(part("mounts")),
            listed: lines(part("listed")),
            mounted: part("mounted").to_owned(),
            status: part("status").to_owned(),
            served: part("served").to_owned(),
            index: json(part("index")),
        }
    }

    /// The medium of this name in a document.
    fn medium_in<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        document["media"].as_array()?.iter().find(|medium| medium["name"] == *self.name)
    }

    /// The medium of this name in the state document.
    pub(crate) fn medium(&self) -> Option<&Value> {
        self.medium_in(&self.state)
    }

    fn mount(&self) -> Option<Vec<&str>> {
        let point = format!("/srv/isomirror/{}", self.name);
        let mut mounts = self.mounts.iter().map(|line| line.split(' ').collect::<Vec<_>>());
        mounts.find(|fields| fields[4] == point)
    }

    /// What is not as it should be where `disc` is published under this name; empty where all is well.
    pub(crate) fn wrong_for(&self, disc: &Disc) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut expect = |what: &str, is_so: bool, seen: &dyn std::fmt::Debug| {
            if !is_so {
                wrong.push(format!("{what}: {seen:?}"));
            }
        };
        let hash = disc.filler_hash();
        let medium = self.medium();
        let is_serving = |medium: &Value| {
            medium["state"] == "serving" && medium["label"].as_str() == Some(&*disc.label)
        };
        expect("state document", medium.is_some_and(is_serving), &medium);
        let in_index = self.medium_in(&self.index);
        expect("/index.json", in_index.is_some(), &in_index);
        expect("directory", self.listed.contains(&self.name), &self.listed);
        let mount = self.mount();
        expect("mount of PID 1", mount.as_deref().is_some_and(is_safe), &mount);
        expect("content of the mount", self.mounted.starts_with(&hash), &self.mounted);
        expect("status of the URL", self.status == "200", &self.status);
        expect("content of the URL", self.served.starts_with(&hash), &self.served);
        wrong
    }

    /// What is still there of a name that should be gone.
    pub(crate) fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        let mut refuse = |what: &str, is_there: bool, seen: &dyn std::fmt::Debug| {
            if is_there {
                left.push(format!("{what}: {seen:?}"));
            }
        };
        refuse("state document", self.medium().is_some(), &self.medium());
        let in_index = self.medium_in(&self.index);
        refuse("/index.json", in_index.is_some(), &in_index);
        refuse("directory", self.listed.contains(&self.name), &self.listed);
        refuse("mount of PID 1", self.mount().is_some(), &self.mounts);
        refuse("URL", self.status != "404", &self.status);
        left
    }
}

/// Whether a line of mountinfo has the options that all media are mounted with.
fn is_safe(fields: &[&str]) -> bool {
    let options: Vec<_> = fields[5].split(',').collect();
    ["ro", "nosuid", "nodev", "noexec"].iter().all(|option| options.contains(option))
}
