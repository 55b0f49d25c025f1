//! What a mount of the kernel may show when its disc is changed by force: from the kernel's event until isomirror has cut
//! the mount off, the next disc. README says so. Here is for how long at most, and that nothing else is forgiven.

use super::Disc;

/// Seconds from the first wrong block to the last one, in emulation and with readers all over the machine. On a real one
/// it is some milliseconds.
const LONGEST: f64 = 1.0;

/// The gap of one step.
#[derive(Clone, Debug)]
pub struct Gap {
    /// How the disc was called that is gone.
    name: String,
    /// How the one is told of that came.
    next: String,
    /// When the first wrong block was read, seconds since 1970.
    begin: Option<f64>,
}

impl Gap {
    /// When `next` was put into the drive of the disc `name`.
    #[must_use]
    pub fn new(name: String, next: Disc) -> Self {
        Self { name, next: next.to_string(), begin: None }
    }

    /// Of the lines `SECONDS WAY NAME: TEXT`, oldest first, those that the gap does not explain.
    pub fn unexplained<'v>(&mut self, violations: &'v str) -> Vec<&'v str> {
        violations.lines().filter(|line| !self.explains(line)).collect()
    }

    /// Whether a reader fell into it.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        self.begin.is_some()
    }

    fn explains(&mut self, line: &str) -> bool {
        let Some((seconds, rest)) = line.split_once(' ') else { return false };
        let Ok(moment) = seconds.parse::<f64>() else { return false };
        let text = rest.strip_prefix("mount ").and_then(|rest| rest.strip_prefix(&*self.name));
        let is_of_next =
            text.is_some_and(|text| text.starts_with(": ") && text.contains(&self.next));
        is_of_next && moment - *self.begin.get_or_insert(moment) <= LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_next_disc_in_the_very_mount_is_forgiven_and_not_for_long() {
        let next = Disc(20);
        let mut gap = Gap::new("SOAK_2".to_owned(), next);
        let lines = format!(
            "5.0 mount SOAK_2: it is {next}\n5.1 mount SOAK_2~12345678: it is {next}\n\
             5.2 http SOAK_2: it is {next}\n5.3 mount SOAK_2: it is {}\n\
             5.9 mount SOAK_2: block 7 is of {next}, others of Some(Disc(2))\n\
             6.1 mount SOAK_2: it is {next}",
            Disc(21)
        );
        let seconds: Vec<&str> =
            gap.unexplained(&lines).iter().map(|line| line.split_once(' ').unwrap().0).collect();
        assert_eq!(seconds, ["5.1", "5.2", "5.3", "6.1"]);
    }
}
