//! What the server shows of trees: listings, links, special files, damaged files, names of all kinds.

use std::{
    ffi::OsStr,
    fs::{self, OpenOptions},
    os::unix::{
        ffi::OsStrExt,
        fs::{FileExt, symlink},
    },
};

use isomirror::serve::Exports;
use isomirror_core::containment::SymlinkPolicy;
use isomirror_tests::images::iso9660::{bytes, run, xorriso};

use crate::http_fixture::{Client, Workshop, exports, medium, server, settings};

#[test]
fn links_are_followed_inside_the_medium_and_nowhere_else() {
    let workshop = Workshop::with_files();
    for (name, target) in [
        ("inside", "dir/README"),
        ("directory", "dir"),
        ("dir/up", "../small.txt"),
        ("outside", "../../../etc/passwd"),
        ("absolute", "/etc/passwd"),
        ("loop", "loop"),
        ("dangling", "nowhere"),
    ] {
        symlink(target, workshop.tree.join(name)).unwrap();
    }
    let opened = medium(&workshop.image("a.iso"));
    let (server, address) = server(&settings());
    let mut client = Client::connect(address);
    for (symlinks, found) in [
        (SymlinkPolicy::Contained, true),
        (SymlinkPolicy::Off, false),
        (SymlinkPolicy::Follow, true),
    ] {
        server.publish(Exports { symlinks, ..exports([("A", opened.clone())]) });
        let expected = |status| if found { status } else { 404 };
        for (target, status) in [
            ("/A/inside", expected(200)),
            ("/A/directory", expected(301)),
            ("/A/directory/README", expected(200)),
            ("/A/dir/up", expected(200)),
            ("/A/outside", 404),
            ("/A/absolute", 404),
            ("/A/loop", 404),
            ("/A/dangling", 404),
        ] {
            assert_eq!(client.get(target).status, status, "{symlinks:?} {target}");
        }
        let listing = client.get("/A/").text();
        assert_eq!(listing.contains("<a href=\"inside\">inside</a>"), found, "{listing}");
        assert_eq!(listing.contains("<a href=\"directory/\">directory/</a>"), found, "{listing}");
        assert!(!listing.contains("href=\"dangling\""), "{listing}");
        assert!(!listing.contains("href=\"outside\""), "{listing}");
    }
}

#[test]
fn special_files_are_listed_and_not_opened() {
    let workshop = Workshop::new();
    let fifo = workshop.tree.join("fifo");
    run("mkfifo", [&fifo]);
    let (server, address) = server(&settings());
    server.publish(exports([("A", medium(&workshop.image("a.iso")))]));
    let mut client = Client::connect(address);
    assert_eq!(client.get("/A/fifo").status, 403);
    assert!(client.get("/A/").text().contains("<td>fifo</td>"));
}

#[test]
fn names_of_all_kinds_are_listed_escaped_and_found_by_their_links() {
    let workshop = Workshop::new();
    let names: [&[u8]; 12] = [
        b"plain",
        b"a b+c&d=e;f,g",
        b"<script>alert(1)<script>",
        b"\"quoted\" 'single'",
        b"javascript:alert(1)",
        b"%2e%2e%2f",
        b"?query#fragment",
        b"back\\slash",
        "日本 ß 😀".as_bytes(),
        b"not utf-8 \xff\xfe",
        b"tab\tand\x01control",
        b"...",
    ];
    for name in names {
        fs::write(workshop.tree.join(OsStr::from_bytes(name)), name).unwrap();
    }
    let (server, address) = server(&settings());
    server.publish(exports([("A", medium(&workshop.image("a.iso")))]));
    let mut client = Client::connect(address);
    let listing = client.get("/A/");
    assert!(listing.field("Content-Security-Policy").unwrap().contains("default-src 'none'"));
    let text = listing.text();
    assert!(!text.contains("<script") && !text.contains("href=\"javascript:"));
    let links: Vec<&str> = text
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|link| *link != "../")
        .collect();
    assert_eq!(links.len(), names.len());
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    for link in links {
        let response = client.get(&format!("/A/{link}"));
        assert_eq!(response.status, 200, "{link}");
        bodies.push(response.body);
    }
    bodies.sort();
    let mut expected: Vec<Vec<u8>> = names.iter().map(|name| name.to_vec()).collect();
    expected.sort();
    assert_eq!(bodies, expected);
}

#[test]
fn a_large_directory_is_sent_in_chunks_with_every_name_once() {
    let workshop = Workshop::new();
    for number in 0..3000 {
        workshop.file(&format!("f{number:05}"), b"");
    }
    for number in 0..20 {
        fs::create_dir(workshop.tree.join(format!("z{number:02}"))).unwrap();
    }
    let (server, address) = server(&settings());
    server.publish(exports([("A", medium(&workshop.image("a.iso")))]));
    let mut client = Client::connect(address);
    let response = client.get("/A/");
    assert_eq!(response.field("Transfer-Encoding"), Some("chunked"));
    let text = response.text();
    assert!(text.ends_with("</html>\n"));
    for number in 0..3000 {
        assert_eq!(text.matches(&format!("\"f{number:05}\"")).count(), 1);
    }
    assert!(text.find("z19/").unwrap() < text.find("f00000").unwrap(), "directories come first");
    let head = client.request("HEAD", "/A/", "");
    assert_eq!(head.field("Transfer-Encoding"), Some("chunked"));
    let mut old = Client::connect(address);
    old.send("GET /A/ HTTP/1.0\r\n\r\n");
    let closed = old.response(false);
    assert_eq!(closed.field("Transfer-Encoding"), None);
    assert_eq!(closed.text(), text);
}

#[test]
fn compressed_files_come_as_they_were() {
    let workshop = Workshop::new();
    let mut content = b"compressible ".repeat(100_000);
    content.extend(bytes(3, 40_000));
    content.extend(vec![0; 200_000]);
    workshop.file("large", &content);
    workshop.file("small", &content[..9000]);
    let image = workshop.directory.path().join("z.iso");
    run(
        "xorriso",
        [
            "-outdev",
            image.to_str().unwrap(),
            "-zisofs",
            "level=6",
            "-map",
            workshop.tree.to_str().unwrap(),
            "/",
            "-set_filter_r",
            "--zisofs",
            "/",
            "--",
        ],
    );
    let (server, address) = server(&settings());
    server.publish(exports([("A", medium(&image))]));
    let mut client = Client::connect(address);
    assert_eq!(client.get("/A/large").body, content);
    assert_eq!(client.get("/A/small").body, &content[..9000]);
    let part = client.request("GET", "/A/large", "Range: bytes=32767-1310000\r\n");
    assert_eq!(part.body, &content[32767..=1_310_000]);
    assert!(fs::metadata(&image).unwrap().len() < content.len() as u64, "it was compressed");
}

#[test]
fn a_file_that_lies_beyond_the_image_is_an_error_and_never_bytes() {
    let workshop = Workshop::with_files();
    let path = workshop.image("a.iso");
    let size = fs::metadata(&path).unwrap().len();
    let content = bytes(2, 3_000_001);
    let image = fs::read(&path).unwrap();
    let start = image.windows(4096).position(|bytes| bytes == &content[..4096]).unwrap() as u64;
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(start + 2_000_000).unwrap();
    let (server, address) = server(&settings());
    server.publish(exports([("A", medium(&path))]));
    let mut client = Client::connect(address);
    for method in ["GET", "HEAD"] {
        let response = client.request(method, "/A/large.bin", "");
        assert_eq!(response.status, 500, "{method}");
        assert!(response.body.len() < 100);
    }

    // Truncated after it was opened: what is there is sent, then the connection ends short.
    file.set_len(size).unwrap();
    file.write_all_at(&image, 0).unwrap();
    server.publish(exports([("A", medium(&path))]));
    assert_eq!(client.get("/A/large.bin").body, content);
    file.set_len(start + 2_000_000).unwrap();
    client.send("GET /A/large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.head().unwrap().contains("Content-Length: 3000001"));
    while client.receive() {}
    assert!(client.received.len() <= 2_000_000);
    assert_eq!(client.received, &content[..client.received.len()]);
}

#[test]
fn the_index_shows_hostile_labels_harmlessly() {
    let workshop = Workshop::with_files();
    let label = "<img src=x>";
    let path = xorriso(
        &workshop.tree,
        &workshop.directory.path().join("a.iso"),
        &["-R", "-V", label, "-quiet"],
    );
    let opened = medium(&path);
    assert_eq!(opened.image().volume().label.as_deref(), Some(label));
    let (server, address) = server(&settings());
    server.publish(exports([("A&B", opened)]));
    let mut client = Client::connect(address);
    let page = client.get("/");
    assert!(page.text().contains("&lt;img src=x&gt;"));
    assert!(!page.text().contains(label));
    assert!(page.text().contains("<a href=\"A%26B/\">A&amp;B</a>"));
    assert_eq!(client.get("/A%26B/small.txt").status, 200);
    let document: serde_json::Value =
        serde_json::from_slice(&client.get("/index.json").body).unwrap();
    assert_eq!(document["media"][0]["label"], label);
    assert_eq!(document["media"][0]["source"]["path"], "a.iso");
}
