//! Where the programs under test are, and that they are those of the present sources.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Path of the program `name` (`isomirrord` or `isomirror`), built in the profile of the running program.
///
/// # Errors
/// Where it was not built, or a source that it was built from is newer: a test of an old program would prove
/// nothing. `$ISOMIRROR_BINARIES` names another directory to take programs from, unasked.
pub fn path(name: &str) -> io::Result<PathBuf> {
    if let Some(directory) = env::var_os("ISOMIRROR_BINARIES") {
        return Ok(PathBuf::from(directory).join(name));
    }
    let running = env::current_exe()?;
    // Tests lie in `deps` beside the programs, programs of this crate right among them.
    let among = running.ancestors().skip(1).find(|directory| !directory.ends_with("deps"));
    let profile = among.unwrap_or(Path::new("/"));
    let binary = profile.join(name);
    let advice = "run `cargo build --workspace --bins` first";
    let built =
        fs::metadata(&binary).and_then(|metadata| metadata.modified()).map_err(|error| {
            io::Error::new(error.kind(), format!("no `{}`: {advice}", binary.display()))
        })?;
    let sources = fs::read_to_string(binary.with_extension("d")).unwrap_or_default();
    for source in sources_of(&sources) {
        let changed = fs::metadata(&source).and_then(|metadata| metadata.modified());
        if changed.is_ok_and(|changed| changed > built) {
            let stale = format!("`{}` is newer than `{name}`: {advice}", source.display());
            return Err(io::Error::other(stale));
        }
    }
    Ok(binary)
}

/// The sources that cargo's dependency file (`target: source source …`, spaces escaped) names.
fn sources_of(dependencies: &str) -> Vec<PathBuf> {
    let (_, sources) = dependencies.split_once(": ").unwrap_or_default();
    let marked = sources.trim().replace("\\ ", "\0");
    marked.split_whitespace().map(|source| PathBuf::from(source.replace('\0', " "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_from_cargos_dependency_file() {
        let found = sources_of("/t/debug/isomirrord: /s/a.rs /s/with\\ space.rs\n");
        assert_eq!(found, [PathBuf::from("/s/a.rs"), PathBuf::from("/s/with space.rs")]);
        assert_eq!(sources_of(""), Vec::<PathBuf>::new());
    }
}
