//! Poetry, fourth style: deferreds. The protocol knows nothing of who wants the poem; it fires a
//! deferred, and what happens then is attached from outside.
//!
//! ```sh
//! cargo run --example poetry_deferred -- 127.0.0.1:9000 127.0.0.1:9001
//! ```

use ropewalk_reactor::prelude::*;
use ropewalk_reactor::{Resolver, Result, all};

struct Reader {
    text: BytesMut,
    done: Option<Resolver<BytesMut>>,
}

impl Protocol for Reader {
    fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
        self.text.unsplit(input.split());
    }

    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        let text = std::mem::take(&mut self.text);
        if let Some(done) = self.done.take() {
            done.resolve(if why.is_clean() { Ok(text) } else { Err(Failure::other(why.to_string())) });
        }
    }
}

fn poem(reactor: &Reactor, server: &str) -> Deferred<BytesMut> {
    let (done, text) = reactor.deferred();
    let reader = Reader { text: BytesMut::new(), done: Some(done) };
    reactor.connect(&format!("tcp:{server}"), reader).chain(|_| text)
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    let servers: Vec<String> = std::env::args().skip(1).collect();
    let printed = servers.into_iter().map(|server| {
        poem(&reactor, &server).then(move |outcome| match outcome {
            Ok(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
            Err(failure) => Ok(format!("{server}: {failure}\n")),
        })
    });
    let printed = all(printed.collect());
    for text in reactor.block_on(async { Ok(printed.await) })? {
        print!("{}", text?);
    }
    Ok(())
}
