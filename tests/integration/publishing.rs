//! What the daemon promises about image files: they appear, they are what they are, they leave.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use isomirror_tests::daemon::{Daemon, DaemonOptions};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(20);

/// An image with the label `label` and a file `content` that holds `content`.
pub(crate) fn image(path: &Path, label: &str, content: &str) {
    let source = tempfile::tempdir().unwrap();
    fs::write(source.path().join("content"), content).unwrap();
    let made = Command::new("xorriso")
        .args(["-as", "mkisofs", "-quiet", "-R", "-V", label, "-o"])
        .arg(path)
        .arg(source.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// A finished image beside the watched directory, to be moved in at once.
fn moved_in(daemon: &Daemon, file: &str, label: &str, content: &str) {
    let beside = daemon.images().parent().unwrap().join(format!("new-{file}"));
    image(&beside, label, content);
    fs::rename(beside, daemon.images().join(file)).unwrap();
}

fn mounted_content(daemon: &Daemon, name: &str) -> Option<String> {
    fs::read_to_string(daemon.webroot().join(name).join("content")).ok()
}

fn served_content(daemon: &Daemon, name: &str) -> String {
    let response = daemon.http_get(&format!("/{name}/content")).unwrap();
    String::from_utf8(response.body).unwrap()
}

fn is_nowhere(daemon: &Daemon, name: &str) -> bool {
    let state = daemon.state().unwrap();
    let listed = state["media"].as_array().unwrap().iter().any(|medium| medium["name"] == name);
    !listed
        && !daemon.webroot().join(name).exists()
        && daemon.http_get(&format!("/{name}/")).unwrap().status == 404
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "{what} did not come true");
        std::thread::sleep(Duration::from_millis(20));
    }
    start.elapsed()
}

fn medium<'a>(state: &'a Value, name: &str) -> &'a Value {
    state["media"].as_array().unwrap().iter().find(|medium| medium["name"] == name).unwrap()
}

#[test]
fn an_image_that_is_moved_in_appears_within_a_second_and_leaves_when_it_is_removed() {
    let daemon = Daemon::start(DaemonOptions::default()).unwrap();
    let beside = daemon.images().parent().unwrap().join("new.iso");
    image(&beside, "MOVED", "one");
    fs::rename(beside, daemon.images().join("new.iso")).unwrap();
    let took = wait_for("the mount", || mounted_content(&daemon, "MOVED").is_some());
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(served_content(&daemon, "MOVED"), "one");
    let state = daemon.wait_for_serving(PATIENCE, &["MOVED"]).unwrap();
    assert_eq!(medium(&state, "MOVED")["backend"], "erofs");
    fs::remove_file(daemon.images().join("new.iso")).unwrap();
    wait_for("the removal", || is_nowhere(&daemon, "MOVED"));
}

#[test]
fn a_replaced_image_is_another_medium_under_the_same_name() {
    let daemon = Daemon::start(DaemonOptions::default()).unwrap();
    moved_in(&daemon, "a.iso", "SAME", "old");
    daemon.wait_for_serving(PATIENCE, &["SAME"]).unwrap();
    assert_eq!(mounted_content(&daemon, "SAME").as_deref(), Some("old"));
    moved_in(&daemon, "a.iso", "SAME", "new");
    wait_for("the new content", || mounted_content(&daemon, "SAME").as_deref() == Some("new"));
    assert_eq!(served_content(&daemon, "SAME"), "new");
}

#[test]
fn an_image_that_is_rewritten_in_place_leaves_before_its_bytes_change() {
    let daemon = Daemon::start(DaemonOptions::default()).unwrap();
    moved_in(&daemon, "a.iso", "REWRITTEN", "old");
    daemon.wait_for_serving(PATIENCE, &["REWRITTEN"]).unwrap();
    let replacement = daemon.images().parent().unwrap().join("replacement");
    image(&replacement, "REWRITTEN", "new");
    // Opening it for writing waits in the kernel until the daemon has let go.
    let mut writer =
        Command::new("cp").arg(&replacement).arg(daemon.images().join("a.iso")).spawn().unwrap();
    let mut seen = Vec::new();
    while writer.try_wait().unwrap().is_none() {
        seen.extend(mounted_content(&daemon, "REWRITTEN"));
    }
    assert!(seen.iter().all(|content| content == "old"), "{seen:?}");
    wait_for("the new content", || mounted_content(&daemon, "REWRITTEN").as_deref() == Some("new"));
    assert_eq!(served_content(&daemon, "REWRITTEN"), "new");
}

#[test]
fn two_media_with_one_label_both_appear_and_keep_their_names_over_a_restart() {
    let mut daemon = Daemon::start(DaemonOptions::default()).unwrap();
    moved_in(&daemon, "z.iso", "TWIN", "first");
    daemon.wait_for_serving(PATIENCE, &["TWIN"]).unwrap();
    moved_in(&daemon, "a.iso", "TWIN", "second");
    let both = |daemon: &Daemon| -> Vec<String> {
        let state = daemon
            .wait_for_state(PATIENCE, |state| {
                let media = state["media"].as_array().unwrap();
                media.len() == 2 && media.iter().all(|medium| medium["state"] == "serving")
            })
            .unwrap();
        let media = state["media"].as_array().unwrap();
        media.iter().map(|medium| medium["name"].as_str().unwrap().to_owned()).collect()
    };
    let names = both(&daemon);
    assert_eq!(names[0], "TWIN");
    assert!(names[1].starts_with("TWIN~") && names[1].len() == 13, "{names:?}");
    assert_eq!(mounted_content(&daemon, &names[0]).as_deref(), Some("first"));
    assert_eq!(mounted_content(&daemon, &names[1]).as_deref(), Some("second"));
    daemon.terminate().unwrap();
    daemon.start_again().unwrap();
    assert_eq!(both(&daemon), names);
    assert_eq!(mounted_content(&daemon, &names[1]).as_deref(), Some("second"));
}

#[test]
fn hostile_labels_get_safe_names_and_harm_nobody() {
    let daemon = Daemon::start(DaemonOptions::default()).unwrap();
    for (index, label) in ["../../etc", "/", ".", "*", "<script>", "-rf", "a/b"].iter().enumerate()
    {
        moved_in(&daemon, &format!("file{index}.iso"), label, label);
    }
    let names = ["*", "<script>", "a_b", "etc", "file1", "file2", "rf"];
    daemon.wait_for_serving(PATIENCE, &names).unwrap();
    assert_eq!(mounted_content(&daemon, "etc").as_deref(), Some("../../etc"));
    assert_eq!(mounted_content(&daemon, "*").as_deref(), Some("*"));
    let page = daemon.http_get("/").unwrap();
    let page = String::from_utf8(page.body).unwrap();
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"), "{page}");
}

#[test]
fn a_broken_image_says_so_and_the_rest_goes_on() {
    let daemon = Daemon::start(DaemonOptions::default()).unwrap();
    fs::write(daemon.images().join("junk.iso"), vec![7_u8; 2_000_000]).unwrap();
    moved_in(&daemon, "good.iso", "GOOD", "good");
    let state = daemon
        .wait_for_state(PATIENCE, |state| {
            state["media"].as_array().unwrap().iter().any(|medium| medium["state"] == "broken")
                && state["media"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|medium| medium["state"] == "serving")
        })
        .unwrap();
    let problem = medium(&state, "junk")["problem"].as_str().unwrap();
    assert!(problem.contains("junk.iso") && problem.contains("remove it"), "{problem}");
    assert_eq!(mounted_content(&daemon, "GOOD").as_deref(), Some("good"));
}

#[test]
fn what_is_not_ours_in_the_web_root_stays_and_blocks_only_its_own_name() {
    let daemon = Daemon::start(DaemonOptions::default()).unwrap();
    let foreign = daemon.webroot().join("TAKEN");
    fs::create_dir_all(&foreign).unwrap();
    fs::write(foreign.join("mine"), "mine").unwrap();
    moved_in(&daemon, "a.iso", "TAKEN", "a");
    moved_in(&daemon, "b.iso", "FREE", "b");
    let state = daemon
        .wait_for_state(PATIENCE, |state| {
            let media = state["media"].as_array().unwrap();
            media.len() == 2
                && media.iter().any(|medium| medium["state"] == "blocked")
                && media.iter().any(|medium| medium["state"] == "serving")
        })
        .unwrap();
    assert!(medium(&state, "TAKEN")["problem"].as_str().unwrap().contains("move it away"));
    assert_eq!(daemon.http_get("/TAKEN/content").unwrap().status, 404);
    assert_eq!(mounted_content(&daemon, "FREE").as_deref(), Some("b"));
    fs::remove_file(daemon.images().join("a.iso")).unwrap();
    fs::remove_file(daemon.images().join("b.iso")).unwrap();
    daemon.wait_for_state(PATIENCE, |state| state["media"].as_array().unwrap().is_empty()).unwrap();
    assert_eq!(fs::read_to_string(foreign.join("mine")).unwrap(), "mine");
}

#[test]
fn a_broken_configuration_keeps_the_old_one_and_a_good_one_is_taken_over() {
    let daemon = Daemon::start(DaemonOptions::default()).unwrap();
    moved_in(&daemon, "a.iso", "RELOAD", "a");
    daemon.wait_for_serving(PATIENCE, &["RELOAD"]).unwrap();
    let old = fs::read_to_string(daemon.config()).unwrap();
    fs::write(daemon.config(), "media: [").unwrap();
    daemon.signal(rustix::process::Signal::HUP).unwrap();
    wait_for("the complaint", || daemon.log().contains("the configuration is not taken over"));
    assert_eq!(mounted_content(&daemon, "RELOAD").as_deref(), Some("a"));
    fs::write(daemon.config(), format!("{old}names:\n  template: \"iso-{{label_lower}}\"\n"))
        .unwrap();
    daemon.signal(rustix::process::Signal::HUP).unwrap();
    daemon.wait_for_serving(PATIENCE, &["iso-reload"]).unwrap();
    wait_for("the old name's end", || is_nowhere(&daemon, "RELOAD"));
    assert_eq!(mounted_content(&daemon, "iso-reload").as_deref(), Some("a"));
}
