use isomirror_core::{
    digest::{Algorithm, Digest, Hasher},
    trust::Trust,
    verified::{Verified, VerifiedRecord},
};

use super::*;
use crate::fetch::{Download, Origin, writer::IMAGE};

fn digest(bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(bytes);
    hasher.finish()
}

/// Stages `bytes` as a version of `debian`.
fn stage(store: &Store, version: &str, bytes: &[u8]) -> Staged {
    let download = Download {
        id: "debian".into(),
        version: version.into(),
        file_name: "debian.iso".into(),
        urls: vec!["http://a/".parse::<Origin>().unwrap()],
        size: None,
        expected: Vec::new(),
        hashed_by: Vec::new(),
        pieces: None,
        is_iso: true,
        max_size: 1 << 20,
    };
    fs::create_dir_all(store.staging("debian")).unwrap();
    fs::write(store.staging("debian").join(IMAGE), bytes).unwrap();
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(bytes);
    Staged::new(&download, store, bytes.len() as u64, vec![hasher], "http://a/".into(), false)
}

fn verified(bytes: &[u8]) -> Verified {
    Verified {
        trust: Trust::SignedList,
        digests: vec![digest(bytes)],
        signer: None,
        verified_at: "2026-01-01T00:00:00Z".into(),
    }
}

fn publish(store: &Store, version: &str, bytes: &[u8]) -> Result<PathBuf, StoreError> {
    store.publish(&stage(store, version, bytes), &verified(bytes))
}

fn fresh() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    (directory, store)
}

#[test]
fn what_is_published_is_verified_from_the_first_moment() {
    let (_directory, store) = fresh();
    let path = publish(&store, "12.1", b"one").unwrap();
    assert_eq!(path, store.root().join("debian/12.1/debian.iso"));
    assert_eq!(fs::read(&path).unwrap(), b"one");
    assert!(store.is_verified(&path));
    let inode = stamp(&path).unwrap().inode;
    let record: VerifiedRecord =
        serde_json::from_slice(&fs::read(store.record_path(inode)).unwrap()).unwrap();
    assert_eq!(record.file, stamp(&path).unwrap());
    assert_eq!((record.id.as_deref(), record.version.as_deref()), (Some("debian"), Some("12.1")));
    assert!(!store.staging("debian").exists());
    // Who edits it has an image that nobody vouches for.
    fs::write(&path, b"two").unwrap();
    assert!(!store.is_verified(&path));
}

#[test]
fn what_was_verified_must_be_what_is_staged() {
    let (_directory, store) = fresh();
    let staged = stage(&store, "1", b"one");
    let refused = store.publish(&staged, &verified(b"other"));
    assert!(matches!(refused, Err(StoreError::NotVerified(_))));
    let nothing = Verified { digests: Vec::new(), ..verified(b"one") };
    assert!(matches!(store.publish(&staged, &nothing), Err(StoreError::NotVerified(_))));
    fs::write(staged.path(), b"longer").unwrap();
    let refused = store.publish(&staged, &verified(b"one"));
    assert!(matches!(refused, Err(StoreError::NotVerified(_))));
}

#[test]
fn the_same_version_is_replaced_in_one_step_and_others_stay() {
    let (_directory, store) = fresh();
    let old = publish(&store, "1", b"one").unwrap();
    let other = publish(&store, "2", b"two").unwrap();
    let inode = stamp(&old).unwrap().inode;
    let new = publish(&store, "1", b"three").unwrap();
    assert_eq!(
        (fs::read(&new).unwrap(), fs::read(&other).unwrap()),
        (b"three".into(), b"two".into())
    );
    assert!(store.is_verified(&new) && store.is_verified(&other));
    assert!(stamp(&new).unwrap().inode == inode || !store.record_path(inode).exists());
    assert_eq!(store.entry("debian").unwrap().images.len(), 2);
}

#[test]
fn what_is_not_ours_is_never_overwritten_or_removed() {
    let (_directory, store) = fresh();
    let path = store.image_path("debian", "1", "debian.iso");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, b"foreign").unwrap();
    assert!(matches!(publish(&store, "1", b"one"), Err(StoreError::Foreign(_))));
    assert_eq!(fs::read(&path).unwrap(), b"foreign");
    // Beside something foreign ours is published, and goes without it.
    fs::rename(&path, path.with_file_name("note")).unwrap();
    publish(&store, "1", b"one").unwrap();
    assert!(store.is_verified(&path));
    publish(&store, "1", b"new").unwrap();
    assert!(store.is_verified(&path));
    publish(&store, "2", b"two").unwrap();
    assert_eq!(store.retire("debian", 1, 0, |_| false).unwrap(), std::slice::from_ref(&path));
    assert!(!path.exists() && path.with_file_name("note").exists());
    // Ours that somebody has replaced is theirs.
    let second = store.image_path("debian", "2", "debian.iso");
    publish(&store, "3", b"three").unwrap();
    fs::write(second.with_extension("new"), b"theirs").unwrap();
    fs::rename(second.with_extension("new"), &second).unwrap();
    assert!(store.retire("debian", 1, 0, |_| false).unwrap().is_empty());
    assert_eq!(fs::read(&second).unwrap(), b"theirs");
    assert!(matches!(publish(&store, "2", b"two"), Err(StoreError::Foreign(_))));
}

#[test]
fn what_is_used_or_pinned_stays() {
    let (_directory, store) = fresh();
    let first = publish(&store, "1", b"one").unwrap();
    let second = publish(&store, "2", b"two").unwrap();
    publish(&store, "3", b"three").unwrap();
    store.pin("debian", |version| version == "2").unwrap();
    assert!(store.retire("debian", 1, u64::MAX, |path| path == first).unwrap().is_empty());
    assert_eq!(store.retire("debian", 1, 0, |_| false).unwrap(), [first]);
    assert!(second.exists());
}

#[test]
fn a_store_in_use_or_in_pieces_is_refused() {
    let (directory, store) = fresh();
    assert!(matches!(Store::open(directory.path()), Err(StoreError::Locked { .. })));
    drop(store);
    Store::open(directory.path()).unwrap();
}

#[test]
fn a_publication_that_was_cut_off_is_undone_or_completed() {
    for (is_moved, is_revealed) in [(false, false), (true, false), (true, true)] {
        let (directory, store) = fresh();
        publish(&store, "1", b"one").unwrap();
        let staged = stage(&store, "1", b"three");
        let mut entry = store.entry("debian").unwrap();
        let found = stamp(staged.path()).unwrap();
        let old = entry.images[0].clone();
        let image = isomirror_core::transfer::entry::Image {
            inode: found.inode,
            size: found.size,
            digests: vec![digest(b"three")],
            ..old
        };
        entry.publishing = Some(image);
        store.save_entry("debian", &entry).unwrap();
        let prepared = store.staging("debian").join(PUBLISH);
        let version = store.root().join("debian/1");
        if is_moved {
            fs::create_dir(&prepared).unwrap();
            fs::rename(staged.path(), prepared.join("debian.iso")).unwrap();
        }
        if is_revealed {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            rustix::fs::renameat_with(rustix::fs::CWD, &prepared, rustix::fs::CWD, &version, flags)
                .unwrap();
        }
        drop(store);
        let store = Store::open(directory.path()).unwrap();
        let entry = store.entry("debian").unwrap();
        assert_eq!(entry.publishing, None);
        let seen = fs::read(version.join("debian.iso")).unwrap();
        assert_eq!(seen, if is_revealed { &b"three"[..] } else { &b"one"[..] });
        assert_eq!(entry.images[0].size, seen.len() as u64);
        assert!(!prepared.exists());
        // What was not published yet is there to be verified and published.
        assert_eq!(staged.path().exists(), !is_revealed);
    }
}

#[test]
fn one_wrong_image_of_an_entry_is_kept_for_a_look() {
    let (_directory, store) = fresh();
    for bytes in [b"one", b"two"] {
        stage(&store, "1", bytes);
        store.quarantine("debian", "debian.iso").unwrap();
    }
    let kept = store.root().join(QUARANTINE).join("debian");
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 1);
    assert_eq!(fs::read(kept.join("debian.iso")).unwrap(), b"two");
}

fn recheck(store: &Store) -> Option<Recheck> {
    let image = store.entry("debian").unwrap().images[0].clone();
    store.recheck("debian", &image, "2026-02-01T00:00:00Z", |_| true).unwrap()
}

#[test]
fn an_image_at_rest_that_is_right_is_vouched_for_again() {
    let (_directory, store) = fresh();
    let path = publish(&store, "1", b"one").unwrap();
    assert_eq!(recheck(&store), Some(Recheck::Good));
    let scrubbed = store.entry("debian").unwrap().images[0].scrubbed_at.clone();
    assert_eq!(scrubbed.as_deref(), Some("2026-02-01T00:00:00Z"));
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert!(!store.is_verified(&path));
    assert_eq!(recheck(&store), Some(Recheck::Good));
    assert!(store.is_verified(&path));
    // Its record was lost.
    fs::remove_file(store.record_path(stamp(&path).unwrap().inode)).unwrap();
    assert_eq!(recheck(&store), Some(Recheck::Good));
    assert!(store.is_verified(&path));
}

#[test]
fn an_image_that_rots_is_put_aside_and_one_that_is_changed_is_somebody_elses() {
    let (_directory, store) = fresh();
    let path = publish(&store, "1", b"one").unwrap();
    fs::write(&path, b"two").unwrap();
    // As if nobody had written to it.
    let found = stamp(&path).unwrap();
    let record = store.record_path(found.inode);
    let text: VerifiedRecord = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    let rotten = VerifiedRecord { file: found, ..text };
    fs::write(&record, serde_json::to_vec(&rotten).unwrap()).unwrap();
    assert_eq!(recheck(&store), Some(Recheck::Rotten));
    assert!(!path.exists() && !record.exists());
    let aside = store.root().join(QUARANTINE).join("debian/debian.iso");
    assert_eq!(fs::read(aside).unwrap(), b"two");
    assert!(store.entry("debian").unwrap().images.is_empty());

    let path = publish(&store, "1", b"one").unwrap();
    fs::write(&path, b"two").unwrap();
    assert_eq!(recheck(&store), Some(Recheck::Foreign));
    assert_eq!(fs::read(&path).unwrap(), b"two");
    fs::remove_file(&path).unwrap();
    publish(&store, "1", b"one").unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(recheck(&store), Some(Recheck::Gone));
}

#[test]
fn a_look_that_is_stopped_decides_nothing() {
    let (_directory, store) = fresh();
    let path = publish(&store, "1", b"one").unwrap();
    let image = store.entry("debian").unwrap().images[0].clone();
    assert_eq!(store.recheck("debian", &image, "", |_| false).unwrap(), None);
    assert!(store.is_verified(&path));
}

#[test]
fn what_is_there_is_counted_and_found_again() {
    let (_directory, store) = fresh();
    let path = publish(&store, "1", &vec![7; 100_000]).unwrap();
    stage(&store, "2", &vec![8; 50_000]);
    let usage = store.usage().unwrap();
    assert!((150_000..200_000).contains(&usage), "{usage}");
    let of_images = store.usage_of("debian").unwrap();
    assert!((100_000..150_000).contains(&of_images), "{of_images}");
    assert_eq!(store.usage_of("unknown").unwrap(), 0);
    assert_eq!(store.twin(&[digest(&vec![7; 100_000])]).unwrap(), Some(path));
    assert_eq!(store.twin(&[digest(b"else")]).unwrap(), None);
    store.discard_stage("debian").unwrap();
    assert!(store.usage().unwrap() < usage);
}
