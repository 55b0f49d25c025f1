//! Looking for paths in a tree: remembered, counted, and given up when it is too much.
//!
//! A tree that was looked at in part must not be taken for another, so giving up is an error that ends the detection.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use super::{
    glob::{Component, PathPattern, stars},
    tree::{Found, Tree, Unreadable},
};

/// Questions to a tree. Install media that nobody knows need some 700.
const MOST_QUESTIONS: u32 = 10_000;

/// Names of one directory that a `*` is compared with.
const MOST_NAMES: usize = 50_000;

/// Names of one directory that are followed further where more than one fits.
const MOST_FITTING: usize = 32;

/// Bytes of a file that are read to recognise it.
pub(super) const MOST_BYTES: usize = 64 << 10;

/// Why a look at a tree ended before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GaveUp {
    /// It took too long.
    #[error("the medium answers too slowly to be recognised")]
    Time,
    /// The tree made too many questions necessary.
    #[error("the medium's tree is too intricate to be recognised")]
    Work,
}

/// Something that a pattern leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Path without links.
    pub(super) path: String,
    /// What the `*`s of the pattern stand for.
    pub(super) stars: Vec<String>,
}

/// What is known of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// It leads to this.
    There(Hit),
    /// It leads to nothing.
    Absent,
    /// Something on the way cannot be read.
    Unreadable,
}

/// The beginning of a file.
type Content = Result<Rc<[u8]>, Unreadable>;

/// A look at one tree.
pub(super) struct Look<'t> {
    tree: &'t dyn Tree,
    has_time: &'t dyn Fn() -> bool,
    questions: Cell<u32>,
    found: RefCell<HashMap<String, Result<Option<Found>, Unreadable>>>,
    contents: RefCell<HashMap<String, Content>>,
}

impl<'t> Look<'t> {
    /// Looks at `tree` for as long as `has_time` says so.
    pub(super) fn new(tree: &'t dyn Tree, has_time: &'t dyn Fn() -> bool) -> Self {
        Self {
            tree,
            has_time,
            questions: Cell::new(MOST_QUESTIONS),
            found: RefCell::default(),
            contents: RefCell::default(),
        }
    }

    /// The first thing that `pattern` leads to; where `any_case`, if there is none as it is written, then without
    /// regard to the case of ASCII letters.
    pub(super) fn first(&self, pattern: &PathPattern, any_case: bool) -> Result<Sight, GaveUp> {
        let exact = self.all_of(pattern, Case::Same, 1)?;
        let hits = match exact {
            Ok(hits) if hits.is_empty() && any_case => self.all_of(pattern, Case::Any, 1)?,
            other => other,
        };
        Ok(match hits {
            Ok(mut hits) => hits.pop().map_or(Sight::Absent, Sight::There),
            Err(Unreadable) => Sight::Unreadable,
        })
    }

    /// The first of `patterns` that leads to something, and where.
    pub(super) fn first_of(
        &self,
        patterns: &[PathPattern],
        any_case: bool,
    ) -> Result<Option<Hit>, GaveUp> {
        for pattern in patterns {
            if let Sight::There(hit) = self.first(pattern, any_case)? {
                return Ok(Some(hit));
            }
        }
        Ok(None)
    }

    /// Everything that `pattern` leads to, in whatever case, each once; what cannot be read is left out.
    pub(super) fn all(&self, pattern: &PathPattern) -> Result<Vec<Hit>, GaveUp> {
        let mut hits = self.all_of(pattern, Case::Any, MOST_FITTING)?.unwrap_or_default();
        // A link and what it leads to are one thing.
        let mut seen = std::collections::HashSet::new();
        hits.retain(|hit| seen.insert(hit.path.clone()));
        Ok(hits)
    }

    /// The beginning of the file at `path`, as far as it counts; `None` where it cannot be read.
    pub(super) fn content(&self, path: &str) -> Result<Option<Rc<[u8]>>, GaveUp> {
        if let Some(known) = self.contents.borrow().get(path) {
            return Ok(known.clone().ok());
        }
        self.ask()?;
        let content: Content = self.tree.read(path, 0, MOST_BYTES).map(Rc::from);
        self.contents.borrow_mut().insert(path.to_owned(), content.clone());
        Ok(content.ok())
    }

    /// At most `length` bytes of the file at `path` from `offset` on; `None` where they cannot be read.
    pub(super) fn bytes(
        &self,
        path: &str,
        offset: u64,
        length: usize,
    ) -> Result<Option<Vec<u8>>, GaveUp> {
        self.ask()?;
        Ok(self.tree.read(path, offset, length).ok())
    }

    fn ask(&self) -> Result<(), GaveUp> {
        if !(self.has_time)() {
            return Err(GaveUp::Time);
        }
        self.questions.set(self.questions.get().checked_sub(1).ok_or(GaveUp::Work)?);
        Ok(())
    }

    fn find(&self, path: &str) -> Result<Result<Option<Found>, Unreadable>, GaveUp> {
        if let Some(known) = self.found.borrow().get(path) {
            return Ok(known.clone());
        }
        self.ask()?;
        let found = self.tree.find(path);
        self.found.borrow_mut().insert(path.to_owned(), found.clone());
        Ok(found)
    }

    fn all_of(&self, pattern: &PathPattern, case: Case, most: usize) -> Outcome {
        let mut search = Search { look: self, pattern, case, most, hits: Vec::new() };
        Ok(search.follow(String::new(), &pattern.components, &[])?.map(|()| search.hits))
    }
}

type Outcome = Result<Result<Vec<Hit>, Unreadable>, GaveUp>;

/// Whether names are compared by their bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Same,
    Any,
}

struct Search<'s, 't> {
    look: &'s Look<'t>,
    pattern: &'s PathPattern,
    case: Case,
    most: usize,
    hits: Vec<Hit>,
}

impl Search<'_, '_> {
    /// Follows `components` from the path `place` on, where `found` are the stars so far.
    fn follow(
        &mut self,
        mut place: String,
        components: &[Component],
        found: &[String],
    ) -> Result<Result<(), Unreadable>, GaveUp> {
        for (index, component) in components.iter().enumerate() {
            match component {
                Component::Name(name) if self.case == Case::Same => push(&mut place, name),
                _ => return self.branch(&place, component, &components[index + 1..], found),
            }
        }
        match self.look.find(&place)? {
            Err(unreadable) => return Ok(Err(unreadable)),
            Ok(Some(end)) if end.is_directory == self.pattern.is_directory => {
                self.hits.push(Hit { path: end.path, stars: found.to_vec() });
            }
            Ok(_) => {}
        }
        Ok(Ok(()))
    }

    /// Follows every name in `place` that fits `component`.
    fn branch(
        &mut self,
        place: &str,
        component: &Component,
        rest: &[Component],
        found: &[String],
    ) -> Result<Result<(), Unreadable>, GaveUp> {
        self.look.ask()?;
        let mut fitting = Vec::new();
        let case = self.case;
        let listed = self.look.tree.names(place, MOST_NAMES, &mut |name| {
            if fitting.len() < MOST_FITTING
                && let Some(stars) = fits(component, name, case)
            {
                fitting.push((name.to_owned(), stars));
            }
        });
        if listed.is_err() {
            return Ok(Err(Unreadable));
        }
        for (name, stars) in fitting {
            let mut place = place.to_owned();
            push(&mut place, &name);
            if let Err(unreadable) = self.follow(place, rest, &[found, &stars].concat())? {
                return Ok(Err(unreadable));
            }
            if self.hits.len() >= self.most {
                break;
            }
        }
        Ok(Ok(()))
    }
}

fn push(place: &mut String, name: &str) {
    if !place.is_empty() {
        place.push('/');
    }
    place.push_str(name);
}

/// What the stars of `component` stand for in `name`.
fn fits(component: &Component, name: &str, case: Case) -> Option<Vec<String>> {
    let owned = |stars: Vec<&str>| stars.into_iter().map(str::to_owned).collect();
    match (component, case) {
        (Component::Name(wanted), _) => name.eq_ignore_ascii_case(wanted).then(Vec::new),
        (Component::Glob(pieces), Case::Same) => stars(pieces, name).map(owned),
        (Component::Glob(pieces), Case::Any) => {
            let pieces: Vec<_> = pieces.iter().map(|piece| piece.to_ascii_lowercase()).collect();
            stars(&pieces, &name.to_ascii_lowercase()).map(owned)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::sample::SampleTree;

    fn pattern(text: &str) -> PathPattern {
        PathPattern::parse(text).unwrap()
    }

    fn path(sight: Sight) -> Option<String> {
        match sight {
            Sight::There(hit) => Some(hit.path),
            Sight::Absent | Sight::Unreadable => None,
        }
    }

    #[test]
    fn a_pattern_leads_to_the_first_name_that_fits_to_its_end() {
        let tree = SampleTree::of_files(["a/other", "b/x86_64/linux-lts", "c/x86_64/linux"]);
        let look = Look::new(&tree, &|| true);
        let hit = Hit { path: "b/x86_64/linux-lts".into(), stars: vec!["b".into(), "-lts".into()] };
        assert_eq!(look.first(&pattern("*/x86_64/linux*"), false), Ok(Sight::There(hit)));
        assert_eq!(look.all(&pattern("*/x86_64/")).unwrap().len(), 2);
        assert_eq!(look.first(&pattern("*/x86_64"), false), Ok(Sight::Absent));
        assert_eq!(look.first(&pattern("a/other/"), false), Ok(Sight::Absent));
    }

    #[test]
    fn case_counts_unless_it_is_said_not_to() {
        let tree = SampleTree::of_files(["Boot/BCD", "boot/bcd2"]);
        let look = Look::new(&tree, &|| true);
        assert_eq!(path(look.first(&pattern("boot/bcd"), false).unwrap()), None);
        let found = path(look.first(&pattern("boot/bcd"), true).unwrap());
        assert_eq!(found.as_deref(), Some("Boot/BCD"));
    }

    #[test]
    fn a_tree_that_asks_too_much_is_given_up() {
        let names: Vec<_> = (0..30).map(|index| format!("d{index}/d/d/d")).collect();
        let tree = SampleTree::of_files(names.iter().map(String::as_str));
        let look = Look::new(&tree, &|| true);
        let all: Result<Vec<_>, _> =
            (0..2000).map(|index| look.first(&pattern(&format!("*/{index}")), false)).collect();
        assert_eq!(all, Err(GaveUp::Work));
        let late = Look::new(&tree, &|| false);
        assert_eq!(late.first(&pattern("a"), false), Err(GaveUp::Time));
    }
}
