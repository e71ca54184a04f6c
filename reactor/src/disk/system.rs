//! The real file system. Its rule: one system call a method, no judgement; that is in [`careful`].
//!
//! [`careful`]: super::careful
#![expect(clippy::disallowed_methods, reason = "this is where the reactor meets the file system")]

use super::careful::{Careful, Handle, Kernel, Open};
use super::{Storage, StoredFile};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The computer's own disk.
///
/// Files are appended to with `O_APPEND`, synced with `fdatasync`, and replaced by a rename with the
/// directory synced. No file is locked. A symbolic link that is replaced becomes a file. Every error
/// is the operating system's own.
///
/// ```
/// use ropewalk_reactor::disk::{Storage, SystemStorage};
///
/// # fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// let disk = SystemStorage::default();
/// let log = disk.open(&directory.join("log"))?;
/// log.append(b"one\n")?;
/// assert_eq!(log.append(b"two\n")?, 4);
/// log.sync()?;
///
/// disk.replace(&directory.join("greeting"), b"hello")?;
/// assert_eq!(disk.list(directory)?, ["greeting".as_ref(), "log".as_ref()] as [&std::path::Path; 2]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct SystemStorage {
    careful: Careful<SystemKernel>,
}

impl Storage for SystemStorage {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        self.careful.open(path)
    }
    fn open_existing(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        self.careful.open_existing(path)
    }
    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.careful.replace(path, content)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.careful.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.careful.remove(path)
    }
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        self.careful.list(directory)
    }
    fn create_directory(&self, directory: &Path) -> io::Result<()> {
        self.careful.create_directory(directory)
    }
}

#[derive(Debug, Default)]
struct SystemKernel;

impl Kernel for SystemKernel {
    type Handle = File;

    fn open(&self, path: &Path, how: Open) -> io::Result<File> {
        let mut options = File::options();
        match how {
            Open::Read => options.read(true),
            Open::Append => options.read(true).append(true).create(true),
            Open::Empty => options.write(true).truncate(true).create(true),
        };
        options.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn is_directory(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                names.push(entry.file_name());
            }
        }
        Ok(names)
    }

    fn keep_permissions(&self, path: &Path, handle: &File) -> io::Result<()> {
        match fs::metadata(path) {
            Ok(metadata) => handle.set_permissions(metadata.permissions()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Handle for File {
    fn write(&self, data: &[u8]) -> io::Result<usize> {
        // Of `&File`, so that it needs no exclusive access.
        Write::write(&mut &*self, data)
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.read_at(into, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::os::unix::fs::PermissionsExt;

    fn scratch() -> (tempfile::TempDir, SystemStorage) {
        (tempfile::tempdir().expect("a temporary directory"), SystemStorage::default())
    }

    #[test]
    fn what_was_appended_is_read_back_from_any_offset() {
        let (directory, disk) = scratch();
        let path = directory.path().join("log");
        let file = disk.open(&path).unwrap();
        assert_eq!(file.append(b"hello ").unwrap(), 0);
        assert_eq!(file.append(b"world").unwrap(), 6);
        file.sync().unwrap();
        assert_eq!(file.length().unwrap(), 11);
        let mut into = [0; 8];
        assert_eq!(disk.open_existing(&path).unwrap().read_at(4, &mut into).unwrap(), 7);
        assert_eq!(&into[..7], b"o world");
        assert_eq!(file.read_at(11, &mut into).unwrap(), 0);
    }

    #[test]
    fn after_a_truncate_appending_goes_on_at_the_new_end() {
        let (directory, disk) = scratch();
        let file = disk.open(&directory.path().join("log")).unwrap();
        file.append(b"0123456789").unwrap();
        file.truncate(4).unwrap();
        assert_eq!(file.append(b"x").unwrap(), 4);
        assert_eq!(fs::read(directory.path().join("log")).unwrap(), b"0123x");
    }

    #[test]
    fn a_missing_file_is_not_found() {
        let (directory, disk) = scratch();
        let path = directory.path().join("none");
        assert_eq!(disk.open_existing(&path).err().map(|error| error.kind()), Some(ErrorKind::NotFound));
        assert_eq!(disk.remove(&path).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(disk.rename(&path, &path).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_file_opened_for_reading_refuses_to_be_written() {
        let (directory, disk) = scratch();
        let path = directory.path().join("file");
        disk.replace(&path, b"content").unwrap();
        let file = disk.open_existing(&path).unwrap();
        assert!(file.append(b"more").is_err());
        assert_eq!(file.length().unwrap(), 7);
    }

    #[test]
    fn replace_keeps_the_permissions_and_leaves_nothing_beside() {
        let (directory, disk) = scratch();
        let path = directory.path().join("secret");
        disk.replace(&path, b"old and longer").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        disk.replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_replace_that_fails_leaves_the_old_file_and_nothing_beside() {
        let (directory, disk) = scratch();
        let path = directory.path().join("directory");
        disk.create_directory(&path.join("with/content")).unwrap();
        assert!(disk.replace(&path, b"a file can't replace a directory").is_err());
        assert!(path.join("with/content").is_dir());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_crash_left_beside_a_file_is_not_listed_and_is_overwritten() {
        let (directory, disk) = scratch();
        fs::write(directory.path().join(".name.replacement"), b"half, and much longer than what comes")
            .unwrap();
        assert!(disk.list(directory.path()).unwrap().is_empty());
        disk.replace(&directory.path().join("name"), b"whole").unwrap();
        assert_eq!(fs::read(directory.path().join("name")).unwrap(), b"whole");
        assert_eq!(disk.list(directory.path()).unwrap(), [Path::new("name")]);
    }

    #[test]
    fn replacing_one_path_from_many_threads_never_mixes() {
        let (directory, disk) = scratch();
        let path = directory.path().join("file");
        std::thread::scope(|scope| {
            for letter in b'a'..b'i' {
                let (disk, path) = (&disk, &path);
                scope.spawn(move || disk.replace(path, &vec![letter; 100_000]).unwrap());
            }
        });
        let content = fs::read(&path).unwrap();
        assert_eq!(content.len(), 100_000);
        assert!(content.iter().all(|&byte| byte == content[0]));
    }

    #[test]
    fn directories_are_created_with_those_above_and_listed_without_those_below() {
        let (directory, disk) = scratch();
        let deep = directory.path().join("a/b/c");
        disk.create_directory(&deep).unwrap();
        disk.create_directory(&deep).unwrap();
        disk.replace(&directory.path().join("a/z"), b"").unwrap();
        disk.replace(&directory.path().join("a/y"), b"").unwrap();
        assert_eq!(disk.list(&directory.path().join("a")).unwrap(), [Path::new("y"), Path::new("z")]);
        disk.rename(&directory.path().join("a/z"), &deep.join("z")).unwrap();
        assert_eq!(disk.list(&deep).unwrap(), [Path::new("z")]);
    }

    #[test]
    fn a_path_that_names_no_file_is_refused() {
        assert_eq!(
            SystemStorage::default().replace(Path::new("/"), b"").unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }
}
