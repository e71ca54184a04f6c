//! Poetry, first style: blocking. One poem after the other; a slow server holds up all the rest.
//!
//! ```sh
//! cargo run --example poetry_blocking -- 127.0.0.1:9000 127.0.0.1:9001
//! ```

use std::io::{self, Read, Write};
use std::net::TcpStream;

fn main() -> io::Result<()> {
    for server in std::env::args().skip(1) {
        let mut poem = Vec::new();
        TcpStream::connect(server)?.read_to_end(&mut poem)?;
        io::stdout().write_all(&poem)?;
    }
    Ok(())
}
