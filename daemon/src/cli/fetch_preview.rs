//! `isomirror fetch --dry-run`: what is offered now.

use std::sync::Arc;

use serde::Serialize;

use super::{CommandError, escape::Escaped, fetch::runtime, inspect::short_bytes, output::Output};
use crate::{
    catalog::CatalogData,
    keeper::{self, KeeperError, Setback, preview},
    logging::Chain,
    settings::Settings,
};

/// Version of the document's shape.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Results {
    schema: u32,
    results: Vec<Offer>,
}

/// What is offered of one entry, or why nothing is.
#[derive(Default, Serialize)]
struct Offer {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Tells what is offered of `ids`.
pub(super) fn run(
    settings: &Settings,
    catalog: CatalogData,
    ids: &[String],
    json: bool,
) -> Result<(), CommandError> {
    let keeper = keeper::Settings {
        fetch: settings.config.fetch.clone(),
        smb: settings.smb_access(),
        catalog: Arc::new(catalog.into()),
    };
    let offers = runtime()?.block_on(preview(&Arc::new(keeper), ids));
    let offers = offers.map_err(|error| Box::new(KeeperError::from(error)))?;
    let failed = offers.iter().filter(|(_, offer)| offer.is_err()).count();
    let refused = offers.iter().any(|(_, offer)| offer.as_ref().is_err_and(Setback::is_against_it));
    let results: Vec<_> = offers.into_iter().map(shown).collect();
    tell(results, json)?;
    match failed {
        0 => Ok(()),
        failed => Err(CommandError::NotOffered { failed, all: ids.len(), refused }),
    }
}

fn shown((id, offer): (String, Result<keeper::Preview, Setback>)) -> Offer {
    match offer {
        Ok(preview) => Offer {
            id,
            version: Some(preview.version),
            file: Some(preview.file),
            size: preview.size,
            trust: Some(preview.trust.as_str()),
            url: preview.url,
            problem: None,
        },
        Err(setback) => {
            Offer { id, problem: Some(Chain(&setback).to_string()), ..Offer::default() }
        }
    }
}

fn tell(results: Vec<Offer>, json: bool) -> Result<(), CommandError> {
    let mut output = Output::new();
    if json {
        output.json(&Results { schema: SCHEMA, results })?;
        return output.finish();
    }
    let width = results.iter().map(|offer| offer.id.len()).max().unwrap_or_default();
    for offer in &results {
        let id = &offer.id;
        if let Some(problem) = &offer.problem {
            output.line(&format!("{id:width$}  {}", Escaped(problem.as_bytes())))?;
            continue;
        }
        let version = offer.version.as_deref().unwrap_or("-");
        let size = offer.size.map_or_else(|| "-".to_owned(), short_bytes);
        let (trust, url) = (offer.trust.unwrap_or("-"), offer.url.as_deref().unwrap_or("-"));
        output.line(&format!("{id:width$}  {version:16}  {size:>10}  {trust:12}  {url}"))?;
    }
    output.finish()
}
