//! Whether web servers and clients reach what is published.

use super::{Diagnosis, Facts, Listening, Server, WebComponent, WebUser};
use crate::{backend_choice::BackendChoice, config::Config};

/// Whether the users of web servers can go to the web root and list it.
pub(super) fn access(facts: &Facts, config: &Config) -> Vec<Diagnosis> {
    if config.mount.backend == BackendChoice::None && !config.mount.views {
        return Vec::new();
    }
    let webroot = config.webroot.path();
    if facts.web_path.last().is_none_or(|last| last.path != webroot) {
        let text = "the web root is not there";
        let remedy = format!(
            "`install -d -m 755 {}`; isomirrord makes it when it starts as root",
            webroot.display()
        );
        return vec![Diagnosis::warn("web root", webroot.display().to_string(), text, remedy)];
    }
    let refusals: Vec<_> = facts.web_users.iter().filter_map(|user| refusal(user, facts)).collect();
    if refusals.is_empty() {
        let names: Vec<_> = facts.web_users.iter().map(|user| user.name.as_str()).collect();
        let who = if names.is_empty() { "everybody".to_owned() } else { names.join(", ") };
        let nobody = WebUser { name: String::new(), uid: u32::MAX, gids: Vec::new() };
        if names.is_empty()
            && let Some(found) = refusal(&nobody, facts)
        {
            // There is no web server to be kept out.
            return vec![Diagnosis { level: super::Level::Warn, ..found }];
        }
        return vec![Diagnosis::ok(
            "web root",
            webroot.display().to_string(),
            format!("can be read by {who}"),
        )];
    }
    refusals
}

fn refusal(user: &WebUser, facts: &Facts) -> Option<Diagnosis> {
    let count = facts.web_path.len();
    facts.web_path.iter().enumerate().find_map(|(index, component)| {
        let wanted = if index + 1 == count { 0o5 } else { 0o1 };
        if allowed(user, component) & wanted == wanted {
            return None;
        }
        let path = component.path.display().to_string();
        let who = if user.name.is_empty() {
            "other users".to_owned()
        } else {
            format!("the web server's user `{}`", user.name)
        };
        let text = format!("{who} cannot pass through it (mode {:04o})", component.mode & 0o7777);
        let bits = if wanted == 0o5 { "o+rx" } else { "o+x" };
        let remedy = format!("`chmod {bits} {path}`");
        // What a list allows is not looked into.
        let diagnosis = if component.has_acl { Diagnosis::warn } else { Diagnosis::fail };
        Some(diagnosis("web root", path, text, remedy))
    })
}

/// The permission bits that hold for a user: those of the owner, else of the group, else of the others.
fn allowed(user: &WebUser, component: &WebComponent) -> u32 {
    if user.uid == 0 {
        0o7
    } else if user.uid == component.uid {
        component.mode >> 6 & 0o7
    } else if user.gids.contains(&component.gid) {
        component.mode >> 3 & 0o7
    } else {
        component.mode & 0o7
    }
}

/// Whether somebody else has the server's addresses.
pub(super) fn ports(facts: &Facts, _: &Config) -> Vec<Diagnosis> {
    facts.listening.iter().map(port).collect()
}

fn port(listening: &Listening) -> Diagnosis {
    let object = listening.address.to_string();
    match &listening.server {
        Server::Nobody => Diagnosis::ok("serve.listen", object, "is free"),
        Server::Ours => Diagnosis::ok("serve.listen", object, "isomirror listens there"),
        Server::Another(program) => {
            let who =
                program.as_deref().map_or("another program".to_owned(), |name| format!("`{name}`"));
            let remedy = "stop that program, or set `serve.listen` to another port";
            Diagnosis::fail("serve.listen", object, format!("{who} listens there"), remedy)
        }
        Server::Refused(why) => {
            let remedy = "set `serve.listen` to an address of this machine, or to a socket in a directory that exists";
            Diagnosis::fail("serve.listen", object, format!("cannot be listened on: {why}"), remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    fn component(path: &str, mode: u32) -> WebComponent {
        WebComponent { path: path.into(), mode: 0o40_000 | mode, uid: 0, gid: 0, has_acl: false }
    }

    fn facts(modes: [u32; 3], users: &[(&str, u32, u32)]) -> Facts {
        let paths = ["/", "/srv", "/srv/isomirror"];
        let user = |(name, uid, gid): &(&str, u32, u32)| WebUser {
            name: (*name).into(),
            uid: *uid,
            gids: vec![*gid],
        };
        Facts {
            web_path: paths.iter().zip(modes).map(|(path, mode)| component(path, mode)).collect(),
            web_users: users.iter().map(user).collect(),
            ..Facts::default()
        }
    }

    #[test]
    fn every_directory_on_the_way_has_to_let_the_web_server_pass() {
        let nginx: &[_] = &[("nginx", 33, 33)];
        for (modes, users, level, object) in [
            ([0o755, 0o755, 0o755], nginx, Level::Ok, "/srv/isomirror"),
            ([0o755, 0o711, 0o755], nginx, Level::Ok, "/srv/isomirror"),
            ([0o755, 0o700, 0o755], nginx, Level::Fail, "/srv"),
            ([0o755, 0o755, 0o700], nginx, Level::Fail, "/srv/isomirror"),
            ([0o755, 0o755, 0o711], nginx, Level::Fail, "/srv/isomirror"),
            ([0o755, 0o755, 0o750], &[("in-group", 33, 0)], Level::Ok, "/srv/isomirror"),
            ([0o755, 0o755, 0o700], &[("root", 0, 0)], Level::Ok, "/srv/isomirror"),
            ([0o755, 0o755, 0o700], &[], Level::Warn, "/srv/isomirror"),
        ] {
            let found = access(&facts(modes, users), &Config::default());
            assert_eq!((found[0].level, found[0].object.as_str()), (level, object), "{modes:?}");
        }
        let mut listed = facts([0o755, 0o755, 0o700], nginx);
        listed.web_path[2].has_acl = true;
        assert_eq!(access(&listed, &Config::default())[0].level, Level::Warn);
        assert_eq!(access(&Facts::default(), &Config::default())[0].level, Level::Warn);
    }

    #[test]
    fn an_address_that_somebody_else_has_is_told_with_who_it_is() {
        let at = |server| port(&Listening { address: "127.0.0.1:80".parse().unwrap(), server });
        assert_eq!(at(Server::Nobody).level, Level::Ok);
        assert_eq!(at(Server::Ours).level, Level::Ok);
        let taken = at(Server::Another(Some("nginx".into())));
        assert_eq!((taken.level, taken.text.as_str()), (Level::Fail, "`nginx` listens there"));
        assert_eq!(
            at(Server::Refused("Cannot assign requested address".into())).level,
            Level::Fail
        );
    }
}
