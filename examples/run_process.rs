//! Between our own standard streams and a program's: it runs as if we were not there.
//!
//! ```sh
//! printf 'b\na\nc\n' | cargo run --example run_process -- sort -r
//! ```

use ropewalk_reactor::prelude::*;
use ropewalk_reactor::process::Program;
use ropewalk_reactor::{Resolver, Result};
use std::process::{ExitCode, ExitStatus};

/// Says that the connection is there, and reads nothing until somebody else takes over.
struct Waiting(Option<Resolver<Transport>>);

impl Protocol for Waiting {
    fn connection_made(&mut self, transport: &Transport) {
        transport.pause_reading();
        if let Some(made) = self.0.take() {
            made.resolve(Ok(transport.clone()));
        }
    }

    fn data_received(&mut self, _: &Transport, _: &mut BytesMut) {}
}

/// One direction: what comes here goes to the other side, as fast as that takes it.
struct Pipe {
    to: Transport,
}

impl Protocol for Pipe {
    fn connection_made(&mut self, from: &Transport) {
        self.to.register_producer(from);
        from.resume_reading();
    }

    fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
        self.to.write_bytes(input.split().freeze());
    }

    fn eof_received(&mut self, _: &Transport) -> Eof {
        self.to.half_close();
        Eof::KeepOpen
    }
}

async fn stand_between(reactor: Reactor, program: Program) -> Result<ExitStatus> {
    let (made, there) = reactor.deferred();
    let process = reactor.spawn_process(program, Waiting(Some(made)))?;
    let (made, here) = reactor.deferred();
    let written = reactor.standard_streams(Waiting(Some(made)))?;
    let (here, there) = (here.await?, there.await?);
    here.set_protocol(Pipe { to: there.clone() });
    there.set_protocol(Pipe { to: here.clone() });
    // All that it has said has come, then has been sent on, then has been written.
    there.closed().await?;
    here.close();
    written.await?;
    process.exited().await
}

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("usage: run_process PROGRAM [ARGUMENT …]");
        return Ok(ExitCode::from(2));
    };
    let reactor = Reactor::new()?;
    match reactor.block_on(stand_between(reactor.clone(), Program::new(program).args(arguments))) {
        Ok(status) => Ok(status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .map_or(ExitCode::FAILURE, ExitCode::from)),
        Err(failure) => {
            eprintln!("{failure}");
            Ok(ExitCode::from(127))
        }
    }
}
