//! What this run of the program is to do: the configuration file, the command line over it, and the places that the
//! environment gives. It reads the file and decides nothing that the file could say.

mod config_files;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Component, Path, PathBuf},
};

pub use config_files::{At, ConfigFiles, Told};

use isomirror_core::config::{
    Change, Config, ImageDirectory, InvalidListenAddresses, InvalidVariable, InvalidWebRoot,
    IsoManagerVariables, KeyPath, ListenAddress, ListenAddresses, MediaConfig, Origin, WebRoot,
    changes,
};

use crate::{
    boot_data, catalog,
    data_directories::DataDirectories,
    environment::{Environment, STATE_DOCUMENT},
    fetch::SmbAccess,
    verified_records::store_below,
};

/// Roles that one process plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Finds media and mounts them.
    pub mount: bool,
    /// Downloads images.
    pub fetch: bool,
    /// Serves over HTTP.
    pub serve: bool,
}

impl Roles {
    /// All of them.
    pub const ALL: Self = Self { mount: true, fetch: true, serve: true };
}

/// What the command line asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Configuration file to read instead of the one that would be found.
    pub config: Option<PathBuf>,
    /// Roles to play.
    pub roles: Roles,
    /// Directories of images instead of those of the file; may be relative. None at all leaves those of the file.
    pub images: Vec<PathBuf>,
    /// Web root instead of the file's; may be relative.
    pub webroot: Option<PathBuf>,
    /// Addresses to listen on instead of the file's. None at all leaves those of the file.
    pub listen: Vec<ListenAddress>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            config: None,
            roles: Roles::ALL,
            images: Vec::new(),
            webroot: None,
            listen: Vec::new(),
        }
    }
}

/// What this run is to do.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The effective configuration.
    pub config: Config,
    /// Roles to play.
    pub roles: Roles,
    /// Where the state document and sockets lie; gone after a restart of the machine. May have to be made.
    pub runtime_directory: PathBuf,
    /// Where what has to outlive a restart lies. May have to be made.
    pub state_directory: PathBuf,
    /// Block devices that are watched instead of the drives that the configuration selects; see [`Environment::drives`].
    pub drives: Option<BTreeSet<String>>,
    /// Where signatures of media are looked for.
    pub boot_directories: DataDirectories,
    /// Where the catalog is.
    pub catalog_directories: DataDirectories,
    /// Where the service manager has put credentials; see [`Environment::credentials_directory`].
    pub credentials_directory: Option<PathBuf>,
    /// The configuration files that were read, the last over the others; none where the defaults hold.
    pub config_files: Vec<PathBuf>,
    request: Request,
    environment: Environment,
}

/// Why it cannot be told what to do.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The configuration file cannot be read.
    #[error("cannot read the configuration `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The configuration has errors. Shown by the first of all that is wrong, as `FILE:LINE:COLUMN: what is wrong`.
    #[error("{}{}", .0.first().map(ToString::to_string).unwrap_or_default(), more(.0))]
    Invalid(Vec<Told>),
    /// A directory of the command line cannot be made absolute.
    #[error("cannot find the directory `{}`", path.display())]
    Directory {
        /// The directory as given.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The web root of the command line cannot be one.
    #[error("the web root of the command line cannot be used")]
    WebRoot(#[source] InvalidWebRoot),
    /// The addresses of the command line cannot be listened on together.
    #[error("the addresses of the command line cannot be used")]
    Listen(#[source] InvalidListenAddresses),
    /// Variables of `iso_manager` that cannot be used.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Variables(Vec<InvalidVariable>),
    /// An ordinary user without the directories of a session.
    #[error("no {what} directory: set ${variable} to a directory of yours")]
    NoPlace {
        /// `runtime` or `state`.
        what: &'static str,
        /// Environment variable that would name it.
        variable: &'static str,
    },
}

fn more(problems: &[Told]) -> String {
    match problems.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more: `isomirror config check` lists them)", count - 1),
    }
}

impl Settings {
    /// Reads the configuration file, and lays the environment and then the command line over it.
    pub fn load(request: Request, environment: Environment) -> Result<Self, SettingsError> {
        let files = effective(&request, &environment)?;
        let (errors, _) = files.check_whole();
        if !errors.is_empty() {
            return Err(SettingsError::Invalid(errors));
        }
        let no_place = |what, variable| SettingsError::NoPlace { what, variable };
        Ok(Self {
            config: files.config().clone(),
            roles: request.roles,
            runtime_directory: environment
                .runtime()
                .ok_or_else(|| no_place("runtime", "RUNTIME_DIRECTORY"))?,
            state_directory: environment
                .state()
                .ok_or_else(|| no_place("state", "STATE_DIRECTORY"))?,
            drives: environment.drives.clone(),
            boot_directories: boot_data::directories(environment.boot_directories.as_ref()),
            catalog_directories: catalog::directories(environment.catalog_directories.as_ref()),
            credentials_directory: environment.credentials_directory.clone(),
            config_files: files.paths().map(Path::to_owned).collect(),
            request,
            environment,
        })
    }

    /// The settings as they are now, by the same command line and environment.
    pub fn reload(&self) -> Result<Self, SettingsError> {
        Self::load(self.request.clone(), self.environment.clone())
    }

    /// What of the configuration differs in `new`.
    #[must_use]
    pub fn changes(&self, new: &Self) -> Vec<Change> {
        changes(&self.config, &new.config)
    }

    /// Who this machine is to servers of shares.
    #[must_use]
    pub fn smb_access(&self) -> SmbAccess {
        let configured = self.config.fetch.smb_credentials.as_deref();
        SmbAccess::new(configured, self.credentials_directory.as_deref())
    }

    /// Path of the state document.
    #[must_use]
    pub fn state_document(&self) -> PathBuf {
        self.runtime_directory.join(STATE_DOCUMENT)
    }
}

/// The configuration files with the environment and then the command line laid over them.
pub fn effective(
    request: &Request,
    environment: &Environment,
) -> Result<ConfigFiles, SettingsError> {
    let mut files = ConfigFiles::read(request.config.as_deref(), environment)?;
    let fetch = environment.iso_manager.lay_over(&files.config().fetch);
    let fetch = fetch.map_err(SettingsError::Variables)?;
    let variable = |key: &KeyPath| Origin::Variable(IsoManagerVariables::over(key));
    files.layers.change(|config| config.fetch = fetch, variable);
    let mut laid = files.config().clone();
    lay_over(&mut laid, request)?;
    files.layers.change(|config| *config = laid, |key| Origin::Option(option_over(key)));
    let store = |_: &KeyPath| Origin::Variable("STATE_DIRECTORY");
    files.layers.change(|config| publish_store(config, environment), store);
    Ok(files)
}

/// The option of the command line that lies over a key.
fn option_over(key: &KeyPath) -> &'static str {
    match key.to_string().as_str() {
        "webroot" => "--webroot",
        "serve.listen" => "--listen",
        _ => "--images",
    }
}

fn lay_over(config: &mut Config, request: &Request) -> Result<(), SettingsError> {
    if !request.images.is_empty() {
        let directory = |path: &PathBuf| {
            let absolute = absolute(path)?;
            Ok(ImageDirectory::new(absolute, true).expect("the path was just made absolute"))
        };
        config.media.directories =
            request.images.iter().map(directory).collect::<Result<_, SettingsError>>()?;
    }
    if let Some(webroot) = &request.webroot {
        config.webroot = WebRoot::try_from(absolute(webroot)?).map_err(SettingsError::WebRoot)?;
    }
    if !request.listen.is_empty() {
        config.serve.listen =
            ListenAddresses::new(request.listen.clone()).map_err(SettingsError::Listen)?;
    }
    Ok(())
}

/// Where nothing is said of directories, the store is published, wherever the environment has it.
fn publish_store(config: &mut Config, environment: &Environment) {
    let is_told = config.media.directories != MediaConfig::default().directories;
    let store = environment.state().filter(|_| !is_told).map(|state| store_below(&state));
    if let Some(Ok(store)) = store.map(|store| ImageDirectory::new(store, true)) {
        config.media.directories = vec![store];
    }
}

/// The path from the root on. `..` is followed as the kernel does it, which only works where the directory exists.
fn absolute(path: &Path) -> Result<PathBuf, SettingsError> {
    let upwards = path.components().any(|component| component == Component::ParentDir);
    let absolute = if upwards { fs::canonicalize(path) } else { std::path::absolute(path) };
    absolute.map_err(|source| SettingsError::Directory { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(directory: &Path) -> Environment {
        Environment {
            runtime_directory: Some(directory.join("run")),
            state_directory: Some(directory.join("state")),
            ..Environment::default()
        }
    }

    #[test]
    fn the_command_line_lies_over_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("isomirror.yaml");
        fs::write(&file, "webroot: /srv/a\nmedia: {drives: none, directories: [/srv/b]}\n")
            .unwrap();
        let from_file = Request { config: Some(file.clone()), ..Request::default() };
        let settings = Settings::load(from_file.clone(), environment(directory.path())).unwrap();
        assert_eq!(settings.config.webroot.path(), Path::new("/srv/a"));
        assert_eq!(settings.config.media.directories[0].path(), Path::new("/srv/b"));
        assert_eq!(settings.config_files, [file]);

        let listen: ListenAddress = "unix:/run/a.sock".parse().unwrap();
        let over = Request {
            images: vec!["/srv/c".into(), "here".into()],
            webroot: Some("/srv/d/".into()),
            listen: vec![listen.clone()],
            ..from_file
        };
        let config = Settings::load(over, environment(directory.path())).unwrap().config;
        assert_eq!(config.webroot.path(), Path::new("/srv/d"));
        let here = std::env::current_dir().unwrap().join("here");
        let paths: Vec<_> = config.media.directories.iter().map(ImageDirectory::path).collect();
        assert_eq!(paths, [Path::new("/srv/c"), &here]);
        assert_eq!(config.serve.listen.as_slice(), [listen]);
        assert_eq!(config.media.drives, isomirror_core::drive::DriveSelection::None);
    }

    #[test]
    fn the_store_is_published_unless_other_directories_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("isomirror.yaml");
        let published = |text: &str| {
            fs::write(&file, text).unwrap();
            let request = Request { config: Some(file.clone()), ..Request::default() };
            let config = Settings::load(request, environment(directory.path())).unwrap().config;
            config.media.directories[0].path().to_owned()
        };
        assert_eq!(published("webroot: /srv/a"), directory.path().join("state/images"));
        assert_eq!(published("media: {directories: [/srv/b]}"), Path::new("/srv/b"));
    }

    #[test]
    fn drop_ins_lie_over_the_file_in_the_order_of_their_names() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("isomirror.yaml");
        let drop_ins = directory.path().join("isomirror.yaml.d");
        fs::create_dir(&drop_ins).unwrap();
        fs::write(&file, "webroot: /srv/a\nmount: {drain: 1s}\n").unwrap();
        for (name, text) in [
            ("20-b.yaml", "webroot: /srv/b\n"),
            ("10-c.yaml", "webroot: /srv/c\nmedia: {settle: 3s}\n"),
            (".30-hidden.yaml", "webroot: [\n"),
            ("40-old.yaml.dpkg-old", "webroot: [\n"),
        ] {
            fs::write(drop_ins.join(name), text).unwrap();
        }
        let request = Request { config: Some(file.clone()), ..Request::default() };
        let settings = Settings::load(request.clone(), environment(directory.path())).unwrap();
        assert_eq!(settings.config.webroot.path(), Path::new("/srv/b"));
        assert_eq!(settings.config.mount.drain.to_string(), "1s");
        assert_eq!(settings.config.media.settle.to_string(), "3s");
        let read = [file, drop_ins.join("10-c.yaml"), drop_ins.join("20-b.yaml")];
        assert_eq!(settings.config_files, read);

        fs::write(&read[1], "medai: {}\n").unwrap();
        fs::write(&read[2], "mount: {backend: erosf}\n").unwrap();
        let error = Settings::load(request, environment(directory.path())).unwrap_err();
        let SettingsError::Invalid(problems) = error else { panic!("{error}") };
        let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
        let expected = [
            format!("{}:1:1: unknown key `medai`: did you mean `media`?", read[1].display()),
            format!(
                "{}:1:18: mount.backend: unknown value `erosf`: did you mean `erofs`?",
                read[2].display()
            ),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_only_clashes_in_the_whole_names_both_places() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("isomirror.yaml");
        let drop_ins = directory.path().join("isomirror.yaml.d");
        fs::create_dir(&drop_ins).unwrap();
        fs::write(&file, "media:\n  directories: [/srv/a]\n").unwrap();
        let drop_in = drop_ins.join("web.yaml");
        fs::write(&drop_in, "webroot: /srv/a\n").unwrap();
        let request = Request { config: Some(file.clone()), ..Request::default() };
        let error = Settings::load(request.clone(), environment(directory.path())).unwrap_err();
        let (error, file, drop_in) = (error.to_string(), file.display(), drop_in.display());
        assert!(
            error.starts_with(&format!(
                "{file}:2:3: media.directories: `/srv/a` is the web root too"
            )),
            "{error}"
        );
        assert!(error.ends_with(&format!("(`webroot`: {drop_in}:1:1)")), "{error}");
        let webroot = Some("/srv/c".into());
        let over = Request { images: vec!["/srv/c".into()], webroot, ..request };
        let error = Settings::load(over, environment(directory.path())).unwrap_err().to_string();
        assert!(error.starts_with("--images: media.directories: "), "{error}");
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing.yaml");
        for (asked, named) in [(Some(missing.clone()), None), (None, Some(missing.clone()))] {
            let request = Request { config: asked, ..Request::default() };
            let environment = Environment { config: named, ..environment(directory.path()) };
            let error = Settings::load(request, environment).unwrap_err();
            assert!(matches!(error, SettingsError::Read { path, .. } if path == missing));
        }
    }

    #[test]
    fn a_reload_sees_the_file_as_it_is_by_then() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("isomirror.yaml");
        fs::write(&file, "media: {settle: 1s}\n").unwrap();
        let request = Request { config: Some(file.clone()), ..Request::default() };
        let settings = Settings::load(request, environment(directory.path())).unwrap();
        fs::write(&file, "media: {settle: 2s}\n").unwrap();
        let reloaded = settings.reload().unwrap();
        assert_eq!(reloaded.config.media.settle.to_string(), "2s");
        fs::write(&file, "media:\n  setle: 2s\nwebrot: a\n").unwrap();
        let error = settings.reload().unwrap_err().to_string();
        let expected = format!(
            "{}:2:3: media: unknown key `setle`: did you mean `settle`? \
             (and 1 more: `isomirror config check` lists them)",
            file.display()
        );
        assert_eq!(error, expected);
    }
}
