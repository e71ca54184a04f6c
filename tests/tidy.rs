//! The house rules that no compiler checks: one direction of imports, where `unsafe` may stand, and
//! how a file begins.
#![expect(clippy::disallowed_methods, reason = "reads the source")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};

/// Every source file of ours, with its path from the top.
fn sources() -> Vec<(PathBuf, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["reactor", "protocols", "servers", "examples", "tests", "benches"]
        .iter()
        .map(|name| top.join(name))
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(top).unwrap().to_owned(), text));
            }
        }
    }
    assert!(found.len() > 50, "only {} files found: look elsewhere", found.len());
    found
}

/// The code of a file: without comments, and without its tests where they stand at its end.
fn code(text: &str) -> String {
    let end = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Is the file below one of these folders?
fn is_in(path: &Path, folders: &[&str]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests")
        || path.components().any(|part| part.as_os_str() == "tests")
}

/// No file below `folder`, but for `exceptions`, has one of `words` in its code.
fn assert_free_of(folder: &str, words: &[&str], exceptions: &[&str]) {
    let mut offences = Vec::new();
    for (path, text) in sources() {
        if !path.starts_with(folder) || is_in(&path, exceptions) || is_test(&path) {
            continue;
        }
        let code = code(&text);
        offences.extend(
            words
                .iter()
                .filter(|word| code.contains(**word))
                .map(|word| format!("{}: {word}", path.display())),
        );
    }
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn imports_go_one_way() {
    assert_free_of("reactor/src", &["ropewalk_protocols", "ropewalk::"], &[]);
    assert_free_of("protocols/src", &["ropewalk::"], &[]);
}

#[test]
fn a_codec_knows_no_socket_clock_file_or_thread() {
    assert_free_of(
        "protocols/src",
        &["std::net", "std::fs", "std::thread", "Instant", "std::env", "std::process"],
        &[],
    );
}

#[test]
fn a_poller_knows_no_protocol_and_an_engine_no_reactor() {
    assert_free_of(
        "reactor/src/poller",
        &["crate::protocol", "crate::transport", "crate::reactor", "crate::core"],
        &[],
    );
    assert_free_of(
        "reactor/src/engine",
        &["crate::protocol", "crate::transport", "crate::reactor", "crate::core"],
        &[],
    );
    assert_free_of(
        "reactor/src/core",
        &["mio::", "rustix::", "socket2::", "crate::poller", "crate::sys"],
        &[],
    );
}

#[test]
fn unsafe_stands_where_the_style_says() {
    let allowed = [
        "reactor/src/sys",
        "reactor/src/engine/uring/sys",
        "servers/daemon/allocator.rs",
        "servers/daemon/sys.rs",
        "servers/kv/src/store/entry.rs",
        "servers/kv/src/store/listpack.rs",
        "servers/kv/src/store/table/prefetch.rs",
        "servers/kv/src/store/thin.rs",
        "servers/kv/src/store/zset/large.rs",
        "servers/kv/src/store/listpack/block.rs",
        "benches",
        "tests/tidy.rs",
    ];
    for folder in ["reactor", "protocols", "servers", "examples", "tests"] {
        assert_free_of(folder, &["unsafe {", "unsafe fn", "unsafe impl"], &allowed);
    }
}

#[test]
fn a_file_begins_with_what_it_is() {
    let bare: Vec<_> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect();
    assert!(bare.is_empty(), "no //! at the top of {bare:#?}");
}

#[test]
fn nothing_is_left_undone() {
    let words = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["todo", "!("].concat(),
        ["unimplemented", "!("].concat(),
    ];
    let undone: Vec<_> = sources()
        .into_iter()
        .filter(|(path, text)| {
            // A doc example may leave out what is the reader's.
            let text = text.lines().filter(|line| {
                !line.trim_start().starts_with("//!") && !line.trim_start().starts_with("///")
            });
            let text = text.collect::<Vec<_>>().join("\n");
            !path.ends_with("tidy.rs") && words.iter().any(|word| text.contains(word))
        })
        .map(|(path, _)| path)
        .collect();
    assert!(undone.is_empty(), "{undone:#?}");
}

#[test]
fn files_fit_a_readers_head() {
    const LINES_MAX: usize = 900;
    let long: Vec<_> = sources()
        .into_iter()
        .filter(|(path, text)| !is_test(path) && code(text).lines().count() > LINES_MAX)
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}
