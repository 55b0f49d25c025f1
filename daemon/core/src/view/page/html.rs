//! The page as HTML.

use std::fmt::Write;

use super::{
    SCRIPT, STYLE,
    commands::Command,
    model::{Card, Model},
};
use crate::{
    state::{DownloadPhase, DownloadState},
    view::{
        MirrorUrl,
        escape::html,
        quantity,
        style::{PAGE_POLICY, begin_head, end_head, end_page},
    },
};

/// A disc, for the browser's tab.
const ICON: &str = "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' \
    viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7.5' fill='%230a58ca'/%3E%3Ccircle cx='8' cy='8' r='2.5' \
    fill='white'/%3E%3C/svg%3E\">\n";

pub(super) fn render(model: &Model<'_>) -> String {
    let mut out = String::with_capacity(16 << 10);
    begin_head(&mut out, "Install media");
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        out,
        "<style>{STYLE}</style>\n<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n{ICON}\
         <script type=\"module\">{SCRIPT}</script>\n",
        *PAGE_POLICY
    );
    end_head(&mut out);
    header(&mut out, model);
    downloads(&mut out, model.downloads);
    media(&mut out, model);
    out.push_str(
        "<footer>For scripts: <a href=\"index.json\">index.json</a> · for iPXE: <a href=\"boot.ipxe\">boot.ipxe</a> · \
         digests: <a href=\"CHECKSUM\">CHECKSUM</a></footer>\n",
    );
    end_page(&mut out);
    out
}

fn header(out: &mut String, model: &Model<'_>) {
    let mirror = if model.is_mirror_fixed { "fixed" } else { "found" };
    let _ = write!(
        out,
        "<header data-revision=\"{}\" data-mirror=\"{mirror}\">\n<div class=\"top\"><h1>Install media</h1>\
         <p id=\"live\" role=\"status\" hidden></p></div>\n<p id=\"summary\">",
        model.revision
    );
    for (phase, count) in &model.counts {
        let word = phase.as_str();
        let _ = write!(out, "<span class=\"state {word}\">{count} {word}</span> ");
    }
    if model.bytes > 0 {
        let _ = write!(
            out,
            "<span class=\"total\">{} to install from</span>",
            quantity::size(model.bytes)
        );
    }
    out.push_str("</p>\n");
    if !model.is_mirror_known {
        let _ = writeln!(
            out,
            "<p id=\"placeholder\">Put this server’s address where it says <code>{}</code>.</p>",
            html(model.mirror.as_str())
        );
    }
    if model.cards.iter().any(|card| card.is_exported) {
        let line = format!("chain {}/boot.ipxe", model.mirror.as_str());
        out.push_str("<dl class=\"commands menu\">");
        command(out, &Command { purpose: "Boot any of them by iPXE", line }, &model.mirror);
        out.push_str("</dl>\n");
    }
    out.push_str(
        "<p id=\"search\" hidden><input type=\"search\" placeholder=\"Search name, system, architecture, state\" \
         aria-label=\"Search media\" autocomplete=\"off\" spellcheck=\"false\"><output></output></p>\n</header>\n",
    );
}

fn media(out: &mut String, model: &Model<'_>) {
    out.push_str("<main>\n");
    if model.cards.is_empty() {
        out.push_str(
            "<p class=\"empty\">No media yet. Put a disc into a drive, or copy an image into a watched directory: it \
             appears here by itself.</p>\n",
        );
    }
    out.push_str("<ul id=\"media\">\n");
    for card in &model.cards {
        self::card(out, card, &model.mirror);
    }
    out.push_str("</ul>\n<p id=\"nothing\" hidden>Nothing of this kind is here.</p>\n</main>\n");
}

fn card(out: &mut String, card: &Card<'_>, mirror: &MirrorUrl) {
    let medium = card.medium;
    let (name, segment, state) = (html(medium.name.as_str()), &card.segment, medium.state.as_str());
    let _ = write!(out, "<li id=\"m-{segment}\" class=\"card\"><div class=\"what\"><h2>");
    if card.is_exported {
        let _ = write!(out, "<a href=\"{segment}/\">{name}</a>");
    } else {
        let _ = write!(out, "{name}");
    }
    out.push_str("</h2><p>");
    match &card.system {
        Some(system) => {
            let _ = write!(out, "{}", html(system));
        }
        None => out.push_str("<i>unknown system</i>"),
    }
    if let Some(variant) = &card.variant {
        let _ = write!(out, " <span class=\"variant\">{}</span>", html(variant));
    }
    let _ = write!(
        out,
        "</p></div><span class=\"arch\">{}</span><span class=\"size\">{}</span>\
         <span class=\"when\"><span class=\"state {state}\">{state}</span> {}</span>\
         <span class=\"trust {}\" title=\"{}\">{}</span>",
        html(card.arch.unwrap_or("")),
        if medium.size > 0 { quantity::size(medium.size) } else { String::new() },
        time(&medium.since),
        card.trust.class,
        html(card.trust.meaning),
        html(card.trust.words),
    );
    if let Some(problem) = &medium.problem {
        let _ = write!(out, "<p class=\"problem\">{}</p>", html(problem));
    }
    details(out, card, mirror);
    out.push_str("</li>\n");
}

fn details(out: &mut String, card: &Card<'_>, mirror: &MirrorUrl) {
    let summary = if card.is_exported { "Use" } else { "Details" };
    let _ = write!(out, "<details><summary>{summary}</summary>");
    if let Some(obstacle) = &card.medium.detection.obstacle {
        let _ = write!(out, "<p class=\"note\">{}</p>", html(obstacle));
    }
    if !card.commands.is_empty() {
        out.push_str("<dl class=\"commands\">");
        card.commands.iter().for_each(|line| command(out, line, mirror));
        out.push_str("</dl>");
    }
    facts(out, card);
    links(out, card);
    out.push_str("</details>");
}

/// A line to copy. Where it has the mirror's URL, the script may put a better one.
fn command(out: &mut String, command: &Command, mirror: &MirrorUrl) {
    let _ = write!(out, "<div><dt>{}</dt><dd><code>", html(command.purpose));
    for (index, part) in command.line.split(mirror.as_str()).enumerate() {
        if index > 0 {
            let _ = write!(out, "<b>{}</b>", html(mirror.as_str()));
        }
        let _ = write!(out, "{}", html(part));
    }
    out.push_str("</code></dd></div>");
}

fn facts(out: &mut String, card: &Card<'_>) {
    let medium = card.medium;
    out.push_str("<dl class=\"facts\">");
    let mut fact = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", html(value));
        }
    };
    fact("Label", medium.label.as_deref());
    fact("UUID", medium.uuid.as_deref());
    fact("Format", medium.format.as_deref());
    fact("Source", medium.source.path.to_str());
    fact("Mounted by", medium.backend.as_deref().filter(|backend| *backend != "none"));
    fact("Verification", Some(card.trust.meaning));
    if let Some(verified) = &medium.verified {
        fact("Signer", verified.signer.as_deref());
        fact("Verified", Some(&verified.verified_at));
    }
    if let Some(digest) = card.digest {
        fact(digest.algorithm().bsd_name(), Some(&digest.hex()));
    }
    out.push_str("</dl>");
}

fn links(out: &mut String, card: &Card<'_>) {
    let segment = &card.segment;
    out.push_str("<p class=\"links\">");
    if card.is_exported {
        let _ =
            write!(out, "<a href=\"{segment}/\">Files</a> <a href=\"_/{segment}.iso\">.iso</a> ");
    }
    for ending in card.files.iter().copied().chain(["json"]) {
        let _ = write!(out, "<a href=\"_/{segment}.{ending}\">.{ending}</a> ");
    }
    out.push_str("</p>");
}

fn downloads(out: &mut String, downloads: &[DownloadState]) {
    out.push_str("<section id=\"downloads\">\n");
    if !downloads.is_empty() {
        out.push_str("<h2>Downloads</h2>\n<ul>\n");
        for one in downloads {
            download(out, one);
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</section>\n");
}

fn download(out: &mut String, download: &DownloadState) {
    let state = download.state.as_str();
    let _ = write!(
        out,
        "<li><div class=\"what\"><h3>{}</h3><p>{}</p></div>\
         <span class=\"when\"><span class=\"state {state}\">{state}</span> {}</span>",
        html(&download.id),
        html(download.version.as_deref().or(download.file.as_deref()).unwrap_or_default()),
        time(&download.since),
    );
    if download.state == DownloadPhase::Downloading {
        progress(out, download);
    }
    if let Some(problem) = &download.problem {
        let _ = write!(out, "<p class=\"problem\">{}</p>", html(problem));
    }
    out.push_str("</li>\n");
}

fn progress(out: &mut String, download: &DownloadState) {
    let (bytes, speed) = (quantity::size(download.bytes), quantity::size(download.speed));
    out.push_str("<div class=\"progress\"><progress");
    if let Some(size) = download.size {
        let _ = write!(out, " max=\"{size}\" value=\"{}\"", download.bytes.min(size));
    }
    let _ = write!(out, "></progress><span>{bytes}");
    if let Some(size) = download.size {
        let _ = write!(out, " of {}", quantity::size(size));
    }
    let _ = write!(out, " · {speed}/s");
    let left = download
        .size
        .and_then(|size| size.checked_sub(download.bytes)?.checked_div(download.speed));
    if let Some(left) = left {
        let _ = write!(out, " · {} left", quantity::duration(left));
    }
    if let Some(source) = &download.source {
        let _ = write!(out, " · from {}", html(source));
    }
    out.push_str("</span></div>");
}

/// A moment as documents write it, as people read it.
fn time(moment: &str) -> String {
    let shown = moment.get(..16).map(|shown| shown.replace('T', " ")).unwrap_or_default();
    let moment = html(moment);
    format!("<time datetime=\"{moment}\" title=\"{moment}\">since {}</time>", html(&shown))
}
