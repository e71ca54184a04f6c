//! The configuration, beside what Redis 7.0.15 says and does.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::*;
use crate::host::{Facts, Host, OomScore, ProcessorTimes};
use proptest::prelude::*;
use std::collections::HashMap;
use std::io;
use tracing::level_filters::LevelFilter;

/// CONFIG GET * of a Redis 7.0.15 that was started without any configuration: `name=value` lines.
const REFERENCE: &str = include_str!("redis-7.0.15.conf.txt");

/// Files that are only in memory.
#[derive(Default)]
struct Memory {
    files: HashMap<Vec<u8>, Vec<u8>>,
    input: Vec<u8>,
    directory: Vec<u8>,
}

impl Host for Memory {
    fn read(&mut self, path: &[u8]) -> io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| io::Error::from_raw_os_error(2))
    }

    fn glob(&mut self, pattern: &[u8]) -> Vec<Vec<u8>> {
        let mut found: Vec<Vec<u8>> =
            self.files.keys().filter(|path| glob::matches(pattern, path)).cloned().collect();
        found.sort();
        found
    }

    fn standard_input(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.input.clone())
    }

    fn enter(&mut self, directory: &[u8]) -> io::Result<()> {
        if directory == b"/nowhere" {
            return Err(io::Error::from_raw_os_error(2));
        }
        self.directory = directory.to_vec();
        Ok(())
    }

    fn directory(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.directory.clone())
    }

    fn log_from(&mut self, _: LevelFilter) {}

    fn allow_descriptors(&mut self, _: u64) -> Result<(), u64> {
        Ok(())
    }

    fn adjust_oom_score(&mut self, _: Option<OomScore>) -> io::Result<()> {
        Ok(())
    }

    fn facts(&mut self) -> Facts {
        Facts::default()
    }

    fn processor_times(&mut self) -> ProcessorTimes {
        ProcessorTimes::default()
    }

    fn secret(&mut self, _: &mut [u8]) -> io::Result<()> {
        Ok(())
    }
}

fn start(files: &[(&str, &str)], arguments: &[&str]) -> Result<Start, String> {
    let files = files.iter().map(|(path, text)| (path.as_bytes().to_vec(), text.as_bytes().to_vec()));
    let mut memory =
        Memory { files: files.collect(), input: b"maxmemory 7mb\n".to_vec(), directory: b"/home".to_vec() };
    let arguments: Vec<Vec<u8>> = arguments.iter().map(|text| text.as_bytes().to_vec()).collect();
    Start::read(&arguments, &mut memory).map_err(|error| error.to_string())
}

fn shown(config: &Config, name: &str) -> String {
    let (directive, _) = find(name.as_bytes()).unwrap();
    String::from_utf8((directive.show)(config)).unwrap()
}

fn change(config: &Config, arguments: &[&str]) -> Result<Change, String> {
    let arguments: Vec<&[u8]> = arguments.iter().map(|text| text.as_bytes()).collect();
    let changed = config.change(&arguments, Requester { is_local: true });
    changed.map_err(|error| String::from_utf8(error.reply()).unwrap())
}

#[test]
fn every_directive_of_redis_is_there_with_its_default_and_no_other() {
    let config = Config::default();
    let mut mine: Vec<String> = config
        .matching(&[b"*"])
        .into_iter()
        .map(|(name, value)| format!("{}={}", name.escape_ascii(), String::from_utf8(value).unwrap()))
        // Nothing is saved as long as there is no persistence.
        .map(|line| if line == "save=" { "save=3600 1 300 100 60 10000".to_owned() } else { line })
        .filter(|line| line != "dir=")
        .collect();
    mine.sort();
    let mut theirs: Vec<&str> = REFERENCE.lines().collect();
    theirs.sort_unstable();
    assert_eq!(mine, theirs);
}

#[expect(clippy::disallowed_methods, reason = "a page of ours")]
#[test]
fn the_page_about_the_configuration_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/kv-configuration.md");
    if std::env::var_os("ROPEWALK_WRITE_DOCS").is_some() {
        std::fs::write(path, docs::page()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap();
    assert!(page == docs::page(), "run this test with ROPEWALK_WRITE_DOCS=1, and look at what has changed");
}

#[test]
fn the_thresholds_have_the_defaults_of_their_directives() {
    assert_eq!(Config::default().limits, Limits::default());
}

#[test]
fn names_are_unique_and_small() {
    let names: Vec<&str> = names().map(|(_, name)| name).collect();
    let unique: std::collections::HashSet<&&str> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
    assert!(names.iter().all(|name| *name == name.to_ascii_lowercase()));
}

#[test]
fn hidden_directives_are_shown_to_who_knows_their_names() {
    let config = Config::default();
    let names = |patterns: &[&[u8]]| -> Vec<String> {
        let found = config.matching(patterns).into_iter();
        found.map(|(name, _)| String::from_utf8(name).unwrap()).collect()
    };
    assert!(names(&[b"key-load*"]).is_empty());
    assert_eq!(names(&[b"key-load-delay"]), ["key-load-delay"]);
    assert_eq!(names(&[b"PORT", b"port", b"por?", b"nosuch"]), ["PORT"]);
    assert_eq!(names(&[b"*OF"]), ["replicaof", "slaveof"]);
}

#[test]
fn a_file_is_read_with_comments_quotes_and_files_that_it_includes() {
    let files = [
        (
            "redis.conf",
            "# mine\n\n  PORT 7777\r\nrequirepass \"a b\"\ninclude conf.d/*.conf\ninclude none/*\n",
        ),
        ("conf.d/1.conf", "maxmemory 1gb\n"),
        ("conf.d/2.conf", "maxmemory 2gb\nuser ann on +@all\n"),
    ];
    let Start { config, users, file, .. } = start(&files, &["redis.conf", "--port", "1", "-"]).unwrap();
    assert_eq!((config.port, config.maxmemory), (1, 7 << 20));
    assert_eq!(config.requirepass, b"a b");
    assert_eq!(users, [["ann", "on", "+@all"].map(|word| word.as_bytes().to_vec())]);
    assert_eq!(file, Some(b"/home/redis.conf".to_vec()));
    assert_eq!(config.dir, b"/home");
}

#[test]
fn a_wrong_line_is_shown_with_where_it_stands() {
    let error = |files: &[(&str, &str)], arguments: &[&str]| start(files, arguments).unwrap_err();
    let title = "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nReading the configuration file, at line";
    assert_eq!(error(&[], &["--port"]), format!("{title} 2\n>>> 'port'\nwrong number of arguments"));
    let expected = format!("{title} 2 of 'c'\n>>> 'port \"12'\nUnbalanced quotes in configuration line");
    assert_eq!(error(&[("c", "\nport \"12\n")], &["c"]), expected);
    let expected = format!("{title} 1 of 'd'\n>>> 'foo bar'\nBad directive or wrong number of arguments");
    assert_eq!(error(&[("c", "include d"), ("d", " foo bar ")], &["c", "--port", "1"]), expected);
    let expected = format!("{title} 4\n>>> 'dir \"/nowhere\"'\nNo such file or directory");
    assert_eq!(error(&[("c", "port 1\n")], &["c", "--port", "2", "--dir", "/nowhere"]), expected);
    let expected = "Fatal error, can't open config file 'c': No such file or directory";
    assert_eq!(error(&[], &["c"]), expected);
    assert!(error(&[("c", "include c")], &["c"]).ends_with("Too many files include each other"));
}

#[test]
fn the_errors_of_the_suite_are_redis_own() {
    for (arguments, expected) in [
        (&["--port", "6380", "--loglevel"][..], ">>> 'loglevel'\nwrong number of arguments"),
        (&["--port", "6379", "6380"], ">>> 'port \"6379\" \"6380\"'\nwrong number of arguments"),
        (
            &["--port", "--loglevel", "verbose"],
            ">>> 'port \"--loglevel\" \"verbose\"'\nwrong number of arguments",
        ),
        (&["--port", "--bla"], ">>> 'port \"--bla\"'\nargument couldn't be parsed into an integer"),
        (
            &["--logfile", "--my--log", "--loglevel", "--bla"],
            ">>> 'loglevel \"--bla\"'\nargument(s) must be one of the following: debug, verbose, notice, warning",
        ),
        (
            &["--shutdown-on-sigint"],
            ">>> 'shutdown-on-sigint'\nargument(s) must be one of the following: default, save, nosave, now, force",
        ),
        (&["--replicaof", "127.0.0.1", "abc"], ">>> 'replicaof \"127.0.0.1\" \"abc\"'\nInvalid master port"),
        (
            &["--replicaof", "--127.0.0.1", "--abc"],
            ">>> 'replicaof \"--127.0.0.1\"'\nwrong number of arguments",
        ),
        (&["--rename-command", "foo", "bar"], "No such command in rename-command"),
        (
            &["--user", "x", "--user", "x"],
            ">>> 'user \"x\"'\nError in user declaration 'x': Duplicate user found. A user can only be defined once in \
             config files",
        ),
        (&["--user", "x", "bad"], "Error in user declaration 'bad': Syntax error"),
        (&["--user"], ">>> 'user'\nBad directive or wrong number of arguments"),
        (&["--sentinel", "x"], "sentinel directive while not in sentinel mode"),
        (&["--a.b"], "Module config specified without value"),
    ] {
        let error = start(&[], arguments).unwrap_err();
        assert!(error.ends_with(expected), "{arguments:?}: {error}");
    }
}

#[test]
fn what_is_not_there_yet_is_refused_unless_it_is_off() {
    for arguments in [
        &["--appendonly", "no"][..],
        &["--save", ""],
        &["--cluster-enabled", "no"],
        &["--replicaof", "no", "one"],
        &["--appendfsync", "always", "--io-threads", "4"],
    ] {
        start(&[], arguments).unwrap();
    }
    for (arguments, missing) in [
        (&["--appendonly", "yes"][..], "persistence"),
        (&["--save", "900", "1"], "persistence"),
        (&["--cluster-enabled", "yes"], "cluster"),
        (&["--replicaof", "127.0.0.1", "1"], "replication"),
        (&["--loadmodule", "x.so"], "modules"),
    ] {
        let error = start(&[], arguments).unwrap_err();
        let name = arguments.first().unwrap().trim_start_matches('-');
        let expected = format!("{name} is not supported yet: this server has no {missing}");
        assert!(error.ends_with(&expected), "{error}");
    }
    for (name, word) in [("tls-auth-clients", "optional"), ("supervised", "upstart")] {
        let error = start(&[], &[&format!("--{name}"), word]).unwrap_err();
        assert!(error.contains(&format!("{name} {word} is not supported")), "{error}");
    }
    let config = Config::default();
    let expected = "ERR CONFIG SET failed (possibly related to argument 'appendonly') - appendonly is not \
                    supported yet: this server has no persistence";
    assert_eq!(change(&config, &["appendonly", "yes"]).unwrap_err(), expected);
    assert_eq!(shown(&change(&config, &["save", "3000 5"]).unwrap().config, "save"), "3000 5");
}

#[test]
fn a_single_argument_with_blanks_is_several_words() {
    let config =
        start(&[], &["--bind", "127.0.0.1 ::1", "--shutdown-on-sigint", "nosave force"]).unwrap().config;
    assert_eq!(shown(&config, "bind"), "127.0.0.1 ::1");
    assert_eq!(shown(&config, "shutdown-on-sigint"), "nosave force");
}

#[test]
fn setting_is_all_or_nothing() {
    let config = Config::default();
    let changed = change(&config, &["maxmemory", "10000001", "repl-backlog-size", "10000002"]).unwrap();
    assert_eq!(changed.effects, [(Effect::MaxMemory, "maxmemory")]);
    assert_eq!((changed.config.maxmemory, changed.config.repl_backlog_size), (10000001, 10000002));
    let failed = "ERR CONFIG SET failed (possibly related to argument";
    for (arguments, expected) in [
        (
            &["maxmemory", "1", "maxmemory-clients", "200%", "client-query-buffer-limit", "invalid"][..],
            format!("{failed} 'maxmemory-clients') - percentage argument must be less or equal to 100"),
        ),
        (&["maxmemory", "1", "MAXMEMORY", "2"], format!("{failed} 'MAXMEMORY') - duplicate parameter")),
        (&["Daemonize", "yes"], format!("{failed} 'Daemonize') - can't set immutable config")),
        (&["dir", "/"], format!("{failed} 'dir') - can't set protected config")),
        (
            &["Slave-Priority", "-1"],
            format!("{failed} 'slave-priority') - argument must be between 0 and 2147483647 inclusive"),
        ),
        (&["port"], "ERR syntax error".to_owned()),
        (&["nosuch", "1"], "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'".to_owned()),
    ] {
        assert_eq!(change(&config, arguments).unwrap_err(), expected);
    }
}

#[test]
fn a_directive_and_its_alias_may_both_be_set_and_the_last_one_counts() {
    let changed = change(&Config::default(), &["slave-priority", "1", "replica-priority", "2"]).unwrap();
    assert_eq!(changed.config.replica_priority, 2);
}

#[test]
fn an_effect_follows_only_a_change_but_files_are_read_again() {
    let config = Config::default();
    assert_eq!(change(&config, &["port", "6379"]).unwrap().effects, []);
    let read_again = change(&config, &["tls-cert-file", ""]).unwrap().effects;
    assert_eq!(read_again, [(Effect::Tls, "tls-cert-file")]);
    let twice = change(&config, &["oom-score-adj-values", "1 1 1", "oom-score-adj", "yes"]).unwrap().effects;
    assert_eq!(twice, [(Effect::OomScore, "oom-score-adj-values")]);
}

#[test]
fn what_is_derived_follows_a_change() {
    let changed = change(&Config::default(), &["hz", "1000", "hash-max-ziplist-entries", "7"]).unwrap();
    assert_eq!((changed.config.hz, changed.config.limits.hash_listpack_entries), (500, 7));
    assert_eq!(change(&Config::default(), &["hz", "0"]).unwrap().config.hz, 1);
}

#[test]
fn passwords_are_kept_out_of_logs() {
    let arguments: [&[u8]; 7] = [b"port", b"1", b"RequirePass", b"x", b"nosuch", b"y", b"masterauth"];
    assert_eq!(sensitive(&arguments).collect::<Vec<_>>(), [3]);
}

fn rewritten(old: &str, config: &Config) -> String {
    String::from_utf8(rewrite(old.as_bytes(), config, Some(&[b"default on".to_vec()]), false)).unwrap()
}

/// What is always written.
const ALWAYS: &str = "save \"\"\nlatency-tracking-info-percentiles 50 99 99.9\nuser default on\n";

#[test]
fn rewriting_keeps_comments_and_the_order_of_lines() {
    let old = "# mine\nmaxmemory 1gb\n\n\nsave 900 1\n\nsave 60 10000\nslave-priority 5\nbogus 'x\nrename-command a b\n";
    let mut config = change(&Config::default(), &["maxmemory", "2147483648"]).unwrap().config;
    config.hz = 20;
    let expected = "# mine\nmaxmemory 2gb\n\nsave \"\"\n\nreplica-priority 100\n# ??? bogus 'x\nrename-command a b\n\n\
                    # Generated by CONFIG REWRITE\nlatency-tracking-info-percentiles 50 99 99.9\nhz 20\nuser default on\n";
    assert_eq!(rewritten(old, &config), expected);
}

#[test]
fn rewriting_twice_changes_nothing_more() {
    let config =
        change(&Config::default(), &["requirepass", "a\"b", "timeout", "5", "bind", "a b"]).unwrap().config;
    let once = rewritten("port 6379\n", &config);
    assert_eq!(rewritten(&once, &config), once);
    assert!(once.contains("requirepass \"a\\\"b\"\n") && once.contains("bind a b\n"), "{once}");
    assert_eq!(rewritten("", &Config::default()), format!("# Generated by CONFIG REWRITE\n{ALWAYS}"));
}

#[test]
fn a_user_that_is_gone_loses_its_line_and_a_file_of_users_takes_all() {
    let old = b"user default on\nuser ann on\n";
    let kept = rewrite(old, &Config::default(), Some(&[b"default off".to_vec()]), false);
    assert!(kept.starts_with(b"user default off\n\n"));
    assert!(rewrite(old, &Config::default(), None, false).starts_with(b"\n"));
}

#[test]
fn everything_that_is_written_is_read_as_it_was() {
    let arguments = [
        "bind",
        "127.0.0.1 -::1",
        "client-output-buffer-limit",
        "pubsub 1mb 2mb 3",
        "notify-keyspace-events",
        "KEA",
        "maxmemory-clients",
        "5%",
        "requirepass",
        "\u{1}\"\\",
        "shutdown-on-sigterm",
        "now nosave",
        "oom-score-adj",
        "relative",
        "latency-tracking-info-percentiles",
        "",
        "maxmemory",
        "18446744073709551615",
    ];
    let config = change(&Config::default(), &arguments).unwrap().config;
    let text = String::from_utf8(rewrite(b"", &config, None, true)).unwrap();
    let read = start(&[("c", &text)], &["c"]).unwrap().config;
    for (directive, name) in names().filter(|(directive, _)| directive.name != "dir") {
        assert_eq!((directive.show)(&read), (directive.show)(&config), "{name}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text: Vec<u8>) {
        let mut memory = Memory::default();
        memory.files.insert(b"c".to_vec(), text.clone());
        let _ = Start::read(&[b"c".to_vec()], &mut memory);
        rewrite(&text, &Config::default(), None, false);
    }

    #[test]
    fn no_value_is_too_strange(row in 0..DIRECTIVES.len(), value: Vec<u8>) {
        let name = DIRECTIVES[row].name.as_bytes();
        if let Ok(changed) = Config::default().change(&[name, &value], Requester { is_local: true }) {
            (DIRECTIVES[row].show)(&changed.config);
        }
    }
}
