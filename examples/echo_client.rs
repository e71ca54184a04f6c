//! An echo client: sends a greeting, or a file, prints what comes back, and leaves.
//!
//! ```sh
//! cargo run --example echo_client -- tcp:127.0.0.1:12345
//! cargo run --example echo_client -- tcp:127.0.0.1:12345 README.md
//! ```

use ropewalk_reactor::prelude::*;
use std::io::Write;
use std::process::ExitCode;

struct Client {
    text: Bytes,
    heard: usize,
}

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write_bytes(self.text.clone());
        transport.half_close();
    }

    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        self.heard += input.len();
        if std::io::stdout().write_all(&input.split()).is_err() {
            transport.abort();
        }
        if self.heard >= self.text.len() {
            transport.close();
        }
    }

    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        eprintln!("connection lost: {why}");
    }
}

fn main() -> ropewalk_reactor::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().unwrap_or("tcp:127.0.0.1:12345".into());
    let reactor = Reactor::new()?;
    let session = reactor.clone();
    let file = arguments.next();
    let outcome = reactor.block_on(async move {
        let text = match file {
            Some(path) => session.disk().read(path).await?,
            None => Bytes::from_static(b"hello, world!\n"),
        };
        let transport = session.connect(&endpoint, Client { text, heard: 0 }).await?;
        transport.closed().await
    });
    match outcome {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(failure) => {
            eprintln!("connection failed: {failure}");
            Ok(ExitCode::FAILURE)
        }
    }
}
