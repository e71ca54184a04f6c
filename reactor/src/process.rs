//! Processes: children as connections, and this process's own standard streams as one.
//!
//! A child's standard input and output are one end of a local socket pair and the transport is the
//! other, so a child is a connection whose peer is a program: `half_close` ends its input, its exit
//! ends ours. A thread per child waits for its exit; so every child is reaped at once, whatever
//! becomes of the handle, and no signal handler is needed.
//!
//! One rule: a child's number is signalled only while the child has not been reaped, because after
//! that it may be another's.

mod standard;

use crate::address::Address;
use crate::deferred::{Deferred, Resolver};
use crate::engine::{Adopted, Close, Token};
use crate::failure::Result;
use crate::policy::{Policy, Under};
use crate::protocol::Protocol;
use crate::reactor::Reactor;
use crate::shared::{Attachment, Effect, Shared};
use crate::transport::Transport;
use rustix::io::retry_on_intr;
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, waitid};
use std::cell::RefCell;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::{Rc, Weak};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use rustix::process::Signal;

/// The stack of a thread that only waits for a child, or carries bytes.
const STACK_BYTES: usize = 128 * 1024;

/// What to run, and where its standard error goes.
///
/// ```
/// # use ropewalk_reactor::process::Program;
/// let sorted = Program::new("sort").args(["-n", "-u"]).env("LC_ALL", "C").stderr_to_null();
/// ```
///
/// What is not offered here, a [`Command`] has: `Program::from(command)`. Its standard input and
/// output are replaced.
pub struct Program {
    command: Command,
    errors: Errors,
}

enum Errors {
    /// Where the command says; unless told, where ours goes.
    AsItIs,
    Null,
    To(Box<dyn Protocol>),
}

impl Program {
    /// The program of this name, looked for in `PATH`, or at this path.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Command::new(program).into()
    }

    /// One more argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// More arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// A variable of its environment, which otherwise is ours.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Where it runs.
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// What it writes to its standard error is lost. Otherwise it goes where ours goes.
    pub fn stderr_to_null(mut self) -> Self {
        self.errors = Errors::Null;
        self
    }

    /// What it writes to its standard error is a connection of its own, which can't be written to.
    pub fn stderr_to(mut self, protocol: impl Protocol + 'static) -> Self {
        self.errors = Errors::To(Box::new(protocol));
        self
    }
}

impl From<Command> for Program {
    fn from(command: Command) -> Self {
        Self { command, errors: Errors::AsItIs }
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.command.fmt(f)
    }
}

/// A child process. Dropping the handle does nothing to it.
pub struct Process {
    child: Arc<Reaped>,
    exit: Rc<Exit>,
    home: Weak<Shared>,
}

/// Whether a child was reaped, so that its number is nobody's or somebody else's.
struct Reaped {
    pid: Pid,
    is_reaped: Mutex<bool>,
}

/// How a child ended, and who wants to know.
#[derive(Default)]
struct Exit {
    outcome: RefCell<Option<io::Result<ExitStatus>>>,
    waiting: RefCell<Vec<Resolver<ExitStatus>>>,
}

impl Process {
    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// How it exits; at once if it has already. That says nothing of its output: wait for
    /// [`Protocol::connection_lost`] to have all of it.
    pub fn exited(&self) -> Deferred<ExitStatus> {
        let (resolver, deferred) = crate::deferred::pair(self.home.clone());
        match &*self.exit.outcome.borrow() {
            Some(outcome) => resolver.resolve(copy(outcome)),
            None => self.exit.waiting.borrow_mut().push(resolver),
        }
        deferred
    }

    /// Send it a signal: `process.kill(Signal::TERM)`.
    ///
    /// # Errors
    /// `NotFound` if it has ended, and what kill(2) says.
    pub fn kill(&self, signal: Signal) -> io::Result<()> {
        // The lock keeps it from being reaped meanwhile.
        if *lock(&self.child.is_reaped) {
            let text = format!("process {} has ended", self.id());
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        Ok(kill_process(self.child.pid, signal)?)
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Process({})", self.id())
    }
}

/// An outcome for each who waits for it.
fn copy(outcome: &io::Result<ExitStatus>) -> Result<ExitStatus> {
    match outcome {
        Ok(status) => Ok(*status),
        Err(error) => Err(io::Error::new(error.kind(), error.to_string()).into()),
    }
}

impl Exit {
    fn decide(&self, outcome: io::Result<ExitStatus>) {
        for resolver in self.waiting.take() {
            resolver.resolve(copy(&outcome));
        }
        *self.outcome.borrow_mut() = Some(outcome);
    }
}

impl Reaped {
    /// Wait until the child has ended, and reap it.
    fn reap(&self, mut child: Child) -> io::Result<ExitStatus> {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        // An error here, as when SIGCHLD is ignored, comes again below.
        let _ = retry_on_intr(|| waitid(WaitId::Pid(self.pid), ended));
        let mut is_reaped = lock(&self.is_reaped);
        *is_reaped = true;
        child.wait()
    }
}

impl Reactor {
    /// Run a program: what it writes to its standard output is received, what is sent to it is its
    /// standard input. At the end of its output comes [`Protocol::eof_received`].
    ///
    /// A program that exits without having read all that was sent to it has broken the connection:
    /// its output arrives, and then `connection_lost` says so. A program that stays behind after
    /// closing its output, or one that it has started, keeps the connection up: the stream ends when
    /// the last of them has gone. When the reactor stops, its children's standard input ends; killing
    /// those that stay is up to you.
    ///
    /// A few programs want a pipe and not a socket: whatever opens `/dev/stdin` or `/dev/stdout`
    /// by name fails.
    ///
    /// # Errors
    /// If there is no such program or it can't be run, here and now; the text names it. `Unsupported` in a
    /// simulation.
    pub fn spawn_process(
        &self,
        program: impl Into<Program>,
        protocol: impl Protocol + 'static,
    ) -> io::Result<Process> {
        self.need_a_kernel("child processes")?;
        let Program { mut command, errors } = program.into();
        let (output, theirs) = self.prepare_pair()?;
        command.stdin(OwnedFd::from(theirs.try_clone()?)).stdout(OwnedFd::from(theirs));
        let errors = match errors {
            Errors::AsItIs => None,
            Errors::Null => {
                command.stderr(Stdio::null());
                None
            }
            Errors::To(protocol) => {
                let (errors, theirs) = self.prepare_pair()?;
                command.stderr(OwnedFd::from(theirs));
                Some((errors, protocol))
            }
        };
        let process = self.run_command(&mut command)?;
        output.connect(Box::new(protocol));
        if let Some((errors, protocol)) = errors {
            errors.connect(Box::new(Under::with(Listening, protocol)));
        }
        Ok(process)
    }

    /// Start the child and the thread that waits for it.
    fn run_command(&self, command: &mut Command) -> io::Result<Process> {
        let exit = Rc::new(Exit::default());
        let (hand_over, handed_over) = channel::<(Child, Arc<Reaped>)>();
        // Nothing is handed over if the child can't be started.
        let wait = move || handed_over.recv().ok().map(|(child, reaped)| reaped.reap(child));
        let decided = exit.clone();
        let complete = move |outcome: Option<_>| outcome.map_or((), |outcome| decided.decide(outcome));
        // The thread first: there must be no child that nobody waits for.
        self.on_own_thread("ropewalk-child", wait, complete)?;
        let child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("can't run {}: {error}", command.get_program().display()))
        })?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("the kernel numbers it so");
        let reaped = Arc::new(Reaped { pid, is_reaped: Mutex::new(false) });
        hand_over.send((child, reaped.clone())).expect("the thread waits for this");
        Ok(Process { child: reaped, exit, home: Rc::downgrade(&self.0) })
    }

    /// Do blocking `work` on a thread of its own, which may take for ever, and give its result to
    /// `complete` on the loop.
    fn on_own_thread<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce() -> T + Send + 'static,
        complete: impl FnOnce(T) + 'static,
    ) -> io::Result<()> {
        let outcome: Arc<Mutex<Option<T>>> = Arc::default();
        let slot = outcome.clone();
        let ticket = self.0.completions.insert(Box::new(move || {
            if let Some(result) = lock(&slot).take() {
                complete(result);
            }
        }));
        let mailbox = self.0.mailbox.clone();
        let run = move || {
            let result = work();
            *lock(&outcome) = Some(result);
            mailbox.post(|letters| letters.completed.push(ticket));
        };
        let started = std::thread::Builder::new().name(name.into()).stack_size(STACK_BYTES).spawn(run);
        if started.is_err() {
            drop(self.0.completions.take(ticket));
        }
        started.map(drop)
    }

    /// A socket pair: an end that becomes a connection when [`Prepared::connect`] says so, and the other.
    fn prepare_pair(&self) -> io::Result<(Prepared, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        let token = self.0.engine.borrow_mut().adopt(ours.into(), Adopted::Stream)?;
        Ok((Prepared { home: self.0.clone(), token: Some(token) }, theirs))
    }

    fn need_a_kernel(&self, what: &str) -> io::Result<()> {
        if self.backend() == "sim" {
            let text = format!("a simulation has no {what}");
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        Ok(())
    }
}

/// A descriptor that becomes a connection, or is closed again.
struct Prepared {
    home: Rc<Shared>,
    token: Option<Token>,
}

impl Prepared {
    fn connect(mut self, protocol: Box<dyn Protocol>) {
        let token = self.token.take().expect("it is connected once, here");
        let attachment = Attachment { token, peer: Address::Unix(None), protocol, layer: None, made: None };
        self.home.push(Effect::Attach(Box::new(attachment)));
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            self.home.engine.borrow_mut().close(token, Close::Graceful);
        }
    }
}

/// Nothing can be written here.
struct Listening;

impl Policy for Listening {
    fn attach(&self, transport: &Transport) {
        transport.half_close();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is under these locks is only ever replaced whole, so poison means nothing here.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
