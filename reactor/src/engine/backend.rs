//! Backends by name: what `--backend` and `ROPEWALK_BACKEND` take.

use super::{Engine, readiness};
use crate::disk::{Storage, SystemStorage};
use std::io;
use std::sync::Arc;

/// The backends there are, the one that `auto` prefers first.
pub const NAMES: &[&str] = if cfg!(target_os = "linux") {
    &["io_uring", "epoll", "poll", "select"]
} else if cfg!(target_vendor = "apple") {
    &["kqueue", "poll", "select"]
} else {
    &["poll", "select"]
};

/// Open an engine by its name, or by `auto` the first of [`NAMES`] that works here.
///
/// # Errors
/// If there is no such backend, or it does not work here.
pub fn open(name: &str) -> io::Result<Box<dyn Engine>> {
    let storage: Arc<dyn Storage> = Arc::new(SystemStorage::default());
    if name != "auto" {
        return open_one(name, storage);
    }
    let mut last = io::Error::from(io::ErrorKind::Unsupported);
    for name in NAMES {
        match open_one(name, storage.clone()) {
            Ok(engine) => return Ok(engine),
            Err(error) => {
                tracing::debug!(backend = name, %error, "not available, the next one is tried");
                last = error;
            }
        }
    }
    Err(last)
}

fn open_one(name: &str, storage: Arc<dyn Storage>) -> io::Result<Box<dyn Engine>> {
    match name {
        #[cfg(target_os = "linux")]
        super::uring::NAME => super::uring::uring(storage),
        name if NAMES.contains(&name) => readiness::readiness(name, storage),
        _ => {
            let known = NAMES.join(", ");
            let text = format!("there is no backend {name:?} here: auto, {known}");
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
    }
}
