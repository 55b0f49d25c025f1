//! Tests in a virtual machine: a real kernel, udev, systemd and drives.
