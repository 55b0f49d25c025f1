//! The command line of `isomirrord`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use isomirror_core::config::ListenAddress;

use crate::settings::{Request, Roles};

const EXAMPLES: &str = "\
Examples:
  isomirrord
          Do what /etc/isomirror/isomirror.yaml says, or the defaults where there is none
  isomirrord --images ~/isos --webroot ~/web --listen 127.0.0.1:8000
          Publish the images of a directory without any file
  isomirrord --config ./isomirror.yaml --roles serve
          Play only the part of the HTTP server

Environment:
  ISOMIRROR_CONFIG     configuration file, where --config does not name one
  RUNTIME_DIRECTORY    where the state document lies, instead of /run/isomirror
  STATE_DIRECTORY      what has to outlive a restart, instead of /var/lib/isomirror
  CREDENTIALS_DIRECTORY
                       where the service manager puts the credential smb
  http_proxy, https_proxy, no_proxy
                       proxies of downloads
  RUST_LOG, ISOMIRROR_LOG
                       what is logged: error, warn, info, debug, trace

Exit codes: 0 stopped in order, 1 failed, 2 wrong usage, 77 not permitted, 78 error in the configuration.";

/// Publishes install media by label: mounted below a web root and served over HTTP.
#[derive(Clone, Debug, Parser)]
#[command(name = "isomirrord", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct DaemonOptions {
    /// Configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Roles to play, separated by commas; all unless told.
    #[arg(long, value_name = "ROLE", value_delimiter = ',', value_enum)]
    roles: Vec<Role>,
    /// Directory of images, with its subdirectories; instead of those of the file. May be given more than once.
    #[arg(long, value_name = "DIR")]
    images: Vec<PathBuf>,
    /// Directory below which media are mounted, instead of the file's.
    #[arg(long, value_name = "DIR")]
    webroot: Option<PathBuf>,
    /// Address and port of the HTTP server, or `unix:` and the path of a socket, instead of the file's; port 0 takes a free
    /// one. May be given more than once.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<ListenAddress>,
}

/// A part that one process can play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Find media and mount them
    Mount,
    /// Download images
    Fetch,
    /// Serve over HTTP
    Serve,
}

impl From<DaemonOptions> for Request {
    fn from(options: DaemonOptions) -> Self {
        let plays = |role| options.roles.is_empty() || options.roles.contains(&role);
        Self {
            roles: Roles {
                mount: plays(Role::Mount),
                fetch: plays(Role::Fetch),
                serve: plays(Role::Serve),
            },
            config: options.config,
            images: options.images,
            webroot: options.webroot,
            listen: options.listen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(arguments: &[&str]) -> Request {
        let program = ["isomirrord"].iter();
        DaemonOptions::try_parse_from(program.chain(arguments)).unwrap().into()
    }

    #[test]
    fn all_roles_are_played_unless_told() {
        assert_eq!(request(&[]).roles, Roles::ALL);
        let roles = Roles { mount: true, fetch: false, serve: true };
        assert_eq!(request(&["--roles", "mount,serve"]).roles, roles);
        assert!(DaemonOptions::try_parse_from(["isomirrord", "--roles", "cook"]).is_err());
    }

    #[test]
    fn directories_add_up() {
        let request = request(&["--images", "a", "--images", "b", "--listen", "[::1]:80"]);
        assert_eq!(request.images, [PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!(request.listen, ["[::1]:80".parse().unwrap()]);
    }
}
