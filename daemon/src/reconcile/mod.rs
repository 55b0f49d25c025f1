//! Makes the web root look as desired. One loop: take the newest set of media, look at what is mounted, plan, carry
//! out. Every step runs on its own thread, one at a time for each name, so that a drive that hangs holds up nobody
//! else. Nothing is decided here: that is `plan` in the core.

mod automount;
mod former_web_root;
mod let_go;
mod memory;
mod observe;
mod occupancy;
mod on_demand;
mod reconciler;
mod round;
mod step;
mod stop;
mod tell;
mod tidings;
mod unmount_all;
mod view_files;
mod web_root;
mod work;

pub use reconciler::{Inputs, Outputs, Places, Publish, Reconciler, Settings};
pub use unmount_all::{UnmountAllError, unmount_all};
