//! What a sound configuration does not do on this host.

use std::{fs, path::Path};

use isomirror_core::config::KeyPath;

use crate::settings::{At, ConfigFiles, Told};

/// The socket unit that hands sockets to the server.
const SOCKET_UNIT: &str = "isomirror-serve.socket";

/// Directories in which enabled units are linked, below the root directory.
const UNITS: [&str; 2] = ["etc/systemd/system", "run/systemd/system"];

/// Settings that hold and have no effect here. `root` is the root directory.
pub(super) fn of_this_host(files: &ConfigFiles, root: &Path) -> Vec<Told> {
    let listen = files.at(&KeyPath::new(["serve", "listen"]));
    if listen == At::Default || !is_enabled(root) {
        return Vec::new();
    }
    let message = format!(
        "serve.listen: systemd's {SOCKET_UNIT} is enabled and its sockets stand in for it: change them by \
         `systemctl edit {SOCKET_UNIT}`, or disable that unit"
    );
    vec![Told { at: listen, message }]
}

/// Whether some target or service wants the socket unit.
fn is_enabled(root: &Path) -> bool {
    let directories = UNITS.iter().filter_map(|units| fs::read_dir(root.join(units)).ok());
    let wants = directories.flatten().flatten().map(|entry| entry.path());
    wants
        .filter(|path| path.extension().is_some_and(|end| end == "wants" || end == "requires"))
        .any(|path| fs::symlink_metadata(path.join(SOCKET_UNIT)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    #[test]
    fn addresses_that_a_socket_unit_stands_in_for_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let file = root.join("isomirror.yaml");
        let read = |text: &str| {
            fs::write(&file, text).unwrap();
            ConfigFiles::read(Some(&file), &Environment::default()).unwrap()
        };
        let listening = read("serve: {listen: '[::]:80'}\n");
        assert_eq!(of_this_host(&listening, root), []);
        let wants = root.join("etc/systemd/system/sockets.target.wants");
        fs::create_dir_all(&wants).unwrap();
        fs::write(wants.join(SOCKET_UNIT), "").unwrap();
        let told = of_this_host(&listening, root);
        assert!(
            told[0].to_string().starts_with(&format!("{}:1:9: serve.listen: ", file.display()))
        );
        assert_eq!(of_this_host(&read("webroot: /a\n"), root), []);
    }
}
