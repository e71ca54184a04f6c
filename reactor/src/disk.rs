//! Files: append, positioned read, sync, atomic replace. The only road to files.
//!
//! Two levels: [`Storage`] is what a disk can do, blocking, called from the thread pool; the
//! handle that [`Reactor::disk`](crate::Reactor::disk) gives wraps each operation in a Deferred, so that a slow disk never
//! stops the loop. The simulated disk implements the same trait.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a disk can do. Every call may block, and may come from any thread.
pub trait Storage: Send + Sync {
    /// Open a file for appending and reading, creating it (and telling its directory) if it is missing.
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

    /// The names of the files in a directory, sorted.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;

    /// Create a directory and those above it.
    fn create_directory(&self, directory: &Path) -> io::Result<()>;
}

/// An open file.
pub trait StoredFile: Send + Sync {
    /// Append all of `data`; returns the offset at which it begins. Not durable until synced.
    fn append(&self, data: &[u8]) -> io::Result<u64>;

    /// Fill `into` from `offset` on; fewer bytes than asked means the end of the file.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// What was appended before is durable after. Once it has failed, what is on the disk is unknown
    /// and every later call fails too.
    fn sync(&self) -> io::Result<()>;

    /// The length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Cut the file off at `length` bytes.
    fn truncate(&self, length: u64) -> io::Result<()>;
}
