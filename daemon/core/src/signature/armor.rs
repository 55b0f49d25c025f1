//! ASCII armor of `OpenPGP` (RFC 9580, 6.2): one or several blocks, or none at all around binary packets.

use std::io::Read;

use pgp::armor::Dearmor;

/// Blocks that are looked at.
const MOST_BLOCKS: usize = 64;

/// The packets in `bytes`: those of each armored block of this `kind` (`SIGNATURE`, `PUBLIC KEY BLOCK`), or `bytes`
/// themselves where they are binary. A block that is damaged is left out.
pub(super) fn blocks(bytes: &[u8], kind: &str) -> Vec<Vec<u8>> {
    // The first bit of a packet is always set, and that of text never.
    if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        return vec![bytes.to_vec()];
    }
    let begin = format!("-----BEGIN PGP {kind}-----");
    let end = format!("-----END PGP {kind}-----");
    let mut blocks = Vec::new();
    let mut block: Option<Vec<u8>> = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii_end();
        if line == begin.as_bytes() {
            block = Some(Vec::new());
        }
        let Some(text) = &mut block else { continue };
        text.extend_from_slice(line);
        text.push(b'\n');
        if line == end.as_bytes() && blocks.len() < MOST_BLOCKS {
            blocks.extend(block.take().and_then(|text| decoded(&text)));
        }
    }
    blocks
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut packets = Vec::new();
    Dearmor::new(text).read_to_end(&mut packets).ok()?;
    Some(packets)
}
