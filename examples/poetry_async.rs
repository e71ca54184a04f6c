//! Poetry, fifth style: async. The same protocol underneath, and above it code that reads from top
//! to bottom, with timeouts, all poems at once.
//!
//! ```sh
//! cargo run --example poetry_async -- 127.0.0.1:9000 127.0.0.1:9001
//! ```

use ropewalk_reactor::prelude::*;
use ropewalk_reactor::{Resolver, Result, all};

struct Reader {
    text: BytesMut,
    done: Option<Resolver<Bytes>>,
}

impl Protocol for Reader {
    fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
        self.text.unsplit(input.split());
    }

    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        let text = std::mem::take(&mut self.text).freeze();
        if let Some(done) = self.done.take() {
            done.resolve(if why.is_clean() { Ok(text) } else { Err(Failure::other(why.to_string())) });
        }
    }
}

async fn poem(reactor: Reactor, server: String) -> Result<Bytes> {
    let (done, text) = reactor.deferred();
    let reader = Reader { text: BytesMut::new(), done: Some(done) };
    reactor.connect(&format!("tcp:{server}"), reader).timeout(Duration::from_secs(3)).await?;
    text.timeout(Duration::from_secs(30)).await
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    let servers: Vec<String> = std::env::args().skip(1).collect();
    let poems = servers.iter().map(|server| reactor.spawn(poem(reactor.clone(), server.clone())));
    let poems = all(poems.collect());
    let poems = reactor.block_on(async { Ok(poems.await) })?;
    for (server, poem) in servers.iter().zip(poems) {
        match poem {
            Ok(text) => print!("{}", String::from_utf8_lossy(&text)),
            Err(failure) => eprintln!("{server}: {failure}"),
        }
    }
    Ok(())
}
