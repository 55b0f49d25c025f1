//! What becomes of discs with isomirror and with what people use instead, each as Debian has it: every cell of the table
//! is what was seen in a guest, never what somebody claims.
//!
//! Everything is set up inside of the guest, by scripts that end at once on any other machine.

mod rows;
mod stage;
mod system;

use std::{fmt::Write as _, io};

use self::{rows::ROWS, stage::Stage, system::SYSTEMS};
use super::Samples;

/// The table, as Markdown. Each system has a guest of its own.
#[expect(
    clippy::print_stderr,
    reason = "it takes a quarter of an hour: each cell is told when it is known"
)]
pub fn table(samples: &Samples) -> io::Result<String> {
    let mut columns = Vec::new();
    for system in &SYSTEMS {
        let stage = Stage::boot(samples, system)?;
        let mut cells = Vec::new();
        for row in ROWS {
            let cell = stage.cell(row);
            eprintln!("{}: {}: {cell}", system.name, row.name);
            cells.push(cell);
        }
        columns.push(cells);
    }
    let mut text = String::from("| what happens |");
    for system in &SYSTEMS {
        let _ = write!(text, " {} |", system.name);
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(SYSTEMS.len()));
    for (number, row) in ROWS.iter().enumerate() {
        let _ = write!(text, "\n| {} |", row.name);
        for cells in &columns {
            let _ = write!(text, " {} |", cells[number]);
        }
    }
    Ok(text)
}
