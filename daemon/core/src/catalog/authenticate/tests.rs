use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer, SigningKey};

use super::*;
use crate::{
    catalog::{EntryId, ImageKind, RemoteName, Scheme, Url},
    checksums::Hints,
    digest::{Algorithm, Hasher},
};

type Files = BTreeMap<KeyId, Vec<u8>>;

impl KeyFiles for Files {
    fn get(&self, id: &KeyId) -> Option<&[u8]> {
        BTreeMap::get(self, id).map(Vec::as_slice)
    }
}

/// A publisher who uses signify.
struct Publisher(SigningKey);

impl Publisher {
    fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }

    fn file(&self, bytes: &[u8]) -> Vec<u8> {
        let id = [&b"Ed"[..], &self.0.as_bytes()[..8], bytes].concat();
        format!("untrusted comment: test\n{}\n", STANDARD.encode(id)).into_bytes()
    }

    fn key(&self) -> Vec<u8> {
        self.file(self.0.verifying_key().as_bytes())
    }

    fn sign(&self, content: &[u8]) -> Vec<u8> {
        self.file(&self.0.sign(content).to_bytes())
    }
}

fn id(text: &str) -> KeyId {
    KeyId::try_from(text.to_owned()).unwrap()
}

fn url(text: &str) -> Url {
    Url::try_from(text.to_owned()).unwrap()
}

fn digest(content: &[u8]) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(content);
    hasher.finish()
}

const IMAGE: &[u8] = b"image";

fn list(content: &[u8]) -> Vec<u8> {
    format!("{}  x.iso\n", digest(content).hex()).into_bytes()
}

/// A release whose list is `list`, with a detached signature.
fn release(list: &[u8], signature: Vec<u8>) -> Release {
    Release {
        id: EntryId::try_from("x".to_owned()).unwrap(),
        version: "1".into(),
        file_name: RemoteName::new("x.iso").unwrap(),
        urls: Vec::new(),
        metalink: None,
        size: None,
        max_size: 1 << 30,
        digests: vec![digest(IMAGE)],
        list: Some(ListToVerify {
            url: url("https://a.example/SUMS"),
            bytes: list.into(),
            listed_name: "x.iso".into(),
            hints: Hints::default(),
        }),
        signatures: vec![SignatureToVerify {
            on: On::List,
            kind: SignatureKind::Detached,
            scheme: Scheme::Signify,
            keys: vec![id("release")],
            detached: Some((url("https://a.example/SUMS.sig"), signature.into())),
        }],
        trust: Trust::SignedList,
        told: Trust::OneSource,
        alias: None,
        image: ImageKind::Iso,
        archived: false,
    }
}

fn now() -> Timestamp {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

fn check(release: &Release, files: &Files) -> Result<Authentic, Refusal> {
    authenticate(release, files, &History::default(), now())
}

#[test]
fn digests_of_a_signed_list_are_trusted_and_no_others() {
    let (publisher, stranger) = (Publisher::new(1), Publisher::new(2));
    let files = Files::from([(id("release"), publisher.key())]);
    let good = list(IMAGE);
    let authentic = check(&release(&good, publisher.sign(&good)), &files).unwrap();
    assert_eq!(authentic.trust, Trust::SignedList);
    assert_eq!(authentic.digests, [digest(IMAGE)]);
    let by_stranger = check(&release(&good, stranger.sign(&good)), &files);
    assert!(matches!(by_stranger, Err(Refusal::Signature { on: "list", .. })));
    let other = list(b"other");
    let of_another_list = check(&release(&good, publisher.sign(&other)), &files);
    assert!(matches!(of_another_list, Err(Refusal::Signature { on: "list", .. })));
    // Somebody told us another digest than the one that is signed.
    let contradicted = check(&release(&other, publisher.sign(&other)), &files);
    assert!(matches!(contradicted, Err(Refusal::Contradiction(_))));
}

#[test]
fn without_its_key_nothing_is_signed_and_the_remedy_names_the_file() {
    let publisher = Publisher::new(1);
    let good = list(IMAGE);
    let refused = check(&release(&good, publisher.sign(&good)), &Files::new()).unwrap_err();
    assert!(refused.to_string().contains("put `release.pub` into"), "{refused}");
    let files = Files::from([(id("release"), b"no key".to_vec())]);
    let refused = check(&release(&good, publisher.sign(&good)), &files).unwrap_err();
    assert!(matches!(refused, Refusal::BadKey(..)));
}

#[test]
fn a_signed_list_that_does_not_name_the_image_vouches_for_nothing() {
    let publisher = Publisher::new(1);
    let files = Files::from([(id("release"), publisher.key())]);
    let other = format!("{}  y.iso\n", digest(IMAGE).hex()).into_bytes();
    let refused = check(&release(&other, publisher.sign(&other)), &files).unwrap_err();
    assert!(matches!(refused, Refusal::NotListed { .. }));
}

#[test]
fn text_around_what_is_signed_is_not_believed() {
    let publisher = Publisher::new(1);
    let files = Files::from([(id("release"), publisher.key())]);
    // Signed for another image; the image's line stands before it, where no signature covers it.
    let signed = format!("{}  y.iso\n", digest(b"y").hex()).into_bytes();
    let mut embedded = publisher.sign(&signed);
    embedded.extend_from_slice(&signed);
    let mut release = release(&embedded, Vec::new());
    release.signatures[0].kind = SignatureKind::Embedded;
    release.signatures[0].detached = None;
    assert!(matches!(check(&release, &files), Err(Refusal::NotListed { .. })));
    let forged = [list(IMAGE), embedded].concat();
    release.list.as_mut().unwrap().bytes = forged.into();
    assert!(check(&release, &files).is_err());
}

#[test]
fn what_nobody_signed_counts_for_what_its_source_does() {
    let mut release = release(&list(IMAGE), Vec::new());
    release.signatures.clear();
    assert_eq!(check(&release, &Files::new()).unwrap().trust, Trust::OneSource);
    release.told = Trust::Pinned;
    assert_eq!(check(&release, &Files::new()).unwrap().trust, Trust::Pinned);
}

#[test]
fn a_list_of_weak_digests_is_signed_in_vain() {
    let publisher = Publisher::new(1);
    let files = Files::from([(id("release"), publisher.key())]);
    let mut md5 = Hasher::new(Algorithm::Md5);
    md5.update(IMAGE);
    let weak = format!("{}  x.iso\n", md5.finish().hex()).into_bytes();
    let authentic = check(&release(&weak, publisher.sign(&weak)), &files).unwrap();
    assert_eq!(authentic.trust, Trust::OneSource);
}
