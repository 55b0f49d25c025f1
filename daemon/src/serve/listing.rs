//! The pages of directories, made while they are sent.

use std::sync::Arc;

use isomirror_core::{
    containment::{FinalLink, Resolved, SymlinkPolicy, VisibleDirectory, resolve, visible_entries},
    http::{Method, ResponseHead, Status, Target},
    image::{DirectoryEntry, Image, Kind, Node, NodeId, ReadError},
    view::{ListedKind, ListedObject, Listing, content_security_policy},
};

use super::{
    answer::{Answer, Request},
    body::{Body, Step},
    published::Served,
    turn::Turn,
};

/// Directories of up to so many entries are made at once, and so have a length.
const SMALL: usize = 512;

/// Entries that are looked at in one turn.
const LOOKS: usize = 512;

/// Links that are followed in one turn: a hostile medium can make that work.
const LINKS: usize = 32;

/// The page of one directory on its way.
#[derive(Debug)]
pub(super) struct ListingBody {
    served: Arc<Served>,
    directory: VisibleDirectory,
    /// Names that lead to the directory without links.
    path: Vec<Vec<u8>>,
    /// Directories come first, so the entries are gone through twice.
    pass: Pass,
    index: usize,
    chunked: bool,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Directories,
    Others,
    Over,
}

/// Answers with the page of the directory at `path`.
pub(super) fn respond(
    turn: &Turn,
    request: &Request<'_>,
    out: &mut Vec<u8>,
    served: &Arc<Served>,
    target: &Target,
    path: &[Vec<u8>],
) -> Answer {
    let image = served.medium.image();
    let directory = ancestors(image, path)
        .and_then(|ancestors| visible_entries(image, &ancestors, served.symlinks));
    let Ok(directory) = directory else {
        return request.refuse(turn, out, Status::InternalServerError);
    };
    let is_small = directory.places() <= SMALL;
    let mut body = ListingBody {
        served: Arc::clone(served),
        directory,
        path: path.to_vec(),
        pass: Pass::Directories,
        index: 0,
        chunked: !is_small && request.head.is_http_1_1,
        text: String::new(),
    };
    Listing::begin(&mut body.text, target.segments());
    let head = ResponseHead::begin(out, Status::Ok, turn.date())
        .field("Content-Type", "text/html; charset=utf-8")
        .field("Content-Security-Policy", content_security_policy());
    if is_small {
        while body.pass != Pass::Over {
            body.render();
        }
        head.content_length(body.text.len() as u64).end(request.persistence);
        request.add_body(out, body.text.as_bytes());
        return Answer::Ready(Body::None);
    }
    let head = if body.chunked { head.field("Transfer-Encoding", "chunked") } else { head };
    head.end(request.persistence);
    Answer::Ready(match request.head.method {
        Method::Get => Body::Listing(Box::new(body)),
        Method::Head => Body::None,
    })
}

/// The directories from the root to the one at `path`, which has no links in it.
fn ancestors(image: &Image, path: &[Vec<u8>]) -> Result<Vec<NodeId>, ReadError> {
    let mut directory = image.root();
    let mut ancestors = vec![directory];
    for name in path {
        directory = image.lookup(directory, name)?.ok_or(ReadError::WrongKind("directory"))?;
        ancestors.push(directory);
    }
    Ok(ancestors)
}

impl ListingBody {
    pub(super) fn medium(&self) -> &Arc<Served> {
        &self.served
    }

    /// Puts the next piece of the page into `out`.
    pub(super) fn step(&mut self, out: &mut Vec<u8>) -> Step {
        if self.pass == Pass::Over {
            return Step::Done;
        }
        self.render();
        let is_last = self.pass == Pass::Over;
        if !self.chunked {
            out.extend_from_slice(self.text.as_bytes());
        } else if !self.text.is_empty() {
            // A chunk of no bytes would end the body.
            out.extend_from_slice(format!("{:x}\r\n", self.text.len()).as_bytes());
            out.extend_from_slice(self.text.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        if self.chunked && is_last {
            out.extend_from_slice(b"0\r\n\r\n");
        }
        self.text.clear();
        Step::More
    }

    fn render(&mut self) {
        let end = (self.index + LOOKS).min(self.directory.places());
        let mut links = LINKS;
        while self.index < end && links > 0 {
            if let Some(entry) = self.directory.at(self.index)
                && (entry.kind == Kind::Directory) == (self.pass == Pass::Directories)
            {
                links -= usize::from(entry.kind == Kind::Symlink);
                let object = self.object(entry);
                Listing::row(&mut self.text, object);
            }
            self.index += 1;
        }
        if self.index < self.directory.places() {
            return;
        }
        self.index = 0;
        if self.pass == Pass::Directories {
            self.pass = Pass::Others;
        } else {
            self.pass = Pass::Over;
            Listing::end(&mut self.text, self.directory.damaged());
        }
    }

    fn object<'a>(&self, entry: DirectoryEntry<'a>) -> ListedObject<'a> {
        let node = match entry.kind {
            Kind::Symlink => self.follow(entry.name),
            _ => self.served.medium.image().node(entry.id).ok(),
        };
        let kind = match node.as_ref().map_or(Kind::Fifo, |node| node.kind) {
            Kind::Directory => ListedKind::Directory,
            Kind::File => ListedKind::File(node.as_ref().map_or(0, |node| node.size)),
            _ => ListedKind::Other,
        };
        ListedObject { name: entry.name, kind, modified: node.map(|node| node.modified) }
    }

    /// What the link `name` of this directory leads to.
    fn follow(&self, name: &[u8]) -> Option<Node> {
        let image = self.served.medium.image();
        let mut path: Vec<&[u8]> = self.path.iter().map(Vec::as_slice).collect();
        path.push(name);
        let policy: SymlinkPolicy = self.served.symlinks;
        match resolve(image, &path, policy, FinalLink::Follow) {
            Ok(Resolved::Found { id, .. }) => image.node(id).ok(),
            Ok(Resolved::NotFound | Resolved::Outside) | Err(_) => None,
        }
    }
}
