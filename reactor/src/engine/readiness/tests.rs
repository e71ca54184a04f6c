//! The suite on each poller, and what only this engine promises.

use super::*;
use crate::disk::StoredFile;
use crate::testing::conformance;
use std::path::{Path, PathBuf};

fn make(name: &'static str) -> impl Fn() -> Box<dyn Engine> {
    move || readiness(name, Arc::new(NoDisk)).expect("the backend is there")
}

/// These tests touch no file.
struct NoDisk;

impl Storage for NoDisk {
    fn open(&self, _: &Path) -> io::Result<Arc<dyn StoredFile>> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn open_existing(&self, _: &Path) -> io::Result<Arc<dyn StoredFile>> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn replace(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn remove(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn list(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn create_directory(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[test]
fn epoll_keeps_the_contract() {
    conformance::engine(&make(epoll::NAME));
}

#[test]
fn poll_keeps_the_contract() {
    conformance::engine(&make("poll"));
}

#[test]
fn select_keeps_the_contract() {
    conformance::engine(&make("select"));
}
