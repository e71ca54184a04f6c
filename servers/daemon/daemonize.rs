//! Going into the background, with errors still shown to whoever asked for it.
//!
//! ```text
//! the command ──fork──▶ the daemon: setsid, then opens everything, its errors on the same terminal
//!   │ waits for a byte      │
//!   ◀───────────────────────┤ ready: terminal let go, a byte
//!   exits with 0            serves
//! ```
//!
//! The one rule: the command's exit code is the truth. Without the byte it waits for the daemon's
//! end and returns what that returned.
//!
//! One fork, as daemon(3) does. A second one would keep the daemon from ever getting a terminal
//! again, which it could only by opening one, and it opens none.

use crate::failed::Failed;
use crate::sys::{self, Fork};
use rustix::fs::FileType;
use rustix::process::{Pid, WaitOptions, setsid, waitpid};
use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};

/// The command that started this daemon, and waits for it.
#[derive(Debug)]
pub(crate) struct WaitingCommand(PipeWriter);

/// Fork. This returns in the daemon only: the process that calls it waits for the daemon to be
/// ready, and exits.
pub(crate) fn fork() -> Result<WaitingCommand, Failed> {
    let failed = |error: io::Error| Failed::doing("can't go into the background", error);
    let (reader, writer) = io::pipe().map_err(failed)?;
    match sys::fork().map_err(failed)? {
        Fork::Parent(daemon) => {
            drop(writer);
            std::process::exit(wait_for(daemon, reader))
        }
        Fork::Child => {
            // A new session has no terminal whose signals could reach us.
            setsid().map_err(|error| failed(error.into()))?;
            Ok(WaitingCommand(writer))
        }
    }
}

/// Wait until the daemon is ready, or has ended: the command's exit code.
fn wait_for(daemon: Pid, mut ready: PipeReader) -> i32 {
    if matches!(ready.read(&mut [0]), Ok(1)) {
        return 0;
    }
    let status = waitpid(Some(daemon), WaitOptions::empty()).ok().flatten();
    status.and_then(|(_, status)| status.exit_status()).filter(|code| *code != 0).unwrap_or(1)
}

impl WaitingCommand {
    /// Everything is ready: let go of the terminal, and let the command return.
    ///
    /// # Errors
    /// If there is no /dev/null.
    pub(crate) fn release(mut self) -> io::Result<()> {
        detach()?;
        // If the command is gone, somebody has killed it, and nobody waits.
        let _ = self.0.write_all(b"\n");
        Ok(())
    }
}

/// Standard input and output become /dev/null; standard error too, unless it is a file.
fn detach() -> io::Result<()> {
    let null: File = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    let status = rustix::fs::fstat(io::stderr())?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        rustix::stdio::dup2_stderr(&null)?;
    }
    Ok(())
}
