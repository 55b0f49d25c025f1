//! One measured figure and how it is told.

use std::{fmt, io};

/// What a figure is to come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// Ours divided by the peer's is at least this.
    RatioAtLeast(f64),
    /// Ours divided by the peer's is at most this.
    RatioAtMost(f64),
    /// Ours is at most this.
    AtMost(f64),
    /// Nothing: it explains other figures.
    None,
}

/// A figure: medians of interleaved runs. Displayed, it is a row of a Markdown table.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What was measured, with whom it is compared.
    pub name: String,
    /// Unit of both sides.
    pub unit: &'static str,
    /// Ours.
    pub ours: f64,
    /// The peer's; `None` where there is nobody to compare with.
    pub peer: Option<f64>,
    /// What it has to come to.
    pub target: Target,
}

/// The head of the table whose rows figures are.
pub const HEAD: &str = "| figure | ours | peer | ratio | target | met |\n|---|--:|--:|--:|---|---|";

impl Figure {
    /// Runs `ours` and `peer` in turns, `rounds` times each, and takes the medians of what they return.
    pub fn compare(
        name: &str,
        unit: &'static str,
        target: Target,
        rounds: usize,
        mut ours: impl FnMut() -> io::Result<f64>,
        mut peer: impl FnMut() -> io::Result<f64>,
    ) -> io::Result<Self> {
        let (mut our_runs, mut peer_runs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            our_runs.push(ours()?);
            peer_runs.push(peer()?);
        }
        let (ours, peer) = (median(our_runs), Some(median(peer_runs)));
        Ok(Self { name: name.into(), unit, ours, peer, target })
    }

    /// Ours divided by the peer's.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        self.peer.map(|peer| self.ours / peer)
    }

    /// Whether the target is met.
    #[must_use]
    pub fn is_met(&self) -> bool {
        match (self.target, self.ratio()) {
            (Target::AtMost(limit), _) => self.ours <= limit,
            (Target::RatioAtLeast(limit), Some(ratio)) => ratio >= limit,
            (Target::RatioAtMost(limit), Some(ratio)) => ratio <= limit,
            (Target::None, _) => true,
            (_, None) => false,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, unit, ours, .. } = self;
        let value = |value: f64| format!("{value:.*} {unit}", usize::from(value < 100.0) * 2);
        let (peer, ratio) = match (self.peer, self.ratio()) {
            (Some(peer), Some(ratio)) => (value(peer), format!("{ratio:.2}")),
            _ => ("-".into(), "-".into()),
        };
        let target = match self.target {
            Target::RatioAtLeast(limit) => format!("ratio ≥ {limit}"),
            Target::RatioAtMost(limit) => format!("ratio ≤ {limit}"),
            Target::AtMost(limit) => format!("≤ {limit} {unit}"),
            Target::None => String::new(),
        };
        let met = match self.target {
            Target::None => "",
            _ if self.is_met() => "yes",
            _ => "**no**",
        };
        write!(formatter, "| {name} | {} | {peer} | {ratio} | {target} | {met} |", value(*ours))
    }
}

/// The middle of `values`, the upper one of two; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_interleaved_and_medians_told() {
        let order = std::cell::RefCell::new(String::new());
        let mut ours = [30.0, 1.0, 2.0].into_iter();
        let figure = Figure::compare(
            "x",
            "ms",
            Target::RatioAtMost(0.3),
            3,
            || {
                order.borrow_mut().push('o');
                Ok(ours.next().unwrap())
            },
            || {
                order.borrow_mut().push('p');
                Ok(10.0)
            },
        );
        let figure = figure.unwrap();
        assert_eq!(*order.borrow(), "opopop");
        assert_eq!(figure.to_string(), "| x | 2.00 ms | 10.00 ms | 0.20 | ratio ≤ 0.3 | yes |");
    }

    #[test]
    fn a_missed_target_is_shown_as_such() {
        let figure =
            |target, ours, peer| Figure { name: "x".into(), unit: "s", ours, peer, target };
        for (target, ours, peer, met) in [
            (Target::RatioAtLeast(1.3), 13.0, Some(10.0), true),
            (Target::RatioAtLeast(1.3), 12.9, Some(10.0), false),
            (Target::RatioAtMost(0.5), 6.0, Some(10.0), false),
            (Target::RatioAtMost(0.5), 1.0, None, false),
            (Target::AtMost(2.0), 2.0, None, true),
            (Target::AtMost(2.0), 2.1, None, false),
        ] {
            assert_eq!(figure(target, ours, peer).is_met(), met, "{target:?} {ours} {peer:?}");
        }
    }
}
