//! Requests for something in a medium's tree.

use std::sync::Arc;

use isomirror_core::{
    containment::{FinalLink, Resolved, resolve},
    http::{Status, Target},
    image::{Kind, ReadError},
    view::escape::segment,
};

use super::{
    answer::{Answer, Request},
    file_response::{self, ServedFile},
    listing,
    published::Served,
    turn::Turn,
};

/// What lies at a path.
enum Located {
    File(Arc<ServedFile>),
    /// A directory, by the names that lead to it without links.
    Directory(Vec<Vec<u8>>),
    Special,
    Nothing,
}

/// Answers with what lies at `path` in the tree of `served`.
pub(super) fn answer(
    turn: &mut Turn,
    request: &Request<'_>,
    out: &mut Vec<u8>,
    served: &Arc<Served>,
    target: &Target,
    path: &[u8],
) -> Answer {
    if !turn.may_read(served) {
        return Answer::OnDrive(Arc::clone(served));
    }
    let located = match turn.files.get(served.id, path) {
        Some(file) => Ok(Located::File(file)),
        None => locate(turn, served, path),
    };
    match located {
        Ok(Located::File(_)) if target.has_trailing_slash() => {
            request.refuse(turn, out, Status::NotFound)
        }
        Ok(Located::File(file)) => file_response::respond(turn, request, out, served, &file),
        Ok(Located::Directory(_)) if !target.has_trailing_slash() => {
            request.redirect(turn, out, &location(target))
        }
        Ok(Located::Directory(path)) => listing::respond(turn, request, out, served, target, &path),
        Ok(Located::Special) => request.refuse(turn, out, Status::Forbidden),
        Ok(Located::Nothing) => request.refuse(turn, out, Status::NotFound),
        Err(error) => {
            tracing::debug!(%error, "cannot read what was asked for");
            request.refuse(turn, out, Status::InternalServerError)
        }
    }
}

fn locate(turn: &mut Turn, served: &Served, path: &[u8]) -> Result<Located, ReadError> {
    let image = served.medium.image();
    let names: Vec<&[u8]> =
        path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).collect();
    let (id, kind, path_found) = match resolve(image, &names, served.symlinks, FinalLink::Follow)? {
        Resolved::Found { id, kind, path } => (id, kind, path),
        Resolved::NotFound | Resolved::Outside => return Ok(Located::Nothing),
    };
    Ok(match kind {
        Kind::File => {
            let name = names.last().copied().unwrap_or_default();
            let node = image.node(id)?;
            let file = Arc::new(ServedFile::of_node(served, &node, name, turn.seconds())?);
            turn.files.put(served.id, path, &file);
            Located::File(file)
        }
        Kind::Directory => Located::Directory(path_found),
        Kind::Symlink => Located::Nothing,
        Kind::CharacterDevice | Kind::BlockDevice | Kind::Fifo | Kind::Socket => Located::Special,
    })
}

/// The path of `target` with a slash at its end. It begins with exactly one, and with no other character that a
/// browser takes for one, so it cannot be read as another host's name.
fn location(target: &Target) -> String {
    let mut location = String::from("/");
    for name in target.segments() {
        location.extend(segment(name));
        location.push('/');
    }
    location
}
