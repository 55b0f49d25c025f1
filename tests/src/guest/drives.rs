//! Drives and discs of a running guest, as a hypervisor's administrator handles them.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};

use super::{Guest, MonitorError, hypervisor::ROOT_PORTS, machine::lock};

/// How long the guest may take to let a device go.
const UNPLUG_TIMEOUT: Duration = Duration::from_mins(1);

impl Guest {
    /// Plugs a SCSI CD drive in, with the image `medium` in it or empty. `id` names it in later calls.
    pub fn attach_drive(&self, id: &str, medium: Option<&Path>) -> Result<(), MonitorError> {
        let mut device = json!({ "driver": "scsi-cd", "id": id, "bus": "scsi.0", "serial": id });
        if let Some(medium) = medium {
            device["drive"] = Value::from(self.add_medium(id, medium)?);
        }
        self.command("device_add", &device)
    }

    /// Plugs the image `medium` in as a read-only virtio disk, into slot `port` (0 to 3).
    ///
    /// # Panics
    /// Where there is no such slot.
    pub fn attach_disk(&self, id: &str, port: usize, medium: &Path) -> Result<(), MonitorError> {
        assert!(port < ROOT_PORTS, "there are {ROOT_PORTS} slots");
        let (drive, bus) = (self.add_medium(id, medium)?, format!("port{port}"));
        let device = json!({ "driver": "virtio-blk-pci", "id": id, "bus": bus, "drive": drive });
        self.command("device_add", &device)
    }

    /// Closes the tray of a drive over the image `medium`, whatever was in it. With `force` a locked tray is opened.
    pub fn insert(&self, id: &str, medium: &Path, force: bool) -> Result<(), MonitorError> {
        let arguments = json!({
            "id": id, "filename": medium, "format": "raw", "read-only-mode": "read-only", "force": force,
        });
        self.command("blockdev-change-medium", &arguments)
    }

    /// Asks for the disc. While the guest has locked the tray this is refused, and the guest is told of the wish.
    pub fn eject(&self, id: &str) -> Result<(), MonitorError> {
        self.command("eject", &json!({ "id": id, "force": false }))
    }

    /// Takes the disc out, locked or not: as pulling it out with a needle.
    pub fn force_eject(&self, id: &str) -> Result<(), MonitorError> {
        self.command("eject", &json!({ "id": id, "force": true }))
    }

    /// Unplugs a drive or disk and waits until the guest has let it go.
    pub fn unplug(&self, id: &str) -> Result<(), MonitorError> {
        self.command("device_del", &json!({ "id": id }))?;
        let gone = |data: &Value| data["device"] == id;
        lock(&self.monitor).wait_for_event("DEVICE_DELETED", UNPLUG_TIMEOUT, gone).map(drop)
    }

    /// Whether the tray of a drive is open, and whether a medium is in it, as the hypervisor sees it.
    pub fn tray(&self, id: &str) -> Result<Tray, MonitorError> {
        let blocks = lock(&self.monitor).execute("query-block", &json!({}))?;
        let block = blocks.as_array().into_iter().flatten().find(|block| {
            // Drives that were plugged in are told by their place in the device tree.
            block["qdev"]
                .as_str()
                .is_some_and(|device| device == id || device.ends_with(&format!("/{id}")))
        });
        let block = block.cloned().unwrap_or_default();
        Ok(Tray { open: block["tray_open"] == true, loaded: block.get("inserted").is_some() })
    }

    fn add_medium(&self, id: &str, medium: &Path) -> Result<String, MonitorError> {
        let node = format!("{id}-medium");
        let arguments = json!({
            "driver": "raw", "node-name": node, "read-only": true,
            "file": { "driver": "file", "filename": medium, "read-only": true },
        });
        self.command("blockdev-add", &arguments)?;
        Ok(node)
    }

    fn command(&self, command: &str, arguments: &Value) -> Result<(), MonitorError> {
        lock(&self.monitor).execute(command, arguments).map(drop)
    }
}

/// What the hypervisor sees of a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tray {
    /// The tray is out.
    pub open: bool,
    /// There is a medium in the drive.
    pub loaded: bool,
}
