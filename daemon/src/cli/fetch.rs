//! `isomirror fetch`: by the daemon where one runs, else here.

use std::{
    collections::BTreeSet, fmt::Write as _, path::PathBuf, sync::Arc, thread, time::Duration,
};

use isomirror_core::{
    catalog::Method,
    control,
    state::{DownloadPhase, DownloadState, SCHEMA},
};
use serde::Serialize;
use tokio::{
    runtime::{Builder, Runtime},
    signal::ctrl_c,
    sync::watch,
};
use tokio_util::sync::CancellationToken;

use super::{
    CommandError, ask_daemon::ask_daemon, catalog::no_entry, escape::Escaped,
    fetch_display::Display, fetch_preview, inspect::short_bytes, output::Output, status,
    store_owner::become_owner,
};
use crate::{
    catalog::CatalogData,
    environment::Environment,
    keeper::{self, Downloads, fetch_once},
    settings::{Request, Settings},
    verified_records::store_below,
};

/// How long the daemon may take to take in what is asked for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the state document is read.
const POLL: Duration = Duration::from_millis(300);

/// Ids of one request, so that it is no longer than a request may be.
const IDS: usize = 80;

/// What is asked for.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(super) struct Options {
    pub(super) ids: Vec<String>,
    pub(super) all: bool,
    pub(super) force: bool,
    pub(super) dry_run: bool,
    pub(super) config: Option<PathBuf>,
    pub(super) json: bool,
}

/// Fetches, and tells how that goes and how it ended.
pub(super) fn run(options: &Options) -> Result<(), CommandError> {
    let settings = Settings::load(
        Request { config: options.config.clone(), ..Request::default() },
        Environment::of_process(),
    )?;
    let catalog = CatalogData::load(&settings.catalog_directories);
    let named = named(options, &catalog)?;
    if options.dry_run {
        let ids = named_or_wanted(named, &settings)?;
        return fetch_preview::run(&settings, catalog, &ids, options.json);
    }
    let mut display = Display::new(settings.config.fetch.progress_interval.duration());
    let results = match by_daemon(&named, options.force, &mut display) {
        Err(CommandError::NotRunning) => {
            let ids = named_or_wanted(named, &settings)?;
            here(&settings, catalog, &ids, options.force, &mut display)?
        }
        results => results?,
    };
    display.end();
    tell(&results, options.json)?;
    let is_left = |state: &&DownloadState| state.state != DownloadPhase::Current;
    let failed = results.iter().filter(is_left).count();
    if failed == 0 {
        return Ok(());
    }
    let refused = results.iter().any(|state| state.refused);
    Err(CommandError::NotCurrent { failed, all: results.len(), refused })
}

/// What was named, or else what is wanted.
fn named_or_wanted(named: Vec<String>, settings: &Settings) -> Result<Vec<String>, CommandError> {
    let ids = if named.is_empty() { settings.config.fetch.want.clone() } else { named };
    if ids.is_empty() { Err(CommandError::NothingWanted) } else { Ok(ids) }
}

/// The ids that were named, each once, in their order.
fn named(options: &Options, catalog: &CatalogData) -> Result<Vec<String>, CommandError> {
    if options.all {
        let by_hand = |method| method == Method::Manual;
        let entries = catalog.catalog.iter().filter(|(entry, _)| !by_hand(entry.find.method));
        return Ok(entries.map(|(entry, _)| entry.id.to_string()).collect());
    }
    if let Some(id) = options.ids.iter().find(|id| catalog.catalog.get(id).is_none()) {
        return Err(no_entry(catalog, id));
    }
    let mut seen = BTreeSet::new();
    Ok(options.ids.iter().filter(|id| seen.insert((*id).clone())).cloned().collect())
}

/// Has the daemon fetch, all that it is to keep where nothing is named, and follows it until it has looked at all.
fn by_daemon(
    ids: &[String],
    force: bool,
    display: &mut Display,
) -> Result<Vec<DownloadState>, CommandError> {
    let mut before = None;
    for ids in if ids.is_empty() { vec![ids] } else { ids.chunks(IDS).collect() } {
        let request = control::Request::Fetch { ids: ids.to_vec(), force };
        let answer = ask_daemon(&request, PATIENCE)?;
        before = before.or(answer.look);
    }
    let before = before.unwrap_or_default();
    let environment = Environment::of_process();
    loop {
        thread::sleep(POLL);
        let document = status::read(&environment)?;
        let is_meant = |state: &DownloadState| ids.is_empty() || ids.contains(&state.id);
        let own: Vec<_> = document.fetch.into_iter().filter(is_meant).collect();
        display.show(&own);
        if !own.is_empty() && own.len() >= ids.len() && own.iter().all(|state| state.look > before)
        {
            return Ok(own);
        }
    }
}

/// Fetches in this process, until it is interrupted.
fn here(
    settings: &Settings,
    catalog: CatalogData,
    ids: &[String],
    force: bool,
    display: &mut Display,
) -> Result<Vec<DownloadState>, CommandError> {
    for problem in &catalog.problems {
        display.note(&format!("left out of the catalog: {}", Escaped(problem.as_bytes())));
    }
    let (output, mut told) = watch::channel(Downloads::default());
    let keeper = keeper::Settings {
        fetch: settings.config.fetch.clone(),
        smb: settings.smb_access(),
        catalog: Arc::new(catalog.into()),
    };
    let store = store_below(&settings.state_directory);
    become_owner(&store)?;
    let cancel = CancellationToken::new();
    let ended = runtime()?.block_on(async {
        let fetching = fetch_once(&store, keeper, ids, force, output, &cancel);
        let mut fetching = std::pin::pin!(fetching);
        loop {
            tokio::select! {
                ended = &mut fetching => return ended,
                Ok(()) = told.changed() => display.show(&told.borrow_and_update()),
                Ok(()) = ctrl_c(), if !cancel.is_cancelled() => {
                    display.note("interrupted: what was fetched is kept");
                    cancel.cancel();
                }
            }
        }
    });
    let ended = ended.map_err(Box::new)?;
    let mut states = told.borrow().to_vec();
    for state in &mut states {
        // What was stopped has told nothing of its end.
        let stopped = ended.iter().find(|(id, ended)| {
            *id == state.id && ended.as_ref().is_err_and(keeper::Setback::is_cancelled)
        });
        if let Some((_, Err(setback))) = stopped {
            state.state = DownloadPhase::Held;
            state.problem = Some(setback.to_string());
        }
    }
    Ok(states)
}

pub(super) fn runtime() -> Result<Runtime, CommandError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|source| CommandError::System { what: "the event loop", source })
}

/// Tells how it ended.
fn tell(results: &[DownloadState], json: bool) -> Result<(), CommandError> {
    #[derive(Serialize)]
    struct Results<'a> {
        schema: u32,
        results: &'a [DownloadState],
    }
    let mut output = Output::new();
    if json {
        output.json(&Results { schema: SCHEMA, results })?;
    } else {
        output.write(summary(results).as_bytes())?;
    }
    output.finish()
}

/// One line for each entry, its problem below it, and how many are current.
fn summary(results: &[DownloadState]) -> String {
    let width = results.iter().map(|state| state.id.len()).max().unwrap_or_default();
    let mut text = String::new();
    for state in results {
        let version = state.version.as_deref().unwrap_or("-");
        let size = state.size.map_or_else(|| "-".to_owned(), short_bytes);
        let trust = state.trust.map_or("-", isomirror_core::trust::Trust::as_str);
        let phase = state.state.as_str();
        let line = format!("{:width$}  {phase:8}  {version:16}  {size:>10}  {trust}", state.id);
        let _ = writeln!(text, "{}", line.trim_end());
        if let Some(problem) = &state.problem {
            let _ = writeln!(text, "{:width$}  {}", "", Escaped(problem.as_bytes()));
        }
    }
    let current = results.iter().filter(|state| state.state == DownloadPhase::Current).count();
    let _ = writeln!(text, "{current} of {} current", results.len());
    text
}
