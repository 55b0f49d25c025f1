//! Running commands in a guest. The other end is `agent.sh`.

use std::{
    io,
    time::{Duration, Instant},
};

use super::line_stream::LineStream;

/// What the guest may take beyond a command's own time before the connection counts as dead.
const GRACE: Duration = Duration::from_secs(30);

/// What a command in the guest came to.
#[derive(Debug)]
pub struct Output {
    /// Exit status; 124 or 137 where it had to be ended because its time was over.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// Whether the command succeeded.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status == 0
    }
}

/// A connection to the agent.
#[derive(Debug)]
pub(super) struct Agent {
    stream: LineStream,
    requests: u64,
}

impl Agent {
    /// Waits until the agent says that it is there.
    pub(super) fn greet(
        mut stream: LineStream,
        deadline: Instant,
        mut alive: impl FnMut() -> io::Result<()>,
    ) -> io::Result<Self> {
        loop {
            match stream.line((Instant::now() + Duration::from_secs(1)).min(deadline)) {
                Ok(line) if line == "ready" => return Ok(Self { stream, requests: 0 }),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => alive()?,
                Err(error) => return Err(error),
            }
            if Instant::now() >= deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the guest did not come up"));
            }
        }
    }

    /// Runs `script` by bash, for at most `timeout`.
    pub(super) fn run(&mut self, script: &str, timeout: Duration) -> io::Result<Output> {
        self.requests += 1;
        let id = self.requests.to_string();
        let request = format!("{id} {} {}\n{script}", timeout.as_secs().max(1), script.len());
        self.stream.send(request.as_bytes())?;
        let deadline = Instant::now() + timeout + GRACE;
        loop {
            let line = self.stream.line(deadline)?;
            // Anything else is the greeting of an agent that was restarted.
            let Some(rest) = line.strip_prefix(&format!("{id} ")) else { continue };
            let mut numbers = rest.split(' ').map(str::parse::<usize>);
            let mut next = || numbers.next().and_then(Result::ok).ok_or(io::ErrorKind::InvalidData);
            let (status, output, error) = (next()?, next()?, next()?);
            let mut text = |length| -> io::Result<String> {
                let bytes = self.stream.bytes(length, deadline)?;
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            };
            return Ok(Output {
                status: i32::try_from(status).map_err(io::Error::other)?,
                stdout: text(output)?,
                stderr: text(error)?,
            });
        }
    }
}
