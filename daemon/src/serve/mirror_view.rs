//! Views that say where the mirror is: boot menus, descriptions of repositories, and files that stand in for a
//! medium's own. Unless the operator said where that is, it is whoever the client asked.

use isomirror_core::{
    generated::Filling,
    http::{Host, Status, media_type},
    state::MediumState,
    view::{
        MirrorUrl, apt_sources,
        ipxe::{BootViews, boot_menu, medium_script},
        rpm_repositories,
    },
};

use super::{
    Exports,
    answer::{Answer, Request},
    published::Page,
    turn::Turn,
};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MirrorView<'a> {
    /// The menu of all media.
    Menu,
    /// The menu of this medium.
    Script(&'a str),
    /// The repositories of this medium for dnf and zypper.
    RpmRepositories(&'a str),
    /// Its repositories for apt.
    AptSources(&'a str),
    /// The file at this path that stands in for one of its tree.
    Generated(&'a str, &'a str),
}

/// Answers with a view; a request that does not say which host it asks is refused.
pub(super) fn respond(
    turn: &mut Turn,
    request: &Request<'_>,
    out: &mut Vec<u8>,
    view: MirrorView<'_>,
) -> Answer {
    // Rendered without the lock of what is published, which all requests take.
    let (exports, menus) = turn.shared.published().for_rendering();
    let base = exports.views.base_url.as_ref().map(MirrorUrl::of_base);
    let varies = base.is_none();
    let asked = || request.head.host.and_then(Host::parse).map(|host| MirrorUrl::of_host(&host));
    let Some(mirror) = base.or_else(asked) else {
        return request.refuse(turn, out, Status::BadRequest);
    };
    let page =
        match view {
            MirrorView::Menu => Some(menus.get_or_render(Some(&mirror), || {
                Page::new(boot_views(&exports, &mirror, boot_menu))
            })),
            _ => render(view, &exports, &mirror).map(Page::of_bytes),
        };
    match page {
        Some(page) => request.send_varying(turn, out, &page, media_type(view.file_name()), varies),
        None => request.refuse(turn, out, Status::NotFound),
    }
}

impl MirrorView<'_> {
    /// A name with the ending of the view's.
    fn file_name(&self) -> &[u8] {
        match self {
            Self::Menu | Self::Script(_) => b".ipxe",
            Self::RpmRepositories(_) => b".repo",
            Self::AptSources(_) => b".sources",
            Self::Generated(_, path) => path.rsplit('/').next().unwrap_or_default().as_bytes(),
        }
    }
}

fn boot_views<T>(
    exports: &Exports,
    mirror: &MirrorUrl,
    render: impl FnOnce(&BootViews<'_>) -> T,
) -> T {
    render(&BootViews {
        document: &exports.state,
        settings: &exports.views.boot,
        mirror: Some(mirror),
        fetchable: &exports.media.iter().map(|(name, medium)| (name, medium.generated())).collect(),
    })
}

fn render(view: MirrorView<'_>, exports: &Exports, mirror: &MirrorUrl) -> Option<Vec<u8>> {
    let text = match view {
        MirrorView::Menu => Some(boot_views(exports, mirror, boot_menu)),
        MirrorView::Script(name) => boot_views(exports, mirror, |views| medium_script(views, name)),
        MirrorView::RpmRepositories(name) => rpm_repositories(exported(exports, name)?, mirror),
        MirrorView::AptSources(name) => apt_sources(exported(exports, name)?, mirror),
        MirrorView::Generated(name, path) => return generated(exports, mirror, name, path),
    };
    text.map(String::into_bytes)
}

fn generated(exports: &Exports, mirror: &MirrorUrl, name: &str, path: &str) -> Option<Vec<u8>> {
    let state = exported(exports, name)?;
    let medium = exports.media.get(&state.name)?;
    let tree = mirror.tree(&state.name);
    let answers = exports.views.boot.answers_of(state).map(|a| a.url(mirror.as_str()));
    let filling = Filling { tree: Some(&tree), answers: answers.as_deref() };
    medium.generated().file(path.as_bytes())?.render(filling)
}

/// The state of the medium of this name, if it can be fetched.
fn exported<'a>(exports: &'a Exports, name: &str) -> Option<&'a MediumState> {
    let mut media = exports.state.media.iter();
    media.find(|medium| medium.name.as_str() == name && exports.media.contains_key(&medium.name))
}
