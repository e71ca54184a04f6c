//! Files as deferreds: what [`Reactor::disk`] gives.
//!
//! Everything blocking runs on the thread pool. Operations on one file happen in the order in which
//! they were asked for, in batches: all that was asked for while a batch was under way is the next
//! one, and however many syncs are in it, the disk syncs once. That is group commit, and why a
//! thousand waiting writers cost one sync.

use crate::disk::{Storage, StoredFile};
use crate::failure::{Failure, Result};
use crate::reactor::Reactor;
use crate::{Deferred, Resolver};
use bytes::{Bytes, BytesMut};
use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// How many bytes of appends may wait for one file; more are refused with [`Failure::Overloaded`].
pub const APPENDS_MAX: usize = 256 * 1024 * 1024;

/// The reactor's disk: the only road to files. In a simulation it is the simulated one.
#[derive(Clone)]
pub struct Disk {
    reactor: Reactor,
    storage: Arc<dyn Storage>,
}

impl Reactor {
    /// The disk.
    pub fn disk(&self) -> Disk {
        let storage = self.0.engine.borrow().storage();
        Disk { reactor: self.clone(), storage }
    }
}

impl Disk {
    /// Open a file for appending and reading, creating it durably if it is missing.
    pub fn open(&self, path: impl Into<PathBuf>) -> Deferred<File> {
        self.open_with(path.into(), |storage, path| storage.open(path))
    }

    /// Open a file that exists, for reading.
    pub fn open_existing(&self, path: impl Into<PathBuf>) -> Deferred<File> {
        self.open_with(path.into(), |storage, path| storage.open_existing(path))
    }

    /// The whole content of a file.
    pub fn read(&self, path: impl Into<PathBuf>) -> Deferred<Bytes> {
        self.run(path.into(), |storage, path| {
            let file = storage.open_existing(path)?;
            let length = usize::try_from(file.length()?).map_err(io::Error::other)?;
            read_at(&*file, 0, length)
        })
    }

    /// Make a file hold exactly `content`, or what it held before, whatever happens.
    pub fn replace(&self, path: impl Into<PathBuf>, content: impl Into<Bytes>) -> Deferred<()> {
        let content = content.into();
        self.run(path.into(), move |storage, path| storage.replace(path, &content))
    }

    /// Rename a file durably, replacing what is there.
    pub fn rename(&self, from: impl Into<PathBuf>, to: impl Into<PathBuf>) -> Deferred<()> {
        let to = to.into();
        self.run(from.into(), move |storage, from| storage.rename(from, &to))
    }

    /// Remove a file durably. A missing file is an error of kind `NotFound`.
    pub fn remove(&self, path: impl Into<PathBuf>) -> Deferred<()> {
        self.run(path.into(), |storage, path| storage.remove(path))
    }

    /// The names of the files in a directory, sorted.
    pub fn list(&self, directory: impl Into<PathBuf>) -> Deferred<Vec<PathBuf>> {
        self.run(directory.into(), |storage, directory| storage.list(directory))
    }

    /// Create a directory and those above it.
    pub fn create_directory(&self, directory: impl Into<PathBuf>) -> Deferred<()> {
        self.run(directory.into(), |storage, directory| storage.create_directory(directory))
    }

    fn open_with(
        &self,
        path: PathBuf,
        open: impl FnOnce(&dyn Storage, &Path) -> io::Result<Arc<dyn StoredFile>> + Send + 'static,
    ) -> Deferred<File> {
        let reactor = self.reactor.clone();
        self.run(path, open).then(move |opened| {
            let lane = Lane {
                reactor,
                file: opened?,
                waiting: RefCell::default(),
                busy: Cell::new(false),
                bytes: Cell::new(0),
            };
            Ok(File(Rc::new(lane)))
        })
    }

    fn run<T: Send + 'static>(
        &self,
        path: PathBuf,
        job: impl FnOnce(&dyn Storage, &Path) -> io::Result<T> + Send + 'static,
    ) -> Deferred<T> {
        let storage = self.storage.clone();
        self.reactor.defer_to_thread(move || job(&*storage, &path)).then(|outcome| Ok(outcome??))
    }
}

/// An open file. Cheap to clone; closed with its last clone, once what was asked for is done.
#[derive(Clone)]
pub struct File(Rc<Lane>);

/// The operations on one file, one batch after the other.
struct Lane {
    reactor: Reactor,
    file: Arc<dyn StoredFile>,
    waiting: RefCell<Vec<Operation>>,
    /// A batch is under way.
    busy: Cell<bool>,
    /// How many bytes of appends wait or are under way.
    bytes: Cell<usize>,
}

/// What is to be done on a thread, with what is told its outcome on the loop.
struct Operation {
    work: Work,
    tell: Box<dyn FnOnce(io::Result<Done>)>,
}

enum Work {
    Append(Bytes),
    Read(u64, usize),
    Sync,
    Length,
    Truncate(u64),
}

enum Done {
    Offset(u64),
    Content(Bytes),
    Nothing,
}

impl File {
    /// Append all of `data`; fires with the offset at which it begins. Durable once a later
    /// [`sync`](Self::sync) has fired.
    pub fn append(&self, data: impl Into<Bytes>) -> Deferred<u64> {
        let data = data.into();
        let bytes = self.0.bytes.get() + data.len();
        if bytes > APPENDS_MAX {
            return self.0.reactor.0.resolved(Err(Failure::Overloaded));
        }
        self.0.bytes.set(bytes);
        self.0.ask(Work::Append(data), offset)
    }

    /// Up to `length` bytes from `offset` on; fewer mean the end of the file.
    pub fn read_at(&self, offset: u64, length: usize) -> Deferred<Bytes> {
        self.0.ask(Work::Read(offset, length), |done| match done {
            Done::Content(content) => content,
            Done::Offset(_) | Done::Nothing => Bytes::new(),
        })
    }

    /// Fires when all that was appended before is durable. After a failure nothing is known of what
    /// the disk holds, and every later call fails.
    pub fn sync(&self) -> Deferred<()> {
        self.0.ask(Work::Sync, drop)
    }

    /// The length in bytes, with what was appended before.
    pub fn length(&self) -> Deferred<u64> {
        self.0.ask(Work::Length, offset)
    }

    /// Cut the file off at `length` bytes.
    pub fn truncate(&self, length: u64) -> Deferred<()> {
        self.0.ask(Work::Truncate(length), drop)
    }

    /// How many bytes of appends wait or are under way: what a writer slows down by.
    pub fn pending(&self) -> usize {
        self.0.bytes.get()
    }
}

fn offset(done: Done) -> u64 {
    match done {
        Done::Offset(offset) => offset,
        Done::Content(_) | Done::Nothing => 0,
    }
}

impl Lane {
    fn ask<T: 'static>(self: &Rc<Self>, work: Work, take: fn(Done) -> T) -> Deferred<T> {
        let (resolver, deferred): (Resolver<T>, _) = self.reactor.deferred();
        let tell = Box::new(move |outcome: io::Result<Done>| {
            resolver.resolve(outcome.map(take).map_err(Into::into))
        });
        self.waiting.borrow_mut().push(Operation { work, tell });
        self.start();
        deferred
    }

    /// Begin the next batch, unless one is under way or nothing waits.
    fn start(self: &Rc<Self>) {
        if self.busy.get() || self.waiting.borrow().is_empty() {
            return;
        }
        self.busy.set(true);
        let (works, tells): (Vec<_>, Vec<_>) =
            self.waiting.take().into_iter().map(|operation| (operation.work, operation.tell)).unzip();
        let bytes = works.iter().map(Work::bytes).sum::<usize>();
        let file = self.file.clone();
        let lane = self.clone();
        self.reactor.defer_to_thread(move || run_batch(&*file, works)).finally(move |outcomes| {
            lane.busy.set(false);
            lane.bytes.set(lane.bytes.get() - bytes);
            report(outcomes, tells);
            lane.start();
        });
    }
}

impl Work {
    fn bytes(&self) -> usize {
        match self {
            Self::Append(data) => data.len(),
            _ => 0,
        }
    }
}

fn report(outcomes: Result<Vec<io::Result<Done>>>, tells: Vec<Box<dyn FnOnce(io::Result<Done>)>>) {
    match outcomes {
        Ok(outcomes) => tells.into_iter().zip(outcomes).for_each(|(tell, outcome)| tell(outcome)),
        Err(failure) => {
            let text = failure.to_string();
            tells.into_iter().for_each(|tell| tell(Err(io::Error::other(text.clone()))));
        }
    }
}

/// On a thread: do it all, in order, but for the syncs, which become one behind the last append
/// that any of them promised.
fn run_batch(file: &dyn StoredFile, works: Vec<Work>) -> Vec<io::Result<Done>> {
    let mut outcomes = Vec::with_capacity(works.len());
    let mut syncs = Vec::new();
    for (index, work) in works.into_iter().enumerate() {
        let outcome = match work {
            Work::Append(data) => file.append(&data).map(Done::Offset),
            Work::Read(offset, length) => read_at(file, offset, length).map(Done::Content),
            Work::Length => file.length().map(Done::Offset),
            Work::Sync => {
                syncs.push(index);
                Ok(Done::Nothing)
            }
            Work::Truncate(length) => {
                settle_syncs(file, &mut syncs, &mut outcomes);
                file.truncate(length).map(|()| Done::Nothing)
            }
        };
        outcomes.push(outcome);
    }
    settle_syncs(file, &mut syncs, &mut outcomes);
    outcomes
}

fn settle_syncs(file: &dyn StoredFile, syncs: &mut Vec<usize>, outcomes: &mut [io::Result<Done>]) {
    if syncs.is_empty() {
        return;
    }
    let outcome = file.sync();
    for index in syncs.drain(..) {
        outcomes[index] = match &outcome {
            Ok(()) => Ok(Done::Nothing),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        };
    }
}

fn read_at(file: &dyn StoredFile, offset: u64, length: usize) -> io::Result<Bytes> {
    // No more is set aside than the file can fill, whatever was asked for.
    let there = file.length()?.saturating_sub(offset);
    let mut content = BytesMut::zeroed(length.min(usize::try_from(there).unwrap_or(usize::MAX)));
    let mut filled = 0;
    while filled < content.len() {
        match file.read_at(offset + filled as u64, &mut content[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    content.truncate(filled);
    Ok(content.freeze())
}
