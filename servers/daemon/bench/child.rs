//! Child processes that speak in lines, and never outlive what started them.
//!
//! The one rule: a child is killed, by its own process id, and reaped when its [`Child`] is dropped,
//! whichever way that comes about: the end, an error, or SIGINT and SIGTERM, which [`Watch`] turns
//! into an error that unwinds.
#![expect(clippy::disallowed_methods, reason = "waits for other processes: there is no reactor here")]

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How much of what a child writes to its standard error is kept, and of one line of its output.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// How much of it is shown.
const QUOTED_CHARS_MAX: usize = 200;

/// Why a child did not say what was waited for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Silence {
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// It ended; `words` is what it wrote to its standard error.
    #[error("{name} ended early: {words}")]
    Ended { name: String, words: String },
    /// It runs and says nothing.
    #[error("{name} said nothing for {seconds} seconds: {words}")]
    Late { name: String, seconds: u64, words: String },
    /// The system refused.
    #[error("cannot run {name}: {source}")]
    System { name: String, source: io::Error },
}

/// A process of ours, with pipes for what it says.
pub(crate) struct Child {
    name: String,
    process: std::process::Child,
    stdout: Pipe<ChildStdout>,
    stderr: Pipe<ChildStderr>,
}

/// One end of a pipe, and what came through it and was not taken yet.
struct Pipe<Stream> {
    stream: Stream,
    pending: Vec<u8>,
    ended: bool,
}

impl<Stream: Read> Pipe<Stream> {
    fn new(stream: Stream) -> Self {
        Self { stream, pending: Vec::new(), ended: false }
    }

    /// Reads once what poll said is there; forgets the oldest beyond the bound.
    fn fill(&mut self) {
        let mut piece = [0; 4096];
        match self.stream.read(&mut piece) {
            Ok(0) => self.ended = true,
            Ok(length) => self.pending.extend_from_slice(&piece[..length]),
            Err(error) => self.ended = error.kind() != io::ErrorKind::Interrupted,
        }
        let excess = self.pending.len().saturating_sub(KEPT_BYTES_MAX);
        self.pending.drain(..excess);
    }

    fn take_line(&mut self) -> Option<String> {
        let end = self.pending.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.pending.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line[..end]).into_owned())
    }
}

impl Child {
    /// Starts `command` in a process group of its own: a Ctrl-C at the terminal reaches this process
    /// only, which then ends its children in order. `name` is for messages.
    pub(crate) fn start(mut command: Command, name: &str) -> Result<Self, Silence> {
        let spawned = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        let mut process = spawned.map_err(|source| Silence::System { name: name.to_owned(), source })?;
        let stdout = Pipe::new(process.stdout.take().expect("standard output was asked to be a pipe"));
        let stderr = Pipe::new(process.stderr.take().expect("standard error was asked to be a pipe"));
        Ok(Self { name: name.to_owned(), process, stdout, stderr })
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it wrote to its standard error, on one line that fits a table.
    fn words(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr.pending);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match words.char_indices().nth(QUOTED_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &words[..end]),
            None if words.is_empty() => "it wrote no error".to_owned(),
            None => words,
        }
    }

    /// Both pipes ended, which is when nothing more can be said.
    fn ended(&self) -> bool {
        self.stdout.ended && self.stderr.ended
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail only when the process is gone already, and then there is nothing left to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits for children's lines, and notices SIGINT and SIGTERM while it waits.
pub(crate) struct Watch {
    signals: UnixStream,
    interrupted: bool,
}

impl Watch {
    /// From now on SIGINT and SIGTERM do not end this process: [`Watch::line`] returns
    /// [`Silence::Interrupted`].
    pub(crate) fn new() -> io::Result<Self> {
        let (signals, sender) = UnixStream::pair()?;
        signal_hook::low_level::pipe::register(signal_hook::consts::SIGINT, sender.try_clone()?)?;
        signal_hook::low_level::pipe::register(signal_hook::consts::SIGTERM, sender)?;
        Ok(Self { signals, interrupted: false })
    }

    /// The next line that `speaker` writes to its standard output, without the line's end. What it
    /// and `bystander` write to their standard errors meanwhile is taken in, so that neither blocks.
    pub(crate) fn line(
        &mut self,
        speaker: &mut Child,
        mut bystander: Option<&mut Child>,
        patience: Duration,
    ) -> Result<String, Silence> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(line) = speaker.stdout.take_line() {
                return Ok(line);
            }
            if speaker.ended() {
                return Err(Silence::Ended { name: speaker.name.clone(), words: speaker.words() });
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let (name, words) = (speaker.name.clone(), speaker.words());
                return Err(Silence::Late { name, seconds: patience.as_secs(), words });
            }
            self.take_in(speaker, bystander.as_deref_mut(), left);
            if self.interrupted {
                return Err(Silence::Interrupted);
            }
        }
    }

    /// Waits until a pipe or a signal has news, for `left` at most, and takes them in.
    fn take_in(&mut self, speaker: &mut Child, bystander: Option<&mut Child>, left: Duration) {
        let mut pipes: Vec<End<'_>> = vec![End::Out(&mut speaker.stdout), End::Err(&mut speaker.stderr)];
        pipes.extend(bystander.map(|other| End::Err(&mut other.stderr)));
        pipes.retain(End::is_open);

        let timeout = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        let mut polled = vec![PollFd::new(&self.signals, PollFlags::IN)];
        polled.extend(pipes.iter().map(|pipe| PollFd::from_borrowed_fd(pipe.descriptor(), PollFlags::IN)));
        // EINTR: the signal's byte is in the stream, or the next turn finds it there.
        let _ = poll(&mut polled, Some(&timeout));
        let news: Vec<bool> = polled.iter().map(|polled| !polled.revents().is_empty()).collect();

        self.interrupted |= news[0];
        for (pipe, has_news) in pipes.iter_mut().zip(&news[1..]) {
            if *has_news {
                pipe.fill();
            }
        }
    }
}

/// A pipe of either kind.
enum End<'child> {
    Out(&'child mut Pipe<ChildStdout>),
    Err(&'child mut Pipe<ChildStderr>),
}

impl End<'_> {
    fn is_open(&self) -> bool {
        match self {
            Self::Out(pipe) => !pipe.ended,
            Self::Err(pipe) => !pipe.ended,
        }
    }

    fn descriptor(&self) -> std::os::fd::BorrowedFd<'_> {
        match self {
            Self::Out(pipe) => pipe.stream.as_fd(),
            Self::Err(pipe) => pipe.stream.as_fd(),
        }
    }

    fn fill(&mut self) {
        match self {
            Self::Out(pipe) => pipe.fill(),
            Self::Err(pipe) => pipe.fill(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Child {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Child::start(command, "a script").unwrap()
    }

    fn is_alive(pid: u32) -> bool {
        let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
        rustix::process::test_kill_process(pid).is_ok()
    }

    #[test]
    fn lines_come_one_by_one_however_they_were_written() {
        let mut child = shell("printf 'one\\ntwo\\nth'; printf 'ree\\n'; exec sleep 30");
        let mut watch = Watch::new().unwrap();
        for expected in ["one", "two", "three"] {
            assert_eq!(watch.line(&mut child, None, PATIENCE).unwrap(), expected);
        }
    }

    #[test]
    fn a_child_that_ends_is_reported_with_its_own_words() {
        let mut child = shell("echo 'no such backend' >&2; exit 2");
        let error = Watch::new().unwrap().line(&mut child, None, PATIENCE).unwrap_err();
        assert_eq!(error.to_string(), "a script ended early: no such backend");
    }

    #[test]
    fn a_child_with_too_many_words_is_cut_short() {
        let mut child = shell("head -c 5000 /dev/zero | tr '\\0' 'w' >&2");
        let error = Watch::new().unwrap().line(&mut child, None, PATIENCE).unwrap_err();
        let expected = format!("a script ended early: {}…", "w".repeat(QUOTED_CHARS_MAX));
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_silent_child_is_given_up() {
        let mut child = shell("exec sleep 30");
        let error = Watch::new().unwrap().line(&mut child, None, Duration::from_millis(20)).unwrap_err();
        assert!(matches!(error, Silence::Late { .. }), "{error}");
    }

    #[test]
    fn a_bystander_s_full_error_pipe_is_emptied() {
        let mut watch = Watch::new().unwrap();
        let mut speaker = shell("trap 'echo seen; exit' USR1; echo ready; while true; do sleep 0.05; done");
        assert_eq!(watch.line(&mut speaker, None, PATIENCE).unwrap(), "ready");
        // The signal comes only after 300,000 bytes went through a pipe that holds 65,536.
        let script = format!("head -c 300000 /dev/zero >&2; kill -USR1 {}; exec sleep 30", speaker.id());
        let mut chatty = shell(&script);
        assert_eq!(watch.line(&mut speaker, Some(&mut chatty), PATIENCE).unwrap(), "seen");
        assert!(chatty.stderr.pending.len() <= KEPT_BYTES_MAX);
    }

    #[test]
    fn a_dropped_child_is_gone_and_reaped() {
        let child = shell("exec sleep 30");
        let pid = child.id();
        assert!(is_alive(pid));
        drop(child);
        assert!(!is_alive(pid), "process {pid} is still there");
    }

    #[test]
    fn a_signal_ends_the_waiting() {
        let (signals, mut handler) = UnixStream::pair().unwrap();
        let mut watch = Watch { signals, interrupted: false };
        let mut child = shell("exec sleep 30");
        handler.write_all(&[0]).unwrap();
        let error = watch.line(&mut child, None, PATIENCE).unwrap_err();
        assert!(matches!(error, Silence::Interrupted), "{error}");
    }
}
