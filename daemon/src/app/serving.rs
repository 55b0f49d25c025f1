//! The role of serving: where it listens, and what of it a reload changes.

use isomirror_core::config::LogFile;
use tracing::info;

use super::{RunError, translate::serve_settings};
use crate::{
    serve::{Bound, Server},
    settings::Settings,
    sys::inherited_sockets::take_inherited_sockets,
};

/// Listens where the service manager says, or else the configuration.
pub(super) fn bind(settings: &Settings) -> Result<Bound, RunError> {
    let serve = serve_settings(&settings.config);
    let inherited = take_inherited_sockets()
        .map_err(|source| RunError::System { what: "the service manager's sockets", source })?;
    if inherited.is_empty() {
        return Ok(Server::bind(&serve)?);
    }
    info!(sockets = inherited.len(), "the service manager's sockets stand in for serve.listen");
    Ok(Bound::from_inherited(inherited, &serve)?)
}

/// Begins to answer.
pub(super) fn start(settings: &Settings) -> Result<Server, RunError> {
    let server = Server::start(bind(settings)?)?;
    for place in server.places() {
        info!(url = %place, "listening");
    }
    Ok(server)
}

/// Where the access log was renamed, a new one is begun; where it is another one, that is taken.
pub(super) fn reopen_log(server: &Server, settings: &Settings) {
    let file = settings.config.serve.access_log.as_ref();
    server.log_to(file.map(LogFile::path));
}
