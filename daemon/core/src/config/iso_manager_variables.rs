//! The environment variables of `iso_manager`, for people who come from it.

use super::{ByteSize, FetchConfig, InvalidSourceUrl, KeyPath, Period, SourceUrl};

/// The variables as they stand in the environment; what is empty counts as not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IsoManagerVariables {
    /// `OS_IS_IMAGES_PATH`: where images are looked for before the internet.
    pub images_path: Option<String>,
    /// `OS_IS_IMAGES_SMB_WRITABLE`: where verified images are copied to.
    pub writable: Option<String>,
    /// `STALL_TIMEOUT`, seconds.
    pub stall_timeout: Option<String>,
    /// `PROGRESS_CHECK_INTERVAL`, seconds.
    pub progress_interval: Option<String>,
    /// `MIN_DOWNLOAD_SPEED`, bytes a second.
    pub minimum_speed: Option<String>,
}

/// A variable that cannot be used. Its value is not repeated: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVariable {
    /// No place of images.
    #[error("${name} {reason}")]
    Place {
        /// The variable.
        name: &'static str,
        /// Why.
        reason: InvalidSourceUrl,
    },
    /// No number, or one that is too large or too small.
    #[error("${name} is no number of {unit}: write an integer of {least} or more")]
    Number {
        /// The variable.
        name: &'static str,
        /// What it counts.
        unit: &'static str,
        /// The least that makes sense.
        least: u64,
    },
}

impl IsoManagerVariables {
    /// Takes the variables from where `get` finds them by name.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name| get(name).filter(|value| !value.is_empty());
        Self {
            images_path: get("OS_IS_IMAGES_PATH"),
            writable: get("OS_IS_IMAGES_SMB_WRITABLE"),
            stall_timeout: get("STALL_TIMEOUT"),
            progress_interval: get("PROGRESS_CHECK_INTERVAL"),
            minimum_speed: get("MIN_DOWNLOAD_SPEED"),
        }
    }

    /// The variable that lies over a key.
    #[must_use]
    pub fn over(key: &KeyPath) -> &'static str {
        match key.to_string().as_str() {
            "fetch.upload" => "OS_IS_IMAGES_SMB_WRITABLE",
            "fetch.stall_timeout" => "STALL_TIMEOUT",
            "fetch.progress_interval" => "PROGRESS_CHECK_INTERVAL",
            "fetch.minimum_speed" => "MIN_DOWNLOAD_SPEED",
            _ => "OS_IS_IMAGES_PATH",
        }
    }

    /// The settings with what is set laid over them. The place of images becomes the first of the sources; the others
    /// replace what they are about.
    ///
    /// # Errors
    /// All variables that cannot be used, at least one.
    pub fn lay_over(&self, config: &FetchConfig) -> Result<FetchConfig, Vec<InvalidVariable>> {
        let mut laid = config.clone();
        let mut problems = Vec::new();
        let mut take = |result: Result<(), InvalidVariable>| problems.extend(result.err());
        take(place("OS_IS_IMAGES_PATH", self.images_path.as_deref()).map(|place| {
            if let Some(place) = place {
                laid.sources.retain(|source| *source != place);
                laid.sources.insert(0, place);
            }
        }));
        take(writable(self.writable.as_deref()).map(|place| {
            laid.upload = place.or_else(|| laid.upload.take());
        }));
        take(period("STALL_TIMEOUT", self.stall_timeout.as_deref()).map(|stall| {
            laid.stall_timeout = stall.unwrap_or(laid.stall_timeout);
        }));
        take(period("PROGRESS_CHECK_INTERVAL", self.progress_interval.as_deref()).map(
            |interval| {
                laid.progress_interval = interval.unwrap_or(laid.progress_interval);
            },
        ));
        let speed =
            number("MIN_DOWNLOAD_SPEED", "bytes a second", 0, self.minimum_speed.as_deref());
        take(speed.map(|speed| {
            laid.minimum_speed = speed.map_or(laid.minimum_speed, ByteSize::from_bytes);
        }));
        if problems.is_empty() { Ok(laid) } else { Err(problems) }
    }
}

fn place(name: &'static str, value: Option<&str>) -> Result<Option<SourceUrl>, InvalidVariable> {
    let Some(value) = value else { return Ok(None) };
    // iso_manager takes a plain path too.
    let is_path = value.starts_with('/');
    let text =
        if is_path { format!("file://{}", value.replace('%', "%25")) } else { value.to_owned() };
    let invalid = |reason| InvalidVariable::Place { name, reason };
    SourceUrl::try_from(text).map(Some).map_err(invalid)
}

fn writable(value: Option<&str>) -> Result<Option<SourceUrl>, InvalidVariable> {
    const NAME: &str = "OS_IS_IMAGES_SMB_WRITABLE";
    let place = place(NAME, value)?;
    match place {
        Some(place) if !place.is_writable() => {
            Err(InvalidVariable::Place { name: NAME, reason: InvalidSourceUrl::NotWritable })
        }
        place => Ok(place),
    }
}

fn period(name: &'static str, value: Option<&str>) -> Result<Option<Period>, InvalidVariable> {
    let seconds = number(name, "seconds", 1, value)?;
    let milliseconds = |seconds: u64| {
        let invalid = InvalidVariable::Number { name, unit: "seconds", least: 1 };
        seconds.checked_mul(1000).map(Period::from_milliseconds).ok_or(invalid)
    };
    seconds.map(milliseconds).transpose()
}

fn number(
    name: &'static str,
    unit: &'static str,
    least: u64,
    value: Option<&str>,
) -> Result<Option<u64>, InvalidVariable> {
    let Some(value) = value else { return Ok(None) };
    let invalid = InvalidVariable::Number { name, unit, least };
    let number = value.trim().parse().ok().filter(|number| *number >= least);
    number.map(Some).ok_or(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(set: &[(&str, &str)]) -> IsoManagerVariables {
        let find = |name: &str| set.iter().find(|(known, _)| *known == name);
        IsoManagerVariables::read(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn each_variable_means_what_its_documentation_says() {
        let peer = SourceUrl::try_from("http://peer".to_owned()).unwrap();
        let config = FetchConfig { sources: vec![peer], ..FetchConfig::default() };
        let laid = variables(&[
            ("OS_IS_IMAGES_PATH", "smb://nas/isos"),
            ("OS_IS_IMAGES_SMB_WRITABLE", "smb://nas/incoming"),
            ("STALL_TIMEOUT", "90"),
            ("PROGRESS_CHECK_INTERVAL", "5"),
            ("MIN_DOWNLOAD_SPEED", "20480"),
        ])
        .lay_over(&config)
        .unwrap();
        let sources: Vec<_> = laid.sources.iter().map(ToString::to_string).collect();
        assert_eq!(sources, ["smb://nas/isos", "http://peer"]);
        assert_eq!(laid.upload.unwrap().to_string(), "smb://nas/incoming");
        assert_eq!(laid.stall_timeout, Period::from_milliseconds(90_000));
        assert_eq!(laid.progress_interval, Period::from_milliseconds(5000));
        assert_eq!(laid.minimum_speed, ByteSize::from_bytes(20_480));
    }

    #[test]
    fn what_is_not_set_changes_nothing() {
        let upload = SourceUrl::try_from("file:///up".to_owned()).ok();
        let config = FetchConfig { upload, ..FetchConfig::default() };
        assert_eq!(variables(&[]).lay_over(&config), Ok(config.clone()));
        assert_eq!(variables(&[("STALL_TIMEOUT", "")]).lay_over(&config), Ok(config));
    }

    #[test]
    fn a_path_is_taken_for_a_directory() {
        let laid = variables(&[("OS_IS_IMAGES_PATH", "/mnt/100% isos/")]);
        let sources = laid.lay_over(&FetchConfig::default()).unwrap().sources;
        assert_eq!(sources, [SourceUrl::Directory("/mnt/100% isos".into())]);
    }

    #[test]
    fn every_variable_that_is_wrong_is_named_and_no_password_is_told() {
        let problems = variables(&[
            ("OS_IS_IMAGES_PATH", "smb://anna:secret@nas/isos"),
            ("OS_IS_IMAGES_SMB_WRITABLE", "https://nas/isos"),
            ("STALL_TIMEOUT", "0"),
            ("PROGRESS_CHECK_INTERVAL", "18446744073709551615"),
            ("MIN_DOWNLOAD_SPEED", "10k"),
        ])
        .lay_over(&FetchConfig::default())
        .unwrap_err();
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        for (text, expected) in texts.iter().zip([
            "$OS_IS_IMAGES_PATH has a password in it",
            "$OS_IS_IMAGES_SMB_WRITABLE cannot be copied to",
            "$STALL_TIMEOUT is no number of seconds: write an integer of 1 or more",
            "$PROGRESS_CHECK_INTERVAL is no number of seconds",
            "$MIN_DOWNLOAD_SPEED is no number of bytes a second: write an integer of 0 or more",
        ]) {
            assert!(text.starts_with(expected) && !text.contains("secret"), "{text}");
        }
        assert_eq!(texts.len(), 5);
    }
}
