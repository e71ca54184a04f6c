//! Files: append, positioned read, sync, atomic replace. The only road to files.
//!
//! Two levels: [`Storage`] is what a disk can do, blocking, called from the thread pool; the
//! handle that [`Reactor::disk`](crate::Reactor::disk) gives wraps each operation in a Deferred, so that a slow disk never
//! stops the loop. The simulated disk implements the same trait.
//!
//! What makes files survive a crash is the order of a handful of system calls. That order is written
//! once, in `careful`, over a trait of bare system calls that the real file system and the
//! simulated one both provide: so a crash in the simulation tests the very code that runs in
//! production.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) mod careful;
mod system;

pub use system::SystemStorage;

/// What a disk can do. Every call may block, and may come from any thread.
pub trait Storage: Send + Sync {
    /// Open a file for appending and reading, creating it if it is missing; its directory is synced.
    /// A file has one writer: append to it through one handle at a time.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>>;

    /// Open a file that exists, for reading.
    fn open_existing(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>>;

    /// Make `path` hold exactly `content`, or what it held before, whatever happens: write beside it,
    /// sync, rename over it, sync the directory.
    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// Rename a file, replacing what is there, and sync the directory.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Remove a file and sync the directory. A missing file is an error of kind `NotFound`.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names (not the paths) of the files in a directory, sorted. Directories are left out, and
    /// so is what a [`replace`](Storage::replace) that was cut short left beside its file.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;

    /// Create a directory and those above it.
    fn create_directory(&self, directory: &Path) -> io::Result<()>;
}

/// An open file.
pub trait StoredFile: Send + Sync {
    /// Append all of `data`; returns the offset at which it begins. Not durable until synced. When
    /// it fails (a full disk) nothing was appended.
    fn append(&self, data: &[u8]) -> io::Result<u64>;

    /// Fill `into` from `offset` on; fewer bytes than asked means the end of the file.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// What was appended before is durable after. Once it has failed, what is on the disk is unknown
    /// and every later call fails too.
    fn sync(&self) -> io::Result<()>;

    /// The length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Cut the file off at `length` bytes, or lengthen it with zeros. Not durable until synced.
    fn truncate(&self, length: u64) -> io::Result<()>;
}
