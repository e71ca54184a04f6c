//! The file with the process's number in it.
//!
//! The one rule: whoever holds the lock on the file is alive. The number in it proves nothing, since
//! the system gives numbers to new processes again; a lock ends with its process, however that ends.
#![expect(clippy::disallowed_methods, reason = "claimed before the reactor runs, given up after it")]

use crate::failed::Failed;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A pid file of ours; dropped, it is removed.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    /// Holds the lock.
    _file: File,
}

impl PidFile {
    /// Write this process's number to the file at `path`, unless a process that lives has it.
    pub(crate) fn claim(path: &Path) -> Result<Self, Failed> {
        let shown = path.display();
        let failed = |error| Failed::doing(format_args!("can't write the pid file {shown}"), error);
        let mut file = loop {
            let file = open(path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, path) => break file,
                // Its owner removed it after we had opened it, before we had locked it.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(Failed::Work(taken(path))),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        };
        let number = std::process::id();
        file.set_len(0).and_then(|()| writeln!(file, "{number}")).map_err(failed)?;
        Ok(Self { path: path.to_owned(), _file: file })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Removed before the lock is given up: nobody can have claimed it in between.
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the pid file stays behind");
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o644).open(path)
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

fn taken(path: &Path) -> String {
    let number = fs::read_to_string(path).unwrap_or_default();
    let path = path.display();
    format!("process {} runs with the pid file {path}; stop it, or name another file", number.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_left_by_a_process_that_is_gone_is_taken_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        fs::write(&path, "1 and more than our number is long\n").unwrap();
        let pidfile = PidFile::claim(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        drop(pidfile);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_held_is_refused_and_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        let _held = PidFile::claim(&path).unwrap();
        let Err(Failed::Work(text)) = PidFile::claim(&path) else { panic!("claimed twice") };
        assert!(text.starts_with(&format!("process {} runs with", std::process::id())), "{text}");
        assert!(path.exists());
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let Err(Failed::Work(text)) = PidFile::claim(Path::new("/nowhere/at/all.pid")) else {
            panic!("claimed")
        };
        assert!(text.contains("/nowhere/at/all.pid"), "{text}");
    }
}
