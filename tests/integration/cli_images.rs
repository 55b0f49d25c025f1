//! `isomirror inspect`, `ls` and `cat` on real images, without a daemon.

use std::{
    ffi::OsStr,
    fs,
    io::Read,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileExt, symlink},
    },
    path::{Path, PathBuf},
    process::Stdio,
};

use isomirror_tests::{
    images::iso9660::{bytes, set_modified, xorriso},
    program::{Ended, command, isomirror, run},
    scratch,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// 2023-11-14T22:13:20Z.
const MOMENT: i64 = 1_700_000_000;

/// A name that sets a terminal's title, and is not UTF-8.
const HOSTILE: &[u8] = b"\x1b]0;owned\x07\xff\\";

struct Fixture {
    directory: TempDir,
    image: PathBuf,
}

/// An image with everything that these commands have to show.
fn fixture() -> Fixture {
    let directory = scratch::directory().unwrap();
    let tree = directory.path().join("tree");
    fs::create_dir_all(tree.join("dists/bookworm")).unwrap();
    fs::write(tree.join("dists/bookworm/Release"), "Suite: stable\n").unwrap();
    symlink("bookworm", tree.join("dists/stable")).unwrap();
    symlink("/etc/passwd", tree.join("outside")).unwrap();
    fs::write(tree.join("large.bin"), bytes(1, 5_000_000)).unwrap();
    fs::write(tree.join(OsStr::from_bytes(HOSTILE)), "x").unwrap();
    fs::write(tree.join("boot.img"), bytes(2, 2048)).unwrap();
    set_modified(&tree.join("large.bin"), MOMENT);
    let options = [
        "-R",
        "-J",
        "-V",
        "Rocky-9-5-x86_64-dvd",
        "-publisher",
        "ACME",
        "-b",
        "boot.img",
        "-no-emul-boot",
        "-boot-load-size",
        "4",
    ];
    let image = xorriso(&tree, &directory.path().join("image.iso"), &options);
    // Writers put only d-characters into the application identifier (128 bytes at 574 of the volume descriptor in
    // sector 16, ECMA-119 8.4.20); a hostile image is not so shy.
    let file = fs::File::options().write(true).open(&image).unwrap();
    file.write_all_at(format!("{:128}", "\u{1b}[31mred").as_bytes(), 16 * 2048 + 574).unwrap();
    Fixture { directory, image }
}

fn on(fixture: &Fixture, command: &[&str], path: &str) -> Ended {
    let arguments = command.iter().map(OsStr::new);
    isomirror(arguments.chain([fixture.image.as_os_str(), OsStr::new(path)]))
}

#[test]
fn inspect_tells_what_the_image_says_of_itself() {
    let fixture = fixture();
    let image = fixture.image.as_os_str();
    let told =
        isomirror([OsStr::new("inspect"), OsStr::new("--count"), OsStr::new("--json"), image]);
    assert_eq!((told.code, told.errors.as_str()), (Some(0), ""));
    let told: Value = serde_json::from_str(&told.output).unwrap();
    let size = fs::metadata(&fixture.image).unwrap().len();
    for (pointer, expected) in [
        ("/schema", json!(1)),
        ("/label", json!("Rocky-9-5-x86_64-dvd")),
        ("/formats", json!(["iso9660", "joliet", "rock-ridge", "el-torito"])),
        ("/tree", json!("rock-ridge")),
        ("/real_size", json!(size)),
        ("/claimed_size", json!(size)),
        ("/publisher", json!("ACME")),
        ("/application", json!("\u{1b}[31mred")),
        ("/boot/entries/0/platform", json!("x86")),
        ("/boot/entries/0/emulation", json!("none")),
        ("/boot/entries/0/sectors", json!(4)),
        // The boot catalogue is a file too.
        ("/count/files", json!(5)),
        ("/count/directories", json!(3)),
        ("/count/symlinks", json!(2)),
        ("/count/escaping_symlinks", json!(1)),
        ("/count/complete", json!(true)),
        ("/problems", json!([])),
    ] {
        assert_eq!(told.pointer(pointer), Some(&expected), "{pointer} of {told:#}");
    }
    let said_by_blkid = blkid(&fixture.image);
    assert_eq!(told["uuid"].as_str(), Some(said_by_blkid.as_str()));
}

fn blkid(image: &Path) -> String {
    let output = std::process::Command::new("blkid")
        .args(["--probe", "--match-tag", "UUID", "--output", "value"])
        .arg(image)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn inspect_for_people_writes_nothing_of_an_image_to_the_terminal_unescaped() {
    let fixture = fixture();
    let told = isomirror([OsStr::new("inspect"), fixture.image.as_os_str()]);
    assert_eq!(told.code, Some(0));
    assert!(told.output.contains("Label         Rocky-9-5-x86_64-dvd\n"), "{}", told.output);
    assert!(told.output.contains("Application   \\u{1b}[31mred\n"), "{}", told.output);
    assert!(told.output.contains("Boot          x86 at byte "), "{}", told.output);
    assert!(!told.output.contains('\u{1b}'));
}

#[test]
fn ls_shows_names_escaped_and_raw_only_when_asked() {
    let fixture = fixture();
    let listed = on(&fixture, &["ls"], "/");
    assert_eq!((listed.code, listed.errors.as_str()), (Some(0), ""));
    let expected =
        "\\u{1b}]0;owned\\u{7}\\xff\\\\\nboot.catalog\nboot.img\ndists\nlarge.bin\noutside\n";
    assert_eq!(listed.output, expected);
    let raw = command("isomirror", ["ls", "--null"]).arg(&fixture.image).output().unwrap();
    let mut expected = HOSTILE.to_vec();
    expected.extend(b"\0boot.catalog\0boot.img\0dists\0large.bin\0outside\0");
    assert_eq!(raw.stdout, expected);
}

#[test]
fn ls_shows_attributes_and_link_targets() {
    let fixture = fixture();
    let line = |path: &str| on(&fixture, &["ls", "-l"], path).output;
    let large = line("large.bin");
    assert!(large.starts_with("-rw-r--r--   1 "), "{large}");
    assert!(large.ends_with("     5000000 2023-11-14T22:13:20Z large.bin\n"), "{large}");
    let symlink = line("/dists/stable");
    assert!(symlink.starts_with("lrwxrwxrwx"), "{symlink}");
    assert!(symlink.ends_with(" /dists/stable -> bookworm\n"), "{symlink}");
    assert!(line("/dists/stable/").ends_with(" Release\n"));

    let listed = on(&fixture, &["ls", "--json"], "/");
    let listed: Value = serde_json::from_str(&listed.output).unwrap();
    assert_eq!(listed["schema"], 1);
    assert_eq!(listed["path"], "/");
    let entries = listed["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 6);
    assert_eq!(entries[0]["name_bytes"], "1b5d303b6f776e656407ff5c");
    let outside = json!({"name": "outside", "kind": "symlink", "size": 11, "mode": "0777",
        "owner": 0, "group": 0, "target": "/etc/passwd", "modified": entries[5]["modified"]});
    assert_eq!(entries[5], outside);
}

#[test]
fn cat_writes_exactly_the_file() {
    let fixture = fixture();
    let output =
        command("isomirror", ["cat"]).arg(&fixture.image).arg("large.bin").output().unwrap();
    assert!(output.stdout == bytes(1, 5_000_000), "{} bytes", output.stdout.len());
    let output = on(&fixture, &["cat"], "/dists/stable/Release");
    assert_eq!((output.code, output.output.as_str()), (Some(0), "Suite: stable\n"));
}

#[test]
fn cat_and_ls_say_what_they_cannot_do() {
    let fixture = fixture();
    let image = fixture.image.display();
    for (command, path, expected) in [
        ("cat", "/nothing", format!("there is no `/nothing` in `{image}`")),
        ("cat", "/dists", format!("`/dists` in `{image}` is not a regular file")),
        ("cat", "/outside", format!("`/outside` leads out of `{image}` by a symbolic link")),
        ("ls", "/a\u{1b}[m", format!("there is no `/a\\u{{1b}}[m` in `{image}`")),
        (
            "cat",
            "../../etc/passwd",
            format!("`../../etc/passwd` leads out of `{image}` by a symbolic link"),
        ),
    ] {
        let ended = on(&fixture, &[command], path);
        assert_eq!((ended.code, ended.output.as_str()), (Some(1), ""), "{path}");
        assert_eq!(ended.errors, format!("isomirror: {expected}\n"));
    }
}

#[test]
fn a_reader_that_has_had_enough_is_no_failure() {
    let fixture = fixture();
    let mut cat = command("isomirror", ["cat"]);
    cat.arg(&fixture.image).arg("large.bin").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = cat.spawn().unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(first[..], bytes(1, 5_000_000)[..10]);
    // The pipe is closed by now, long before the file's end.
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_full_disk_is_a_failure() {
    let fixture = fixture();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut cat = command("isomirror", ["cat"]);
    let ended = run(cat.arg(&fixture.image).arg("/dists/stable/Release").stdout(full));
    assert_eq!(ended.code, Some(1));
    let expected =
        "isomirror: cannot write to standard output: No space left on device (os error 28)\n";
    assert_eq!(ended.errors, expected);
}

#[test]
fn what_is_no_image_is_refused_with_the_reason() {
    let directory = scratch::directory().unwrap();
    let missing = directory.path().join("missing.iso");
    let noise = directory.path().join("noise.iso");
    fs::write(&noise, bytes(3, 100_000)).unwrap();
    for (path, expected) in [
        (missing.as_path(), "cannot open `{}`: No such file or directory (os error 2)"),
        (&noise, "cannot read the image `{}`: neither an ISO 9660 nor a UDF file system"),
        (directory.path(), "`{}` is neither a file nor a block device"),
        (Path::new("/dev/null"), "`{}` is neither a file nor a block device"),
    ] {
        let ended = isomirror([OsStr::new("inspect"), path.as_os_str()]);
        let expected =
            format!("isomirror: {expected}\n").replace("{}", &path.display().to_string());
        assert_eq!((ended.code, ended.errors), (Some(1), expected));
    }
}

#[test]
fn a_cut_image_gives_what_is_left_and_says_what_is_not() {
    let fixture = fixture();
    let image = fixture.directory.path().join("cut.iso");
    fs::copy(&fixture.image, &image).unwrap();
    let length = fs::metadata(&image).unwrap().len();
    fs::File::options().write(true).open(&image).unwrap().set_len(length / 2).unwrap();
    let told = isomirror([OsStr::new("inspect"), OsStr::new("--json"), image.as_os_str()]);
    let told: Value = serde_json::from_str(&told.output).unwrap();
    assert_eq!(told["claimed_size"], length);
    assert_eq!(told["real_size"], length / 2);
    let problems = told["problems"].as_array().unwrap();
    assert!(!problems.is_empty());
    let output = command("isomirror", ["cat"]).arg(&image).arg("large.bin").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(bytes(1, 5_000_000).starts_with(&output.stdout));
    let errors = String::from_utf8(output.stderr).unwrap();
    let expected = format!("isomirror: cannot read `large.bin` in `{}`: ", image.display());
    assert!(errors.starts_with(&expected) && errors.lines().count() == 1, "{errors}");
}
