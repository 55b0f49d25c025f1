//! Clients that look at the discs `DISC` and `OTHER` all the time, over HTTP and through the mount.

use crate::station::{PATIENCE, Station};

/// Prints, after the name, the hash of `filler` where that came whole, and the text of the mount.
const SCRIPT: &str = "while :; do for name in DISC OTHER; do
    curl -fs -m 20 -o /var/tmp/test/one http://127.0.0.1:8080/$name/filler \
        && echo \"$name $(sha256sum </var/tmp/test/one)\"
    text=$(cat /srv/isomirror/$name/label.txt 2>/dev/null) && echo \"$name $text\"
done; done";

pub(crate) fn begin(station: &Station) {
    station.check(&format!(
        "cat >/var/tmp/test/watch <<'EOF'\n{SCRIPT}\nEOF\n\
         systemd-run --quiet --unit watch-discs --property StandardOutput=file:/var/tmp/test/seen \
         bash /var/tmp/test/watch"
    ));
    station.guest.wait_until("grep -q DISC /var/tmp/test/seen", PATIENCE).unwrap();
}

/// Ends them, and asserts that whatever they saw under a name was that disc's.
pub(crate) fn saw_only_right_bytes(station: &Station) {
    station.guest.wait_until("grep -q OTHER /var/tmp/test/seen", PATIENCE).unwrap();
    let seen = station.check("systemctl stop watch-discs; cat /var/tmp/test/seen");
    for name in ["DISC", "OTHER"] {
        let hash = station.large_disc(name).filler_hash();
        for line in seen.lines().filter_map(|line| line.strip_prefix(name)) {
            let what = line.trim().trim_end_matches('-').trim();
            assert!(what == hash || what == name, "`{what}` was seen as `{name}`");
        }
    }
}
