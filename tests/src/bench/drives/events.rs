//! What `udevadm monitor --property` prints: a line with the moment, then one a property, then an empty one.

use std::collections::BTreeMap;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    /// Whether it is the kernel's own, or udev's after its rules ran.
    pub(super) is_kernels: bool,
    /// Seconds of the monotonic clock.
    pub(super) at: f64,
    pub(super) properties: BTreeMap<String, String>,
}

impl Event {
    /// Whether it has this property with any value.
    pub(super) fn has(&self, property: &str) -> bool {
        self.properties.get(property).is_some_and(|value| !value.is_empty())
    }
}

pub(super) fn parse(text: &str) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for line in text.lines() {
        if let Some((origin, rest)) = line.split_once('[')
            && let Some((moment, _)) = rest.split_once(']')
            && let Ok(at) = moment.trim().parse()
        {
            let is_kernels = origin.trim() == "KERNEL";
            events.push(Event { is_kernels, at, properties: BTreeMap::new() });
        } else if let (Some((key, value)), Some(event)) = (line.split_once('='), events.last_mut())
        {
            event.properties.insert(key.to_owned(), value.to_owned());
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_apart_with_their_properties() {
        let text = "monitor will print the received events for:\nUDEV - the event which udev sends out\n\n\
            KERNEL[12.500000] change   /devices/sr0 (block)\nACTION=change\nDISK_EJECT_REQUEST=1\n\n\
            UDEV  [13.250000] change   /devices/sr0 (block)\nID_FS_LABEL=A=B\nEMPTY=\n\n";
        let events = parse(text);
        assert_eq!(events.len(), 2);
        assert_eq!((events[0].is_kernels, events[0].at), (true, 12.5));
        assert!(events[0].has("DISK_EJECT_REQUEST") && !events[0].has("ID_FS_LABEL"));
        assert_eq!((events[1].is_kernels, events[1].at), (false, 13.25));
        assert_eq!(events[1].properties["ID_FS_LABEL"], "A=B");
        assert!(!events[1].has("EMPTY"));
    }
}
