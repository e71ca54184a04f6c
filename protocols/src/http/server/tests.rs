//! The server, tested with strings.

use super::*;
use crate::http::{BodyWriter, EventStream, IncomingResponse, ResponseDecoder};
use ropewalk_reactor::testing::StringTransport;

/// Answers by path, and keeps what is asked to be kept.
#[derive(Default)]
struct Site {
    requests: Vec<String>,
    replies: Vec<Reply>,
    writers: Vec<BodyWriter>,
    events: Vec<EventStream>,
    resumed: usize,
    lost: usize,
}

impl Handler for Site {
    fn request(&mut self, request: Request, reply: Reply) {
        self.requests.push(format!("{} {}", request.method(), request.target()));
        match request.path() {
            "/later" => self.replies.push(reply),
            "/stream" => self.writers.push(reply.stream(Response::ok().text("begin "))),
            "/events" => self.events.push(reply.events()),
            "/forgotten" => drop(reply),
            "/large" => reply.send(Response::ok().text(vec![b'x'; 50_000])),
            "/echo" => reply.send(Response::ok().text(request.body().clone())),
            path => reply.send(Response::ok().text(path.to_owned())),
        }
    }

    fn write_resumed(&mut self, _: &Transport) {
        self.resumed += 1;
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        self.lost += 1;
    }
}

type Shared = Rc<RefCell<Site>>;

struct Client {
    connection: StringTransport<HttpServer<Shared>>,
    site: Shared,
    decoder: ResponseDecoder,
}

impl Client {
    fn new() -> Self {
        let site = Shared::default();
        let connection = StringTransport::new(HttpServer::new(site.clone()));
        Self { connection, site, decoder: ResponseDecoder::default() }
    }

    fn get(&mut self, target: &str) {
        self.ask("GET", target);
    }

    fn ask(&mut self, method: &str, target: &str) {
        self.connection.feed(format!("{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
    }

    /// The responses that are complete by now.
    fn responses(&mut self) -> Vec<IncomingResponse> {
        let output = self.connection.output();
        let mut rest = &output[..];
        let mut responses = Vec::new();
        while let Some(response) = self.decoder.decode(&mut rest).unwrap() {
            responses.push(response);
        }
        assert!(rest.is_empty(), "unread: {}", rest.escape_ascii());
        responses
    }

    /// The bodies of the responses that are complete by now, all of them 200.
    fn bodies(&mut self) -> Vec<String> {
        let body = |response: IncomingResponse| {
            assert_eq!(response.code, 200);
            String::from_utf8(response.body.to_vec()).unwrap()
        };
        self.responses().into_iter().map(body).collect()
    }

    fn code(&mut self) -> u16 {
        match &self.responses()[..] {
            [response] => response.code,
            other => panic!("one response was expected: {other:?}"),
        }
    }

    fn requests(&self) -> Vec<String> {
        self.site.borrow().requests.clone()
    }
}

const PIPELINE: &[u8] = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n\
    POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello\
    PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
    GET /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";

#[test]
fn pipelined_requests_are_answered_in_order() {
    for bytewise in [false, true] {
        let mut client = Client::new();
        match bytewise {
            false => client.connection.feed(PIPELINE),
            true => client.connection.feed_bytewise(PIPELINE),
        }
        assert_eq!(client.bodies(), ["/a", "hello", "abc", "/b"]);
        assert!(!client.connection.is_closing());
    }
}

#[test]
fn requests_behind_a_late_answer_wait_in_the_input() {
    let mut client = Client::new();
    client.get("/later");
    assert!(client.connection.transport().is_reading(), "or nobody would notice that the client left");
    client.get("/a");
    client.get("/b");
    assert_eq!(client.requests(), ["GET /later"]);
    assert!(!client.connection.transport().is_reading());
    assert!(client.connection.input().starts_with(b"GET /a"));
    let reply = client.site.borrow_mut().replies.pop().unwrap();
    reply.send(Response::ok().text("at last"));
    assert_eq!(client.bodies(), ["at last"]);
    assert_eq!(client.bodies(), ["/a", "/b"], "they are delivered from the loop, not from send");
    assert!(client.connection.transport().is_reading());
}

#[test]
fn a_forgotten_reply_answers_500_and_the_next_request_is_served() {
    let mut client = Client::new();
    client.get("/forgotten");
    client.get("/a");
    let codes: Vec<_> = client.responses().iter().map(|response| response.code).collect();
    assert_eq!(codes, [500, 200]);
}

#[test]
fn a_head_request_is_answered_like_get_without_the_body() {
    let mut client = Client::new();
    client.ask("HEAD", "/page");
    assert_eq!(client.requests(), ["GET /page"]);
    let output = String::from_utf8(client.connection.output()).unwrap();
    assert!(output.contains("Content-Length: 5\r\n") && output.ends_with("\r\n\r\n"), "{output}");
    client.ask("HEAD", "/stream");
    client.site.borrow_mut().writers.pop().unwrap().finish();
    let output = String::from_utf8(client.connection.output()).unwrap();
    assert!(output.contains("Transfer-Encoding: chunked\r\n") && output.ends_with("\r\n\r\n"), "{output}");
    client.get("/a");
    assert_eq!(client.bodies(), ["/a"]);
}

#[test]
fn the_connection_closes_when_the_client_wants_it() {
    for request in ["GET /a HTTP/1.0\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"] {
        let mut client = Client::new();
        client.connection.feed(request.repeat(2).as_bytes());
        assert_eq!(client.requests(), ["GET /a"], "nothing is read after the last request");
        assert!(client.connection.is_closing() && !client.connection.is_aborting());
        let responses = client.responses();
        assert_eq!(responses.len(), 1);
        assert!(!responses[0].keep_alive);
    }
}

#[test]
fn what_cannot_be_understood_is_answered_once_and_closed() {
    let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(10_000));
    let large = format!("GET / HTTP/1.1\r\nHost: {}", "a".repeat(20_000));
    for (request, code) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        ("\u{16}\u{3}\u{1}", 400),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n", 413),
        (&long, 414),
        ("PUT / HTTP/1.1\r\nHost: x\r\nExpect: the unexpected\r\n\r\n", 417),
        (&large, 431),
        ("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("GET / HTTP/2.0\r\n\r\n", 505),
    ] {
        let mut client = Client::new();
        client.connection.feed(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
        client.connection.feed(request.as_bytes());
        client.connection.feed(b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
        let responses = client.responses();
        let codes: Vec<_> = responses.iter().map(|response| response.code).collect();
        assert_eq!(codes, [200, code], "{request}");
        assert!(!responses[1].keep_alive && client.connection.is_closing());
        assert_eq!(client.requests(), ["GET /a"]);
    }
}

#[test]
fn a_client_that_waits_is_told_to_continue() {
    let mut client = Client::new();
    client
        .connection
        .feed(b"PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.connection.output(), b"HTTP/1.1 100 Continue\r\n\r\n");
    client.connection.feed(b"hi");
    assert_eq!(client.bodies(), ["hi"]);
}

#[test]
fn a_client_that_has_finished_sending_gets_its_answer() {
    let mut client = Client::new();
    client.get("/later");
    client.connection.eof();
    assert!(!client.connection.is_closing());
    client.site.borrow_mut().replies.pop().unwrap().send(Response::ok());
    assert!(client.connection.is_closing());
    let responses = client.responses();
    assert_eq!((responses.len(), responses[0].keep_alive), (1, false));
    let mut client = Client::new();
    client.get("/a");
    client.connection.eof();
    assert!(client.connection.is_closing(), "nothing is due");
}

#[test]
fn a_body_may_come_in_pieces() {
    let mut client = Client::new();
    client.get("/stream");
    client.get("/a");
    assert!(client.bodies().is_empty());
    let writer = client.site.borrow_mut().writers.pop().unwrap();
    assert!(writer.is_open() && !writer.is_full());
    writer.write(b"middle ");
    writer.write(b"");
    writer.write_bytes(vec![b'.'; 5000]);
    writer.finish();
    assert_eq!(client.bodies(), [format!("begin middle {}", ".".repeat(5000))]);
    assert_eq!(client.bodies(), ["/a"]);
}

#[test]
fn a_stream_that_begins_with_nothing_does_not_end_there() {
    let mut client = Client::new();
    client.get("/later");
    let writer = client.site.borrow_mut().replies.pop().unwrap().stream(Response::ok());
    writer.write_bytes(b"all".as_slice());
    writer.finish();
    assert_eq!(client.bodies(), ["all"]);
}

#[test]
fn a_status_without_a_body_has_none_in_pieces_either() {
    let mut client = Client::new();
    client.get("/later");
    let writer = client.site.borrow_mut().replies.pop().unwrap().stream(Response::new(Status::NO_CONTENT));
    writer.write(b"x");
    writer.finish();
    assert_eq!(client.connection.output(), b"HTTP/1.1 204 No Content\r\n\r\n");
}

#[test]
fn a_body_in_pieces_ends_by_closing_for_old_clients() {
    let mut client = Client::new();
    client.connection.feed(b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let writer = client.site.borrow_mut().writers.pop().unwrap();
    writer.write(b"end");
    assert!(!client.connection.is_closing());
    writer.finish();
    assert!(client.connection.is_closing() && !client.connection.is_aborting());
    let output = String::from_utf8(client.connection.output()).unwrap();
    assert!(output.contains("Connection: close\r\n") && output.ends_with("\r\n\r\nbegin end"), "{output}");
}

#[test]
fn half_a_body_never_looks_like_a_whole_one() {
    let mut client = Client::new();
    client.get("/stream");
    client.site.borrow_mut().writers.clear();
    assert!(client.connection.is_aborting());
}

#[test]
fn events_flow_until_the_page_leaves() {
    let mut client = Client::new();
    client.get("/events");
    client.get("/ignored");
    let site = client.site.clone();
    let send = |data| site.borrow().events[0].send(data);
    assert!(send("one\ntwo"));
    assert!(site.borrow().events[0].send_named("queue", "{}"));
    assert!(site.borrow().events[0].ping());
    let output = String::from_utf8(client.connection.output()).unwrap();
    let (head, events) = output.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Content-Type: text/event-stream\r\n") && head.ends_with("Connection: close"));
    assert_eq!(events, "data: one\ndata: two\n\nevent: queue\ndata: {}\n\n:\n\n");
    assert_eq!(client.requests(), ["GET /events"]);
    assert!(client.connection.input().is_empty(), "what a page sends is dropped");
    client.connection.eof();
    assert!(!send("anyone?"));
    assert!(!site.borrow().events[0].is_open());
}

#[test]
fn a_stream_of_events_that_begins_late_drops_what_waits() {
    let mut client = Client::new();
    client.get("/later");
    client.get("/ignored");
    assert!(!client.connection.transport().is_reading());
    let events = client.site.borrow_mut().replies.pop().unwrap().events();
    client.connection.feed(b"");
    assert!(client.connection.transport().is_reading() && client.connection.input().is_empty());
    assert!(events.is_open());
    assert_eq!(client.requests(), ["GET /later"]);
}

#[test]
fn a_page_that_does_not_keep_up_is_let_go() {
    let mut client = Client::new();
    client.get("/events");
    let event = "x".repeat(1000);
    let site = client.site.clone();
    let sent = (0..1000).take_while(|_| site.borrow().events[0].send(&event)).count();
    assert!((60..70).contains(&sent), "{sent} events were sent");
    assert!(client.connection.is_aborting());
}

#[test]
fn the_end_of_an_event_stream_closes() {
    let mut client = Client::new();
    client.get("/events");
    assert!(!client.connection.is_closing());
    client.site.borrow_mut().events.clear();
    assert!(client.connection.is_closing() && !client.connection.is_aborting());
    let mut client = Client::new();
    client.ask("HEAD", "/events");
    assert!(client.connection.is_closing(), "there is nothing to wait for behind a HEAD");
}

#[test]
fn a_client_that_does_not_read_is_not_asked_for_more() {
    let mut client = Client::new();
    let request = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
    client.connection.feed(request.repeat(100).as_bytes());
    assert_eq!(client.requests().len(), 2, "two answers fill the transport");
    assert_eq!(client.connection.input().len(), 98 * request.len());
    let mut answers = 0;
    while answers < 100 {
        let more = client.bodies().len();
        assert!((1..=2).contains(&more));
        answers += more;
    }
    assert!(client.site.borrow().resumed >= 49);
}

#[test]
fn a_stalled_client_is_given_up_and_a_slow_one_is_not() {
    let mut client = Client::new();
    client.connection.feed("GET /large HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3).as_bytes());
    client.connection.protocol().stalled_at = Some(200_000);
    client.connection.time_out();
    assert!(!client.connection.is_closing(), "it has taken something");
    client.connection.time_out();
    assert!(client.connection.is_aborting(), "it has taken nothing since");
    let mut client = Client::new();
    client.get("/large");
    client.get("/large");
    assert_eq!(client.bodies().len(), 2);
    client.connection.time_out();
    assert!(client.connection.is_closing() && !client.connection.is_aborting(), "it was only idle");
}

#[test]
fn an_unfinished_request_times_out_with_408_and_an_idle_connection_in_silence() {
    for partial in ["G", "GET / HTTP/1.1\r\n", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"] {
        let mut client = Client::new();
        client.get("/a");
        assert_eq!(client.code(), 200);
        client.connection.feed(partial.as_bytes());
        client.connection.time_out();
        assert_eq!(client.code(), 408);
        assert!(client.connection.is_closing());
    }
    let mut client = Client::new();
    client.connection.feed_bytewise(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(client.code(), 200);
    client.connection.time_out();
    assert!(client.connection.is_closing() && client.connection.output().is_empty());
}

#[test]
fn a_late_answer_has_all_the_time_it_needs() {
    let mut client = Client::new();
    client.get("/later");
    client.connection.time_out();
    assert!(!client.connection.is_closing());
}

#[test]
fn the_handler_learns_that_the_connection_is_gone() {
    let mut client = Client::new();
    client.get("/later");
    client.connection.lose(Reason::Done);
    assert_eq!(client.site.borrow().lost, 1);
    client.site.borrow_mut().replies.pop().unwrap().send(Response::ok());
    assert!(client.connection.output().is_empty(), "there is nobody to answer");
}

#[test]
fn the_date_is_the_clocks() {
    let clock = || UNIX_EPOCH + Duration::from_secs(784_111_777);
    let config = Rc::new(Config { clock: Some(Rc::new(clock)), ..Config::default() });
    let handler = |_: Request, reply: Reply| reply.send(Response::ok());
    let mut connection = StringTransport::new(HttpServer::with_config(handler, config));
    connection.feed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let output = String::from_utf8(connection.output()).unwrap();
    assert!(output.contains("\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), "{output}");
}
