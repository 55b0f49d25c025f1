//! System calls that the standard library does not have, and the only place with unsafe code.
//!
//! Each module wraps one interface of the kernel in safe functions. Nothing here decides anything.

pub mod allocator;
pub mod block_device;
pub mod bulk_file;
pub mod cdrom;
pub mod clock;
pub mod file_stamp;
pub mod file_system;
pub mod file_system_type;
pub mod inherited_sockets;
pub mod lease;
pub mod loop_device;
pub mod medium_file;
pub mod mount_table;
pub mod mount_target;
pub mod mount_users;
pub mod replace_file;
pub mod resource;
pub mod send_queue;
