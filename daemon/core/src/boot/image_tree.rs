//! A medium's tree as detection sees it: what is published, and nothing that no path of a web server can name.

use super::tree::{Found, Tree, Unreadable};
use crate::{
    containment::{FinalLink, Resolved, SymlinkPolicy, resolve},
    image::{Image, Kind, NodeId},
};

/// The tree of an image. Links are followed within it only, and what is found is named without them, so that it is
/// published under the same path whatever is done with links.
#[derive(Clone, Copy, Debug)]
pub(super) struct ImageTree<'i>(pub(super) &'i Image);

impl ImageTree<'_> {
    fn resolve(self, path: &str) -> Result<Option<(NodeId, Found)>, Unreadable> {
        let components: Vec<_> =
            path.split('/').filter(|name| !name.is_empty()).map(str::as_bytes).collect();
        let resolved = resolve(self.0, &components, SymlinkPolicy::Contained, FinalLink::Follow);
        let Resolved::Found { id, kind, path } = resolved.map_err(|_| Unreadable)? else {
            return Ok(None);
        };
        let is_directory = match kind {
            Kind::Directory => true,
            Kind::File => false,
            _ => return Ok(None),
        };
        let path = String::from_utf8(path.join(&b'/'));
        let path = path.ok().filter(|path| !path.contains(char::is_control));
        Ok(path.map(|path| (id, Found { path, is_directory })))
    }
}

impl Tree for ImageTree<'_> {
    fn find(&self, path: &str) -> Result<Option<Found>, Unreadable> {
        Ok(self.resolve(path)?.map(|(_, found)| found))
    }

    fn names(
        &self,
        path: &str,
        limit: usize,
        visit: &mut dyn FnMut(&str),
    ) -> Result<(), Unreadable> {
        let Some((id, Found { is_directory: true, .. })) = self.resolve(path)? else {
            return Ok(());
        };
        let directory = self.0.directory(id).map_err(|_| Unreadable)?;
        let names = directory.entries().take(limit).map(|entry| str::from_utf8(entry.name));
        names.flatten().filter(|name| !name.contains(char::is_control)).for_each(visit);
        Ok(())
    }

    fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, Unreadable> {
        let (id, _) = self.resolve(path)?.ok_or(Unreadable)?;
        let content = self.0.content(id).map_err(|_| Unreadable)?;
        let left = content.size().saturating_sub(offset);
        let mut bytes = vec![0; length.min(usize::try_from(left).unwrap_or(length))];
        let read = self.0.read(&content, offset, &mut bytes).map_err(|_| Unreadable)?;
        bytes.truncate(read);
        Ok(bytes)
    }
}
