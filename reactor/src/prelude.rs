//! What nearly every program needs: `use ropewalk_reactor::prelude::*`.

pub use crate::{
    Address, Buf, Bytes, BytesMut, Deferred, Eof, Factory, Failure, Protocol, Reactor, Reason, Transport,
};
pub use std::time::Duration;
