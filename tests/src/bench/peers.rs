//! What becomes of discs with isomirror and with what people use instead, each as Debian has it: every cell of the table
//! is what was seen in a guest, never what somebody claims.
//!
//! Everything is set up inside of the guest, by scripts that end at once on any other machine.

mod rows;
mod stage;
mod system;

use std::{fmt::Write as _, io};

use self::{
    rows::ROWS,
    stage::Stage,
    system::{SYSTEMS, System},
};
use super::Samples;

/// The table, as Markdown, of those systems whose name begins with one of `chosen`; of all if that is empty. Each has a
/// guest of its own.
#[expect(
    clippy::print_stderr,
    reason = "it takes a quarter of an hour: each cell is told when it is known"
)]
pub fn table(samples: &Samples, chosen: &[String]) -> io::Result<String> {
    let is_chosen = |system: &&System| {
        chosen.is_empty() || chosen.iter().any(|name| system.name.starts_with(name.as_str()))
    };
    let systems: Vec<_> = SYSTEMS.iter().filter(is_chosen).collect();
    let mut columns = Vec::new();
    for system in &systems {
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
    for system in &systems {
        let _ = write!(text, " {} |", system.name);
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(systems.len()));
    for (number, row) in ROWS.iter().enumerate() {
        let _ = write!(text, "\n| {} |", row.name);
        for cells in &columns {
            let _ = write!(text, " {} |", cells[number]);
        }
    }
    Ok(text)
}
