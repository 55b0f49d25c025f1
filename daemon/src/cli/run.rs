//! From the arguments to the command that they ask for, and from its end to an exit code.

use std::{env, process::ExitCode};

use clap::Parser;
use tracing::error;

use super::{
    CatalogCommand, Command, CommandError, ConfigCommand, DaemonOptions, Options, cat, catalog,
    config, doctor, eject, exit_code, fetch, inspect,
    list::{self, Style},
    mount::{self, MountOptions},
    mount_helper, report, status, udev, umount, umount_all, verify,
};
use crate::{
    app,
    environment::Environment,
    logging::{self, Chain, message_id},
    settings::{Request, Settings},
};

/// What `isomirror` does.
#[must_use]
pub fn main() -> ExitCode {
    if env::args_os().next().is_some_and(|program| mount_helper::is_meant(&program)) {
        return mount_helper::main();
    }
    match Options::try_parse() {
        Ok(options) => match run(options.command) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => report("isomirror", &error),
        },
        Err(error) => usage(&error),
    }
}

/// What `isomirrord` does.
pub fn daemon_main() -> ExitCode {
    let options = match DaemonOptions::try_parse() {
        Ok(options) => options,
        Err(error) => return usage(&error),
    };
    logging::start();
    let settings = Settings::load(Request::from(options), Environment::of_process());
    let ended = settings
        .map_err(CommandError::Settings)
        .and_then(|settings| app::run(settings).map_err(CommandError::Start));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report_end(&error),
    }
}

/// Tells why the daemon ends. Standard error has no fields, so the journal gets a refused configuration as an entry by
/// which people can be alerted.
fn report_end(error: &CommandError) -> ExitCode {
    let CommandError::Settings(settings) = error else { return report("isomirrord", error) };
    if !logging::stderr_is_the_journal() {
        return report("isomirrord", error);
    }
    error!(
        message_id = message_id::CONFIGURATION_REFUSED,
        error = %Chain(settings),
        "the configuration is not taken over"
    );
    ExitCode::from(exit_code(error))
}

/// Help and version go to standard output with code 0, wrong usage to standard error with code 2.
fn usage(error: &clap::Error) -> ExitCode {
    // There is nobody left to tell that the output is gone.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Status { json, watch } => status::status(json, watch),
        Command::List { json } => status::list(json),
        Command::Inspect { path, json, count, why } => inspect::run(&path, json, count, why),
        Command::Ls { image, path, long, null, json } => {
            list::run(&image, &path, style(long, null, json))
        }
        Command::Cat { image, path } => cat::run(&image, &path),
        Command::Mount { image, directory, backend } => {
            let options = MountOptions { backend, ..MountOptions::default() };
            Ok(mount::run(&image, &directory, &options).map_err(Box::new)?)
        }
        Command::Umount { directory: Some(directory), .. } => {
            Ok(umount::run(&directory).map_err(Box::new)?)
        }
        Command::Umount { directory: None, config, webroot, .. } => {
            Ok(umount_all::run(config, webroot)?)
        }
        Command::FuseServe { image, directory, symlinks, key } => {
            let options = MountOptions { symlinks, key, ..MountOptions::default() };
            Ok(mount::serve_fuse(&image, &directory, options).map_err(Box::new)?)
        }
        Command::Eject { target, force } => eject::run(&target, force),
        Command::Rescan => eject::rescan(),
        Command::Verify { targets, keys, json } => verify::run(&targets, &keys, json),
        Command::Fetch { ids, all, force, dry_run, config, json } => {
            fetch::run(&fetch::Options { ids, all, force, dry_run, config, json })
        }
        Command::UdevRelease { device, socket } => {
            udev::release(&device, &socket);
            Ok(())
        }
        Command::UdevDefer { device, socket } => udev::defer(&device, &socket),
        Command::UdevChanged { device, socket } => udev::changed(&device, &socket),
        Command::Catalog(CatalogCommand::List { ids, json }) => catalog::list(&ids, json),
        Command::Catalog(CatalogCommand::Show { id, json }) => catalog::show(&id, json),
        Command::Catalog(CatalogCommand::Check { files }) => catalog::check(&files),
        Command::Doctor { config, json } => doctor::run(config, json),
        Command::Config(ConfigCommand::Check { file }) => config::check(file.as_deref()),
        Command::Config(ConfigCommand::Show { file, images, webroot, listen, json }) => {
            let request = Request { config: file, images, webroot, listen, ..Request::default() };
            config::show(&request, json)
        }
    }
}

fn style(long: bool, null: bool, json: bool) -> Style {
    match (long, null, json) {
        (true, ..) => Style::Long,
        (_, true, _) => Style::Null,
        (.., true) => Style::Json,
        _ => Style::Names,
    }
}
