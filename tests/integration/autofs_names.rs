//! Labels that mean something to autofs are only characters, and so are paths; and `mount -t isomirror` by itself.

use std::{
    fs,
    process::{Command, Output},
};

use isomirror_tests::{automount::Automount, mounts, private_mounts::PrivateMounts, scratch};

use crate::{
    autofs::{MASTER_OPTIONS, Machine, wait},
    publishing::image,
};

#[test]
fn labels_that_mean_something_to_autofs_are_only_characters() {
    let labels = [
        "&",
        "$x",
        "${HOME}",
        "\"q\"",
        "\"",
        "\"\"",
        "\\\"\\",
        "+x",
        "a#b",
        "#c",
        "back\\slash",
        "end\\",
        ":x",
        "'",
        "日本\"語",
        "{a,b}",
        "~root",
        "%20",
        "(x|y)",
        "a=b,c",
        "!",
    ];
    let machine = Machine::start(&labels, MASTER_OPTIONS);
    machine.wait_for(&labels);
    assert!(machine.mounted().is_empty());
    for label in labels {
        assert_eq!(machine.content(label).as_deref(), Some(label), "{label}");
    }
    assert_eq!(machine.mounted().len(), labels.len());
}

#[test]
fn an_asterisk_is_no_pattern() {
    let machine = Machine::start(&["*", "a*b", "plain"], MASTER_OPTIONS);
    machine.wait_for(&["a_b", "file0", "plain"]);
    assert_eq!(machine.content("file0").as_deref(), Some("*"));
    assert_eq!(machine.content("a_b").as_deref(), Some("a*b"));
    for name in ["anything", "*", "aXb"] {
        assert_eq!(machine.content(name), None, "{name}");
    }
    assert_eq!(machine.mounted().len(), 2);
    fs::remove_file(machine.daemon.images().join("file1.iso")).unwrap();
    wait("its end", || machine.listed().iter().map(String::as_str).eq(["file0", "plain"]));
}

#[test]
fn paths_that_mean_something_to_autofs_are_only_characters() {
    let machine = Machine::start(&[], MASTER_OPTIONS);
    let paths = [
        "a b",
        " a",
        "&",
        "$x",
        "\"",
        "q\"\"",
        "\\",
        "*",
        "#x",
        "日本 語",
        "日\"本\"",
        "$\"a b&\"\\",
        "x,y=z",
        ":",
        "-o",
    ];
    let mut names = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let directory = machine.daemon.images().join(path);
        fs::create_dir(&directory).unwrap();
        names.push(format!("L{index}"));
        image(&directory.join(format!("{path} .iso")), &names[index], path);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    machine.wait_for(&names);
    for (name, path) in names.iter().zip(paths) {
        assert_eq!(machine.content(name).as_deref(), Some(path), "{path}");
    }
}

#[test]
fn a_path_that_no_map_can_hold_is_told_and_served() {
    let machine = Machine::start(&["GOOD"], MASTER_OPTIONS);
    image(&machine.daemon.images().join("new\nline.iso"), "ODD", "odd");
    let state = machine.daemon.wait_for_serving(crate::autofs::PATIENCE, &["GOOD", "ODD"]).unwrap();
    let odd = state["media"].as_array().unwrap().iter().find(|it| it["name"] == "ODD").unwrap();
    assert!(odd["problem"].as_str().unwrap().contains("control characters"), "{odd:#}");
    assert!(odd["mountpoint"].is_null());
    assert_eq!(machine.daemon.http_get("/ODD/content").unwrap().body, b"odd");
    wait("the list", || machine.listed().into_iter().eq(["GOOD"]));
}

#[test]
fn mount_8_mounts_images_and_devices_and_refuses_what_it_is_not_told() {
    let _mounts = PrivateMounts::enter().unwrap();
    let directory = scratch::directory().unwrap();
    let (file, target) = (directory.path().join("a.iso"), directory.path().join("mnt"));
    image(&file, "LABEL", "content");
    fs::create_dir(&target).unwrap();
    let state = format!("state={}", directory.path().join("state").display());
    let run = |options: &str| -> Output {
        let options = format!("{state}{options}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "isomirror", "-o", &options]).args([&file, &target]).output().unwrap()
    };
    let refused = run(&format!(",key={}", "0".repeat(32)));
    assert_eq!(refused.status.code(), Some(32));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(message.contains("is not the medium that was asked for"), "{message}");
    assert_eq!(run(",bogus").status.code(), Some(1));
    assert!(mounts::at(&target).unwrap().is_none());
    for (options, file_system) in
        [("", "erofs"), (",backend=fuse", "fuse.isomirror"), (",ro,backend=erofs", "erofs")]
    {
        let mounted = run(options);
        assert!(mounted.status.success(), "{options}: {mounted:?}");
        let mount = mounts::at(&target).unwrap().unwrap();
        assert_eq!(mount.filesystem, file_system, "{options}");
        assert!(mount.options.starts_with("ro,nosuid,nodev,noexec"), "{}", mount.options);
        assert_eq!(fs::read_to_string(target.join("content")).unwrap(), "content");
        assert!(Command::new("umount").arg(&target).status().unwrap().success());
    }
}

#[test]
fn fuse_serves_what_automount_mounts_where_the_kernel_cannot() {
    let _mounts = PrivateMounts::enter().unwrap();
    let directory = scratch::directory().unwrap();
    let (file, webroot) = (directory.path().join("a.iso"), directory.path().join("web"));
    image(&file, "LABEL", "content");
    fs::create_dir(&webroot).unwrap();
    let map = directory.path().join("map");
    fs::write(&map, format!("A -fstype=isomirror,backend=fuse :{}\n", file.display())).unwrap();
    let automount = Automount::start(&webroot, &map, "--timeout=1 browse").unwrap();
    assert_eq!(fs::read_to_string(webroot.join("A/content")).unwrap(), "content");
    let mount = mounts::at(&webroot.join("A")).unwrap().unwrap();
    assert_eq!(mount.filesystem, "fuse.isomirror");
    wait("the expiry", || mounts::at(&webroot.join("A")).unwrap().is_none());
    drop(automount);
}
