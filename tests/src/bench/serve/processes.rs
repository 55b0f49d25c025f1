//! What a server costs: a process and those that it started.

use std::{fs, io, path::PathBuf, time::Duration};

/// A process with its children.
#[derive(Debug)]
pub(super) struct Processes(Vec<PathBuf>);

impl Processes {
    /// The process `id` and its children.
    pub(super) fn of(id: u32) -> io::Result<Self> {
        let main = PathBuf::from(format!("/proc/{id}"));
        let mut found = vec![main.clone()];
        for thread in fs::read_dir(main.join("task"))? {
            let children = fs::read_to_string(thread?.path().join("children"))?;
            found.extend(children.split_whitespace().map(|id| format!("/proc/{id}").into()));
        }
        Ok(Self(found))
    }

    /// Time that they spent on processors (proc(5), schedstat), all threads together.
    pub(super) fn processor_time(&self) -> io::Result<Duration> {
        let mut nanoseconds = 0;
        for process in &self.0 {
            for thread in fs::read_dir(process.join("task"))? {
                let text = fs::read_to_string(thread?.path().join("schedstat"))?;
                let first = text.split_whitespace().next().and_then(|number| number.parse().ok());
                nanoseconds += first.unwrap_or(0);
            }
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Memory that is theirs, in MiB; what several of them share counts once.
    pub(super) fn memory(&self) -> io::Result<f64> {
        let mut kibibytes = 0.0;
        for process in &self.0 {
            let text = fs::read_to_string(process.join("smaps_rollup"))?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
            kibibytes += number.ok_or_else(|| io::Error::other(text))?;
        }
        Ok(kibibytes / 1024.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_spends_time() {
        let own = Processes::of(std::process::id()).unwrap();
        assert!(own.memory().unwrap() > 0.1);
        let before = own.processor_time().unwrap();
        let begin = std::time::Instant::now();
        while begin.elapsed() < Duration::from_millis(50) {}
        assert!(own.processor_time().unwrap() > before);
    }
}
