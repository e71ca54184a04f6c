//! A simulated disk: it loses what was not synced, tears what was half-way, and fails when told to.
//!
//! [`Storage`]'s careful order of system calls runs on it exactly as on the real file system; only the system
//! calls are simulated. Its one rule: what it does follows from its seed and the calls made to it.
//!
//! A *boundary* is a system call that changes something: a creation, a write, a truncation, a sync, a
//! rename, a removal. A test finds every way a crash can hurt by crashing once at each:
//!
//! ```
//! use ropewalk_reactor::engine::sim::SimDisk;
//! use std::path::Path;
//!
//! let path = Path::new("balance");
//! for boundary in 1.. {
//!     let disk = SimDisk::new(boundary);
//!     let storage = disk.storage();
//!     storage.replace(path, b"old").expect("no fault was asked for");
//!
//!     disk.crash_at(boundary);
//!     let replaced = storage.replace(path, b"new").is_ok();
//!     disk.restart();
//!
//!     let mut content = [0; 3];
//!     storage.open_existing(path).expect("it exists").read_at(0, &mut content).expect("it is readable");
//!     assert!(&content == b"new" || (&content == b"old" && !replaced));
//!     if replaced {
//!         break; // There was no such boundary any more.
//!     }
//! }
//! ```

mod tree;

use super::digest::Digest;
use crate::disk::Storage;
use crate::disk::careful::{Careful, Handle, Kernel, Open};
use crate::random::Random;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tree::{NodeId, Tree};

/// What goes wrong on a [`SimDisk`] without a crash. Rates are probabilities, per system call.
#[derive(Clone, Debug, PartialEq)]
pub struct DiskFaults {
    /// Reading fails (EIO).
    pub read_error: f64,
    /// Writing or truncating fails (EIO) and changes nothing.
    pub write_error: f64,
    /// A write takes fewer bytes than it was given.
    pub short_write: f64,
    /// A sync, of a file or a directory, fails (EIO). Some of what was to be synced is durable then,
    /// and the rest never will be, although it is still seen: as on Linux, a later sync succeeds
    /// without writing it.
    pub sync_error: f64,
    /// How many bytes all files together can hold: beyond it, writing fails (ENOSPC).
    pub capacity: Option<u64>,
}

impl DiskFaults {
    /// A disk without limits or errors. It still loses what was not synced before a crash.
    pub fn none() -> Self {
        Self { read_error: 0.0, write_error: 0.0, short_write: 0.0, sync_error: 0.0, capacity: None }
    }
}

impl Default for DiskFaults {
    fn default() -> Self {
        Self::none()
    }
}

/// A kind of system call that can be made to fail once, by [`SimDisk::fail_at`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskCall {
    /// Reading from a file.
    Read,
    /// Writing to a file, or truncating it.
    Write,
    /// Syncing a file or a directory.
    Sync,
}

/// The error of every call on a crashed disk, and on a file that was open when it crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulated machine has crashed")]
pub struct Crashed;

impl Crashed {
    /// Whether this is why a call failed.
    pub fn caused(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|cause| cause.is::<Self>())
    }
}

/// A simulated disk; a clone is another handle on the same one.
///
/// It outlives the engines that use it: run a server on one engine, [`crash`](Self::crash), and start
/// the next engine on the same disk. At the beginning it is empty. Relative paths begin at the root.
#[derive(Clone)]
pub struct SimDisk {
    storage: Arc<Careful<SimKernel>>,
}

impl SimDisk {
    /// An empty disk without faults.
    pub fn new(seed: u64) -> Self {
        let state = State {
            tree: Tree::default(),
            random: Random::new(seed),
            faults: DiskFaults::none(),
            planned: Vec::new(),
            boundaries: 0,
            crash_at: None,
            down: false,
            life: 0,
            digest: Digest::default(),
        };
        Self { storage: Arc::new(Careful::new(SimKernel(Arc::new(Mutex::new(state))))) }
    }

    /// The disk as programs use it.
    pub fn storage(&self) -> Arc<dyn Storage> {
        self.storage.clone()
    }

    /// From now on, these faults.
    pub fn set_faults(&self, faults: DiskFaults) {
        self.state().faults = faults;
    }

    /// The `nth` call of this kind from now on fails (1 is the next one), once.
    pub fn fail_at(&self, call: DiskCall, nth: u64) {
        self.state().planned.push((call, nth));
    }

    /// The power fails and comes back. Of what was not synced any part survives: each write whole, in
    /// some of its 512-byte sectors or not at all, each creation, rename and removal or not. Files that
    /// were open fail for ever with [`Crashed`]; open them again.
    pub fn crash(&self) {
        self.state().crash();
    }

    /// The power fails in the `nth` boundary from now on (1 is the next one). That call and all after
    /// it fail with [`Crashed`] until [`restart`](Self::restart); whether it took effect is as open as
    /// with everything else that was not synced.
    ///
    /// # Panics
    /// If `nth` is zero.
    pub fn crash_at(&self, nth: u64) {
        assert!(nth > 0, "the next boundary is the first");
        let mut state = self.state();
        state.crash_at = Some(state.boundaries + nth);
    }

    /// After a planned crash: the power comes back, as in [`crash`](Self::crash). A plan that was not
    /// reached is dropped. On a disk that is up nothing else happens.
    pub fn restart(&self) {
        let mut state = self.state();
        state.crash_at = None;
        if state.down {
            state.crash();
        }
    }

    /// Whether a planned crash has happened and [`restart`](Self::restart) was not called yet.
    pub fn is_down(&self) -> bool {
        self.state().down
    }

    /// How many boundaries there were so far.
    pub fn boundaries(&self) -> u64 {
        self.state().boundaries
    }

    /// How many bytes the files hold.
    pub fn used(&self) -> u64 {
        self.state().tree.used() as u64
    }

    /// A hash of every system call so far and its outcome: the same for the same seed and calls.
    pub fn trace_hash(&self) -> u64 {
        self.state().digest.value()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.storage.kernel.state()
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("SimDisk")
            .field("used", &state.tree.used())
            .field("boundaries", &state.boundaries)
            .field("down", &state.down)
            .finish_non_exhaustive()
    }
}

struct State {
    tree: Tree,
    random: Random,
    faults: DiskFaults,
    planned: Vec<(DiskCall, u64)>,
    boundaries: u64,
    crash_at: Option<u64>,
    down: bool,
    /// How often it has crashed: handles of an earlier life are dead.
    life: u64,
    digest: Digest,
}

impl State {
    fn crash(&mut self) {
        self.tree.crash(&mut self.random);
        self.life += 1;
        self.down = false;
        self.crash_at = None;
    }

    /// Whether a call of this kind fails, by plan or by chance.
    fn fails(&mut self, call: DiskCall) -> io::Result<()> {
        let mut due = false;
        self.planned.retain_mut(|(planned, nth)| {
            if *planned != call {
                return true;
            }
            *nth = nth.saturating_sub(1);
            due |= *nth == 0;
            *nth > 0
        });
        let rate = match call {
            DiskCall::Read => self.faults.read_error,
            DiskCall::Write => self.faults.write_error,
            DiskCall::Sync => self.faults.sync_error,
        };
        let fails = due || self.random.chance(rate);
        if fails { Err(io::Error::from_raw_os_error(libc::EIO)) } else { Ok(()) }
    }

    /// A call that changes something begins: whether the power fails in it.
    fn boundary(&mut self) -> Power {
        self.boundaries += 1;
        if self.crash_at == Some(self.boundaries) {
            self.down = true;
            return Power::Failing;
        }
        Power::On
    }

    fn room(&self) -> usize {
        let capacity =
            self.faults.capacity.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        capacity.saturating_sub(self.tree.used())
    }

    fn write(&mut self, node: NodeId, data: &[u8]) -> io::Result<usize> {
        self.fails(DiskCall::Write)?;
        let mut count = data.len().min(self.room());
        if count == 0 {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        if self.random.chance(self.faults.short_write) {
            count = 1 + self.random.index(count);
        }
        let power = self.boundary();
        self.tree.append(node, &data[..count])?;
        power.is_on().map(|()| count)
    }

    fn truncate(&mut self, node: NodeId, length: u64) -> io::Result<()> {
        self.fails(DiskCall::Write)?;
        let length = usize::try_from(length).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
        let grown = length.saturating_sub(self.tree.content(node)?.len());
        if grown > self.room() {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        let power = self.boundary();
        self.tree.truncate(node, length)?;
        power.is_on()
    }

    fn sync(&mut self, node: NodeId) -> io::Result<()> {
        if let Err(error) = self.fails(DiskCall::Sync) {
            self.boundary().is_on()?;
            self.tree.spoil(node, &mut self.random)?;
            return Err(error);
        }
        // A sync in which the power fails has done any part of its work: so has the crash.
        self.boundary().is_on()?;
        self.tree.sync(node)
    }

    fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        let directory = self.tree.find(path)?;
        if let Err(error) = self.fails(DiskCall::Sync) {
            self.boundary().is_on()?;
            self.tree.spoil_directory(directory, &mut self.random);
            return Err(error);
        }
        self.boundary().is_on()?;
        self.tree.sync_directory(directory);
        Ok(())
    }

    /// A call that changes names.
    fn change<T>(&mut self, change: impl FnOnce(&mut Tree) -> io::Result<T>) -> io::Result<T> {
        let changed = change(&mut self.tree)?;
        self.boundary().is_on().map(|()| changed)
    }

    fn open(&mut self, path: &Path, how: Open) -> io::Result<NodeId> {
        let node = match self.tree.find(path) {
            Err(error) if error.kind() == ErrorKind::NotFound && how != Open::Read => {
                self.change(|tree| tree.create(path))?
            }
            found => found?,
        };
        if how == Open::Empty && !self.tree.content(node)?.is_empty() {
            self.truncate(node, 0)?;
        }
        self.tree.hold(node)?;
        Ok(node)
    }
}

/// Whether there is power after a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Power {
    On,
    Failing,
}

impl Power {
    fn is_on(self) -> io::Result<()> {
        if self == Self::On { Ok(()) } else { Err(io::Error::other(Crashed)) }
    }
}

/// The simulated system calls.
struct SimKernel(Arc<Mutex<State>>);

impl SimKernel {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    /// One system call on a disk that is up; what comes of it is part of the trace.
    fn call<T>(
        &self,
        call: Call,
        path: &Path,
        act: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state();
        if state.down {
            return Err(io::Error::other(Crashed));
        }
        let outcome = act(&mut state);
        state.digest.number(Digest::of_bytes(path.as_os_str().as_encoded_bytes()));
        state.record(call, outcome.as_ref().map(|_| 0));
        outcome
    }
}

/// What the trace tells apart.
#[derive(Clone, Copy)]
enum Call {
    Open,
    Rename,
    Unlink,
    MakeDirectory,
    SyncDirectory,
    List,
    Write,
    Read,
    Sync,
    Truncate,
}

impl State {
    fn record(&mut self, call: Call, outcome: Result<u64, &io::Error>) {
        self.digest.number(call as u64);
        match outcome {
            Ok(value) => self.digest.number(value),
            Err(error) => self.digest.number(Digest::of_error(error)),
        }
    }
}

impl Kernel for SimKernel {
    type Handle = SimHandle;

    fn open(&self, path: &Path, how: Open) -> io::Result<SimHandle> {
        let (node, life) = self.call(Call::Open, path, |state| Ok((state.open(path, how)?, state.life)))?;
        Ok(SimHandle { state: self.0.clone(), node, life, writable: how != Open::Read })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(Call::Rename, to, |state| state.change(|tree| tree.rename(from, to)))
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.call(Call::Unlink, path, |state| state.change(|tree| tree.unlink(path)))
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        self.call(Call::MakeDirectory, path, |state| state.change(|tree| tree.make_directory(path)))
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.call(Call::SyncDirectory, path, |state| state.sync_directory(path))
    }

    fn is_directory(&self, path: &Path) -> bool {
        self.state().tree.is_directory(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        self.call(Call::List, directory, |state| state.tree.list(directory))
    }
}

/// An open file of one life of the disk.
struct SimHandle {
    state: Arc<Mutex<State>>,
    node: NodeId,
    life: u64,
    writable: bool,
}

impl SimHandle {
    fn call(&self, call: Call, act: impl FnOnce(&mut State) -> io::Result<u64>) -> io::Result<u64> {
        let mut state = lock(&self.state);
        if state.down || state.life != self.life {
            return Err(io::Error::other(Crashed));
        }
        let outcome = act(&mut state);
        state.digest.number(self.node);
        state.record(call, outcome.as_ref().copied());
        outcome
    }

    fn check_writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EBADF)) }
    }
}

impl Handle for SimHandle {
    fn write(&self, data: &[u8]) -> io::Result<usize> {
        self.check_writable()?;
        self.call(Call::Write, |state| {
            state.digest.bytes(data);
            state.write(self.node, data).map(|count| count as u64)
        })
        // It is not more than the data's length.
        .map(|count| count as usize)
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.call(Call::Read, |state| {
            state.fails(DiskCall::Read)?;
            let content = state.tree.content(self.node)?;
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
            let count = into.len().min(content.len() - start);
            into[..count].copy_from_slice(&content[start..start + count]);
            Ok(count as u64)
        })
        .map(|count| count as usize)
    }

    fn sync(&self) -> io::Result<()> {
        self.call(Call::Sync, |state| state.sync(self.node).map(|()| 0)).map(drop)
    }

    fn length(&self) -> io::Result<u64> {
        let mut state = lock(&self.state);
        if state.down || state.life != self.life {
            return Err(io::Error::other(Crashed));
        }
        Ok(state.tree.content(self.node)?.len() as u64)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.check_writable()?;
        self.call(Call::Truncate, |state| state.truncate(self.node, length).map(|()| length)).map(drop)
    }
}

impl Drop for SimHandle {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        if state.life == self.life {
            state.tree.let_go(self.node);
        }
    }
}

/// A panic in a test must not hide what the disk has to say.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
