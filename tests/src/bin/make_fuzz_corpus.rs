//! Makes the corpora of the fuzz targets anew, from images by the tools that people make them with.
//!
//! Run it where a target's input format changes, and commit what it writes: `cargo run -p isomirror-tests --bin
//! make_fuzz_corpus`. Inputs that a fuzzer found are kept beside these under other names.

use std::{fs, io, path::Path};

use isomirror_core::boot::metadata::wim;
use isomirror_tests::{fuzz::sparse::SparseImage, tool};

/// Larger seeds slow every run down and find nothing more.
const MAXIMUM_SEED: usize = 200 << 10;

fn main() -> io::Result<()> {
    let directory = tempfile::tempdir()?;
    let tree = directory.path().join("tree");
    make_tree(&tree)?;
    let image = directory.path().join("image");
    for (name, target, program, arguments) in IMAGES {
        let _ = fs::remove_file(&image);
        tool::run(program, |command| command.args(*arguments).arg("-o").arg(&image).arg(&tree))?;
        keep(target, name, &SparseImage::pack(&fs::read(&image)?))?;
    }
    for (name, options) in UDF_VOLUMES {
        fs::write(&image, vec![0; 4 << 20])?;
        tool::run("mkudffs", |command| command.args(*options).arg(&image))?;
        keep("udf", name, &SparseImage::pack(&fs::read(&image)?))?;
    }
    boot_catalogues()?;
    keep("label", "long", "\u{6f22}".repeat(126).as_bytes())?;
    for (name, xml) in WIM_DESCRIPTIONS {
        keep("wim", name, &wim::sample(xml))?;
    }
    for (target, name, text) in TEXTS {
        keep(target, name, text)?;
    }
    Ok(())
}

/// Images of the tree: seed, target, program, its arguments.
const IMAGES: &[(&str, &str, &str, &[&str])] = &[
    ("plain", "iso9660", "genisoimage", &["-quiet", "-no-pad", "-V", "PLAIN"]),
    ("joliet", "iso9660", "genisoimage", &["-quiet", "-no-pad", "-J", "-V", "Joliet label"]),
    ("rock-ridge", "iso9660", "genisoimage", &["-quiet", "-no-pad", "-R", "-V", "RR"]),
    (
        "rock-ridge-joliet",
        "iso9660",
        "genisoimage",
        &["-quiet", "-no-pad", "-R", "-J", "-V", "BOTH"],
    ),
    ("enhanced", "iso9660", "genisoimage", &["-quiet", "-no-pad", "-iso-level", "4", "-V", "e"]),
    (
        "boot",
        "iso9660",
        "genisoimage",
        &["-quiet", "-no-pad", "-R", "-b", "boot.img", "-c", "boot.cat", "-no-emul-boot"],
    ),
    (
        "relocated",
        "iso9660",
        "xorriso",
        &["-as", "mkisofs", "-quiet", "-R", "-no-pad", "-V", "DEEP"],
    ),
    ("zisofs", "iso9660", "xorriso", &["-as", "mkisofs", "-quiet", "-R", "-z", "-no-pad"]),
    ("bridge", "udf", "genisoimage", &["-quiet", "-no-pad", "-udf", "-V", "BRIDGE"]),
    (
        "bridge-rock-ridge",
        "udf",
        "genisoimage",
        &["-quiet", "-no-pad", "-udf", "-R", "-J", "-V", "X"],
    ),
];

/// Empty UDF volumes of the revisions, block sizes and partition maps that mkudffs makes.
const UDF_VOLUMES: &[(&str, &[&str])] = &[
    ("mkudffs-102", &["--media-type=hd", "--udfrev=0x0102", "--blocksize=2048", "--label=v102"]),
    ("mkudffs-150", &["--media-type=hd", "--udfrev=0x0150", "--blocksize=512", "--label=v150"]),
    ("mkudffs-201", &["--media-type=hd", "--udfrev=0x0201", "--blocksize=512", "--label=v201"]),
    ("mkudffs-sparable", &["--media-type=cdrw", "--udfrev=0x0201", "--spartable=2"]),
    ("mkudffs-vat-150", &["--media-type=cdr", "--udfrev=0x0150"]),
    ("mkudffs-vat-260", &["--media-type=cdr", "--udfrev=0x0260"]),
];

const TEXTS: &[(&str, &str, &[u8])] = &[
    ("label", "plain", b"Fedora-WS-Live-42"),
    ("label", "spaces", "  My  Label \u{fc}\u{0308}\t2".as_bytes()),
    ("label", "path", b"../../etc/passwd"),
    ("label", "dots", b"._-"),
    ("label", "bidi", "a\u{202e}b\u{2066}c\u{200f}".as_bytes()),
    ("label", "markup", b"<script>alert('&')</script>\n%2e%2e"),
    ("label", "suffixed", b"NAME~0123abcd"),
    (
        "mountinfo",
        "host",
        b"21 26 0:20 / /proc rw,nosuid shared:12 - proc proc rw\n\
          26 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro\n\
          40 26 7:0 / /srv/isomirror/My\\040Label ro,nosuid shared:58 - iso9660 /dev/loop0 ro\n\
          41 26 0:45 /@/x /x\\134y rw shared:3 master:2 propagate_from:1 - fuse.y a\\011b rw\n",
    ),
    (
        "mountinfo",
        "broken",
        b"21 26\n1 2 3:4 / / rw - \n\n1 2 3 / / rw shared: - a b c\n\\0 \\999 - -",
    ),
    (
        "http_head",
        "get",
        b"GET /NAME/a%20b/./c?q HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\nIf-Range: \"x\"\r\n\r\n",
    ),
    (
        "http_head",
        "pipelined",
        b"HEAD /_/N.iso HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"a\", W/\"b\"\r\n\r\n\
          GET http://h/../x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
          If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
    ),
    (
        "treeinfo",
        "current",
        b"[header]\ntype = productmd.treeinfo\nversion = 1.2\n\n[release]\nname = Rocky Linux\nversion = 9.6\n\n\
          [tree]\narch = x86_64\nbuild_timestamp = 1748449211\nvariants = AppStream,BaseOS\n\n[checksums]\n\
          images/pxeboot/vmlinuz = sha256:00ff\n\n[images-x86_64]\nkernel = images/pxeboot/vmlinuz\n\n[stage2]\n\
          mainimage = images/install.img\n\n[variant-AppStream]\nrepository = ../../AppStream\n",
    ),
    (
        "treeinfo",
        "old",
        b"\xef\xbb\xbf[general]\r\nfamily = Fedora\r\ntimestamp = 1228148812.76\r\nversion: 10\r\narch = i386\r\n\
          [checksums]\r\nimages/boot.iso = 0123456789012345678901234567890123456789\r\n[images-xen]\r\n\
          kernel = x/os/images/pxeboot/vmlinuz-PAE\r\n",
    ),
    ("http_head", "old", b"GET / HTTP/1.0\nRange: bytes=u-u\n\n"),
    (
        "http_head",
        "escape",
        b"GET /%2e%2e/%2Fetc%00 HTTP/1.1\r\nHost: h\r\nRange: bytes=-5\r\n\r\n",
    ),
    (
        "http_head",
        "body",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n",
    ),
];

/// What Windows image files say of themselves.
const WIM_DESCRIPTIONS: &[(&str, &str)] = &[
    (
        "client",
        "<WIM><IMAGE INDEX=\"1\"><WINDOWS><ARCH>9</ARCH><EDITIONID>Core</EDITIONID><VERSION><MAJOR>10</MAJOR>\
         <MINOR>0</MINOR><BUILD>26100</BUILD></VERSION></WINDOWS><NAME>Windows 11 Home</NAME></IMAGE>\
         <IMAGE INDEX=\"2\"><NAMES/><NAME>Windows 11 Pro &amp; more</NAME></IMAGE></WIM>",
    ),
    ("empty", "<WIM><TOTALBYTES>0</TOTALBYTES></WIM>"),
];

fn make_tree(tree: &Path) -> io::Result<()> {
    let deep = tree.join("a/b/c/d/e/f/g/h/i");
    fs::create_dir_all(&deep)?;
    fs::write(deep.join("deep.txt"), "deep")?;
    fs::write(tree.join("boot.img"), [0x55; 2048])?;
    fs::write(tree.join("empty"), "")?;
    fs::write(tree.join("A longer name, with \u{fc} and more than one.dot.txt"), "name")?;
    fs::write(tree.join("repeated"), "compress me ".repeat(500))?;
    std::os::unix::fs::symlink("a/b/../../empty", tree.join("link"))?;
    std::os::unix::fs::symlink("/etc/passwd", tree.join("outside"))
}

/// A boot record's first 80 bytes and a catalogue, as the target takes them.
fn boot_catalogues() -> io::Result<()> {
    let mut input = b"\0CD001\x01EL TORITO SPECIFICATION".to_vec();
    input.resize(71, 0);
    input.extend(isomirror_tests::fuzz::el_torito::CATALOG_SECTOR.to_le_bytes());
    input.resize(80, 0);
    let mut validation = [0_u8; 32];
    (validation[0], validation[30], validation[31]) = (1, 0x55, 0xaa);
    validation[4..9].copy_from_slice(b"maker");
    let words = validation.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let sum = words.fold(0_u16, u16::wrapping_add);
    validation[28..30].copy_from_slice(&sum.wrapping_neg().to_le_bytes());
    input.extend(validation);
    let entry = |indicator, media| {
        let mut entry = [0_u8; 32];
        (entry[0], entry[1], entry[6], entry[8]) = (indicator, media, 4, 19);
        entry
    };
    let section = |indicator, platform, entries| {
        let mut section = [0_u8; 32];
        (section[0], section[1], section[2]) = (indicator, platform, entries);
        section
    };
    input.extend(entry(0x88, 0));
    keep("el_torito", "bios", &input)?;
    for block in [
        section(0x90, 0xef, 1),
        entry(0x88, 0),
        section(0x91, 2, 2),
        entry(0, 4),
        entry(0x88, 0x22),
    ] {
        input.extend(block);
    }
    input.extend([[0x44; 32], section(0x91, 0, 255)].concat());
    keep("el_torito", "sections", &input)
}

fn keep(target: &str, name: &str, input: &[u8]) -> io::Result<()> {
    assert!(input.len() <= MAXIMUM_SEED, "{target}/{name} has {} bytes", input.len());
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    fs::create_dir_all(&corpus)?;
    fs::write(corpus.join(name), input)
}
