//! What is on the simulated disk: what programs see of each file and directory, and what of it would
//! survive a crash.
//!
//! ```text
//!             seen                 what reads return: the page cache
//! file     ─┤ durable              what the platter holds for certain
//!             unsynced writes      each may survive a crash: whole, torn at 512 bytes, or not
//!
//!             seen, durable        names
//! directory ┤
//!             (changes)            creations, renames, removals: each happened or not
//! ```
//!
//! The rule: a crash chooses among everything that POSIX allows, which is more than what any one
//! file system does. Writes and changes of names are independent of each other until synced; a
//! file's length may be durable without its bytes, which then are zeros.

use crate::random::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{Component, Path};

/// What a disk writes as a whole or not at all, in bytes.
const SECTOR: usize = 512;

const ROOT: NodeId = 0;

pub(super) type NodeId = u64;

type Names = BTreeMap<OsString, NodeId>;

#[derive(Debug)]
pub(super) struct Tree {
    nodes: BTreeMap<NodeId, Node>,
    next: NodeId,
    changes: Vec<Change>,
}

#[derive(Debug)]
enum Node {
    File(File),
    Directory { seen: Names, durable: Names },
}

#[derive(Debug, Default)]
struct File {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Write>,
    handles: usize,
}

#[derive(Debug)]
enum Write {
    Bytes { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

/// One change of names, which happens as a whole or not at all: each name then means this.
#[derive(Debug)]
struct Change {
    meanings: Vec<(NodeId, OsString, Option<NodeId>)>,
}

impl Default for Tree {
    fn default() -> Self {
        let root = Node::Directory { seen: Names::new(), durable: Names::new() };
        Self { nodes: BTreeMap::from([(ROOT, root)]), next: ROOT + 1, changes: Vec::new() }
    }
}

// ------------------------------------------------------------------------------------- names

impl Tree {
    /// The directory that a path's last name is in, and that name.
    fn place<'a>(&self, path: &'a Path) -> io::Result<(NodeId, &'a OsStr)> {
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
        let directory = self.find(path.parent().unwrap_or(Path::new("")))?;
        self.names(directory).map(|_| (directory, name))
    }

    /// What is at a path. Relative paths begin at the root.
    pub(super) fn find(&self, path: &Path) -> io::Result<NodeId> {
        let mut way = vec![ROOT];
        for component in path.components() {
            match component {
                Component::Normal(name) => {
                    let directory = *way.last().unwrap_or(&ROOT);
                    way.push(*self.names(directory)?.get(name).ok_or(ErrorKind::NotFound)?);
                }
                Component::ParentDir => {
                    way.pop();
                }
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
        Ok(way.pop().unwrap_or(ROOT))
    }

    fn names(&self, directory: NodeId) -> io::Result<&Names> {
        match self.nodes.get(&directory) {
            Some(Node::Directory { seen, .. }) => Ok(seen),
            _ => Err(ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn is_directory(&self, path: &Path) -> bool {
        self.find(path).is_ok_and(|node| self.names(node).is_ok())
    }

    /// The names in a directory that are not directories.
    pub(super) fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let names = self.names(self.find(directory)?)?;
        Ok(names
            .iter()
            .filter(|(_, node)| self.names(**node).is_err())
            .map(|(name, _)| name.clone())
            .collect())
    }

    pub(super) fn create(&mut self, path: &Path) -> io::Result<NodeId> {
        self.add(path, Node::File(File::default()))
    }

    pub(super) fn make_directory(&mut self, path: &Path) -> io::Result<()> {
        self.add(path, Node::Directory { seen: Names::new(), durable: Names::new() }).map(drop)
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<NodeId> {
        let (directory, name) = self.place(path)?;
        if self.names(directory)?.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let id = self.next;
        self.next += 1;
        self.nodes.insert(id, node);
        self.change(vec![(directory, name.into(), Some(id))]);
        Ok(id)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let node = self.find(from)?;
        let (old, new) = (self.place(from)?, self.place(to)?);
        let replaced = self.names(new.0)?.get(new.1).copied();
        if replaced.is_some_and(|replaced| self.names(replaced).is_ok()) {
            return Err(ErrorKind::IsADirectory.into());
        }
        if replaced != Some(node) {
            self.change(vec![(old.0, old.1.into(), None), (new.0, new.1.into(), Some(node))]);
        }
        Ok(())
    }

    pub(super) fn unlink(&mut self, path: &Path) -> io::Result<()> {
        if self.names(self.find(path)?).is_ok() {
            return Err(ErrorKind::IsADirectory.into());
        }
        let (directory, name) = self.place(path)?;
        self.change(vec![(directory, name.into(), None)]);
        Ok(())
    }

    fn change(&mut self, meanings: Vec<(NodeId, OsString, Option<NodeId>)>) {
        for (directory, name, meaning) in &meanings {
            if let Some(Node::Directory { seen, .. }) = self.nodes.get_mut(directory) {
                set(seen, name, *meaning);
            }
        }
        self.changes.push(Change { meanings });
    }

    /// All changes of this directory's names are durable, and with each the earlier ones of the same
    /// names elsewhere (a rename touches two directories).
    pub(super) fn sync_directory(&mut self, directory: NodeId) {
        let mut settled: BTreeSet<(NodeId, OsString)> = BTreeSet::new();
        let mut certain = vec![false; self.changes.len()];
        for (change, certain) in self.changes.iter().zip(&mut certain).rev() {
            *certain = change
                .meanings
                .iter()
                .any(|(place, name, _)| *place == directory || settled.contains(&(*place, name.clone())));
            if *certain {
                settled.extend(change.meanings.iter().map(|(place, name, _)| (*place, name.clone())));
            }
        }
        let mut certain = certain.into_iter();
        self.settle_changes(|_| if certain.next() == Some(true) { Fate::Durable } else { Fate::Open });
    }

    /// A sync of this directory failed: some of the changes reached the disk, the others never will.
    pub(super) fn spoil_directory(&mut self, directory: NodeId, random: &mut Random) {
        self.settle_changes(|change| {
            if change.meanings.iter().all(|(place, ..)| *place != directory) {
                Fate::Open
            } else if random.chance(0.5) {
                Fate::Durable
            } else {
                Fate::Lost
            }
        });
    }

    fn settle_changes(&mut self, mut fate: impl FnMut(&Change) -> Fate) {
        for change in std::mem::take(&mut self.changes) {
            match fate(&change) {
                Fate::Open => self.changes.push(change),
                Fate::Lost => {}
                Fate::Durable => self.make_durable(change),
            }
        }
        self.collect();
    }

    fn make_durable(&mut self, change: Change) {
        for (directory, name, meaning) in change.meanings {
            if let Some(Node::Directory { durable, .. }) = self.nodes.get_mut(&directory) {
                set(durable, &name, meaning);
            }
        }
    }

    /// Forget what no name, no handle and no possible crash leads to.
    fn collect(&mut self) {
        let mut wanted: BTreeSet<NodeId> = BTreeSet::from([ROOT]);
        wanted.extend(
            self.changes.iter().flat_map(|change| change.meanings.iter().filter_map(|(.., node)| *node)),
        );
        for (id, node) in &self.nodes {
            match node {
                Node::File(file) if file.handles > 0 => {
                    wanted.insert(*id);
                }
                Node::File(_) => {}
                Node::Directory { seen, durable } => wanted.extend(seen.values().chain(durable.values())),
            }
        }
        self.nodes.retain(|id, _| wanted.contains(id));
    }
}

enum Fate {
    Open,
    Durable,
    Lost,
}

fn set(names: &mut Names, name: &OsStr, meaning: Option<NodeId>) {
    match meaning {
        Some(node) => names.insert(name.into(), node),
        None => names.remove(name),
    };
}

// ------------------------------------------------------------------------------------- content

impl Tree {
    fn file(&mut self, node: NodeId) -> io::Result<&mut File> {
        match self.nodes.get_mut(&node) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Directory { .. }) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    /// One more handle on a file.
    pub(super) fn hold(&mut self, node: NodeId) -> io::Result<()> {
        self.file(node).map(|file| file.handles += 1)
    }

    pub(super) fn let_go(&mut self, node: NodeId) {
        if let Ok(file) = self.file(node) {
            file.handles = file.handles.saturating_sub(1);
        }
    }

    pub(super) fn content(&mut self, node: NodeId) -> io::Result<&[u8]> {
        self.file(node).map(|file| &file.seen[..])
    }

    pub(super) fn append(&mut self, node: NodeId, bytes: &[u8]) -> io::Result<()> {
        let file = self.file(node)?;
        file.unsynced.push(Write::Bytes { offset: file.seen.len(), bytes: bytes.to_vec() });
        file.seen.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn truncate(&mut self, node: NodeId, length: usize) -> io::Result<()> {
        let file = self.file(node)?;
        if file.seen.len() != length {
            file.unsynced.push(Write::Length(length));
            file.seen.resize(length, 0);
        }
        Ok(())
    }

    pub(super) fn sync(&mut self, node: NodeId) -> io::Result<()> {
        let file = self.file(node)?;
        for write in std::mem::take(&mut file.unsynced) {
            write.apply(&mut file.durable);
        }
        Ok(())
    }

    /// A sync failed. As on Linux, what could not be written counts as clean afterwards: it is still
    /// seen, and no later sync will write it.
    pub(super) fn spoil(&mut self, node: NodeId, random: &mut Random) -> io::Result<()> {
        let file = self.file(node)?;
        for write in std::mem::take(&mut file.unsynced) {
            if random.chance(0.5) {
                write.apply(&mut file.durable);
            }
        }
        Ok(())
    }

    /// How many bytes the files hold that have a name or a handle.
    pub(super) fn used(&self) -> usize {
        let mut named: BTreeSet<NodeId> = BTreeSet::new();
        for node in self.nodes.values() {
            if let Node::Directory { seen, .. } = node {
                named.extend(seen.values());
            }
        }
        let held = |id: &NodeId, file: &File| file.handles > 0 || named.contains(id);
        self.nodes
            .iter()
            .map(|(id, node)| match node {
                Node::File(file) if held(id, file) => file.seen.len(),
                _ => 0,
            })
            .sum()
    }

    /// The power fails: nobody holds a file any more, and of what was not synced some is there.
    pub(super) fn crash(&mut self, random: &mut Random) {
        let rate = survival_rate(random);
        self.settle_changes(|_| if random.chance(rate) { Fate::Durable } else { Fate::Lost });
        for node in self.nodes.values_mut() {
            match node {
                Node::Directory { seen, durable } => seen.clone_from(durable),
                Node::File(file) => file.crash(survival_rate(random), random),
            }
        }
        self.collect();
    }
}

/// Nothing and everything are as telling as what is between.
fn survival_rate(random: &mut Random) -> f64 {
    match random.below(4) {
        0 => 0.0,
        1 => 1.0,
        _ => random.unit(),
    }
}

impl File {
    fn crash(&mut self, rate: f64, random: &mut Random) {
        self.handles = 0;
        for write in std::mem::take(&mut self.unsynced) {
            write.survive(&mut self.durable, rate, random);
        }
        self.seen.clone_from(&self.durable);
    }
}

impl Write {
    fn apply(self, content: &mut Vec<u8>) {
        match self {
            Self::Bytes { offset, bytes } => put(content, offset, &bytes),
            Self::Length(length) => content.resize(length, 0),
        }
    }

    /// Survive whole, in some of its sectors, as a length without bytes, or not at all.
    fn survive(self, content: &mut Vec<u8>, rate: f64, random: &mut Random) {
        if random.chance(rate) {
            return self.apply(content);
        }
        let Self::Bytes { offset, bytes } = self else { return };
        let end = offset + bytes.len();
        if random.chance(rate) {
            for sector in sectors(offset, end) {
                if random.chance(0.5) {
                    put(content, sector.start, &bytes[sector.start - offset..sector.end - offset]);
                }
            }
        }
        if random.chance(rate / 4.0) && content.len() < end {
            content.resize(end, 0);
        }
    }
}

/// The sectors between two offsets, the first and the last perhaps in part.
fn sectors(start: usize, end: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (start / SECTOR..end.div_ceil(SECTOR))
        .map(move |sector| (sector * SECTOR).max(start)..((sector + 1) * SECTOR).min(end))
}

fn put(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sectors_are_aligned_to_the_file_not_to_the_write() {
        let cut: Vec<_> = sectors(500, 1500).collect();
        assert_eq!(cut, [500..512, 512..1024, 1024..1500]);
        assert_eq!(sectors(512, 512).count(), 0);
        assert!(sectors(0, 512).eq(std::iter::once(0..512)));
    }

    #[test]
    fn a_rename_made_durable_takes_the_earlier_meaning_of_its_old_name_along() {
        let mut tree = Tree::default();
        tree.make_directory(Path::new("a")).unwrap();
        tree.make_directory(Path::new("b")).unwrap();
        tree.sync_directory(ROOT);
        tree.create(Path::new("a/new")).unwrap();
        tree.rename(Path::new("a/new"), Path::new("b/kept")).unwrap();
        tree.sync_directory(tree.find(Path::new("b")).unwrap());
        assert!(tree.changes.is_empty(), "else the creation could come back after the rename");
        tree.crash(&mut Random::new(1));
        assert!(tree.list(Path::new("a")).unwrap().is_empty());
        assert_eq!(tree.list(Path::new("b")).unwrap(), ["kept"]);
    }

    #[test]
    fn replaced_files_are_forgotten_once_no_crash_can_bring_them_back() {
        let mut tree = Tree::default();
        for _ in 0..10 {
            tree.create(Path::new("new")).unwrap();
            tree.rename(Path::new("new"), Path::new("kept")).unwrap();
            tree.sync_directory(ROOT);
        }
        assert_eq!(tree.nodes.len(), 2);
    }

    #[test]
    fn the_parent_of_the_root_is_the_root() {
        let mut tree = Tree::default();
        tree.make_directory(Path::new("/a")).unwrap();
        assert_eq!(tree.find(Path::new("../../a/./../a")).unwrap(), tree.find(Path::new("a")).unwrap());
    }
}
