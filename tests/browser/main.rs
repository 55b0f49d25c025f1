//! The pages in a browser: Chromium without a window.
//!
//! `$ISOMIRROR_SCREENSHOTS` names a directory for pictures of them, for people to look at.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod mirror;
mod static_site;

use std::fs;

use isomirror_core::{
    state::{MediumState, Phase},
    view::{ViewSettings, WebRootFile, WebRootViews, web_root_files},
};
use isomirror_tests::browser::Browser;

use self::{
    mirror::{HOSTILE, Mirror, medium},
    static_site::StaticSite,
};

const PHONE: (u32, u32) = (390, 844);
const WIDE: (u32, u32) = (1280, 900);

/// Number of media that are shown.
const SHOWN: &str =
    "[...document.querySelectorAll('.card')].filter(card => card.offsetHeight > 0).length";

/// Keeps a picture where somebody wants to see it.
fn keep(browser: &mut Browser, name: &str) {
    if let Some(directory) = std::env::var_os("ISOMIRROR_SCREENSHOTS") {
        let picture = browser.screenshot().unwrap();
        fs::write(std::path::Path::new(&directory).join(format!("{name}.png.base64")), picture)
            .unwrap();
    }
}

/// What is wider than the window.
fn overflow(browser: &mut Browser) -> i64 {
    let wider = "document.documentElement.scrollWidth - innerWidth";
    browser.evaluate(wider).unwrap().as_i64().unwrap()
}

fn ground(browser: &mut Browser) -> String {
    let colour = "getComputedStyle(document.body).backgroundColor";
    browser.evaluate(colour).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn pages_fit_phones_and_wide_screens_in_the_light_and_in_the_dark() {
    let mut mirror = Mirror::start();
    let mut browser = Browser::start().unwrap();
    for (width, size) in [("phone", PHONE), ("wide", WIDE)] {
        let grounds = [false, true].map(|is_dark| {
            browser.show(size, is_dark).unwrap();
            let tone = if is_dark { "dark" } else { "light" };
            for (page, path) in [("index", "/"), ("listing", "/AlmaLinux-9-6-x86_64-dvd/")] {
                browser.open(&mirror.url(path)).unwrap();
                assert_eq!(overflow(&mut browser), 0, "{page} {width} {tone}");
                keep(&mut browser, &format!("{page}-{width}-{tone}"));
            }
            let colour = ground(&mut browser);
            browser.open(&mirror.url("/index.html")).unwrap();
            browser
                .evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
                .unwrap();
            assert_eq!(overflow(&mut browser), 0, "all details, {width} {tone}");
            keep(&mut browser, &format!("details-{width}-{tone}"));
            colour
        });
        assert_ne!(grounds[0], grounds[1], "{width}");
    }
    // The picture of README.md: what a mirror has that nobody means harm to.
    mirror.change(|state| {
        state
            .media
            .retain(|medium| !HOSTILE.contains(&medium.label.as_deref().unwrap_or_default()));
    });
    browser.show(WIDE, false).unwrap();
    browser.open(&mirror.url("/")).unwrap();
    keep(&mut browser, "readme");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn labels_are_text_and_run_nothing() {
    let mirror = Mirror::start();
    let mut browser = Browser::start().unwrap();
    browser.open(&mirror.url("/")).unwrap();
    let text = browser.evaluate("document.body.textContent").unwrap().to_string();
    for label in HOSTILE {
        let shown = serde_json::to_string(label).unwrap();
        assert!(text.contains(shown.trim_matches('"')), "{label} in {text}");
    }
    browser
        .evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        .unwrap();
    browser.open(&mirror.url("/AlmaLinux-9-6-x86_64-dvd/")).unwrap();
    assert!(
        browser
            .evaluate("document.body.textContent.includes('<b>bold<b>')")
            .unwrap()
            .as_bool()
            .unwrap()
    );
    browser.open(&mirror.url("/")).unwrap();
    let found =
        "typeof hacked + document.querySelectorAll('main img, main script, main svg').length";
    assert_eq!(browser.evaluate(found).unwrap(), "undefined0");
    assert_eq!(browser.complaints(), [""; 0]);
    // What would come in all the same could not run.
    let inject = "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"hacked=1\">'), \
        document.body.append(Object.assign(document.createElement('script'), {textContent: 'hacked=1'})), typeof hacked";
    assert_eq!(browser.evaluate(inject).unwrap(), "undefined");
    assert!(!browser.complaints().is_empty(), "the policy was violated");
}

#[test]
fn media_are_found_by_what_is_typed() {
    let mirror = Mirror::start();
    let mut browser = Browser::start().unwrap();
    browser.open(&mirror.url("/")).unwrap();
    let all = mirror.state.media.len();
    for (typed, found) in [
        ("rocky", 1),
        ("FEDORA live", 1),
        ("broken", 1),
        ("aarch64", 1),
        ("no such thing", 0),
        ("", all),
    ] {
        let typing = format!(
            "const field = document.querySelector('#search input'); field.value = {typed:?}; \
             field.dispatchEvent(new Event('input')); {SHOWN}"
        );
        assert_eq!(browser.evaluate(&format!("{{ {typing} }}")).unwrap(), found, "{typed}");
        let is_told = "document.querySelector('#nothing').offsetHeight > 0";
        assert_eq!(browser.evaluate(is_told).unwrap(), found == 0, "{typed}");
    }
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn lines_to_copy_have_the_address_that_the_browser_uses() {
    let mirror = Mirror::start();
    let mut browser = Browser::start().unwrap();
    let url = mirror.url("/").replace("127.0.0.1", "localhost");
    browser.open(&url).unwrap();
    let line = browser.evaluate("document.querySelector('.menu code').textContent").unwrap();
    assert_eq!(line, format!("chain {url}boot.ipxe"));
    let button = "document.querySelector('.menu button')";
    browser.evaluate(&format!("{button}.click()")).unwrap();
    browser.wait_for(&format!("{button}.textContent === 'Copied'")).unwrap();
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn what_changes_is_shown_without_loading_the_page_again() {
    let mut mirror = Mirror::start();
    let mut browser = Browser::start().unwrap();
    browser.open(&mirror.url("/")).unwrap();
    browser.wait_for("document.querySelector('#live').textContent === 'live'").unwrap();
    browser
        .evaluate(
            "window.kept = document.getElementById('m-archiso_202508'); kept.querySelector('details').open = true; \
             document.querySelector('[id^=\"m-RHEL\"] details').open = true",
        )
        .unwrap();
    mirror.change(|state| {
        state.media.retain(|medium| medium.name.as_str() != "half-an-image");
        state.media.insert(0, medium("AAA-new", 1.0, None));
        let draining = state.media.iter_mut().find(|medium| medium.state == Phase::Draining);
        draining.unwrap().state = Phase::Serving;
        state.fetch[0].bytes += 100 << 20;
    });
    browser.wait_for("document.querySelector('.card').id === 'm-AAA-new'").unwrap();
    for expression in [
        "document.getElementById('m-half-an-image') === null",
        "document.getElementById('m-archiso_202508') === kept && kept.querySelector('details').open",
        "document.querySelector('[id^=\"m-RHEL\"] .state').textContent === 'serving'",
        "document.querySelector('[id^=\"m-RHEL\"] details').open",
        "document.querySelector('[id^=\"m-RHEL\"] button').textContent === 'Copy'",
        "document.querySelector('progress').value === 571 * 1024 * 1024",
        "!document.querySelector('#summary').textContent.includes('broken')",
    ] {
        assert_eq!(browser.evaluate(expression).unwrap(), true, "{expression}");
    }
    // One change follows another, and the last one holds.
    for _ in 0..5 {
        mirror.change(|state| state.media.truncate(state.media.len() - 1));
    }
    let left = mirror.state.media.len();
    browser.wait_for(&format!("{SHOWN} === {left}")).unwrap();
    mirror.change(|state| state.media.clear());
    browser.wait_for("document.querySelector('.empty') !== null").unwrap();
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn without_scripts_all_is_there_but_what_needs_them() {
    let mirror = Mirror::start();
    let mut browser = Browser::start().unwrap();
    browser.show(PHONE, false).unwrap();
    browser.allow_scripts(false).unwrap();
    browser.open(&mirror.url("/")).unwrap();
    assert_eq!(browser.evaluate(SHOWN).unwrap(), mirror.state.media.len());
    assert_eq!(browser.evaluate("document.querySelector('#search').offsetHeight").unwrap(), 0);
    assert_eq!(browser.evaluate("document.querySelectorAll('button').length").unwrap(), 0);
    let line = browser.evaluate("document.querySelector('.menu code').textContent").unwrap();
    assert_eq!(line, format!("chain {}", mirror.url("/boot.ipxe")));
    keep(&mut browser, "index-phone-no-scripts");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_file_of_the_web_root_works_where_nobody_tells_of_changes() {
    let mut mirror = Mirror::start();
    let page = |mirror: &Mirror| {
        let generated = isomirror_core::generated::Generated::default();
        let served = |medium: &&MediumState| medium.state == Phase::Serving;
        let names = mirror.state.media.iter().filter(served).map(|medium| &medium.name);
        let files = web_root_files(&WebRootViews {
            document: &mirror.state,
            settings: &ViewSettings::default(),
            fetchable: &names.map(|name| (name, &generated)).collect(),
        });
        let WebRootFile::Bytes(page) = &files["index.html"] else { panic!("a link") };
        page.clone()
    };
    let site = StaticSite::start(page(&mirror));
    let mut browser = Browser::start().unwrap();
    browser.open(&site.url()).unwrap();
    let line = browser.evaluate("document.querySelector('.menu code').textContent").unwrap();
    assert_eq!(line, format!("chain {}boot.ipxe", site.url()));
    assert_eq!(
        browser.evaluate("document.querySelector('#placeholder')").unwrap(),
        serde_json::Value::Null
    );
    browser.wait_for("document.querySelector('#live').textContent.startsWith('looks')").unwrap();
    mirror.change(|state| state.media.truncate(3));
    site.replace(page(&mirror));
    browser.wait_for(&format!("{SHOWN} === 3")).unwrap();
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|complaint| complaint.contains("/events")), "{complaints:?}");
}
