//! Signatures by the tools that publishers have: `GnuPG`, minisign and signify. Where `gpgv` judges the same question, it
//! has to agree.

use std::{fs, path::Path};

use isomirror_core::{
    digest::Hasher,
    signature::{DetachedSignature, Keys, SignatureError, Signed, Warning, signed_list},
};
use isomirror_tests::{
    gpg::{Gpg, MADE},
    scratch, tool,
};

const LIST: &[u8] =
    b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef  a.iso\n-- dashes\n\nend \n";
/// When most things are judged.
const NOW: &str = "2026-01-01T00:00:00Z";

fn verify(signature: &[u8], content: &[u8], keys: &Keys) -> Result<Signed, SignatureError> {
    let now = NOW.parse().unwrap();
    let signature = DetachedSignature::parse(signature)?;
    let whole = signature.verify(content, keys, now);
    // An image's bytes are not held: what its hashers tell has to be the same.
    if !signature.algorithms().is_empty() {
        let hashers: Vec<_> = signature
            .algorithms()
            .into_iter()
            .map(|algorithm| {
                let mut hasher = Hasher::new(algorithm);
                content.chunks(7).for_each(|bytes| hasher.update(bytes));
                hasher
            })
            .collect();
        assert_eq!(signature.verify_hashed(&hashers, keys, now), whole);
    }
    whole
}

fn verify_list(list: &[u8], keys: &Keys) -> Result<Vec<u8>, SignatureError> {
    signed_list(list, None, keys, NOW.parse().unwrap()).map(|(covered, _)| covered.into_owned())
}

fn changed(bytes: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[0] ^= 1;
    changed
}

#[test]
pub(crate) fn detached_signatures_of_every_algorithm_are_good_for_their_content_alone() {
    let gpg = Gpg::signing(LIST).unwrap();
    let stranger = gpg.key("stranger", "ed25519", "never");
    for algorithm in ["ed25519", "rsa2048", "nistp256", "nistp384"] {
        let fingerprint = gpg.key(algorithm, algorithm, "never");
        let (ring, keys) = (gpg.export(algorithm), gpg.keys(algorithm));
        for options in [
            &["--detach-sign"][..],
            &["--armor", "--detach-sign"],
            &["--textmode", "--detach-sign"],
            &["--digest-algo", "SHA512", "--detach-sign"],
        ] {
            let signature = gpg.sign(algorithm, "20210101T000000", options);
            let signed = verify(&signature, LIST, &keys).unwrap();
            assert_eq!(signed.signer, fingerprint);
            assert_eq!(signed.made_at.unwrap().to_string(), "2021-01-01T00:00:00Z");
            assert_eq!(signed.warnings, []);
            assert!(gpg.gpgv(&ring, &signature, LIST));
            let bad = verify(&signature, &changed(LIST), &keys);
            assert_eq!(
                bad,
                Err(SignatureError::Bad { signer: fingerprint.clone() }),
                "{algorithm} {options:?}"
            );
            assert!(!gpg.gpgv(&ring, &signature, &changed(LIST)));
            let unknown = verify(&signature, LIST, &gpg.keys("stranger"));
            assert_eq!(unknown, Err(SignatureError::UnknownSigner(vec![fingerprint.clone()])));
        }
    }
    assert_eq!(gpg.keys("stranger").only(&[stranger.to_lowercase()]).names().count(), 1);
    assert!(gpg.keys("stranger").only(&[&stranger[8..]]).is_empty());
}

#[test]
pub(crate) fn one_pinned_signer_of_several_is_enough() {
    let gpg = Gpg::signing(LIST).unwrap();
    for name in ["one", "two", "three"] {
        gpg.key(name, "ed25519", "never");
    }
    let [one, two] =
        ["one", "two"].map(|name| gpg.sign(name, "20210101T000000", &["--detach-sign"]));
    let both = [&one[..], &two].concat();
    for name in ["one", "two"] {
        assert_eq!(verify(&both, LIST, &gpg.keys(name)).unwrap().signer, gpg.fingerprint(name));
        assert!(matches!(
            verify(&both, &changed(LIST), &gpg.keys(name)),
            Err(SignatureError::Bad { .. })
        ));
    }
    let unknown = verify(&both, LIST, &gpg.keys("three"));
    assert!(matches!(unknown, Err(SignatureError::UnknownSigner(issuers)) if issuers.len() == 2));
    let armored = ["one", "two"]
        .map(|name| gpg.sign(name, "20210101T000000", &["--armor", "--detach-sign"]))
        .concat();
    assert!(verify(&armored, LIST, &gpg.keys("two")).is_ok());
}

#[test]
pub(crate) fn a_subkey_signs_for_its_primary_key_and_only_while_it_is_bound() {
    let gpg = Gpg::signing(LIST).unwrap();
    let fingerprint = gpg.key("owner", "rsa2048", "never");
    gpg.at(MADE, &["--quick-add-key", &fingerprint, "ed25519", "sign", "never"]);
    let signature = gpg.sign("owner", "20210101T000000", &["--detach-sign"]);
    let ring = gpg.export("owner");
    let keys = gpg.keys("owner").only(&[&fingerprint]);
    assert_eq!(verify(&signature, LIST, &keys).unwrap().signer, fingerprint);
    assert!(gpg.gpgv(&ring, &signature, LIST));
    // The last packet binds the subkey; its last bytes are the signature itself.
    let mut broken = ring.clone();
    let last = broken.len() - 3;
    broken[last] ^= 1;
    let mut keys = Keys::default();
    keys.add(&broken).unwrap();
    assert_eq!(
        verify(&signature, LIST, &keys),
        Err(SignatureError::NotASigningKey { signer: fingerprint })
    );
}

#[test]
pub(crate) fn an_expired_key_is_good_for_what_it_signed_before_and_nothing_after() {
    let gpg = Gpg::signing(LIST).unwrap();
    let fingerprint = gpg.key("short", "ed25519", "20210101T000000");
    let before = gpg.sign("short", "20200601T000000", &["--detach-sign"]);
    let keys = gpg.keys("short");
    let at = "2021-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(verify(&before, LIST, &keys).unwrap().warnings, [Warning::KeyExpired { at }]);
    // Its owner may say that it lives on; whoever has the key as it was does not know.
    gpg.at("20200701T000000", &["--quick-set-expire", &fingerprint, "20300101T000000"]);
    let after = gpg.sign("short", "20220101T000000", &["--detach-sign"]);
    assert!(matches!(verify(&after, LIST, &keys), Err(SignatureError::KeyNotValid { .. })));
    let prolonged = gpg.keys("short");
    assert_eq!(verify(&after, LIST, &prolonged).unwrap().warnings, []);
    let future = gpg.sign("short", "20290101T000000", &["--detach-sign"]);
    assert!(matches!(verify(&future, LIST, &prolonged), Err(SignatureError::FromTheFuture { .. })));
    let options = ["--default-sig-expire", "1y", "--detach-sign"];
    let ended = gpg.sign("short", "20220101T000000", &options);
    assert!(matches!(verify(&ended, LIST, &prolonged), Err(SignatureError::Expired { .. })));
}

/// Imports the revocation that `GnuPG` made with the key, which tells no reason.
fn revoke(gpg: &Gpg, fingerprint: &str) {
    let file = gpg.path(&format!("openpgp-revocs.d/{fingerprint}.rev"));
    let text = fs::read_to_string(&file).unwrap().replace(":-----BEGIN", "-----BEGIN");
    fs::write(&file, text).unwrap();
    gpg.at("20220101T000000", &["--import", file.to_str().unwrap()]);
}

/// Writes and imports a revocation for a reason by which nobody else has the key.
fn retire(gpg: &Gpg, fingerprint: &str) {
    let file = gpg.path("retired");
    let home = gpg.home();
    tool::run_with_input("gpg", "y\n3\n\ny\n", |run| {
        run.arg("--homedir").arg(home).args([
            "--no-tty",
            "--command-fd",
            "0",
            "--pinentry-mode",
            "loopback",
        ]);
        run.args(["--passphrase", "", "--faked-system-time=20220101T000000!"]);
        run.arg("--output").arg(&file).args(["--gen-revoke", fingerprint])
    })
    .unwrap();
    gpg.at("20220101T000000", &["--import", file.to_str().unwrap()]);
}

#[test]
pub(crate) fn a_revoked_key_signs_nothing_and_a_retired_one_nothing_more() {
    let gpg = Gpg::signing(LIST).unwrap();
    let lost = gpg.key("lost", "ed25519", "never");
    let before = gpg.sign("lost", "20210101T000000", &["--detach-sign"]);
    revoke(&gpg, &lost);
    assert_eq!(
        verify(&before, LIST, &gpg.keys("lost")),
        Err(SignatureError::KeyRevoked { signer: lost })
    );
    let retired = gpg.key("retired-one", "ed25519", "never");
    let [before, after] = ["20210101T000000", "20230101T000000"]
        .map(|at| gpg.sign("retired-one", at, &["--detach-sign"]));
    retire(&gpg, &retired);
    let keys = gpg.keys("retired-one");
    let at = "2022-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(verify(&before, LIST, &keys).unwrap().warnings, [Warning::KeyRetired { at }]);
    assert!(matches!(verify(&after, LIST, &keys), Err(SignatureError::KeyNotValid { .. })));
}

#[test]
pub(crate) fn signatures_by_weak_hashes_are_refused() {
    let gpg = Gpg::signing(LIST).unwrap();
    gpg.key("old", "rsa2048", "never");
    let keys = gpg.keys("old");
    for hash in ["SHA1", "RIPEMD160", "MD5"] {
        let options = ["--allow-weak-digest-algos", "--digest-algo", hash, "--detach-sign"];
        let signature = gpg.sign("old", "20210101T000000", &options);
        assert!(
            matches!(verify(&signature, LIST, &keys), Err(SignatureError::WeakHash { .. })),
            "{hash}"
        );
    }
    // Neither good nor bad: nobody here can tell.
    let signature =
        gpg.sign("old", "20210101T000000", &["--digest-algo", "SHA224", "--detach-sign"]);
    assert_eq!(verify(&signature, LIST, &keys), Err(SignatureError::Unsupported));
}

#[test]
pub(crate) fn of_a_clearsigned_message_only_the_signed_text_is_given_back() {
    let gpg = Gpg::signing(LIST).unwrap();
    gpg.key("clear", "ed25519", "never");
    let keys = gpg.keys("clear");
    let message =
        String::from_utf8(gpg.sign("clear", "20210101T000000", &["--clear-sign"])).unwrap();
    let text = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef  a.iso\n-- dashes\n\nend\n";
    let good = |message: &str| verify_list(message.as_bytes(), &keys);
    assert_eq!(good(&message).unwrap(), text);
    assert_eq!(good(&message.replace('\n', "\r\n")).unwrap(), text);
    assert_eq!(good(&format!("evil  a.iso\n{message}evil  b.iso\n")).unwrap(), text);
    assert_eq!(good(&message.replace("end \n", "end\t \n")).unwrap(), text);
    for (why, tampered) in [
        ("another text", message.replace("a.iso", "b.iso")),
        ("a line more", message.replace("\nend", "\nmore\nend")),
        ("no escape", message.replace("- -- dashes", "-- dashes")),
        ("two messages", message.repeat(2)),
        ("a header that is text to readers", message.replace("Hash:", "Comment: x\nHash:")),
        ("a line before the text", message.replace("\n\n0123", "\nevil\n\n0123")),
        ("no signature", message.split("-----BEGIN PGP SIGNATURE").next().unwrap().to_owned()),
        ("a carriage return within", message.replace("a.iso", "a.iso\rb.iso")),
    ] {
        assert!(good(&tampered).is_err(), "{why}");
    }
    assert_eq!(good("0123  a.iso\n"), Err(SignatureError::Missing));
}

#[test]
pub(crate) fn what_is_no_signature_or_key_is_refused() {
    let gpg = Gpg::signing(LIST).unwrap();
    gpg.key("any", "ed25519", "never");
    let signature = gpg.sign("any", "20210101T000000", &["--detach-sign"]);
    for file in [
        &b""[..],
        b"<html>",
        b"-----BEGIN PGP SIGNATURE-----\n",
        &gpg.export("any"),
        &signature[..10],
    ] {
        assert!(verify(file, LIST, &gpg.keys("any")).is_err());
    }
    let mut keys = Keys::default();
    for file in [&b""[..], b"<html>", &signature, b"untrusted comment: x\nAAAA\n"] {
        assert!(keys.add(file).is_err());
    }
    assert!(keys.is_empty());
}

/// Runs a tool in `directory`.
fn run_in(directory: &Path, program: &str, arguments: &[&str]) {
    tool::run(program, |command| command.current_dir(directory).args(arguments)).unwrap();
}

fn key(directory: &Path, file: &str) -> Keys {
    let mut keys = Keys::default();
    keys.add(&fs::read(directory.join(file)).unwrap()).unwrap();
    keys
}

#[test]
pub(crate) fn minisign_signatures_are_good_for_their_content_and_comment_alone() {
    let directory = scratch::directory().unwrap();
    let directory = directory.path();
    fs::write(directory.join("list"), LIST).unwrap();
    for name in ["a", "b"] {
        let (public, secret) = (format!("{name}.pub"), format!("{name}.key"));
        run_in(directory, "minisign", &["-G", "-W", "-f", "-p", &public, "-s", &secret]);
    }
    for options in [&["-S", "-W"][..], &["-S", "-W", "-l"]] {
        let files =
            ["-s", "a.key", "-m", "list", "-x", "list.minisig", "-t", "timestamp:1700000000 x"];
        run_in(directory, "minisign", &[options, &files].concat());
        let signature = fs::read(directory.join("list.minisig")).unwrap();
        let signed = verify(&signature, LIST, &key(directory, "a.pub")).unwrap();
        assert_eq!(signed.made_at.unwrap().as_second(), 1_700_000_000);
        let text = fs::read_to_string(directory.join("a.pub")).unwrap();
        // Which leaves out zeros at its beginning.
        let id = text.lines().next().and_then(|line| line.rsplit(' ').next()).unwrap();
        assert_eq!(signed.signer, format!("{id:0>16}"));
        assert_eq!(key(directory, "a.pub").only(&[id]).names().count(), 1);
        assert!(key(directory, "b.pub").only(&[id]).is_empty());
        let bad = SignatureError::Bad { signer: signed.signer };
        assert_eq!(verify(&signature, &changed(LIST), &key(directory, "a.pub")), Err(bad.clone()));
        let other =
            String::from_utf8(signature.clone()).unwrap().replace("1700000000", "1800000000");
        assert_eq!(verify(other.as_bytes(), LIST, &key(directory, "a.pub")), Err(bad));
        let unknown = verify(&signature, LIST, &key(directory, "b.pub"));
        assert!(matches!(unknown, Err(SignatureError::UnknownSigner(_))));
    }
}

#[test]
pub(crate) fn signify_signatures_are_good_beside_and_around_a_list() {
    let directory = scratch::directory().unwrap();
    let directory = directory.path();
    fs::write(directory.join("list"), LIST).unwrap();
    for name in ["a", "b"] {
        let (public, secret) = (format!("{name}.pub"), format!("{name}.sec"));
        run_in(directory, "signify-openbsd", &["-G", "-n", "-p", &public, "-s", &secret]);
    }
    run_in(directory, "signify-openbsd", &["-S", "-s", "a.sec", "-m", "list", "-x", "list.sig"]);
    run_in(
        directory,
        "signify-openbsd",
        &["-S", "-e", "-s", "a.sec", "-m", "list", "-x", "SHA256.sig"],
    );
    let signature = fs::read(directory.join("list.sig")).unwrap();
    let keys = key(directory, "a.pub");
    assert!(verify(&signature, LIST, &keys).is_ok());
    assert!(matches!(verify(&signature, &changed(LIST), &keys), Err(SignatureError::Bad { .. })));
    assert!(matches!(
        verify(&signature, LIST, &key(directory, "b.pub")),
        Err(SignatureError::UnknownSigner(_))
    ));
    let list = fs::read(directory.join("SHA256.sig")).unwrap();
    assert_eq!(verify_list(&list, &keys).unwrap(), LIST);
    let tampered = [&list[..], b"more\n"].concat();
    assert!(matches!(verify_list(&tampered, &keys), Err(SignatureError::Bad { .. })));
}
