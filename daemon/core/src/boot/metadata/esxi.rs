//! What media of the hypervisor `ESXi` say: `boot.cfg`, and the licence `vmware-esx-base-osl.txt`, both in ISO 8859-1.

use crate::boot::facts::Facts;

/// What a `boot.cfg` of mboot says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootConfiguration {
    /// What is shown while it loads.
    pub title: Option<String>,
    /// Where files lie that are named without a path.
    pub prefix: Option<String>,
    /// The kernel.
    pub kernel: Option<String>,
    /// Options of the kernel.
    pub options: Option<String>,
    /// Modules, in this order.
    pub modules: Vec<String>,
}

impl BootConfiguration {
    /// Reads `bytes`: `key=value` a line, modules separated by ` --- `.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let text = latin1(bytes);
        let value = |wanted: &str| {
            let mut pairs = text.lines().filter_map(|line| line.split_once('='));
            let found = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let modules = value("modules").unwrap_or_default();
        let modules = modules.split("---").map(str::trim).filter(|module| !module.is_empty());
        Self {
            title: value("title"),
            prefix: value("prefix"),
            kernel: value("kernel"),
            options: value("kernelopt"),
            modules: modules.map(str::to_owned).collect(),
        }
    }

    /// What its title tells: `Loading ESXi installer`, in newer ones with a version and a build.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.title.as_deref().map(product).unwrap_or_default()
    }
}

/// Reads the licence, whose head names product and version: `VMware ESXi 6.7`, in newer ones in its third line.
#[must_use]
pub fn licence(bytes: &[u8]) -> Facts {
    let text = latin1(bytes);
    let facts = text.lines().take(50).map(product).find(|facts| facts.version.is_some());
    facts.unwrap_or_default()
}

/// The version that follows the word `ESXi`.
fn product(line: &str) -> Facts {
    let mut words = line.split_whitespace().skip_while(|word| *word != "ESXi").skip(1);
    let version = words.find_map(|word| {
        let word = word.trim_start_matches(['v', 'V']).trim_end_matches([',', ';', ')']);
        let is_version = word.starts_with(|c: char| c.is_ascii_digit());
        is_version.then(|| word.split('-').next().unwrap_or(word).to_owned())
    });
    Facts { version, ..Facts::default() }
}

/// Every byte is the character of its number.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_configuration_names_kernel_and_modules() {
        let configuration = BootConfiguration::parse(
            b"bootstate=0\ntitle=Loading ESXi installer\ntimeout=5\nprefix=\nkernel=/b.b00\nkernelopt=runweasel cdromBoot\n\
            modules=/jumpstrt.gz --- /useropts.gz --- /k.b00\nbuild=8.0.0-1.0.20513097\n",
        );
        assert_eq!(configuration.kernel.as_deref(), Some("/b.b00"));
        assert_eq!(configuration.prefix, None);
        assert_eq!(configuration.options.as_deref(), Some("runweasel cdromBoot"));
        assert_eq!(configuration.modules, ["/jumpstrt.gz", "/useropts.gz", "/k.b00"]);
        assert_eq!(configuration.facts().version, None);
        let newer = BootConfiguration::parse(b"title=Loading ESXi 7.0.3-1.2 installer\n");
        assert_eq!(newer.facts().version.as_deref(), Some("7.0.3"));
    }

    #[test]
    fn the_licence_names_the_version_in_bytes_that_are_no_utf_8() {
        let text = b"VMware\xae\n\nVMware ESXi 6.7\nCopyright \xa9 1998-2018\n";
        assert_eq!(licence(text).version.as_deref(), Some("6.7"));
        assert_eq!(licence(b"ESXi v5.5\n").version.as_deref(), Some("5.5"));
        assert_eq!(licence(b"VMware Tools 12\n"), Facts::default());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = (licence(&bytes), BootConfiguration::parse(&bytes).facts());
        }
    }
}
