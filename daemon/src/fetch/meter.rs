//! How fast bytes come.

use std::time::Instant;

/// Speed over the last while.
#[derive(Debug)]
pub(super) struct Meter {
    bytes: u64,
    since: Instant,
    /// Measures since the number of connections changed.
    measures: u32,
}

impl Meter {
    pub(super) fn new(bytes: u64) -> Self {
        Self { bytes, since: Instant::now(), measures: 0 }
    }

    pub(super) fn measure(&mut self, bytes: u64) -> u64 {
        let seconds = self.since.elapsed().as_secs_f64().max(0.001);
        let got = bytes.saturating_sub(self.bytes);
        *self = Self { bytes, since: Instant::now(), measures: self.measures + 1 };
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a speed is no exact figure"
        )]
        let speed = (got as f64 / seconds) as u64;
        speed
    }

    pub(super) fn is_warm(&self) -> bool {
        self.measures >= 2
    }

    pub(super) fn cool(&mut self) {
        self.measures = 0;
    }
}
