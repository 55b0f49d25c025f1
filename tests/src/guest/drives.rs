//! Drives and discs of a running guest, as a hypervisor's administrator handles them.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde_json::{Value, json};

use super::{Guest, MonitorError, hypervisor::ROOT_PORTS, machine::lock};

/// How long the guest may take to let a device go.
const UNPLUG_TIMEOUT: Duration = Duration::from_mins(1);

impl Guest {
    /// Plugs a SCSI CD drive in, with the image `medium` in it or empty. `id` names it in later calls.
    pub fn attach_drive(&self, id: &str, medium: Option<&Path>) -> Result<(), MonitorError> {
        let node = medium.map(|medium| self.add_medium(medium)).transpose()?;
        self.add_drive(id, "scsi.0", node)
    }

    /// As [`Guest::attach_drive`], at the USB.
    pub fn attach_usb_drive(&self, id: &str, medium: &Path) -> Result<(), MonitorError> {
        let bridge = format!("{id}-bridge");
        self.command("device_add", &json!({ "driver": "usb-bot", "id": bridge, "bus": "usb.0" }))?;
        let node = self.add_medium(medium)?;
        self.add_drive(id, &format!("{bridge}.0"), Some(node))?;
        // A bridge is plugged in when its devices are there.
        let path = format!("/machine/peripheral/{bridge}");
        self.command("qom-set", &json!({ "path": path, "property": "attached", "value": true }))
    }

    /// Plugs in a drive whose disc has a fault.
    pub fn attach_faulty_drive(
        &self,
        id: &str,
        medium: &Path,
        fault: Fault,
    ) -> Result<(), MonitorError> {
        let below = self.add_medium(medium)?;
        let node = fresh_name("faulty");
        let filter = match fault {
            Fault::Unreadable { byte } => json!({
                "driver": "blkdebug", "node-name": node, "image": below,
                "inject-error": [{ "event": "none", "iotype": "read", "errno": 5, "sector": byte / 512 }],
            }),
            Fault::Hangs => {
                let group = fresh_name("hang");
                let limits = json!({ "bps-total": 1, "bps-total-max": 1_u64 << 16 });
                let object = json!({ "qom-type": "throttle-group", "id": group, "limits": limits });
                self.command("object-add", &object)?;
                json!({
                    "driver": "throttle", "node-name": node, "file": below, "throttle-group": group,
                })
            }
        };
        self.command("blockdev-add", &filter)?;
        self.add_drive(id, "scsi.0", Some(node))
    }

    fn add_drive(&self, id: &str, bus: &str, node: Option<String>) -> Result<(), MonitorError> {
        let mut device = json!({ "driver": "scsi-cd", "id": id, "bus": bus, "serial": id });
        if let Some(node) = node {
            device["drive"] = Value::from(node);
        }
        self.command("device_add", &device)
    }

    /// Plugs the image `medium` in as a USB stick.
    pub fn attach_stick(&self, id: &str, medium: &Path) -> Result<(), MonitorError> {
        let node = self.add_medium(medium)?;
        let device = json!({
            "driver": "usb-storage", "id": id, "bus": "usb.0", "drive": node, "removable": true,
        });
        self.command("device_add", &device)
    }

    /// Plugs the image `medium` in as a read-only virtio disk, into slot `port` (0 to 3).
    ///
    /// # Panics
    /// Where there is no such slot.
    pub fn attach_disk(&self, id: &str, port: usize, medium: &Path) -> Result<(), MonitorError> {
        assert!(port < ROOT_PORTS, "there are {ROOT_PORTS} slots");
        let (drive, bus) = (self.add_medium(medium)?, format!("port{port}"));
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

    fn add_medium(&self, medium: &Path) -> Result<String, MonitorError> {
        let node = fresh_name("medium");
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

/// A name that no other node of the hypervisor has: they stay when their drive goes.
fn fresh_name(kind: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{kind}{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// What is wrong with a disc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The sector at this byte cannot be read.
    Unreadable {
        /// Offset in the image; the 512 bytes around it fail.
        byte: u64,
    },
    /// It answers for its first 64 KiB, and then gives a byte a second.
    Hangs,
}

/// What the hypervisor sees of a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tray {
    /// The tray is out.
    pub open: bool,
    /// There is a medium in the drive.
    pub loaded: bool,
}
