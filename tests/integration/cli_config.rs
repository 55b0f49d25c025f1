//! `isomirror config`, as people and scripts use it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use isomirror_core::config::parse;
use isomirror_tests::program::{Ended, command, run};
use serde_json::Value;

struct Directory {
    _kept: tempfile::TempDir,
    file: PathBuf,
}

impl Directory {
    fn new(text: &str, drop_ins: &[(&str, &str)]) -> Self {
        let kept = tempfile::tempdir().unwrap();
        let file = kept.path().join("isomirror.yaml");
        fs::write(&file, text).unwrap();
        let directory = kept.path().join("isomirror.yaml.d");
        fs::create_dir(&directory).unwrap();
        for (name, text) in drop_ins {
            fs::write(directory.join(name), text).unwrap();
        }
        Self { _kept: kept, file }
    }

    fn drop_in(&self, name: &str) -> PathBuf {
        self.file.with_file_name("isomirror.yaml.d").join(name)
    }
}

fn config(verb: &str, file: &Path, arguments: &[&str]) -> Ended {
    run(command("isomirror", ["config", verb]).arg(file).args(arguments))
}

#[test]
fn all_problems_of_all_files_are_told_at_once_with_their_places() {
    let directory = Directory::new(
        "webrot: /srv\nmedia:\n  drives: optcal\n",
        &[("10-a.yaml", "serve:\n  listen: localhost\n"), ("20-b.yaml", "fetch: {kepe: 2}\n")],
    );
    let checked = config("check", &directory.file, &[]);
    assert_eq!((checked.code, checked.output.as_str()), (Some(78), ""));
    let (file, a, b) =
        (&directory.file, directory.drop_in("10-a.yaml"), directory.drop_in("20-b.yaml"));
    let expected = [
        format!("{}:1:1: unknown key `webrot`: did you mean `webroot`?", file.display()),
        format!(
            "{}:3:11: media.drives: unknown value `optcal`: did you mean `optical`?",
            file.display()
        ),
        format!("{}:2:11: serve.listen: `localhost` is not an address to listen on", a.display()),
        format!("{}:1:9: fetch: unknown key `kepe`: did you mean `keep`?", b.display()),
    ];
    assert_lines_begin(&checked.errors, &expected);
}

fn assert_lines_begin(text: &str, expected: &[String]) {
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected.as_str()), "{line}");
    }
}

#[test]
fn what_cannot_be_read_hides_no_other_problem_and_keeps_nobody_waiting() {
    let directory = Directory::new("webrot: /srv\n", &[("20-b.yaml", "fetch: {kepe: 2}\n")]);
    let [folder, pipe, text] =
        ["10-a.yaml", "30-c.yaml", "40-d.yaml"].map(|n| directory.drop_in(n));
    fs::create_dir(&folder).unwrap();
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::write(&text, b"webroot: /a\nnames: {template: '\xe4'}\n").unwrap();
    std::os::unix::fs::symlink("/dev/zero", directory.drop_in("50-e.yaml")).unwrap();
    let checked = config("check", &directory.file, &[]);
    assert_eq!((checked.code, checked.output.as_str()), (Some(78), ""));
    let expected = [
        format!("{}:1:1: unknown key `webrot`", directory.file.display()),
        format!("{}: cannot be read: is a directory", folder.display()),
        format!("{}:1:9: fetch: unknown key `kepe`", directory.drop_in("20-b.yaml").display()),
        format!("{}: cannot be read: not a file", pipe.display()),
        format!("{}:2:20: not UTF-8 from here on: save the file as UTF-8", text.display()),
        format!("{}: cannot be read: not a file", directory.drop_in("50-e.yaml").display()),
    ];
    assert_lines_begin(&checked.errors, &expected);
}

#[test]
fn a_file_of_an_editor_elsewhere_is_read_too() {
    let text = "\u{feff}webroot: /srv/a\r\nmount:\r\n  drian: 1s\r\n";
    let directory = Directory::new(text, &[]);
    let checked = config("check", &directory.file, &[]);
    let expected = format!("{}:3:3: mount: unknown key `drian`", directory.file.display());
    assert!(checked.errors.starts_with(&expected), "{checked:?}");
    fs::write(&directory.file, text.replace("drian", "drain")).unwrap();
    let shown = config("show", &directory.file, &[]);
    assert!(shown.output.contains(&format!("drain: 1s  # {}:3", directory.file.display())));
}

#[test]
fn a_drop_in_that_ends_otherwise_is_told_of() {
    let directory =
        Directory::new("", &[("a.yml", "mount: {drain: 1s}\n"), ("b.bak", "["), (".c.yml", "[")]);
    let checked = config("check", &directory.file, &[]);
    let drop_in = directory.drop_in("a.yml");
    let warning = format!(
        "{}: warning: is not read: the name of a drop-in ends with `.yaml`",
        drop_in.display()
    );
    let end = format!("{}: no errors, 1 warning", directory.file.display());
    assert_eq!(checked.output, format!("{warning}\n{end}\n"), "{checked:?}");
    assert_eq!(checked.code, Some(0));
}

#[test]
fn a_drop_in_is_checked_by_itself_too() {
    let directory = Directory::new("webrot: /srv\n", &[("a.yaml", "mount: {drain: 1s}\n")]);
    let drop_in = directory.drop_in("a.yaml");
    let checked = config("check", &drop_in, &[]);
    assert_eq!(checked.output, format!("{}: no problems\n", drop_in.display()), "{checked:?}");
    assert_eq!(checked.code, Some(0));
}

#[test]
fn what_holds_and_surprises_is_a_warning_with_both_places() {
    let directory = Directory::new(
        "names: {aliases: {A: x}}\n",
        &[("a.yaml", "names:\n  aliases:\n    B: x\n")],
    );
    let checked = config("check", &directory.file, &[]);
    assert_eq!((checked.code, checked.errors.as_str()), (Some(0), ""));
    let (file, drop_in) = (directory.file.display(), directory.drop_in("a.yaml"));
    let drop_in = drop_in.display();
    let warning = format!("{file}:1:19: warning: names.aliases.A: several labels are called `x`");
    assert!(checked.output.starts_with(&warning), "{checked:?}");
    assert!(checked.output.contains(&format!("(`names.aliases.B`: {drop_in}:3:5)")));
    assert!(checked.output.ends_with(&format!("{file}, {drop_in}: no errors, 1 warning\n")));
}

#[test]
fn effective_values_are_shown_with_their_origins() {
    let directory = Directory::new(
        "webroot: /srv/a\nmount:\n  drain: 1s\n",
        &[("a.yaml", "mount: {options: {udf: uid=3}}\n")],
    );
    let mut show = command("isomirror", ["config", "show"]);
    show.arg(&directory.file).args(["--listen", "127.0.0.1:1"]).env("STALL_TIMEOUT", "90");
    let shown = run(&mut show);
    assert_eq!((shown.code, shown.errors.as_str()), (Some(0), ""));
    let (file, drop_in) = (directory.file.display(), directory.drop_in("a.yaml"));
    for line in [
        format!("webroot: /srv/a  # {file}:1"),
        format!("  drain: \"1s\"  # {file}:3").replace('"', ""),
        format!("    udf: \"uid=3\"  # {}:1", drop_in.display()),
        "  listen: \"127.0.0.1:1\"  # --listen".to_owned(),
        "  stall_timeout: \"90s\"  # $STALL_TIMEOUT".to_owned(),
        "  drives: optical  # default".to_owned(),
    ] {
        let plain = |text: &str| text.replace('"', "");
        assert!(shown.output.lines().any(|l| plain(l) == plain(&line)), "{line}\n{}", shown.output);
    }
    let config = parse(&shown.output).unwrap();
    assert_eq!(config.mount.drain.to_string(), "1s");
    assert_eq!(config.fetch.stall_timeout.to_string(), "90s");

    let json = run(show.arg("--json"));
    let document: Value = serde_json::from_str(&json.output).unwrap();
    assert_eq!(document["config"]["mount"]["options"]["udf"], "uid=3");
    let origins = &document["origins"];
    assert_eq!(origins["mount.drain"]["kind"], "file");
    assert_eq!(origins["mount.drain"]["line"], 3);
    assert_eq!(origins["mount.options.udf"]["path"], drop_in.to_str().unwrap());
    assert_eq!(origins["serve.listen"]["option"], "--listen");
    assert_eq!(origins["fetch.stall_timeout"]["variable"], "STALL_TIMEOUT");
    assert_eq!(origins["media.settle"]["kind"], "default");
}
