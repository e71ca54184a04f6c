//! The command line, taken as redis-server takes it: the first argument may be a file, `-` is standard
//! input, and everything else is put together into lines that stand behind those of the file. The one rule:
//! no argument is refused here; the lines are read as any others, and refused there.
//!
//! ```text
//! redis.conf --port 7777 --save "" --bind 127.0.0.1 ::1 -
//!     ▲         ╰── port "7777"                         ▲
//!     the file      save ""                             standard input too
//!                   bind "127.0.0.1" "::1"
//! ```

use super::rule::quoted;
use ropewalk_protocols::resp::split_words;

/// What the command line says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// The file to read.
    pub(crate) file: Option<Vec<u8>>,
    /// Whether to read standard input behind it.
    pub(crate) standard_input: bool,
    /// The lines to read behind both; none if there are no arguments.
    pub(crate) options: Option<Vec<u8>>,
}

impl Arguments {
    /// Read the arguments behind the command's own name.
    pub(crate) fn read(arguments: &[Vec<u8>]) -> Self {
        let mut read = Self::default();
        if arguments.is_empty() {
            return read;
        }
        let mut rest = arguments;
        if let [first, others @ ..] = arguments
            && !first.starts_with(b"-")
        {
            read.file = Some(first.clone());
            rest = others;
        }
        read.options = Some(read.lines(rest, read.file.is_none()));
        read
    }

    /// Put the arguments behind the file together into lines.
    fn lines(&mut self, arguments: &[Vec<u8>], from_the_first: bool) -> Vec<u8> {
        let mut lines = Vec::new();
        // A name takes the next argument as its value whatever it looks like.
        let mut wants_value = false;
        for (index, argument) in arguments.iter().enumerate() {
            let next = arguments.get(index + 1);
            let at_an_end = next.is_none() || (index == 0 && from_the_first);
            if argument == b"-" && at_an_end {
                self.standard_input = true;
            } else if let Some(name) = argument.strip_prefix(b"--").filter(|_| !wants_value) {
                if !lines.is_empty() {
                    lines.push(b'\n');
                }
                lines.extend_from_slice(name);
                lines.push(b' ');
                let is_bare = split_words(argument).is_some_and(|words| words.len() == 1);
                wants_value = is_bare && !stands_alone(argument, next, &mut lines);
            } else {
                lines.extend(quoted(argument));
                lines.push(b' ');
                wants_value = false;
            }
        }
        lines
    }
}

/// `--save` may lack its value before another name, or at the end: it is empty then. `--sentinel` never has one.
fn stands_alone(name: &[u8], next: Option<&Vec<u8>>, lines: &mut Vec<u8>) -> bool {
    if !next.is_none_or(|next| next.starts_with(b"--")) {
        return false;
    }
    let is_save = name.eq_ignore_ascii_case(b"--save");
    if is_save {
        lines.extend_from_slice(b"\"\"");
    }
    is_save || name.eq_ignore_ascii_case(b"--sentinel")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    fn lines(arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<Vec<u8>> = arguments.iter().map(|text| text.as_bytes().to_vec()).collect();
        let options = Arguments::read(&arguments).options.unwrap();
        let lines = String::from_utf8(options).unwrap();
        lines.lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn names_and_values_become_lines() {
        for (arguments, expected) in [
            (&["--port", "7777", "--slaveof", "a", "1"][..], &["port \"7777\"", "slaveof \"a\" \"1\""][..]),
            (&["--maxmemory 1gb", "--save", ""], &["maxmemory 1gb", "save \"\""]),
            (&["--save", "--port", "1"], &["save \"\"", "port \"1\""]),
            (&["--port", "1", "--save"], &["port \"1\"", "save \"\""]),
            (&["--port", "--bla", "--loglevel", "x"], &["port \"--bla\"", "loglevel \"x\""]),
            (&["--port", "--loglevel", "x"], &["port \"--loglevel\" \"x\""]),
            (&["--port"], &["port"]),
            (&["f", "loglevel", "x", "--maxmemory '1'"], &["\"loglevel\" \"x\"", "maxmemory '1'"]),
            (
                &["--proc-title-template", "--save", "--save", "", "--a", "b"],
                &["proc-title-template \"--save\"", "save \"\"", "a \"b\""],
            ),
        ] {
            assert_eq!(lines(arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn a_dash_is_standard_input_at_either_end() {
        let read = |arguments: &[&str]| {
            let arguments: Vec<Vec<u8>> = arguments.iter().map(|text| text.as_bytes().to_vec()).collect();
            let Arguments { file, standard_input, .. } = Arguments::read(&arguments);
            (file.map(|file| String::from_utf8(file).unwrap()), standard_input)
        };
        assert_eq!(read(&[]), (None, false));
        assert_eq!(read(&["-"]), (None, true));
        assert_eq!(read(&["-", "--port", "1"]), (None, true));
        assert_eq!(read(&["f", "--port", "1", "-"]), (Some("f".to_owned()), true));
        assert_eq!(read(&["f", "--port", "-", "--a", "b"]), (Some("f".to_owned()), false));
    }
}
