//! What a server costs: a process and those that it started.

use std::{fs, io, path::PathBuf, time::Duration};

use nix::{time::clock_getcpuclockid, unistd::Pid};

/// A process with its children.
#[derive(Debug)]
pub(super) struct Processes(Vec<u32>);

impl Processes {
    /// The process `id` and its children.
    pub(super) fn of(id: u32) -> io::Result<Self> {
        let mut found = vec![id];
        for thread in fs::read_dir(directory(id).join("task"))? {
            // A thread that has ended has no children any more.
            let children = fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
        Ok(Self(found))
    }

    /// Time that they spent on processors (`clock_getcpuclockid(3)`), all threads together, also those that have ended.
    pub(super) fn processor_time(&self) -> io::Result<Duration> {
        self.0.iter().try_fold(Duration::ZERO, |sum, id| {
            let id = Pid::from_raw(i32::try_from(*id).map_err(io::Error::other)?);
            Ok(sum + Duration::from(clock_getcpuclockid(id)?.now()?))
        })
    }

    /// Memory that is theirs, in MiB; what several of them share counts once.
    pub(super) fn memory(&self) -> io::Result<f64> {
        let mut kibibytes = 0.0;
        for process in &self.0 {
            let text = fs::read_to_string(directory(*process).join("smaps_rollup"))?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
            kibibytes += number.ok_or_else(|| io::Error::other(text))?;
        }
        Ok(kibibytes / 1024.0)
    }
}

fn directory(id: u32) -> PathBuf {
    format!("/proc/{id}").into()
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Instant};

    use super::*;

    /// For so much processor time, however busy the machine is.
    fn work(own: &Processes, length: Duration) {
        let begin = own.processor_time().unwrap();
        while own.processor_time().unwrap() < begin + length {}
    }

    #[test]
    fn time_of_threads_that_have_ended_counts() {
        let own = Processes::of(std::process::id()).unwrap();
        let before = own.processor_time().unwrap();
        let (worker, length) = (Processes(own.0.clone()), Duration::from_millis(30));
        thread::spawn(move || work(&worker, length)).join().unwrap();
        assert!(own.processor_time().unwrap() >= before + length);
    }

    #[test]
    fn this_process_has_memory_and_spends_time() {
        let own = Processes::of(std::process::id()).unwrap();
        assert!(own.memory().unwrap() > 0.1);
        let before = own.processor_time().unwrap();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(50) {}
        assert!(own.processor_time().unwrap() > before);
    }
}
