//! Files as deferreds: in order, in groups, and never on the loop.
#![allow(clippy::unwrap_used, reason = "a test")]

use ropewalk_reactor::prelude::*;
use ropewalk_reactor::testing::{Clock, Faults, Sim, SimDisk};
use std::rc::Rc;

#[test]
fn appends_keep_their_order_and_tell_their_offsets() {
    let clock = Clock::new();
    let reactor = clock.reactor().clone();
    let disk = reactor.disk();
    reactor
        .clone()
        .block_on(async move {
            disk.create_directory("/data").await?;
            let file = disk.open("/data/log").await?;
            let appends: Vec<_> = (0..100_u64).map(|number| file.append(format!("{number:04}\n"))).collect();
            assert_eq!(file.pending(), 500);
            let synced = file.sync();
            for (number, append) in appends.into_iter().enumerate() {
                assert_eq!(append.await?, number as u64 * 5);
            }
            synced.await?;
            assert_eq!((file.pending(), file.length().await?), (0, 500));
            assert_eq!(file.read_at(495, 100).await?, "0099\n");
            assert_eq!(file.read_at(10_000, 10).await?, "");
            file.truncate(10).await?;
            assert_eq!(disk.read("/data/log").await?, "0000\n0001\n");
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_file_is_replaced_listed_renamed_and_removed() {
    let clock = Clock::new();
    let reactor = clock.reactor().clone();
    let disk = reactor.disk();
    reactor
        .clone()
        .block_on(async move {
            disk.create_directory("/data").await?;
            disk.replace("/data/a", "old").await?;
            disk.replace("/data/a", "new").await?;
            disk.rename("/data/a", "/data/b").await?;
            assert_eq!(disk.read("/data/b").await?, "new");
            assert_eq!(disk.list("/data").await?, [std::path::PathBuf::from("b")]);
            disk.remove("/data/b").await?;
            let missing = disk.read("/data/b").await;
            assert!(
                matches!(missing, Err(Failure::Io(error)) if error.kind() == std::io::ErrorKind::NotFound)
            );
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_slow_disk_does_not_stop_the_loop() {
    let clock = Clock::new();
    let reactor = clock.reactor().clone();
    let disk = reactor.disk();
    let beats = Rc::new(std::cell::Cell::new(0));
    let count = beats.clone();
    let _pulse = reactor.looping_call(Duration::from_micros(10), move |_| count.set(count.get() + 1));
    reactor
        .clone()
        .block_on(async move {
            disk.create_directory("/data").await?;
            let file = disk.open("/data/log").await?;
            for _ in 0..20 {
                file.append("x").await?;
                file.sync().await?;
            }
            Ok(())
        })
        .unwrap();
    assert!(beats.get() > 20, "{} beats", beats.get());
}

#[test]
fn what_was_synced_survives_a_crash() {
    let disk = SimDisk::new(3);
    let (engine, _) = Sim::on_disk(3, Faults::none(), disk.clone());
    let reactor = Reactor::with_engine(engine);
    let handle = reactor.disk();
    reactor
        .block_on(async move {
            handle.create_directory("/data").await?;
            let file = handle.open("/data/log").await?;
            file.append("durable").await?;
            file.sync().await?;
            file.append(" lost?").await?;
            Ok(())
        })
        .unwrap();
    drop(reactor);
    disk.crash();
    let (engine, _) = Sim::on_disk(4, Faults::none(), disk.clone());
    let reactor = Reactor::with_engine(engine);
    let handle = reactor.disk();
    let content = reactor.block_on(async move { handle.read("/data/log").await }).unwrap();
    assert!(content.starts_with(b"durable"), "{content:?}");
}
