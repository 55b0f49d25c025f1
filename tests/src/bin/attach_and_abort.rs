//! Attaches a loop device to a file and dies of it, for the test that nothing stays behind.

use std::{fs::File, os::fd::AsFd, path::PathBuf};

use isomirror::sys::loop_device::LoopDevice;

fn main() {
    let path = PathBuf::from(std::env::args_os().nth(1).expect("a file is given"));
    let file = File::open(path).expect("the file can be opened");
    let _device = LoopDevice::attach(file.as_fd(), "isomirror-test").expect("a device is free");
    std::process::abort();
}
