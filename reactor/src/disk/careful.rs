//! The careful order of system calls that makes files survive a crash, over any file system.
//!
//! The rule: **no name is durable before its content, and nothing is said to be durable before the
//! directory that names it.**
//!
//! ```text
//! open      open(O_APPEND | O_CREAT), fsync(directory)
//! append    write …                       cut back to the old length if the disk is full half-way
//! sync      fdatasync                     after one failure: never again (the kernel drops what it
//!                                         could not write, and the next fdatasync would succeed)
//! replace   write beside, fdatasync, rename over it, fsync(directory)
//! rename    rename, fsync(both directories)
//! remove    unlink, fsync(directory)
//! ```

use super::{Storage, StoredFile};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What a file that is being written for [`Storage::replace`] is called: `.NAME` and this.
const BESIDE_SUFFIX: &str = ".replacement";

/// How [`Kernel::open`] opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// For reading what exists.
    Read,
    /// For reading and appending, created if missing.
    Append,
    /// For appending to an emptied or new file.
    Empty,
}

/// A file system's bare system calls. Each call that changes something is a point at which the
/// machine may crash.
pub(crate) trait Kernel: Send + Sync + 'static {
    /// An open file.
    type Handle: Handle;

    fn open(&self, path: &Path, how: Open) -> io::Result<Self::Handle>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn unlink(&self, path: &Path) -> io::Result<()>;
    fn make_directory(&self, path: &Path) -> io::Result<()>;
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    fn is_directory(&self, path: &Path) -> bool;
    /// The names of all but the directories in it.
    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>>;

    /// Give `handle` the permissions of the file at `path`, if there is one.
    fn keep_permissions(&self, path: &Path, handle: &Self::Handle) -> io::Result<()> {
        let _ = (path, handle);
        Ok(())
    }
}

/// An open file's bare system calls.
pub(crate) trait Handle: Send + Sync + 'static {
    /// Append at least one byte of `data` (which is not empty); how many.
    fn write(&self, data: &[u8]) -> io::Result<usize>;
    /// Read at least one byte, unless the end is there; how many.
    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
    fn sync(&self) -> io::Result<()>;
    fn length(&self) -> io::Result<u64>;
    fn truncate(&self, length: u64) -> io::Result<()>;
}

/// A [`Storage`] over bare system calls.
#[derive(Debug, Default)]
pub(crate) struct Careful<K> {
    pub(crate) kernel: K,
    replacing: InTurn,
}

impl<K: Kernel> Careful<K> {
    pub(crate) fn new(kernel: K) -> Self {
        Self { kernel, replacing: InTurn::default() }
    }

    fn open_as(&self, path: &Path, how: Open) -> io::Result<Arc<dyn StoredFile>> {
        let handle = self.kernel.open(path, how)?;
        Ok(Arc::new(CarefulFile { handle, appending: Mutex::new(()), unknown: AtomicBool::new(false) }))
    }

    fn write_beside(&self, path: &Path, beside: &Path, content: &[u8]) -> io::Result<()> {
        let handle = self.kernel.open(beside, Open::Empty)?;
        self.kernel.keep_permissions(path, &handle)?;
        write_all(&handle, content)?;
        handle.sync()
    }
}

impl<K: Kernel> Storage for Careful<K> {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        let file = self.open_as(path, Open::Append)?;
        // Also where the file was there: whoever created it may have died before this.
        self.kernel.sync_directory(parent(path))?;
        Ok(file)
    }

    fn open_existing(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        self.open_as(path, Open::Read)
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let beside = beside(path)?;
        let _turn = self.replacing.take(&beside);
        let renamed =
            self.write_beside(path, &beside, content).and_then(|()| self.kernel.rename(&beside, path));
        if let Err(error) = renamed {
            // To leave it behind would be harmless, but it takes room on a disk that may be full.
            let _ = self.kernel.unlink(&beside);
            return Err(error);
        }
        self.kernel.sync_directory(parent(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.kernel.rename(from, to)?;
        self.kernel.sync_directory(parent(to))?;
        if parent(from) != parent(to) {
            self.kernel.sync_directory(parent(from))?;
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.kernel.unlink(path)?;
        self.kernel.sync_directory(parent(path))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let mut names: Vec<PathBuf> = self
            .kernel
            .list(directory)?
            .into_iter()
            .map(PathBuf::from)
            .filter(|name| !is_beside(name))
            .collect();
        names.sort();
        Ok(names)
    }

    fn create_directory(&self, directory: &Path) -> io::Result<()> {
        if directory.as_os_str().is_empty() || self.kernel.is_directory(directory) {
            return Ok(());
        }
        self.create_directory(parent(directory))?;
        match self.kernel.make_directory(directory) {
            // Somebody else was faster.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && self.kernel.is_directory(directory) => {
            }
            made => made?,
        }
        self.kernel.sync_directory(parent(directory))
    }
}

/// An open file that never says more than it knows.
struct CarefulFile<H> {
    handle: H,
    /// The length before an append is where it begins: one at a time.
    appending: Mutex<()>,
    /// A sync has failed: what is on the disk is unknown.
    unknown: AtomicBool,
}

/// A sync of this file has failed before.
#[derive(Debug, thiserror::Error)]
#[error("an earlier sync of this file failed, so what the disk holds of it is unknown")]
struct Unknown;

impl<H: Handle> CarefulFile<H> {
    fn check(&self) -> io::Result<&H> {
        if self.unknown.load(Ordering::Acquire) { Err(io::Error::other(Unknown)) } else { Ok(&self.handle) }
    }

    fn fail(&self) {
        self.unknown.store(true, Ordering::Release);
    }
}

impl<H: Handle> StoredFile for CarefulFile<H> {
    fn append(&self, data: &[u8]) -> io::Result<u64> {
        let _one = lock(&self.appending);
        let handle = self.check()?;
        let start = handle.length()?;
        let Err(error) = write_all(handle, data) else { return Ok(start) };
        // Half a record in front of the next one would make both unreadable.
        let clean = handle.length().is_ok_and(|length| length == start) || handle.truncate(start).is_ok();
        if !clean {
            self.fail();
        }
        Err(error)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let handle = self.check()?;
        let mut filled = 0;
        while filled < into.len() {
            match handle.read(offset + filled as u64, &mut into[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn sync(&self) -> io::Result<()> {
        self.check()?.sync().inspect_err(|_| self.fail())?;
        // Another thread's sync may have failed meanwhile and taken this one's data with it.
        self.check().map(drop)
    }

    fn length(&self) -> io::Result<u64> {
        self.check()?.length()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let _one = lock(&self.appending);
        self.check()?.truncate(length)
    }
}

fn write_all(handle: &impl Handle, mut data: &[u8]) -> io::Result<()> {
    while !data.is_empty() {
        match handle.write(data) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => data = &data[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The directory that names `path`.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

/// Where the new content of `path` is written before it takes that name.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name =
        path.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "the path names no file"))?;
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(BESIDE_SUFFIX);
    Ok(path.with_file_name(beside))
}

fn is_beside(name: &Path) -> bool {
    let name = name.as_os_str().as_encoded_bytes();
    name.starts_with(b".") && name.ends_with(BESIDE_SUFFIX.as_bytes())
}

/// Lets one thread at a time work on a path.
#[derive(Debug, Default)]
struct InTurn {
    taken: Mutex<BTreeSet<PathBuf>>,
    released: Condvar,
}

struct Turn<'a> {
    turns: &'a InTurn,
    path: &'a Path,
}

impl InTurn {
    /// Wait until nobody else works on `path`; it is ours until the turn is dropped.
    fn take<'a>(&'a self, path: &'a Path) -> Turn<'a> {
        let mut taken = lock(&self.taken);
        while !taken.insert(path.to_path_buf()) {
            taken = self.released.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        Turn { turns: self, path }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.turns.taken).remove(self.path);
        self.turns.released.notify_all();
    }
}

/// What is behind these locks is never left half-done: a panic elsewhere doesn't spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
