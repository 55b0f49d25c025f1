//! Listings with the traps that real ones have, in every order, and with each document failing in turn.

mod order;
mod trust;

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::*;
use crate::catalog::{CatalogFile, Entry};

/// A web, by URL.
type World = BTreeMap<String, Answer>;

fn url(text: &str) -> Url {
    Url::try_from(text.to_owned()).unwrap()
}

fn page(address: &str, content: &str) -> (String, Answer) {
    let document = Document { url: url(address), bytes: content.as_bytes().into() };
    (address.to_owned(), Answer::Found(document))
}

fn world<const N: usize>(pages: [(&str, &str); N]) -> World {
    pages.into_iter().map(|(address, content)| page(address, content)).collect()
}

fn entry(body: &str) -> Entry {
    let text = format!(
        "schema: 1\nentries:\n  x:\n    title: X\n    distribution: x\n    edition: e\n    arch: x86_64\n{body}"
    );
    let (mut file, problems) = CatalogFile::parse("x.yaml", &text);
    assert_eq!(problems, []);
    file.entries.remove(0)
}

/// Resolves within `world`, and tells which URLs were asked for.
fn run(entry: &Entry, history: &History, world: &World) -> (Outcome, Vec<String>) {
    let mut known = HashMap::new();
    let mut asked = Vec::new();
    loop {
        match resolve(entry, history, &known) {
            Step::End(outcome) => return (outcome, asked),
            Step::Ask(requests) => {
                assert!(!requests.is_empty());
                for request in requests {
                    let address = request.url().to_string();
                    let answer = world.get(&address).cloned().unwrap_or(Answer::Gone);
                    asked.push(address);
                    assert!(known.insert(request, answer).is_none(), "asked twice");
                }
            }
        }
    }
}

fn outcome(entry: &Entry, world: &World) -> Outcome {
    run(entry, &History::default(), world).0
}

fn resolved(entry: &Entry, world: &World) -> Release {
    match outcome(entry, world) {
        Outcome::Resolved(release) => *release,
        other => panic!("{other:?}"),
    }
}

fn digest(seed: usize) -> String {
    format!("{seed:064x}")
}

/// A list of digests in the form of `sha256sum`.
fn sums(names: &[&str]) -> String {
    let line = |(index, name)| format!("{}  {name}", digest(index + 1));
    names.iter().enumerate().map(line).chain([String::new()]).collect::<Vec<_>>().join("\n")
}

fn listing(names: &[&str]) -> String {
    let link = |name| format!("<a href=\"{name}\">{name}</a>");
    let links = names.iter().map(link).collect::<Vec<_>>().join("\n");
    format!("<html><h1>Index</h1><a href=\"?C=N;O=D\">Name</a><a href=\"../\">..</a>{links}</html>")
}

/// `names` as they are, reversed, and rotated by each number of places.
fn orders<'n>(names: &[&'n str]) -> Vec<Vec<&'n str>> {
    let mut orders = vec![names.to_vec(), names.iter().rev().copied().collect()];
    for by in 1..names.len() {
        let mut rotated = names.to_vec();
        rotated.rotate_left(by);
        orders.push(rotated);
    }
    orders
}

fn in_directory(method: &str, name: &str) -> Entry {
    entry(&format!(
        "    find: {{method: {method}}}\n    directories: ['https://a.example/d/']\n    archives: ['https://old.example/d/']\n    \
         name: '{name}'\n    checksum: {{file: SUMS, algorithm: sha256}}\n    trust: one-source\n"
    ))
}

#[test]
fn what_cannot_be_read_is_unknown_and_the_archive_is_for_what_is_gone() {
    let entry = in_directory("checksum_file", r"x-(?P<version>\d+)\.iso");
    let live = "https://a.example/d/SUMS";
    let old = page("https://old.example/d/SUMS", &sums(&["x-1.iso"]));
    for (what, answer) in [
        ("refused", Answer::Unreadable("403".to_owned())),
        ("a challenge", page(live, "<html>checking your browser</html>").1),
        ("empty", page(live, "").1),
        ("no list", page(live, "nothing to see\n").1),
        ("another's", page(live, &sums(&["y-2.iso"])).1),
        (
            "contradictory",
            page(live, &format!("{}  x-2.iso\n{}  x-2.iso\n", digest(1), digest(2))).1,
        ),
        ("too long", page(live, &"# \n".repeat(2 << 20)).1),
    ] {
        let world = World::from([(live.to_owned(), answer), old.clone()]);
        assert!(matches!(outcome(&entry, &world), Outcome::Unknown(_)), "{what}");
    }
    let release = resolved(&entry, &World::from([old]));
    assert!(release.archived && release.version == "1");
    assert_eq!(release.urls[0].as_str(), "https://old.example/d/x-1.iso");
    assert!(matches!(outcome(&entry, &World::new()), Outcome::Unknown(_)));
}

#[test]
fn an_announced_release_is_waited_for_and_never_passed_over() {
    let entry = entry(
        "    find: {method: dir_index, series_at: 'https://a.example/', series: '\\d+\\.\\d+'}\n    \
         directories: ['https://a.example/{series}/']\n    name: 'x-(?P<version>\\d+\\.\\d+)-RELEASE\\.iso'\n    trust: unverified\n",
    );
    let series = listing(&["15.1/", "15.2/", "9.3/", "15.3-BETA1/"]);
    let old = page("https://a.example/15.1/", &listing(&["x-15.1-RELEASE.iso"]));
    let all = |newest: Option<Answer>| {
        let mut world = World::from([page("https://a.example/", &series), old.clone()]);
        world.extend(newest.map(|answer| ("https://a.example/15.2/".to_owned(), answer)));
        world
    };
    let there =
        page("https://a.example/15.2/", &listing(&["x-15.2-RELEASE.iso", "x-15.2-BETA3.iso"])).1;
    assert_eq!(resolved(&entry, &all(Some(there))).version, "15.2");
    let early = page("https://a.example/15.2/", &listing(&["x-15.2-BETA3.iso"])).1;
    assert!(matches!(outcome(&entry, &all(Some(early))), Outcome::Pending(_)));
    assert!(matches!(outcome(&entry, &all(None)), Outcome::Pending(_)));
    let refused = Answer::Unreadable("timed out".to_owned());
    assert!(matches!(outcome(&entry, &all(Some(refused.clone()))), Outcome::Unknown(_)));
    let world = World::from([("https://a.example/".to_owned(), refused), old]);
    assert!(matches!(outcome(&entry, &world), Outcome::Unknown(_)));
}

#[test]
fn a_release_on_github_counts_by_its_version_and_with_its_image() {
    let entry = entry(
        "    find: {method: github_release, repository: o/r, pattern: 'v(?P<version>1\\.\\d+\\.\\d+)'}\n    \
         name: 'metal-amd64\\.iso'\n    trust: one-source\n",
    );
    let at = "https://api.github.com/repos/o/r/releases?per_page=30";
    let release = |tag: &str, rest: &str, assets: &str| {
        format!("{{\"tag_name\": \"{tag}\", {rest} \"assets\": [{assets}]}}")
    };
    let asset = |tag: &str| {
        format!(
            "{{\"name\": \"metal-amd64.iso\", \"size\": 7, \"state\": \"uploaded\", \"digest\": \"sha256:{}\", \
             \"browser_download_url\": \"https://github.com/o/r/{tag}/metal-amd64.iso\"}}",
            digest(9)
        )
    };
    let backport = release("v1.13.9", "", &asset("v1.13.9"));
    let newest = release("v1.14.2", "", &asset("v1.14.2"));
    let early = release("v1.15.0", "\"prerelease\": true,", &asset("v1.15.0"));
    let draft = release("v1.16.0", "\"draft\": true,", &asset("v1.16.0"));
    let coming = release("v1.14.3", "", "{\"name\": \"notes.txt\"}");
    for releases in orders(&[&backport, &newest, &early, &draft]) {
        let found = resolved(&entry, &world([(at, &format!("[{}]", releases.join(",")))]));
        assert_eq!((found.version.as_str(), found.size), ("1.14.2", Some(7)));
        assert_eq!(found.urls[0].as_str(), "https://github.com/o/r/v1.14.2/metal-amd64.iso");
        assert_eq!(found.digests[0].hex(), digest(9));
    }
    let with_coming = format!("[{backport},{coming},{newest}]");
    assert!(matches!(outcome(&entry, &world([(at, &with_coming)])), Outcome::Pending(_)));
    for broken in ["{\"message\": \"API rate limit exceeded\"}", "[", "<html>"] {
        assert!(matches!(outcome(&entry, &world([(at, broken)])), Outcome::Unknown(_)), "{broken}");
    }
}

#[test]
fn an_alias_is_resolved_once_and_its_target_is_used_for_image_and_list() {
    let entry = entry(
        "    find: {method: redirect, at: 'https://c.example/latest.iso'}\n    name: 'nixos-(?P<version>26\\.05\\.\\d+)\\.iso'\n    \
         checksum: {file: '{file}.sha256', algorithm: sha256}\n    trust: one-source\n",
    );
    let list = sums(&["nixos-26.05.12.iso"]);
    let mut world = world([("https://r.example/12/nixos-26.05.12.iso.sha256", list.as_str())]);
    let target = |to: &str| Answer::Found(Document { url: url(to), bytes: [].into() });
    let alias = "https://c.example/latest.iso".to_owned();
    world.insert(alias.clone(), target("https://r.example/12/nixos-26.05.12.iso"));
    let release = resolved(&entry, &world);
    assert_eq!(release.version, "26.05.12");
    assert_eq!(release.urls, [url("https://r.example/12/nixos-26.05.12.iso")]);
    assert_eq!(
        release.list.unwrap().url.as_str(),
        "https://r.example/12/nixos-26.05.12.iso.sha256"
    );
    world.insert(alias, target("https://r.example/13/nixos-26.11.1.iso"));
    assert!(matches!(outcome(&entry, &world), Outcome::Unknown(_)), "another major");
}

#[test]
fn documents_pointers_feeds_and_pages_lead_to_the_newest() {
    let tail = "    directories: ['https://a.example/{version}/']\n    name: 'x-(?P<version>\\d+\\.\\d+(?:_rc\\d)?)\\.iso'\n    trust: unverified\n";
    for (find, document) in [
        (
            "{method: json, at: 'https://a.example/r', items: 'r[].f[]', fields: {name: n}, where: {ok: 'true'}}",
            r#"{"r": [{"f": [{"n": "x-9.9.iso", "ok": true}, {"n": "x-11.1.iso", "ok": false}]}, {"f": [{"n": "x-10.2.iso", "ok": true}, {"n": "../x-12.0.iso/..", "ok": true}]}]}"#,
        ),
        (
            "{method: yaml, at: 'https://a.example/r', items: '[]', fields: {name: file}, where: {flavor: std}}",
            "- {flavor: std, file: x-10.2.iso}\n- {flavor: std, file: x-10.3_rc1.iso}\n- {flavor: virt, file: x-11.0.iso}\n",
        ),
        (
            "{method: text_pointer, at: 'https://a.example/r', pattern: '(?P<file>\\S+\\.iso) \\d+'}",
            "# latest\nd/x-10.2.iso 123\n",
        ),
        (
            "{method: rss, at: 'https://a.example/r'}",
            "<rss><channel><title>all</title><item><title><![CDATA[/Final/x-10.2.iso]]></title></item><item><title>/Final/x-9.1.iso</title></item><item><title>/Final/x-10.3_rc1.iso</title></item></channel></rss>",
        ),
        (
            "{method: html, at: 'https://a.example/r'}",
            "<a href='https://b.example/x-10.2.iso'>get</a><a href='x-9.9.iso'>old</a><a href='yx-11.0.iso'>y</a>",
        ),
    ] {
        let entry = entry(&format!("    find: {find}\n{tail}"));
        let release = resolved(&entry, &world([("https://a.example/r", document)]));
        assert_eq!(release.version, "10.2", "{find}");
        assert_eq!(release.urls[0].as_str(), "https://a.example/10.2/x-10.2.iso", "{find}");
        for broken in ["", "<html>403 Forbidden</html>", "{}", "&a [*a]", "\0"] {
            let world = world([("https://a.example/r", broken)]);
            assert!(matches!(outcome(&entry, &world), Outcome::Unknown(_)), "{find} {broken:?}");
        }
    }
}

const SIGNED: &str = "    find: {method: checksum_file}\n    directories: ['https://a.example/']\n    name: 'x-(?P<version>\\d+)\\.iso'\n    \
    checksum: {file: SUMS, algorithm: sha256}\n    \
    signatures: [{on: list, file: SUMS.sign, keys: ['DF9B9C49EAA9298432589D76DA87E80D6294BE9B']}]\n    trust: signed-list\n";

#[test]
fn what_announces_and_what_lists_have_to_agree() {
    let entry = entry(
        "    find: {method: json, at: 'https://a.example/r', items: '[]', fields: {name: n, sha256: h}}\n    \
         directories: ['https://a.example/']\n    name: 'x-(?P<version>\\d+)\\.iso'\n    checksum: {file: SUMS, algorithm: sha256}\n    trust: two-sources\n",
    );
    let list = sums(&["x-7.iso"]);
    let announced = |digest: &str| format!("[{{\"n\": \"x-7.iso\", \"h\": \"{digest}\"}}]");
    let same = announced(&digest(1));
    let pages = [("https://a.example/SUMS", list.as_str()), ("https://a.example/r", same.as_str())];
    assert_eq!(resolved(&entry, &world(pages)).digests.len(), 1);
    let other = announced(&digest(2));
    let pages =
        [("https://a.example/SUMS", list.as_str()), ("https://a.example/r", other.as_str())];
    assert!(matches!(outcome(&entry, &world(pages)), Outcome::Held(_)));
}

#[test]
fn a_list_with_another_name_counts_only_where_the_entry_says_so_and_one_fits() {
    let text = |exact: bool| {
        format!(
            "    find: {{method: fixed_name}}\n    directories: ['https://a.example/']\n    name: 'x-(?:Current|\\d+)\\.iso'\n    \
             file: x-Current.iso\n    checksum: {{file: '{{file}}.sha256', algorithm: sha256, lists_exact_name: {exact}}}\n    trust: one-source\n"
        )
    };
    let at = "https://a.example/x-Current.iso.sha256";
    let one = world([(at, &sums(&["x-20260920.iso"]))]);
    assert!(matches!(outcome(&entry(&text(true)), &one), Outcome::Unknown(_)));
    let release = resolved(&entry(&text(false)), &one);
    assert_eq!(
        release.version,
        &digest(1)[..12],
        "a name that never changes has its digest for a version"
    );
    assert_eq!(release.list.unwrap().listed_name, "x-20260920.iso");
    let two = world([(at, &sums(&["x-20260920.iso", "x-20260921.iso"]))]);
    assert!(matches!(outcome(&entry(&text(false)), &two), Outcome::Unknown(_)));
}

#[test]
fn two_images_of_one_version_are_not_chosen_between() {
    let entry = in_directory("checksum_file", r"x-(?P<version>\d+)-(?:a|b)\.iso");
    let list = sums(&["x-1-a.iso", "x-2-a.iso", "x-2-b.iso"]);
    assert!(matches!(
        outcome(&entry, &world([("https://a.example/d/SUMS", &list)])),
        Outcome::Unknown(_)
    ));
}

#[test]
fn entries_of_one_directory_ask_for_the_same_documents() {
    let server = in_directory("checksum_file", r"x-(?P<version>\d+)-server\.iso");
    let desktop = in_directory("checksum_file", r"x-(?P<version>\d+)-desktop\.iso");
    let known = HashMap::new();
    let ask = |entry: &Entry| resolve(entry, &History::default(), &known);
    assert_eq!(ask(&server), ask(&desktop));
}

proptest! {
    #[test]
    fn no_failure_and_no_order_makes_an_older_release_the_newest(
        versions in proptest::collection::btree_set((1_u32..30, 0_u32..30), 1..6),
        fails in proptest::collection::vec(0_usize..6, 3),
        shuffle in any::<u64>(),
    ) {
        let entry = entry(SIGNED.replace("\\d+", "\\d+\\.\\d+").as_str());
        let newest = versions.iter().max().unwrap();
        let mut names: Vec<_> = versions.iter().map(|(a, b)| format!("x-{a}.{b}.iso")).collect();
        let by = usize::try_from(shuffle % names.len() as u64).unwrap();
        names.rotate_left(by);
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let addresses = ["https://a.example/SUMS", "https://a.example/SUMS.sign"];
        let contents = [sums(&names), "signature".to_owned()];
        let mut world = World::new();
        for ((address, content), fail) in addresses.iter().zip(&contents).zip(fails) {
            let answer = match fail {
                0 => Answer::Unreadable("no".to_owned()),
                1 => Answer::Gone,
                2 => page(address, "<html>").1,
                3 => page(address, "").1,
                _ => page(address, content).1,
            };
            world.insert((*address).to_owned(), answer);
        }
        if let Outcome::Resolved(release) = outcome(&entry, &world) {
            prop_assert_eq!(release.version, format!("{}.{}", newest.0, newest.1));
        }
    }

    #[test]
    fn no_document_panics(text in "[ -~\n]{0,200}", method in 0_usize..4) {
        let find = [
            "{method: json, at: 'https://a.example/r', items: 'a[].b', fields: {url: u, size: s}}",
            "{method: yaml, at: 'https://a.example/r', items: '[]', fields: {name: n}}",
            "{method: html, at: 'https://a.example/r'}",
            "{method: rss, at: 'https://a.example/r'}",
        ][method];
        let entry = entry(&format!(
            "    find: {find}\n    directories: ['https://a.example/']\n    name: '(?P<version>.+)'\n    trust: unverified\n"
        ));
        let _ = outcome(&entry, &world([("https://a.example/r", &text)]));
    }
}
