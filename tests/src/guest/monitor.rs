//! The hypervisor's monitor: QMP, as the QEMU Machine Protocol Reference describes it.

use std::{
    collections::VecDeque,
    io,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::line_stream::LineStream;

/// How long the monitor may take to answer a command.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// Why a command to the hypervisor failed.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The hypervisor refused: its own words.
    #[error("the hypervisor refused `{command}`: {description}")]
    Refused {
        /// The command.
        command: String,
        /// The `desc` of its answer.
        description: String,
    },
    /// Nothing usable came back.
    #[error("no answer to `{command}`")]
    Connection {
        /// The command, or what was waited for.
        command: String,
        /// What failed.
        #[source]
        source: io::Error,
    },
}

/// A connection to one hypervisor's monitor.
#[derive(Debug)]
pub struct Monitor {
    stream: LineStream,
    /// Events that came while an answer was waited for, oldest first.
    events: VecDeque<Value>,
}

impl Monitor {
    /// Takes the greeting and leaves the negotiation mode.
    pub(super) fn negotiate(stream: LineStream) -> Result<Self, MonitorError> {
        let mut monitor = Self { stream, events: VecDeque::new() };
        monitor.message("greeting", Instant::now() + ANSWER_TIMEOUT)?;
        monitor.execute("qmp_capabilities", &json!({}))?;
        Ok(monitor)
    }

    /// Executes `command` and returns the `return` member of its answer.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, MonitorError> {
        let mut request = json!({ "execute": command, "arguments": arguments }).to_string();
        request.push('\n');
        self.stream
            .send(request.as_bytes())
            .map_err(|source| MonitorError::Connection { command: command.into(), source })?;
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        loop {
            let mut message = self.message(command, deadline)?;
            if message.get("event").is_some() {
                self.events.push_back(message);
            } else if let Some(answer) = message.get_mut("return") {
                return Ok(answer.take());
            } else {
                let description = message["error"]["desc"].as_str().unwrap_or_default().to_owned();
                return Err(MonitorError::Refused { command: command.into(), description });
            }
        }
    }

    /// Waits for the event `name` whose `data` satisfies `wanted`, and returns that. Events before it are dropped.
    pub fn wait_for_event(
        &mut self,
        name: &str,
        timeout: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, MonitorError> {
        let deadline = Instant::now() + timeout;
        loop {
            let event = match self.events.pop_front() {
                Some(event) => event,
                None => self.message(name, deadline)?,
            };
            if event["event"] == name && wanted(&event["data"]) {
                return Ok(event["data"].clone());
            }
        }
    }

    fn message(&mut self, command: &str, deadline: Instant) -> Result<Value, MonitorError> {
        let line = self.stream.line(deadline);
        line.and_then(|line| serde_json::from_str(&line).map_err(io::Error::other))
            .map_err(|source| MonitorError::Connection { command: command.into(), source })
    }
}
