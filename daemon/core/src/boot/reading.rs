//! What a medium tells of itself in the places that its signature names.

use super::{
    detect::Subject,
    facts::Facts,
    glob::PathPattern,
    look::{GaveUp, Hit, Look},
    metadata::{
        alpine, arch_linux, debian, disc_info::DiscInfo, esxi, freebsd, media_repo::MediaRepo,
        suse, treeinfo::TreeInfo, wim,
    },
    signature::{FactRule, Origin, Signature, Values},
};

/// All facts that the rules of `signature` find.
pub(super) fn facts(
    signature: &Signature,
    subject: &Subject,
    look: &Look<'_>,
) -> Result<Facts, GaveUp> {
    let mut facts = Facts::default();
    for rule in &signature.facts {
        if let Some(found) = apply(rule, signature.any_case, subject, look)? {
            facts.fill(found);
            facts.fill(rule.values.facts());
        }
    }
    Ok(facts)
}

/// What `rule` tells; `None` where its place is not there or does not match.
fn apply(
    rule: &FactRule,
    any_case: bool,
    subject: &Subject,
    look: &Look<'_>,
) -> Result<Option<Facts>, GaveUp> {
    let Some(origin) = rule.from else { return Ok(Some(Facts::default())) };
    match origin {
        Origin::Label => return Ok(subject.label.as_deref().and_then(|text| rule.of_text(text))),
        Origin::Application => {
            return Ok(subject.application.as_deref().and_then(|text| rule.of_text(text)));
        }
        _ => {}
    }
    let Some(hit) = look.first_of(&files(rule, origin), any_case)? else { return Ok(None) };
    if origin == Origin::Path {
        return Ok(rule.of_text(&hit.path));
    }
    if origin == Origin::Wim {
        return of_wim(&hit, look);
    }
    let content = look.content(&hit.path)?;
    Ok(content.and_then(|bytes| of_content(rule, origin, &bytes)))
}

fn files(rule: &FactRule, origin: Origin) -> Vec<PathPattern> {
    let named = rule.file.patterns(&Values::default());
    if !named.is_empty() {
        return named;
    }
    let usual = origin.usual_files().iter();
    usual.map(|path| PathPattern::parse(path).expect("usual files are paths")).collect()
}

fn of_content(rule: &FactRule, origin: Origin, bytes: &[u8]) -> Option<Facts> {
    Some(match origin {
        Origin::Content => return rule.of_text(&String::from_utf8_lossy(bytes)),
        Origin::Treeinfo => TreeInfo::parse(bytes).facts(),
        Origin::Discinfo => DiscInfo::parse(bytes).facts(),
        Origin::MediaRepo => MediaRepo::parse(bytes).facts(),
        Origin::DiskInfo => debian::disk_info(bytes),
        Origin::SuseProducts => suse::products(bytes),
        Origin::SuseContent => suse::content(bytes),
        Origin::ArchVersion => arch_linux::version(bytes),
        Origin::AlpineRelease => alpine::release(bytes),
        Origin::FreebsdVersion => freebsd::userland_version(bytes),
        Origin::EsxiBootConfiguration => esxi::BootConfiguration::parse(bytes).facts(),
        Origin::EsxiLicence => esxi::licence(bytes),
        Origin::Label | Origin::Application | Origin::Path | Origin::Wim => return None,
    })
}

fn of_wim(hit: &Hit, look: &Look<'_>) -> Result<Option<Facts>, GaveUp> {
    let header = look.bytes(&hit.path, 0, wim::HEADER)?;
    let Some(place) = header.as_deref().and_then(wim::xml_place) else { return Ok(None) };
    let xml = look.bytes(&hit.path, place.offset, place.length)?;
    Ok(xml.map(|xml| wim::facts(&xml)))
}
