//! Media that are let go of: a set, like everything else that the loop is told. Whoever wants one gone puts it in;
//! sources and reconciler see to it that nothing of it is left, and the reconciler tells how far that is.

use std::{collections::BTreeMap, time::Instant};

use isomirror_core::{control::Process, medium::IdentityKey, name::Name};

/// Media that are not to be published, nor held open, though they are there; each with the moment when the last of
/// its readers are cut off.
pub type Withheld = BTreeMap<IdentityKey, Instant>;

/// How far it is with each of the [`Withheld`].
pub type LettingGo = BTreeMap<IdentityKey, LetGo>;

/// How far it is with one medium.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetGo {
    /// The name that it was published under, if it was.
    pub name: Option<Name>,
    /// Whether nothing of it is left in the web root and nobody new can ask for it. Responses that were begun before
    /// may still be under way: they hold the medium.
    pub is_unpublished: bool,
    /// Processes that used its mount when it was detached.
    pub cut_off: Vec<Process>,
}
