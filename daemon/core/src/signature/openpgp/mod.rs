//! `OpenPGP` (RFC 9580, and RFC 4880 before it). Packets and the arithmetic of public keys are rPGP's; what a key may
//! sign, and when, is decided here.

mod certificate;
mod clear_signed;
mod packet;
mod signatures;

pub(super) use certificate::Certificate;
pub(super) use clear_signed::ClearSigned;
pub(super) use signatures::{Content, Signatures};
