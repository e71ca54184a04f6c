//! redis.conf: lines, each a directive and its arguments, read from the first to the last. The one rule:
//! the first line that is wrong ends it, and is shown with where it stands.
//!
//! ```text
//! # a comment                           include conf.d/*.conf      those lines, here
//! maxmemory 100mb                       rename-command KEYS ""     collected, for the registry
//! requirepass "a \x00 b"                user ann on >pw +@all ~*   collected, for the users
//! ```

use super::directive::Effect;
use super::rule::{Refusal, Source};
use super::{Arguments, Config, Status, find};
use crate::acl::Acl;
use crate::acl::catalog::Catalog;
use crate::command::registry::Registry;
use crate::host::Host;
use ropewalk_protocols::resp::split_words;
use std::fmt;
use std::io;
use std::rc::Rc;

/// How deep files may include each other.
const INCLUDE_DEPTH_MAX: usize = 64;

/// The version of Redis that this server answers as.
const REDIS_VERSION: &str = "7.0.15";

/// All that the configuration says.
#[derive(Debug, Default)]
pub(crate) struct Start {
    /// The directives.
    pub(crate) config: Config,
    /// Commands that go by another name, or by none if that is empty.
    pub(crate) renames: Vec<(String, String)>,
    /// Users: the name, and their rules.
    pub(crate) users: Vec<Vec<Vec<u8>>>,
    /// The absolute path of the file that CONFIG REWRITE writes to.
    pub(crate) file: Option<Vec<u8>>,
}

/// Why the configuration can't be read.
#[derive(Debug)]
pub enum FileError {
    /// A line is wrong.
    Line {
        /// The file it stands in, if it stands in one.
        file: Option<Vec<u8>>,
        /// Which line it is, the first being 1. What follows the file is counted on.
        number: usize,
        /// The line.
        line: Vec<u8>,
        /// What is wrong.
        why: String,
    },
    /// A file can't be read.
    Unreadable {
        /// Its path.
        path: Vec<u8>,
        /// What the system says.
        error: io::Error,
    },
    /// All lines are good, but not together.
    Whole(String),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = format_args!("\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***\n");
        match self {
            Self::Line { file, number, line, why } => {
                write!(f, "{title}Reading the configuration file, at line {number}")?;
                if let Some(file) = file {
                    write!(f, " of '{}'", String::from_utf8_lossy(file))?;
                }
                write!(f, "\n>>> '{}'\n{why}", String::from_utf8_lossy(line))
            }
            Self::Unreadable { path, error } => {
                let path = String::from_utf8_lossy(path);
                write!(f, "Fatal error, can't open config file '{path}': {}", system_text(error))
            }
            Self::Whole(why) => write!(f, "{title}{why}"),
        }
    }
}

impl std::error::Error for FileError {}

/// What C's `strerror` says of an error.
pub(crate) fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}

impl Start {
    /// Read what the command line says, and the files that it names.
    ///
    /// # Errors
    /// If a file can't be read, or a line is wrong.
    pub(crate) fn read(arguments: &[Vec<u8>], files: &mut dyn Host) -> Result<Self, FileError> {
        let Arguments { file, standard_input, options } = Arguments::read(arguments);
        let mut text = Vec::new();
        if let Some(path) = &file {
            text = whole(files, path)?;
        }
        let file_lines = lines(&text).count();
        let unreadable = |path: &str, error| FileError::Unreadable { path: path.into(), error };
        if standard_input {
            text.extend(files.standard_input().map_err(|error| unreadable("-", error))?);
        }
        if let Some(options) = options {
            text.push(b'\n');
            text.extend(options);
        }
        let mut start = Self::default();
        if let Some(path) = &file {
            let directory = files.directory().map_err(|error| unreadable(".", error))?;
            start.file = Some(absolute(&directory, path));
        }
        let mut reader = Reader { files, start, registry: Registry::new(), acl: None };
        reader.text(&text, Origin { file: file.as_deref(), lines: file_lines }, 0)?;
        let mut start = reader.start;
        start.config.settle();
        start.config.dir = files.directory().unwrap_or_default();
        Ok(start)
    }
}

/// A path that does not depend on where one is.
fn absolute(directory: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") { path.to_vec() } else { [directory, b"/", path].concat() }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
}

fn whole(files: &mut dyn Host, path: &[u8]) -> Result<Vec<u8>, FileError> {
    files.read(path).map_err(|error| FileError::Unreadable { path: path.to_vec(), error })
}

/// Where a text comes from: its first lines from a file, what follows from elsewhere.
#[derive(Clone, Copy)]
struct Origin<'a> {
    file: Option<&'a [u8]>,
    lines: usize,
}

/// Why a line can't be.
enum Trouble {
    /// It is wrong itself.
    Here(Refusal),
    /// A line of a file that it includes is.
    There(FileError),
}

impl<T: Into<Refusal>> From<T> for Trouble {
    fn from(why: T) -> Self {
        Self::Here(why.into())
    }
}

struct Reader<'f> {
    files: &'f mut dyn Host,
    start: Start,
    /// The commands, to find out which names can be given.
    registry: Registry,
    /// Made when there is the first user, to find out which rules can be.
    acl: Option<Acl>,
}

impl Reader<'_> {
    fn text(&mut self, text: &[u8], origin: Origin<'_>, depth: usize) -> Result<(), FileError> {
        for (index, line) in lines(text).enumerate() {
            let line = line.trim_ascii();
            let file = origin.file.filter(|_| index < origin.lines);
            self.line(line, depth).map_err(|trouble| match trouble {
                Trouble::There(error) => error,
                Trouble::Here(why) => FileError::Line {
                    file: file.map(<[u8]>::to_vec),
                    number: index.saturating_add(1),
                    line: line.to_vec(),
                    why: why.into_owned(),
                },
            })?;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8], depth: usize) -> Result<(), Trouble> {
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(());
        }
        let words = split_words(line).ok_or("Unbalanced quotes in configuration line")?;
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let Some((name, values)) = words.split_first() else { return Ok(()) };
        if let Some((directive, _)) = find(name) {
            return self.assign(directive, values);
        }
        match (name.to_ascii_lowercase().as_slice(), values) {
            (b"include", [path]) => self.include(path, depth),
            (b"rename-command", [from, to]) => self.rename(from, to),
            (b"user", [name, rules @ ..]) => self.user(name, rules),
            (b"list-max-ziplist-entries" | b"list-max-ziplist-value" | b"lua-replicate-commands", [_]) => {
                Ok(())
            }
            (b"loadmodule", [_, ..]) => {
                Err("loadmodule is not supported yet: this server has no modules".into())
            }
            (b"sentinel", []) => Err("sentinel mode is not supported yet".into()),
            (b"sentinel", _) => Err("sentinel directive while not in sentinel mode".into()),
            (name, []) if name.contains(&b'.') => Err("Module config specified without value".into()),
            _ => Err("Bad directive or wrong number of arguments".into()),
        }
    }

    fn assign(&mut self, directive: &'static super::Directive, values: &[&[u8]]) -> Result<(), Trouble> {
        let config = &mut self.start.config;
        let split = match values {
            // One argument with blanks, as `--bind "127.0.0.1 ::1"` makes it.
            [value] if directive.many && !value.is_empty() => Some(split_words(value)),
            _ => None,
        };
        match split {
            Some(Some(words)) => {
                let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                directive.assign(config, &words, Source::File)?;
            }
            Some(None) => return Err("Unbalanced quotes in configuration line".into()),
            None => {
                directive.assign(config, values, Source::File)?;
            }
        }
        if directive.traits.effect == Some(Effect::Directory) {
            let directory = self.start.config.dir.clone();
            self.files.enter(&directory).map_err(|error| system_text(&error))?;
        }
        if let Status::Idle(what) = directive.traits.status
            && (directive.show)(&self.start.config) != (directive.show)(&Config::default())
        {
            tracing::warn!("{} has no effect: this server has no {what}", directive.name);
        }
        Ok(())
    }

    /// Read other files here. A pattern may match none; a path has to be of a file.
    fn include(&mut self, path: &[u8], depth: usize) -> Result<(), Trouble> {
        if depth >= INCLUDE_DEPTH_MAX {
            return Err("Too many files include each other".into());
        }
        let is_pattern = path.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['));
        let paths = if is_pattern { self.files.glob(path) } else { vec![path.to_vec()] };
        for path in paths {
            let text = whole(self.files, &path).map_err(Trouble::There)?;
            let origin = Origin { file: Some(&path), lines: usize::MAX };
            self.text(&text, origin, depth.saturating_add(1)).map_err(Trouble::There)?;
        }
        Ok(())
    }

    fn user(&mut self, name: &[u8], rules: &[&[u8]]) -> Result<(), Trouble> {
        let wrong = |word: &[u8], why: &str| -> Trouble {
            format!("Error in user declaration '{}': {why}", String::from_utf8_lossy(word)).into()
        };
        if self.start.users.iter().any(|user| user.first().is_some_and(|known| known == name)) {
            return Err(wrong(name, "Duplicate user found. A user can only be defined once in config files"));
        }
        let registry = &self.registry;
        let acl = self.acl.get_or_insert_with(|| Acl::new(Rc::new(Catalog::of_all(registry))));
        acl.check_rules(rules).map_err(|(rule, why)| wrong(&rule, &why.to_string()))?;
        let words = std::iter::once(&name).chain(rules);
        self.start.users.push(words.map(|word| word.to_vec()).collect());
        Ok(())
    }

    fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), Trouble> {
        let [from, to] = [from, to].map(|name| String::from_utf8_lossy(name).into_owned());
        self.registry.rename(&from, &to)?;
        self.start.renames.push((from, to));
        Ok(())
    }
}
