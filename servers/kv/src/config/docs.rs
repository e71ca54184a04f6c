//! The page about the configuration, made from the table. The one rule: it can't say anything else.

use super::directive::{Directive, Status};
use super::{Config, DIRECTIVES};
use std::fmt::Write;

/// `docs/kv-configuration.md`.
pub(super) fn page() -> String {
    let mut page = String::from(HEAD);
    let config = Config::default();
    section(&mut page, "Honoured", &config, |status| matches!(status, Status::Honoured));
    section(&mut page, "Kept without effect", &config, |status| matches!(status, Status::Idle(_)));
    section(&mut page, "Not supported yet", &config, |status| {
        matches!(status, Status::NotYet(_) | Status::NotYetInFiles(_))
    });
    page
}

const HEAD: &str = "\
# Configuration of `ropewalk kv`

`ropewalk kv` is started as redis-server is: `ropewalk kv [/path/to/redis.conf] [--directive value ...] [-]`, where
`-` reads standard input. It knows every directive of Redis 7.0.15, shows all of them to CONFIG GET with the same
defaults, and lets CONFIG SET change those that Redis lets it change. This page is made from the table that the
server itself reads (`servers/kv/src/config/table.rs`).

Beside directives a file may have lines with `include`, `rename-command` and `user`; those with `loadmodule` and
`sentinel` are refused. An alias may stand for its directive anywhere.
";

fn section(page: &mut String, title: &str, config: &Config, has: fn(Status) -> bool) {
    let mut line = |text: std::fmt::Arguments<'_>| {
        page.write_fmt(text).expect("a string takes all that is written");
        page.push('\n');
    };
    line(format_args!("\n## {title}\n"));
    let (explanation, last) = match title {
        "Honoured" => ("They do what Redis documents.", "Changes at run time"),
        "Kept without effect" => (
            "They are kept, shown and written back, and tune something that is not there, or needs no tuning. Other \
             values than the default are noted in the log when the server starts.",
            "What is not there",
        ),
        _ => (
            "They would turn on something that is not there yet, so any other value than the default is refused. \
             (CONFIG SET keeps save points, with a warning in the log.)",
            "What is not there",
        ),
    };
    line(format_args!("{explanation}\n\n| Directive | Default | Alias | What it is | {last} |"));
    line(format_args!("| --- | --- | --- | --- | --- |"));
    for directive in DIRECTIVES.iter().filter(|directive| has(directive.traits.status)) {
        let Directive { name, alias, about, traits, show, .. } = directive;
        let default = String::from_utf8_lossy(&show(config)).into_owned();
        let default = if default.is_empty() { default } else { format!("`{default}`") };
        let alias = alias.map_or_else(String::new, |alias| format!("`{alias}`"));
        let last = match traits.status {
            Status::Honoured if traits.mutable => "yes",
            Status::Honoured => "no",
            Status::Idle(what) | Status::NotYet(what) | Status::NotYetInFiles(what) => what,
        };
        line(format_args!("| `{name}` | {default} | {alias} | {} | {last} |", about.trim()));
    }
}
