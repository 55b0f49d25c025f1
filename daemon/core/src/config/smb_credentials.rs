//! By what an SMB server knows us.

use std::fmt;

/// A user with a password, or nobody in particular. The password is never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SmbCredentials {
    /// Name of the user; empty for a guest.
    pub username: String,
    /// The password; empty for a guest.
    pub password: String,
    /// The domain or workgroup; empty for the server's own users.
    pub domain: String,
}

/// Why a text holds no credentials. None repeats what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSmbCredentials {
    /// A line of another form.
    #[error("line {0} is none of `username=`, `password=` and `domain=`")]
    Line(usize),
    /// A password of nobody.
    #[error("there is no line `username=`")]
    NoUser,
}

impl SmbCredentials {
    /// Reads the file that `mount.cifs -o credentials=` and `smbclient -A` take: lines `username=`, `password=` and
    /// `domain=`, with spaces around `=` or without. A password may end with spaces.
    ///
    /// # Errors
    /// The first line that says something else; or a missing user.
    pub fn parse(text: &str) -> Result<Self, InvalidSmbCredentials> {
        let mut read = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let wrong = InvalidSmbCredentials::Line(number + 1);
            let (key, value) = line.split_once('=').ok_or(wrong)?;
            let value = value.trim_start_matches([' ', '\t']).to_owned();
            match key.trim_end().to_ascii_lowercase().as_str() {
                "username" | "user" => value.trim_end().clone_into(&mut read.username),
                "password" | "pass" => read.password = value,
                "domain" | "dom" | "workgroup" => value.trim_end().clone_into(&mut read.domain),
                _ => return Err(wrong),
            }
        }
        if read.username.is_empty() {
            return Err(InvalidSmbCredentials::NoUser);
        }
        Ok(read.split_user())
    }

    /// Of a user that may be written `DOMAIN\user` or, as in URLs, `DOMAIN;user`.
    #[must_use]
    pub fn of_user(username: &str) -> Self {
        Self { username: username.to_owned(), ..Self::default() }.split_user()
    }

    fn split_user(mut self) -> Self {
        if let Some((domain, user)) = self.username.split_once(['\\', ';', '/']) {
            (self.domain, self.username) = (domain.to_owned(), user.to_owned());
        }
        self
    }
}

impl fmt::Debug for SmbCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { username, password: _, domain } = self;
        let mut shown = formatter.debug_struct("SmbCredentials");
        shown.field("username", username).field("domain", domain).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (String, String, String) {
        let SmbCredentials { username, password, domain } = SmbCredentials::parse(text).unwrap();
        (username, password, domain)
    }

    #[test]
    fn files_of_both_programs_are_read() {
        let all = ("anna".to_owned(), "s e=c#".to_owned(), "WORK".to_owned());
        assert_eq!(read("username=anna\npassword=s e=c#\ndomain=WORK\n"), all);
        assert_eq!(
            read("# mine\n\nusername = anna\r\npassword = s e=c#\r\ndomain = WORK\r\n"),
            all
        );
        assert_eq!(read("user=WORK\\anna\npass=s e=c#"), all);
        assert_eq!(read("username=anna\npassword=end \n").1, "end ");
    }

    #[test]
    fn what_is_no_credentials_is_refused_and_nothing_of_it_is_told() {
        for (text, why) in [
            ("", "there is no line `username=`"),
            ("password=secret", "there is no line `username=`"),
            ("username=anna\nsecret", "line 2 is none of"),
            ("secret=anna", "line 1 is none of"),
        ] {
            let error = SmbCredentials::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(why) && !error.contains("secret"), "{text}: {error}");
        }
        let credentials = SmbCredentials::parse("username=a\npassword=secret").unwrap();
        assert!(!format!("{credentials:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = SmbCredentials::parse(&text);
        }
    }
}
