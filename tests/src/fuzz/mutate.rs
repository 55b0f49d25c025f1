//! Damage to a corpus's inputs that is the same in every run.

/// A generator of numbers that depend on nothing but its seed (xorshift64*, Vigna 2016).
#[derive(Debug)]
pub struct Generator(u64);

impl Generator {
    /// The generator of the seed `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number less than `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        usize::try_from(number).unwrap_or(usize::MAX) % bound
    }
}

/// Values at which parsers tend to be wrong.
const INTERESTING: [u8; 10] = [0, 1, 2, 0x20, 0x22, 0x2e, 0x7f, 0x80, 0xfe, 0xff];

/// `input` with one to eight damages.
#[must_use]
pub fn damaged(input: &[u8], generator: &mut Generator) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=generator.below(8) {
        if bytes.is_empty() {
            break;
        }
        damage(&mut bytes, generator);
    }
    bytes
}

fn damage(bytes: &mut Vec<u8>, generator: &mut Generator) {
    let length = bytes.len();
    let at = generator.below(length);
    let run = (1 + generator.below(64)).min(length - at);
    match generator.below(8) {
        0 => bytes[at] ^= 1 << generator.below(8),
        1 => bytes[at] = INTERESTING[generator.below(INTERESTING.len())],
        2 => bytes[at] = u8::try_from(generator.below(256)).unwrap_or_default(),
        3 => bytes[at..at + run].fill(INTERESTING[generator.below(INTERESTING.len())]),
        4 => bytes.truncate(at),
        5 => {
            let from = generator.below(length - run + 1);
            bytes.copy_within(from..from + run, at);
        }
        6 => drop(bytes.drain(at..at + run)),
        _ => {
            let piece = bytes[at..at + run].to_vec();
            bytes.splice(at..at, piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_damages_the_same_way() {
        let input: Vec<u8> = (0..=255).collect();
        let damage = |seed| damaged(&input, &mut Generator::new(seed));
        assert_eq!(damage(1), damage(1));
        let changed = (0..100).filter(|seed| damage(*seed) != input).count();
        assert!(changed > 90, "{changed} of 100 changed");
    }
}
