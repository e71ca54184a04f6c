//! Poetry, third style: a protocol and callbacks. All poems come at once, and no loop is written.
//!
//! ```sh
//! cargo run --example poetry_callbacks -- 127.0.0.1:9000 127.0.0.1:9001
//! ```

use ropewalk_reactor::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

/// The poems that have come, each in the place of its server.
struct Collection {
    reactor: Reactor,
    poems: Vec<Option<BytesMut>>,
}

impl Collection {
    fn finished(&mut self, index: usize, poem: BytesMut) {
        self.poems[index] = Some(poem);
        if self.poems.iter().all(Option::is_some) {
            self.reactor.stop();
        }
    }
}

struct Poem {
    index: usize,
    text: BytesMut,
    collection: Rc<RefCell<Collection>>,
}

impl Protocol for Poem {
    fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
        self.text.unsplit(input.split());
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        self.collection.borrow_mut().finished(self.index, std::mem::take(&mut self.text));
    }
}

fn main() -> ropewalk_reactor::Result<()> {
    let servers: Vec<String> = std::env::args().skip(1).collect();
    let reactor = Reactor::new()?;
    let poems = vec![None; servers.len()];
    let collection = Rc::new(RefCell::new(Collection { reactor: reactor.clone(), poems }));
    for (index, server) in servers.into_iter().enumerate() {
        let poem = Poem { index, text: BytesMut::new(), collection: collection.clone() };
        let missing = collection.clone();
        reactor.connect(&format!("tcp:{server}"), poem).finally(move |outcome| {
            if let Err(failure) = outcome {
                eprintln!("{server}: {failure}");
                missing.borrow_mut().finished(index, BytesMut::new());
            }
        });
    }
    reactor.run()?;
    for poem in collection.borrow().poems.iter().flatten() {
        print!("{}", String::from_utf8_lossy(poem));
    }
    Ok(())
}
