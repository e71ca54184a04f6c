//! `ropewalk kv` as a process: its configuration file and command line, its users, its files, its listeners.
#![expect(clippy::disallowed_methods, reason = "a test of real processes")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use bytes::BytesMut;
use ropewalk_protocols::resp::{Client, ReplyDecoder, Value, encode_command};
use ropewalk_reactor::Reactor;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;
use support::{PATIENCE, Server, connect, ropewalk, run};
use tempfile::TempDir;

/// A server with a directory of its own, at a Unix socket in there.
struct Kv {
    server: Server,
    directory: TempDir,
    /// What it printed until it was ready.
    log: Vec<String>,
}

impl Kv {
    /// A server with this configuration, and these arguments behind the file's name.
    fn start(configuration: &str, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let text = format!("dir {}\nport 0\nunixsocket {}\n{configuration}", path(""), path("socket"));
        fs::write(path("redis.conf"), text).unwrap();
        let mut command = ropewalk(&["kv", &path("redis.conf")]);
        let server = Server::start(command.args(arguments));
        let mut kv = Self { server, directory, log: Vec::new() };
        kv.wait_until_ready();
        kv
    }

    fn wait_until_ready(&mut self) {
        loop {
            let line = self.server.line();
            assert!(!line.is_empty(), "it ended: {:?}", self.log);
            let ready = line.ends_with("Ready to accept connections");
            self.log.push(line);
            if ready {
                return;
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn connect(&self) -> Connection<UnixStream> {
        let stream = UnixStream::connect(self.path("socket")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Connection { stream, input: BytesMut::new() }
    }

    /// Stop it, and start it again in the same directory. What the file says is read again.
    fn restart(&mut self) {
        let path = self.path("redis.conf");
        let server = Server::start(&mut ropewalk(&["kv", path.to_str().unwrap()]));
        let before = std::mem::replace(&mut self.server, server);
        assert_eq!(before.terminate().0, Some(0));
        self.wait_until_ready();
    }
}

struct Connection<S> {
    stream: S,
    input: BytesMut,
}

impl<S: Read + Write> Connection<S> {
    fn send(&mut self, words: &str) {
        let words: Vec<&str> = words.split(' ').collect();
        let mut out = BytesMut::new();
        encode_command(&words, &mut out);
        self.stream.write_all(&out).unwrap();
    }

    /// The next reply; none if the connection has ended.
    fn read(&mut self) -> Option<Value> {
        loop {
            let mut rest = &self.input[..];
            let found = ReplyDecoder::default().decode(&mut rest).unwrap();
            let taken = self.input.len() - rest.len();
            if let Some(value) = found {
                let _ = self.input.split_to(taken);
                return Some(value);
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(count) => self.input.extend_from_slice(&chunk[..count]),
                // A reactor in this process may interrupt its threads.
                Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}"),
            }
        }
    }

    /// What is answered to a command of these words, as text.
    fn call(&mut self, words: &str) -> String {
        self.send(words);
        self.read().map_or_else(|| "closed".to_owned(), |value| text(&value))
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Simple(text) | Value::Bulk(text) | Value::Error(text) => {
            String::from_utf8_lossy(text).into_owned()
        }
        Value::Integer(number) => number.to_string(),
        Value::Null => "nothing".to_owned(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_server_is_what_its_file_and_its_command_line_say() {
    let kv = Kv::start(
        "# mine\nmaxmemory 1gb\nunixsocketperm 700\nrename-command FLUSHALL \"\"\n",
        &["--maxmemory", "2mb", "--loglevel", "verbose", "--save", ""],
    );
    let mode = fs::metadata(kv.path("socket")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let mut client = kv.connect();
    assert_eq!(client.call("CONFIG GET maxmemory"), "maxmemory 2097152");
    assert_eq!(client.call("CONFIG GET loglevel"), "loglevel verbose");
    assert!(client.call("FLUSHALL").starts_with("ERR unknown command 'FLUSHALL'"));
    let id = kv.server.id();
    assert!(kv.log.iter().any(|line| line.ends_with(&format!("PID: {id}"))), "{:?}", kv.log);
    let directory = kv.directory.path().to_path_buf();
    let (code, rest) = kv.server.terminate();
    assert_eq!(code, Some(0));
    assert!(rest.contains("bye bye"), "{rest}");
    assert!(!directory.join("socket").exists());
}

#[test]
fn what_is_changed_is_written_back_and_read_again() {
    let mut kv = Kv::start("# mine\nmaxmemory 1gb\nuser ann on nopass ~a* +get\n", &[]);
    let mut client = kv.connect();
    assert_eq!(client.call("CONFIG SET maxmemory 3mb timeout 7"), "OK");
    assert_eq!(client.call("ACL SETUSER bob on >pw (+set ~b)"), "OK");
    assert_eq!(client.call("CONFIG REWRITE"), "OK");
    drop(client);
    let text = kv.text("redis.conf");
    assert!(text.contains("# mine\nmaxmemory 3mb\nuser ann "), "{text}");
    kv.restart();
    assert_eq!(kv.text("redis.conf"), text);
    let mut client = kv.connect();
    assert_eq!(client.call("CONFIG GET timeout"), "timeout 7");
    assert_eq!(client.call("ACL USERS"), "ann bob default");
    assert_eq!(client.call("AUTH bob pw"), "OK");
    assert_eq!(client.call("SET b 1"), "OK");
    assert!(client.call("SET a 1").starts_with("NOPERM"));
}

#[test]
fn a_wrong_configuration_is_told_with_its_place_and_nothing_is_started() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("redis.conf");
    fs::write(&path, "port 0\n\nmaxmemory lots\n").unwrap();
    let path = path.to_str().unwrap();
    let title = "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\n";
    for (arguments, expected) in [
        (
            &["kv", path][..],
            format!(
                "{title}Reading the configuration file, at line 3 of '{path}'\n>>> 'maxmemory lots'\nargument must be \
                 a memory value\n"
            ),
        ),
        (
            &["kv", "--port"],
            format!(
                "{title}Reading the configuration file, at line 2\n>>> 'port'\nwrong number of arguments\n"
            ),
        ),
        (
            &["kv", "--appendonly", "yes"],
            format!(
                "{title}Reading the configuration file, at line 2\n>>> 'appendonly \"yes\"'\nappendonly is not \
                 supported yet: this server has no persistence\n"
            ),
        ),
        (
            &["kv", "--logfile", "/nowhere/at/all"],
            format!("{title}Can't open the log file: No such file or directory\n"),
        ),
        (
            &["kv", "/nowhere.conf"],
            "Fatal error, can't open config file '/nowhere.conf': No such file or directory\n".to_owned(),
        ),
    ] {
        let output = run(&mut ropewalk(arguments));
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    }
    let output = run(&mut ropewalk(&["kv", "--port", "0"]));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("Configured to not listen anywhere"));
}

#[test]
fn the_configuration_may_come_by_standard_input() {
    let mut child = ropewalk(&["kv", "--port", "0", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"hz fast\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("at line 1\n>>> 'hz fast'"), "{errors}");
}

#[test]
fn it_tells_its_version_and_its_usage() {
    for (flag, expected) in [
        ("-v", "Redis server v=7.0.15 "),
        ("--version", "Redis server v=7.0.15 "),
        ("-h", "Usage: ropewalk kv "),
        ("--help", "Usage: ropewalk kv "),
    ] {
        let output = run(&mut ropewalk(&["kv", flag]));
        assert_eq!(output.status.code(), Some(0), "{flag}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn users_live_in_a_file_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("users.acl");
    fs::write(&file, "user default on nopass ~* &* +@all\nuser ann on >a +@all ~*\n").unwrap();
    let kv = Kv::start(&format!("aclfile {}\n", file.display()), &[]);
    let (mut client, mut ann) = (kv.connect(), kv.connect());
    assert_eq!(ann.call("AUTH ann a"), "OK");
    assert_eq!(client.call("ACL SETUSER bob on +get"), "OK");
    assert_eq!(client.call("ACL SAVE"), "OK");
    let saved = fs::read_to_string(&file).unwrap();
    assert!(saved.starts_with("user ann on #") && saved.contains("\nuser bob on "), "{saved}");
    fs::write(&file, "user ann on nonsense\n").unwrap();
    let refused = client.call("ACL LOAD");
    assert!(refused.contains("users.acl:1: Syntax error. WARNING: ACL errors detected"), "{refused}");
    assert_eq!(client.call("ACL USERS"), "ann bob default");
    assert_eq!(ann.call("PING"), "PONG");
    fs::write(&file, "user ann on +@all ~*\n").unwrap();
    assert_eq!(client.call("ACL LOAD"), "OK");
    assert_eq!(client.call("ACL USERS"), "ann default");
    assert_eq!(ann.read(), None, "whoever was another user before has to go");
    ann = kv.connect();
    assert!(ann.call("AUTH ann a").starts_with("WRONGPASS"));
}

#[test]
fn a_user_that_is_deleted_takes_its_clients_along() {
    let kv = Kv::start("user ann on nopass +@all ~* &*\n", &[]);
    let (mut other, mut itself) = (kv.connect(), kv.connect());
    assert_eq!(other.call("AUTH ann x"), "OK");
    assert_eq!(itself.call("AUTH ann x"), "OK");
    assert_eq!(itself.call("ACL DELUSER ann"), "1");
    assert_eq!(itself.read(), None);
    assert_eq!(other.read(), None);
}

#[test]
fn a_password_is_asked_for_from_when_it_is_set() {
    let kv = Kv::start("requirepass one\n", &[]);
    let mut client = kv.connect();
    assert_eq!(client.call("PING"), "NOAUTH Authentication required.");
    assert!(client.call("AUTH two").starts_with("WRONGPASS"));
    assert_eq!(client.call("AUTH one"), "OK");
    assert_eq!(client.call("CONFIG SET requirepass two"), "OK");
    assert_eq!(client.call("PING"), "PONG", "who is in stays in");
    assert!(kv.connect().call("AUTH one").starts_with("WRONGPASS"));
    assert_eq!(kv.connect().call("AUTH two"), "OK");
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn ports_and_addresses_change_while_clients_stay() {
    let kv = Kv::start("bind 127.0.0.1\n", &[]);
    let (port, taken) = (free_port(), std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap());
    let mut client = kv.connect();
    assert_eq!(client.call(&format!("CONFIG SET port {port}")), "OK");
    let connection = |port| Connection { stream: connect(port), input: BytesMut::new() };
    let mut inner = connection(port);
    assert_eq!(inner.call("PING"), "PONG");
    let refused =
        inner.call(&format!("CONFIG SET maxmemory 5mb port {}", taken.local_addr().unwrap().port()));
    let expected = "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check \
                    server logs.";
    assert_eq!(refused, expected);
    assert_eq!(inner.call("CONFIG GET maxmemory"), "maxmemory 0");
    // Addresses that overlap with those before.
    for words in ["*", "127.0.0.1", "*"] {
        assert_eq!(inner.call(&format!("CONFIG SET bind {words}")), "OK", "{words}");
        assert_eq!(connection(port).call("PING"), "PONG", "{words}");
    }
    let refused = inner.call("CONFIG SET bind 192.0.2.1");
    assert!(refused.ends_with("Failed to bind to specified addresses."), "{refused}");
    assert_eq!(connection(port).call("CONFIG GET bind"), "bind *");
    assert_eq!(inner.call("CONFIG SET port 0"), "OK");
    assert_eq!(inner.call("PING"), "PONG");
}

fn certificate(directory: &Path, name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let write = |kind: &str, text: String| {
        let path = directory.join(format!("{name}.{kind}"));
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    (write("crt", made.cert.pem()), write("key", made.signing_key.serialize_pem()))
}

/// Whether a client that trusts this certificate alone gets an answer.
fn is_served(port: u16, authority: &str) -> bool {
    let reactor = Reactor::new().unwrap();
    let endpoint = format!("tls:localhost:{port}:ca={authority}");
    let home = reactor.clone();
    let asked = reactor.block_on(async move {
        let client = Client::connect(&home, &endpoint).await?;
        client.command(&["PING"]).await
    });
    asked.is_ok_and(|value| text(&value) == "PONG")
}

#[test]
fn certificates_are_renewed_while_the_server_listens() {
    let directory = tempfile::tempdir().unwrap();
    let (first, first_key) = certificate(directory.path(), "first");
    let (second, second_key) = certificate(directory.path(), "second");
    let port = free_port();
    let kv = Kv::start(
        &format!("tls-port {port}\ntls-cert-file {first}\ntls-key-file {first_key}\ntls-auth-clients no\n"),
        &[],
    );
    assert!(is_served(port, &first));
    assert!(!is_served(port, &second));
    let mut client = kv.connect();
    let changed = client.call(&format!("CONFIG SET tls-cert-file {second} tls-key-file {second_key}"));
    assert_eq!(changed, "OK");
    assert!(is_served(port, &second));
    assert!(!is_served(port, &first));
    let refused = client.call(&format!("CONFIG SET tls-key-file {first_key}"));
    assert!(refused.ends_with("Unable to update TLS configuration. Check server logs."), "{refused}");
    assert!(is_served(port, &second));
}

#[test]
fn clients_beyond_the_limit_are_turned_away() {
    let kv = Kv::start("maxclients 2\n", &[]);
    let (mut one, mut two) = (kv.connect(), kv.connect());
    assert_eq!((one.call("PING"), two.call("PING")), ("PONG".to_owned(), "PONG".to_owned()));
    let mut third = kv.connect();
    assert_eq!(text(&third.read().unwrap()), "ERR max number of clients reached");
    assert_eq!(third.read(), None);
    assert_eq!(one.call("CONFIG SET maxclients 3"), "OK");
    assert_eq!(kv.connect().call("PING"), "PONG");
}

#[test]
fn a_daemon_writes_its_number_and_ignores_the_end_of_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (socket, pidfile, logfile) = (path("socket"), path("pid"), path("log"));
    let arguments = [
        "kv",
        "--port",
        "0",
        "--unixsocket",
        &socket,
        "--daemonize",
        "yes",
        "--pidfile",
        &pidfile,
        "--logfile",
        &logfile,
    ];
    let output = run(&mut ropewalk(&arguments));
    let number: i32 = fs::read_to_string(&pidfile).unwrap().trim().parse().unwrap();
    let process = rustix::process::Pid::from_raw(number).unwrap();
    assert_eq!(output.status.code(), Some(0));
    rustix::process::kill_process(process, rustix::process::Signal::HUP).unwrap();
    let mut client = Connection { stream: UnixStream::connect(&socket).unwrap(), input: BytesMut::new() };
    assert_eq!(client.call("PING"), "PONG");
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    assert_eq!(client.read(), None);
    let deadline = Instant::now() + PATIENCE;
    while Path::new(&pidfile).exists() {
        assert!(Instant::now() < deadline, "the pid file stays");
        std::thread::yield_now();
    }
    let log = fs::read_to_string(&logfile).unwrap();
    assert!(
        log.starts_with(&format!("{number}:M ")) && log.contains(" * Ready to accept connections\n"),
        "{log}"
    );
}
