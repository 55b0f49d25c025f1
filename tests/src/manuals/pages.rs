//! The pages: what stands in each, and in which order.

use clap::{Command, CommandFactory};
use isomirror::cli::{DaemonOptions, Options, mount_helper_command};
use isomirror_core::{catalog, config};

use super::{
    Generated,
    command_page::{after_help, arguments, sentence, synopsis, visible},
    roff::{Page, bold},
    schema_page,
};

/// A configuration that somebody might have. A test checks it.
pub const CONFIGURATION: &str = "\
media:
  directories: [/srv/isos]
names:
  aliases: {CCCOMA_X64FRE_EN-US_DV9: windows-11}
serve:
  base_url: https://mirror.example
boot:
  default: Rocky-9-6-x86_64-dvd
  timeout: 10s
  answers: {Rocky-9-6-x86_64-dvd: /answers/web.ks}
fetch:
  want: [debian-13-netinst-amd64, rocky-9-dvd-x86_64]
  window: \"22:00-06:00\"
  bandwidth: 20MiB
";

/// A file of the catalog that somebody might have. A test checks it.
pub const CATALOG: &str = "\
schema: 1
entries:
  example-10-dvd-x86_64:
    title: Example Linux 10, dvd
    distribution: example
    edition: dvd
    arch: x86_64
    find: {method: checksum_file}
    directories: ['https://download.example/10/iso/']
    name: 'example-(?P<version>10\\.\\d+)-x86_64-dvd\\.iso'
    checksum: {file: SHA256SUMS, algorithm: sha256}
    signatures:
      - {on: list, file: SHA256SUMS.asc, keys: [0123456789ABCDEF0123456789ABCDEF01234567]}
    trust: signed-list
    examples:
      names: {example-10.2-x86_64-dvd.iso: '10.2'}
";

/// Files that are of interest wherever one looks.
const FILES: [(&str, &str); 9] = [
    ("/etc/isomirror/isomirror.yaml", "The configuration, see isomirror.yaml(5)."),
    (
        "/etc/isomirror/catalog.d/*.yaml",
        "Your own entries of the catalog, see isomirror-catalog(5).",
    ),
    (
        "/etc/isomirror/catalog.d/keys",
        "Public keys that you trust, each in a file named after its fingerprint, with `.asc` or `.pub`.",
    ),
    ("/etc/isomirror/boot.d/*.yaml", "Your own signatures by which media are recognised."),
    (
        "/usr/lib/isomirror",
        "The catalog, keys and signatures that are shipped. A file of your own with the same name stands in for one of these.",
    ),
    (
        "/var/lib/isomirror/images",
        "The store of images that are fetched, and where images are looked for unless the configuration says otherwise.",
    ),
    ("/srv/isomirror", "The web root, below which media are published."),
    (
        "/run/isomirror/state.json",
        "The state document; `/usr/share/isomirror/state.schema.json` describes it.",
    ),
    (
        "/run/isomirror/control.sock",
        "The control socket, for root and members of the group isomirror.",
    ),
];

/// All pages.
pub(super) fn all() -> Vec<Generated> {
    [daemon(), command(), mount_helper(), configuration(), catalog()]
        .map(|(name, page)| (format!("packaging/man/{name}"), page.finish()))
        .to_vec()
}

fn daemon() -> (&'static str, Page) {
    let command = DaemonOptions::command();
    let mut page =
        Page::new("isomirrord", 8, "publishes install media by label, mounted and over HTTP");
    page.section("SYNOPSIS");
    page.synopsis(&synopsis("isomirrord", &command));
    page.section("DESCRIPTION");
    page.paragraphs(
        "Every image in a directory and every disc in a drive becomes, the moment it is there, a directory below a web \
         root that is named after its volume label, mounted and over HTTP; the moment it is gone, so is the directory. \
         Nothing is extracted or copied.\n\n\
         An image that is still being copied is not published, one that is rewritten leaves before its bytes change, and \
         a disc that is to be ejected is let go of at once. What cannot be published, and what to do about it, is told by \
         `isomirror status`.\n\n\
         Mounts by the kernel and by EROFS outlive isomirrord; the next start takes over those that are still right. \
         `isomirror umount --all` takes them away.",
    );
    page.section("OPTIONS");
    arguments(&mut page, &command);
    page.section("UNITS");
    for (unit, text) in [
        (
            "isomirrord.service",
            "Finds and mounts media, as root and without a network. The others are started, stopped, restarted and reloaded with it.",
        ),
        (
            "isomirror-fetch.service",
            "Keeps the wanted images of the catalog downloaded and verified, as the user isomirror.",
        ),
        (
            "isomirror-serve.service",
            "Serves over HTTP, as the user isomirror-serve, from what the others hand over.",
        ),
        (
            "isomirror-serve.socket",
            "Where it is served. `systemctl edit isomirror-serve.socket` sets other addresses, after an empty `ListenStream=`; `systemctl restart isomirrord` takes them over.",
        ),
        (
            "isomirror-recover.service",
            "Starts isomirrord.service again some seconds after a crash, unless its configuration has errors.",
        ),
    ] {
        page.item(&bold(unit), text);
    }
    page.section("SIGNALS");
    page.item(&bold("SIGHUP"), "The configuration is read again; one with errors changes nothing.");
    page.item(&bold("SIGTERM, SIGINT"), "isomirrord stops in order.");
    page.section("NOTES");
    page.paragraphs(
        "Unplugging a whole drive from a virtio-scsi controller makes the kernel report a unit attention to the other \
         drives of that controller, which it takes for a change of their discs; isomirrord believes the kernel, cuts \
         their readers off and publishes them anew. So change the disc in a drive (`virsh change-media`, `qm set \
         --ide2`), or give drives controllers of their own.",
    );
    after_help(&mut page, &command, true);
    files(&mut page);
    see_also(
        &mut page,
        &["isomirror(1)", "isomirror.yaml(5)", "isomirror-catalog(5)", "mount.isomirror(8)"],
    );
    ("isomirrord.8", page)
}

fn command() -> (&'static str, Page) {
    let mut command = visible("isomirror", &Options::command());
    command.build();
    let summary = "looks into install media, and at the isomirror daemon";
    let mut page = Page::new("isomirror", 1, summary);
    page.section("SYNOPSIS");
    page.synopsis(&format!("{} COMMAND ...", bold("isomirror")));
    page.section("DESCRIPTION");
    page.paragraphs(
        "`isomirror` shows what isomirrord(8) publishes and what is wrong, looks into images and discs without it, and \
         fetches and verifies images. `inspect`, `ls`, `cat` and `verify` need neither the daemon nor root.\n\n\
         Names on a medium are printed escaped, so that no image writes to a terminal. What `--json` prints is for \
         scripts: its field `schema` grows when another field changes its meaning or goes, and new fields may come at any \
         time.",
    );
    page.section("OPTIONS");
    page.item(
        &format!("{}, {}", bold("-h"), bold("--help")),
        "Explain the program, or the command that it follows.",
    );
    page.item(&format!("{}, {}", bold("-V"), bold("--version")), "Print the version.");
    page.section("COMMANDS");
    for subcommand in command.get_subcommands() {
        subcommands(&mut page, "isomirror", subcommand);
    }
    after_help(&mut page, &command, true);
    files(&mut page);
    see_also(
        &mut page,
        &["isomirrord(8)", "isomirror.yaml(5)", "isomirror-catalog(5)", "mount.isomirror(8)"],
    );
    ("isomirror.1", page)
}

/// Describes a command, or each of its own.
fn subcommands(page: &mut Page, path: &str, command: &Command) {
    if command.get_name() == "help" || command.is_hide_set() {
        return;
    }
    let path = format!("{path} {}", command.get_name());
    if command.has_subcommands() {
        for subcommand in command.get_subcommands() {
            subcommands(page, &path, subcommand);
        }
        return;
    }
    page.subsection(path.trim_start_matches("isomirror "));
    page.synopsis(&synopsis(&path, command));
    page.paragraphs(&sentence(&command.get_about().map(ToString::to_string).unwrap_or_default()));
    arguments(page, command);
    after_help(page, command, false);
}

fn mount_helper() -> (&'static str, Page) {
    let command = mount_helper_command();
    let mut page = Page::new("mount.isomirror", 8, "mounts install media");
    page.section("SYNOPSIS");
    page.synopsis(
        &format!("{} -t isomirror [-o OPTIONS] SOURCE DIRECTORY", bold("mount"))
            .replace('-', "\\-"),
    );
    page.synopsis(&synopsis("mount.isomirror", &command));
    page.section("DESCRIPTION");
    page.paragraphs(
        "`mount.isomirror` is what mount(8) starts for file systems of the type isomirror, and so what fstab(5) and autofs(5) \
         mount through. It needs no daemon, and takes the way that works best: the kernel's own file systems, EROFS, or \
         FUSE.",
    );
    page.section("OPTIONS");
    arguments(&mut page, &command);
    after_help(&mut page, &command, true);
    see_also(&mut page, &["isomirror(1)", "isomirrord(8)", "mount(8)", "fstab(5)"]);
    ("mount.isomirror.8", page)
}

fn configuration() -> (&'static str, Page) {
    let schema = config::schema();
    let mut page = Page::new("isomirror.yaml", 5, "configuration of isomirrord");
    page.section("SYNOPSIS");
    page.synopsis(&bold("/etc/isomirror/isomirror.yaml"));
    page.section("DESCRIPTION");
    page.paragraphs(
        "The file is written in YAML. A key that is not there has its default, and so has all of it without the file. An \
         unknown key is an error.\n\n\
         Files in `isomirror.yaml.d` beside it whose names end with `.yaml` are drop-ins, and go over it in the order of \
         their names. A drop-in changes only the keys that it gives; a list takes the place of the whole list.\n\n\
         `isomirror config check` tells all that is wrong with it, `isomirror config show` what holds in the end, and \
         `systemctl reload isomirrord` makes the daemon read it again; a file with errors changes nothing then. Keys of \
         `serve` but `base_url` and `access_log` wait for a restart.\n\n\
         Lengths of time are an integer with `ms`, `s`, `m`, `h` or `d`, sizes an integer with `B`, `KiB`, `MiB`, `GiB`, \
         `KB`, `MB` or `GB`.",
    );
    page.section("KEYS");
    schema_page::sections(&mut page, &schema);
    page.section("ENVIRONMENT");
    page.paragraphs("Where these variables are set, they go before the file.");
    for (variable, text) in [
        ("OS_IS_IMAGES_PATH", "The first of `fetch.sources`: a URL, or a plain path."),
        ("OS_IS_IMAGES_SMB_WRITABLE", "`fetch.upload`."),
        ("STALL_TIMEOUT", "`fetch.stall_timeout`, in seconds."),
        ("PROGRESS_CHECK_INTERVAL", "`fetch.progress_interval`, in seconds."),
        ("MIN_DOWNLOAD_SPEED", "`fetch.minimum_speed`, in bytes a second."),
    ] {
        page.item(&bold(variable), text);
    }
    page.section("EXAMPLES");
    page.example(CONFIGURATION);
    page.section("FILES");
    page.item(
        &bold("/etc/isomirror/isomirror.yaml"),
        "The configuration. `isomirrord --config` and `$ISOMIRROR_CONFIG` name another file.",
    );
    page.item(
        &bold("/etc/isomirror/isomirror.yaml.d/*.yaml"),
        "Its drop-ins. Hidden files and those that end otherwise are left alone.",
    );
    page.item(&bold("/usr/share/isomirror/isomirror.schema.json"), "Its JSON schema, for editors.");
    see_also(&mut page, &["isomirrord(8)", "isomirror(1)", "isomirror-catalog(5)"]);
    ("isomirror.yaml.5", page)
}

fn catalog() -> (&'static str, Page) {
    let schema = catalog::schema();
    let entry = &schema["properties"]["entries"]["additionalProperties"];
    let mut page =
        Page::new("isomirror-catalog", 5, "what isomirror can fetch, and what vouches for it");
    page.section("SYNOPSIS");
    page.synopsis(&bold("/etc/isomirror/catalog.d/*.yaml"));
    page.synopsis(&bold("/usr/lib/isomirror/catalog.d/*.yaml"));
    page.section("DESCRIPTION");
    page.paragraphs(
        "The catalog has rules, not addresses: where a publisher's images lie, what they are called, which list has their \
         digests, and who signs it. Each entry is one edition of a system, of which the newest release is found and \
         verified. `fetch.want` of isomirror.yaml(5) names the entries that are kept.\n\n\
         A file of your own with the name of one that is shipped stands in for it, and an entry of yours for \
         one that is shipped with the same id. `isomirror catalog check` tells all that is wrong, `isomirror catalog list` what there \
         is, and `isomirror fetch --dry-run ID` what an entry finds now.\n\n\
         A file has the keys `schema`, which is 1, and `entries`: entries by their ids, which are of lower-case letters, \
         digits, `.`, `-` and `_`.\n\n\
         Patterns are regular expressions of the Rust crate regex, and always mean the whole name. Their groups, as \
         `(?P<version>...)`, are values for templates: texts in which `{version}` and the like stand for what was found.",
    );
    page.section("KEYS OF AN ENTRY");
    schema_page::keys(&mut page, entry, "");
    page.section("KEYS THAT ARE TRUSTED");
    page.paragraphs(
        "Public keys are files in `/etc/isomirror/catalog.d/keys` and `/usr/lib/isomirror/catalog.d/keys`: of OpenPGP named \
         after the whole fingerprint with `.asc`, of minisign and signify with `.pub`. An entry whose key is not there is not \
         fetched. Get keys from their publishers by a way that you trust.",
    );
    page.section("EXAMPLES");
    page.example(CATALOG);
    see_also(&mut page, &["isomirror(1)", "isomirror.yaml(5)", "isomirrord(8)"]);
    ("isomirror-catalog.5", page)
}

fn files(page: &mut Page) {
    page.section("FILES");
    for (path, text) in FILES {
        page.item(&bold(path), text);
    }
}

fn see_also(page: &mut Page, pages: &[&str]) {
    page.section("SEE ALSO");
    let named: Vec<_> = pages
        .iter()
        .filter_map(|name| name.split_once('('))
        .map(|(name, section)| format!("{}({section}", bold(name)))
        .collect();
    page.synopsis(&named.join(", "));
}
