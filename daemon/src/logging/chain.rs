//! An error with all that led to it, in one line.

use std::{error::Error, fmt};

/// Displays an error and its sources as `a: b: c`. Our errors never print their own source, so each cause stands
/// there once; causes of others that do are not repeated.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(pub &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        formatter.write_str(&last)?;
        let mut error = self.0;
        while let Some(source) = error.source() {
            let text = source.to_string();
            if !last.ends_with(&text) {
                write!(formatter, ": {text}")?;
            }
            (error, last) = (source, text);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open `a`")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read: {0}")]
    struct Inner(#[source] io::Error);

    #[test]
    fn every_cause_stands_there_once() {
        let error = Outer(Inner(io::Error::other("disk on fire")));
        assert_eq!(Chain(&error).to_string(), "cannot open `a`: cannot read: disk on fire");
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(Chain(&error).to_string(), "No such file or directory (os error 2)");
    }
}
