//! `isomirror doctor`: what of this host would keep media from being published.

use std::{fmt::Write as _, path::PathBuf};

use isomirror_core::doctor::{Diagnosis, Level, examine};
use serde::Serialize;

use super::{CommandError, escape::Escaped, output::Output, paint::Paint};
use crate::{doctor::gather, environment::Environment, settings::Request};

/// Version of the document of `--json`.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    /// The worst of all.
    level: Level,
    findings: &'a [Diagnosis],
}

/// Looks at the host and tells what was found. Something that fails is exit code 1.
pub(super) fn run(config: Option<PathBuf>, json: bool) -> Result<(), CommandError> {
    let request = Request { config, ..Request::default() };
    let (facts, config) = gather(&request, &Environment::of_process());
    let findings = examine(&facts, &config);
    let level = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
    let mut output = Output::new();
    if json {
        output.json(&Document { schema: SCHEMA, level, findings: &findings })?;
    } else {
        output.write(text(&findings, facts.is_root, Paint::of_output()).as_bytes())?;
    }
    output.finish()?;
    let failing = findings.iter().filter(|finding| finding.level == Level::Fail).count();
    if failing == 0 { Ok(()) } else { Err(CommandError::Unhealthy(failing)) }
}

/// What people read: a line for each finding, and below it what to do.
fn text(findings: &[Diagnosis], is_root: bool, paint: Paint) -> String {
    let mut text = String::new();
    for Diagnosis { level, check, object, text: found, remedy } in findings {
        let level = paint.level(*level, &format!("{:<5}", level.as_str()));
        let line = format!("{check:<14}{object}: {found}");
        let _ = writeln!(text, "{level} {}", Escaped(line.as_bytes()));
        if let Some(remedy) = remedy {
            let _ = writeln!(text, "{:20}-> {}", "", Escaped(remedy.as_bytes()));
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (ok, warn, fail) = (count(Level::Ok), count(Level::Warn), count(Level::Fail));
    let _ = writeln!(text, "\n{ok} ok, {warn} to look at, {fail} failing");
    if !is_root {
        text += "Run it as root to have everything looked at.\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_each_finding_with_what_to_do() {
        let finding = |level, remedy: Option<&str>| Diagnosis {
            level,
            check: "kernel",
            object: "erofs\u{1b}".into(),
            text: "there is none".into(),
            remedy: remedy.map(str::to_owned),
        };
        let findings = [finding(Level::Ok, None), finding(Level::Fail, Some("load it"))];
        assert_eq!(
            text(&findings, true, Paint::NONE),
            "ok    kernel        erofs\\u{1b}: there is none\n\
             fail  kernel        erofs\\u{1b}: there is none\n\
             \x20                   -> load it\n\
             \n\
             1 ok, 0 to look at, 1 failing\n"
        );
    }
}
