//! Reading the configuration from YAML, with the place of everything that is wrong.
//!
//! serde stops at the first error. So that a file can be mended in one go, a file with errors is read again once for
//! each of its keys, and each element of its lists, with all others left out: an error then is that part's.

use std::fmt;

use serde::Deserialize;

use super::{Config, key_path::Step, only_key::OnlyKey, outline::Outline, yaml_words};

/// Something wrong with a configuration. Written `LINE:COLUMN: what is wrong`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Line of the key or value, from 1.
    pub line: usize,
    /// Column of the key or value, from 1, in characters.
    pub column: usize,
    /// What is wrong and, where that can be told, what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// Reads a configuration. What the text does not state has its default; so has everything in an empty text.
///
/// # Errors
/// Everything that is wrong, at least one [`Problem`], in the order of the file.
pub fn parse(text: &str) -> Result<Config, Vec<Problem>> {
    let first = match serde_yaml::from_str::<Option<Config>>(text) {
        Ok(config) => return Ok(config.unwrap_or_default()),
        Err(error) => error,
    };
    let paths = match serde_yaml::from_str::<Outline>(text) {
        Ok(outline) => outline.paths(),
        Err(not_yaml) => return Err(vec![problem(&not_yaml)]),
    };
    let mut problems: Vec<_> =
        paths.iter().filter_map(|path| check_part(text, path).err()).map(|e| problem(&e)).collect();
    problems.sort();
    problems.dedup();
    if problems.is_empty() {
        problems.push(problem(&first));
    }
    Err(problems)
}

/// Reads the configuration with only the part at `path` in it.
fn check_part(text: &str, path: &[Step]) -> Result<Config, serde_yaml::Error> {
    Config::deserialize(OnlyKey::new(serde_yaml::Deserializer::from_str(text), path))
}

/// The error of a reader of YAML with its place apart.
pub(crate) fn problem(error: &serde_yaml::Error) -> Problem {
    let mut message = error.to_string();
    let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    // The place stands before the message already.
    if let Some(start) = message.find(&format!(" at line {line} column {column}")) {
        message.truncate(start);
    }
    Problem { line, column, message: yaml_words::plain(&message.replace('\n', " ")) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{collection, option, prelude::*};

    use super::*;
    use crate::config::{
        BaseUrl, BootConfig, ByteSize, EjectPolicy, ImageDirectory, ListenAddress, ListenAddresses,
        MountOptions, NameTemplate, OnStop, Period, Resource, WebRoot, render,
    };
    use crate::{
        backend_choice::BackendChoice, containment::SymlinkPolicy, drive::DriveSelection,
        name::sanitise,
    };

    const DRIVES: [DriveSelection; 3] =
        [DriveSelection::Optical, DriveSelection::Any, DriveSelection::None];
    const SYMLINKS: [SymlinkPolicy; 3] =
        [SymlinkPolicy::Contained, SymlinkPolicy::Off, SymlinkPolicy::Follow];

    fn problems(text: &str) -> Vec<String> {
        parse(text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_not_stated_has_its_default() {
        for text in ["", "# nothing\n", "---\n", "{}", "media:\n", "media: {}\nserve: {}\n"] {
            assert_eq!(parse(text), Ok(Config::default()), "{text:?}");
        }
        let config = parse("media: {settle: 3s}\n").unwrap();
        assert_eq!(config.media.settle, Period::from_milliseconds(3000));
        assert_eq!(config.media.drives, DriveSelection::Optical);
        assert_eq!(config.media.directories, Config::default().media.directories);
    }

    #[test]
    fn every_key_is_read() {
        let config = parse(
            "webroot: /srv/www\n\
             media:\n  drives: any\n  directories: [/srv/iso, {path: /srv/more, recursive: false}]\n  settle: 1m\n\
             mount: {backend: erofs, drain: 1s, eject: defer, eject_deadline: 1m, symlinks: off, options: {udf: uid=33}, on_stop: unmount, views: false}\n\
             names: {template: '{uuid}', aliases: {Old Disc: old}}\n\
             serve: {listen: ['[::]:80', 'unix:/run/a.sock'], base_url: 'https://mirror.example/', access_log: /a.log, \
             connections: 9, connections_per_address: 3, minimum_speed: 2KiB, congestion_control: cubic}\n\
             boot: {default: Rocky-9, timeout: 5s, answers: {Rocky-9: /a.ks, rhel-el8plus: 'http://a/b.ks'}, \
             wimboot: /wimboot}\n\
             fetch: {want: [rocky-9], sources: ['file:///mnt/isos', 'smb://anna@nas/isos', 'http://peer/'], \
             upload: 'smb://nas/incoming', smb_credentials: /etc/smb, progress_interval: 2s, concurrency: 1, bandwidth: 10MiB, window: '22:00-06:00', \
             keep: 2, pin: [rocky-9/9.5], quota: 1GB, scrub: 7d, stall_timeout: 5s, minimum_speed: 1KB, interval: 1d, min_trust: signed-list}\n",
        )
        .unwrap();
        assert_eq!(config.webroot.path(), std::path::Path::new("/srv/www"));
        let directories: Vec<_> = config
            .media
            .directories
            .iter()
            .map(|d| (d.path().to_str().unwrap(), d.recursive()))
            .collect();
        assert_eq!(directories, [("/srv/iso", true), ("/srv/more", false)]);
        assert_eq!(config.mount.backend, BackendChoice::Erofs);
        assert_eq!(config.mount.symlinks, SymlinkPolicy::Off);
        assert_eq!(config.mount.eject, EjectPolicy::Defer);
        assert_eq!(config.mount.eject_deadline, Period::from_milliseconds(60_000));
        assert_eq!(config.mount.on_stop, OnStop::Unmount);
        assert_eq!(config.mount.options["udf"].as_str(), "uid=33");
        assert_eq!(config.names.aliases["Old Disc"].as_str(), "old");
        assert_eq!(config.names.rules().template, "{uuid}");
        let listen: Vec<_> =
            config.serve.listen.as_slice().iter().map(ToString::to_string).collect();
        assert_eq!(listen, ["[::]:80", "unix:/run/a.sock"]);
        assert_eq!(config.serve.access_log.unwrap().path(), std::path::Path::new("/a.log"));
        assert_eq!(config.serve.connections.get(), 9);
        assert_eq!(config.serve.connections_per_address.get(), 3);
        assert_eq!(config.serve.minimum_speed.bytes(), 2048);
        assert_eq!(config.serve.congestion_control.unwrap().as_str(), "cubic");
        assert_eq!(config.serve.base_url.unwrap().as_str(), "https://mirror.example");
        assert!(!config.mount.views);
        assert_eq!(config.boot.default.unwrap().as_str(), "Rocky-9");
        assert_eq!(config.boot.timeout, Some(Period::from_milliseconds(5000)));
        assert_eq!(config.boot.answers["rhel-el8plus"].url("http://m"), "http://a/b.ks");
        assert_eq!(config.boot.answers["Rocky-9"].url("http://m"), "http://m/a.ks");
        assert_eq!(config.boot.wimboot.unwrap().url("http://m"), "http://m/wimboot");
        assert_eq!(config.fetch.bandwidth.at(0), Some(10 << 20));
        assert!(config.fetch.pin[0].is("rocky-9", "9.5"));
        assert_eq!(config.fetch.quota, Some(ByteSize::from_bytes(1_000_000_000)));
        assert_eq!(config.fetch.scrub.unwrap().to_string(), "7d");
        let sources: Vec<_> = config.fetch.sources.iter().map(ToString::to_string).collect();
        assert_eq!(sources, ["file:///mnt/isos", "smb://anna@nas/isos", "http://peer"]);
        assert_eq!(config.fetch.upload.unwrap().to_string(), "smb://nas/incoming");
        assert_eq!(config.fetch.smb_credentials.unwrap(), std::path::Path::new("/etc/smb"));
        assert_eq!(config.fetch.progress_interval, Period::from_milliseconds(2000));
        assert_eq!(config.fetch.keep.get(), 2);
        assert_eq!(config.fetch.min_trust, Some(crate::trust::Trust::SignedList));
    }

    #[test]
    fn every_error_has_its_place_and_its_remedy() {
        for (text, expected) in [
            ("webrot: /srv\n", "1:1: unknown key `webrot`: did you mean `webroot`?"),
            ("media:\n  drive: any\n", "2:3: media: unknown key `drive`: did you mean `drives`?"),
            (
                "media:\n  directories:\n    - pth: /srv\n",
                "3:7: media.directories[0]: unknown key `pth`: did you mean `path`?",
            ),
            (
                "media:\n  directories:\n    - iso\n",
                "3:7: media.directories[0]: `iso` is not an absolute path",
            ),
            (
                "media: {directories: [{path: iso}]}\n",
                "1:30: media.directories[0].path: `iso` is not an absolute path",
            ),
            ("media: {directories: [{recursive: yes}]}", "1:35: "),
            (
                "media: {directories: [{recursive: true}]}",
                "1:23: media.directories[0]: missing field `path`",
            ),
            ("webroot: srv\n", "1:10: webroot: `srv` is not an absolute path"),
            (
                "media: {drives: optcal}",
                "1:17: media.drives: unknown value `optcal`: did you mean `optical`?",
            ),
            ("media: 5", "1:8: media: invalid type: integer `5`, expected keys and values"),
            ("names: {template: '{lable}'}", "1:19: names.template: `{lable}` cannot be filled in"),
            (
                "mount: {options: {udf: rw}}",
                "1:24: mount.options.udf: the mount option `rw` is not allowed",
            ),
            ("names: {aliases: {a: ../b}}", "1:22: names.aliases.a: `../b` is not a name"),
            ("serve: {base_url: mirror}", "1:19: serve.base_url: `mirror` is not a base URL"),
            ("boot: {default: ../a}", "1:17: boot.default: `../a` is not a name"),
            ("boot: {timeout: 30}", "1:17: boot.timeout: `30` is not a length of time"),
            ("boot: {answers: {a: b}}", "1:21: boot.answers.a: not a URL or a path on the mirror"),
            ("boot: {wimboot: 'http://a/ b'}", "1:17: boot.wimboot: not a URL or a path"),
            ("boot: {answer: {}}", "1:8: boot: unknown key `answer`: did you mean `answers`?"),
            ("mount: {views: some}", "1:16: mount.views: invalid type"),
            ("fetch: {interval: 0s}", "1:19: fetch.interval: must be longer than `0s`"),
            ("fetch: {keep: 0}", "1:15: fetch.keep: invalid value: integer `0`"),
            ("fetch: {bandwidth: 3}", "1:20: fetch.bandwidth: `3` is not a number of bytes"),
            ("webroot: /a\nwebroot: /b\n", "2:1: `webroot` is given twice"),
            ("webroot: [\n", "2:1: did not find expected node content"),
            ("- a\n", "1:1: invalid type: a list, expected keys and values"),
            ("5: 6\n", "1:1: unknown key `5`: there are `webroot`"),
        ] {
            let found = problems(text);
            assert!(found.len() == 1 && found[0].starts_with(expected), "{text}: {found:#?}");
        }
    }

    #[test]
    fn places_that_images_cannot_come_from_or_go_to_are_told_alike() {
        for (text, expected) in [
            (
                "fetch: {sources: ['smb://u:secret@nas/isos']}",
                "1:19: fetch.sources[0]: has a password in it: put it into a file",
            ),
            (
                "fetch:\n  sources:\n    - file:///a\n    - /srv/isos\n",
                "4:7: fetch.sources[1]: is a path: write a directory as a URL",
            ),
            (
                "fetch: {upload: 'http://nas/isos'}",
                "1:17: fetch.upload: cannot be copied to: write",
            ),
            (
                "fetch: {smb_credentials: smb}",
                "1:26: fetch.smb_credentials: `smb` is not the absolute path of a file",
            ),
        ] {
            let found = problems(text);
            assert!(found.len() == 1 && found[0].starts_with(expected), "{text}: {found:#?}");
        }
    }

    #[test]
    fn what_the_server_cannot_do_is_told_alike() {
        for (text, expected) in [
            (
                "serve: {listen: localhost}",
                "1:17: serve.listen: `localhost` is not an address to listen on",
            ),
            (
                "serve:\n  listen:\n    - unix:/a\n    - unix:b\n",
                "4:7: serve.listen[1]: `unix:b` is not an address to listen on",
            ),
            ("serve: {listen: []}", "1:17: serve.listen: needs at least one address"),
            (
                "serve: {access_log: a.log}",
                "1:21: serve.access_log: `a.log` is not the absolute path",
            ),
            ("serve: {connections: 0}", "1:22: serve.connections: invalid value: integer `0`"),
            (
                "serve: {congestion_control: BBR}",
                "1:29: serve.congestion_control: `BBR` is not a congestion control algorithm",
            ),
        ] {
            let found = problems(text);
            assert!(found.len() == 1 && found[0].starts_with(expected), "{text}: {found:#?}");
        }
    }

    #[test]
    fn all_errors_of_a_file_are_found_in_its_order() {
        let text = "webrot: /srv\nmedia:\n  drives: cd\n  settle: 10\n  directorys: []\nfetch:\n  keep: -1\n";
        let places: Vec<_> = parse(text).unwrap_err().iter().map(|p| (p.line, p.column)).collect();
        assert_eq!(places, [(1, 1), (3, 11), (4, 11), (5, 3), (7, 9)]);
    }

    #[test]
    fn all_errors_within_one_key_are_found_too() {
        let text = "names:\n  aliases: {a: ../b, c: d, e: _f}\nfetch:\n  sources: [/a, 'file:///b', ftp://c]\n  \
                    bandwidth:\n    - {windw: '08:00-18:00', limit: 2MiB}\n    - {limit: fast}\nmedia:\n  \
                    directories: [a, {path: /b, recursiv: true}]\nserve:\n  listen: ['[::]:80', 80, '[::]:80']\n  \
                    connections: many\nmount: {backend: erosf, options: {udf: rw, iso9660: 'a b'}}\n";
        let found = problems(text);
        let expected = [
            "2:16: names.aliases.a: `../b` is not a name",
            "2:31: names.aliases.e: `_f` is not a name",
            "4:13: fetch.sources[0]: is a path",
            "4:30: fetch.sources[2]: is no place of images",
            "6:8: fetch.bandwidth[0]: unknown key `windw`: did you mean `window`?",
            "7:15: fetch.bandwidth[1].limit: `fast` is not a number of bytes",
            "9:17: media.directories[0]: `a` is not an absolute path",
            "9:31: media.directories[1]: unknown key `recursiv`: did you mean `recursive`?",
            "11:23: serve.listen[1]: `80` is not an address to listen on",
            "12:16: serve.connections: invalid type: string \"many\"",
            "13:18: mount.backend: unknown value `erosf`: did you mean `erofs`?",
            "13:40: mount.options.udf: the mount option `rw` is not allowed",
            "13:53: mount.options.iso9660: `a b` is not a list of mount options",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
        let twice = problems("serve: {listen: ['[::]:80', '[::]:80']}");
        assert_eq!(twice, ["1:17: serve.listen: `[::]:80` is given twice"]);
    }

    fn boot_configs() -> impl Strategy<Value = BootConfig> {
        let resources = "https?://[a-z@.]{1,4}[!a-z~?&=:/{}-]{1,12}";
        let answers = collection::btree_map("[^\0]{0,6}", resources, 0..3);
        (option::of("[a-z][a-z~ .]{0,8}"), option::of(any::<u64>()), answers).prop_map(
            |(default, timeout, answers)| {
                let resource = |text| Resource::try_from(text).unwrap();
                let answers: BTreeMap<_, _> =
                    answers.into_iter().map(|(key, text)| (key, resource(text))).collect();
                BootConfig {
                    default: default.and_then(|name| sanitise(&name)),
                    timeout: timeout.map(Period::from_milliseconds),
                    wimboot: answers.values().next().cloned(),
                    answers,
                }
            },
        )
    }

    fn listen(v6: bool, port: u16) -> ListenAddresses {
        if !v6 {
            return std::net::SocketAddr::from(([127, 0, 0, 1], port)).into();
        }
        let unix = ListenAddress::Unix("/run/a b#.sock".into());
        let tcp = ListenAddress::Tcp(([0_u16; 8], port).into());
        ListenAddresses::new(vec![unix, tcp]).unwrap()
    }

    fn configs() -> impl Strategy<Value = Config> {
        let directories = collection::vec(
            ("/[^\0]{0,20}", any::<bool>())
                .prop_map(|(path, recursive)| ImageDirectory::new(path.into(), recursive).unwrap()),
            0..4,
        );
        let media = (0..3_usize, directories, any::<u64>());
        let mount = (
            0..6_usize,
            0..3_usize,
            any::<u64>(),
            any::<bool>(),
            option::of("[a-z]{1,8}=[!-+--~]{0,8}"),
        );
        let other = ("[^{}\0]{0,9}", option::of("https://[a-z0-9.:]{1,12}"), any::<(u16, bool)>());
        let fetch = (
            collection::vec(any::<String>(), 0..3),
            1..=u16::MAX,
            option::of(any::<u64>()),
            1_u64..,
        );
        ("/[a-z~ :#é-]{1,20}", media, mount, other, fetch, boot_configs()).prop_map(
            |(webroot, media, mount, (literal, base_url, (port, v6)), fetch, boot)| {
                let mut config = Config {
                    webroot: WebRoot::try_from(std::path::PathBuf::from(webroot)).unwrap(),
                    ..Config::default()
                };
                config.media.drives = DRIVES[media.0];
                config.media.directories = media.1;
                config.media.settle = Period::from_milliseconds(media.2);
                config.mount.backend = BackendChoice::ALL[mount.0];
                config.mount.symlinks = SYMLINKS[mount.1];
                config.mount.drain = Period::from_milliseconds(mount.2);
                config.mount.on_stop = if mount.3 { OnStop::Keep } else { OnStop::Unmount };
                config.mount.options = mount
                    .4
                    .into_iter()
                    .map(|o| ("udf".to_owned(), MountOptions::try_from(o).unwrap()))
                    .collect();
                config.names.template =
                    NameTemplate::try_from(format!("{literal}{{label}}")).unwrap();
                config.names.aliases =
                    sanitise(&fetch.0.concat()).map(|name| (literal, name)).into_iter().collect();
                config.serve.base_url = base_url.map(|url| BaseUrl::try_from(url).unwrap());
                config.serve.listen = listen(v6, port);
                config.serve.access_log = v6.then(|| "/a: #b".to_owned().try_into().unwrap());
                config.mount.views = v6;
                config.boot = boot;
                config.fetch.want = fetch.0;
                config.fetch.keep = fetch.1.try_into().unwrap();
                config.fetch.bandwidth = fetch
                    .2
                    .map(|limit| crate::config::Bandwidth::always(ByteSize::from_bytes(limit)))
                    .unwrap_or_default();
                config.fetch.quota = fetch.2.map(ByteSize::from_bytes);
                config.fetch.interval = Period::from_milliseconds(fetch.3);
                config
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_rendered_is_read_back(config in configs()) {
            let text = render(&config).unwrap();
            prop_assert_eq!(parse(&text), Ok(config), "{}", text);
        }

        #[test]
        fn no_text_panics(text in "[a-z:{}\\[\\]&*!|>'\"%@`#, \n-]{0,80}") {
            if let Err(problems) = parse(&text) {
                prop_assert!(!problems.is_empty());
            }
        }
    }
}
