//! Asks the daemon that is running: this user's own before the machine's.

use std::time::Duration;

use isomirror_core::control::{Answer, Request, SOCKET};

use super::CommandError;
use crate::{
    control::{AskError, ask},
    environment::Environment,
};

/// What the daemon answers, if it did what it was asked for.
pub(super) fn ask_daemon(request: &Request, patience: Duration) -> Result<Answer, CommandError> {
    for directory in Environment::of_process().runtime_directories() {
        match ask(&directory.join(SOCKET), request, patience) {
            Err(error) if error.is_nobody() => {}
            Err(error) => return Err(Box::new(error).into()),
            Ok(answer) => return accepted(answer),
        }
    }
    Err(CommandError::NotRunning)
}

/// The answer, if it is not that something went wrong.
fn accepted(answer: Answer) -> Result<Answer, CommandError> {
    if answer.ok {
        return Ok(answer);
    }
    Err(CommandError::Refused {
        error: answer.error.unwrap_or_else(|| "it was not done".to_owned()),
        remedy: answer.remedy.unwrap_or_else(|| "see the log of isomirrord".to_owned()),
    })
}

impl From<AskError> for CommandError {
    fn from(error: AskError) -> Self {
        Self::Ask(Box::new(error))
    }
}
