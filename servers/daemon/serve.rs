//! How a server becomes a process: the same steps for each, in an order that matters.
//!
//! ```text
//! fork         while there is one thread, and before anything is opened; the user's command waits
//! logs
//! pid file     refused if another process has it
//! reactor      and its signals
//! endpoints    with the privileges that the process was started with
//! user         from here on without them, and only from here on is anybody served
//! services     the server's own, then readiness: what is printed, systemd, the waiting command
//! run          until SIGINT, SIGTERM or SIGHUP; a second one doesn't wait for anybody
//! ```

use crate::daemonize::{self, WaitingCommand};
use crate::failed::Failed;
use crate::pidfile::PidFile;
use crate::runtime::Runtime;
use crate::user::User;
use clap::Args;
use ropewalk_reactor::endpoint::{Endpoint, ListenEndpoint};
use ropewalk_reactor::prelude::*;
use ropewalk_reactor::service::{Progress, Service, Services};
use ropewalk_reactor::{Result, Signal, systemd};
use std::cell::Cell;
use std::future::ready;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What every server can be told about its process.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Process")]
pub(crate) struct Process {
    /// Write the process's number to this file, and remove it at the end
    ///
    /// A second process with the same file is refused as long as the first one lives.
    #[arg(long, value_name = "FILE")]
    pidfile: Option<PathBuf>,
    /// Become this user once the endpoints are open
    ///
    /// Only root can; its groups become those of the user.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Go into the background, once everything is ready
    ///
    /// The command returns when the server is ready, or has failed and said why. Logs go on to
    /// standard error if that is a file, and else nowhere. The working directory stays what it is.
    #[arg(long)]
    daemonize: bool,
    #[command(flatten)]
    runtime: Runtime,
}

/// Shown with the help of commands that take endpoints.
pub(crate) const ENDPOINTS: &str = "\
Endpoints to listen on:
  tcp:PORT                    :interface=ADDRESS :backlog=N :reuseport=yes :ipv6only=yes
  tls:PORT:cert=FILE          :key=FILE :ca=FILE :alpn=LIST, and those of tcp
  unix:PATH                   :mode=660 :backlog=N
  systemd:N, systemd:NAME     a socket that systemd hands over
  fd:N                        a socket that was left open under this number
Port 0 is any free port. A colon inside a part is written \\:, an IPv6 address [::1].
Without interface=127.0.0.1 or the like, the whole network can connect.";

/// Reads an endpoint that connections come from.
pub(crate) fn stream_endpoint(text: &str) -> Result<ListenEndpoint, String> {
    match Endpoint::listen(text) {
        Ok(ListenEndpoint::Udp { .. } | ListenEndpoint::UnixDatagram { .. }) => {
            Err("datagrams make no connections; expected tcp, tls, unix, systemd or fd".to_owned())
        }
        Ok(endpoint) => Ok(endpoint),
        Err(error) => Err(error.to_string()),
    }
}

/// What a server is opened with.
pub(crate) struct Setup<'a> {
    /// The reactor, which does not run yet.
    pub(crate) reactor: &'a Reactor,
    /// What has to be up before the server is ready, and be stopped in order.
    pub(crate) services: Services,
    announcements: Vec<String>,
}

impl Setup<'_> {
    /// Listen, and say so once everything is ready.
    pub(crate) fn listen(
        &mut self,
        endpoint: &ListenEndpoint,
        factory: impl Factory + 'static,
    ) -> Result<()> {
        let listener = self.reactor.listen(&endpoint.to_string(), factory)?;
        self.announce(listening_on(listener.address()));
        Ok(())
    }

    /// Print this line once everything is ready.
    pub(crate) fn announce(&mut self, line: String) {
        self.announcements.push(line);
    }
}

/// What is printed for a listener, and what scripts read to learn a port.
pub(crate) fn listening_on(address: &Address) -> String {
    format!("listening on {address}")
}

/// What becomes of a process, from whichever options.
pub(crate) struct Plan<'a> {
    /// The user to become.
    pub(crate) user: Option<&'a str>,
    /// Go into the background.
    pub(crate) daemonize: bool,
    /// The pid file to claim.
    pub(crate) pidfile: Option<&'a Path>,
    /// Starts the logs, and makes the reactor.
    pub(crate) start: &'a dyn Fn() -> Result<Reactor, Failed>,
    /// What SIGHUP does.
    pub(crate) on_hangup: fn(&Reactor),
}

/// Be a server: `open` opens its endpoints. Returns when it has stopped.
pub(crate) fn serve(
    name: &'static str,
    process: &Process,
    open: impl FnOnce(&mut Setup<'_>) -> Result<()>,
) -> Result<(), Failed> {
    let plan = Plan {
        user: process.user.as_deref(),
        daemonize: process.daemonize,
        pidfile: process.pidfile.as_deref(),
        start: &|| process.runtime.start(),
        on_hangup: Reactor::stop,
    };
    carry_out(name, plan, open)
}

/// The same, with a plan that options of another kind have made.
pub(crate) fn carry_out(
    name: &'static str,
    plan: Plan<'_>,
    open: impl FnOnce(&mut Setup<'_>) -> Result<()>,
) -> Result<(), Failed> {
    let user = plan.user.map(User::find).transpose()?;
    let waiting = if plan.daemonize { Some(daemonize::fork()?) } else { None };
    let reactor = (plan.start)()?;
    // Removed when this function is left, by whichever way.
    let _pidfile = plan.pidfile.map(PidFile::claim).transpose()?;
    reactor.stop_on_signals()?;
    reactor.on_signal(Signal::Hangup, plan.on_hangup)?;
    let mut setup = Setup { reactor: &reactor, services: Services::new(name), announcements: Vec::new() };
    open(&mut setup)?;
    if let Some(user) = user {
        user.assume()?;
    }
    let Setup { mut services, announcements, .. } = setup;
    services.add(Readiness { announcements, waiting });
    run(&reactor, services)
}

/// Run until stopped. Services that don't start stop it.
fn run(reactor: &Reactor, services: Services) -> Result<(), Failed> {
    let failure = Rc::new(Cell::new(None));
    let (slot, stopper) = (failure.clone(), reactor.clone());
    reactor.start_services(services).finally(move |outcome| match outcome {
        // A signal before everything was up is no failure.
        Err(failure) if !stopper.is_stopping() => {
            slot.set(Some(failure));
            stopper.stop();
        }
        _ => {}
    });
    reactor.run()?;
    failure.take().map_or(Ok(()), |failure| Err(failure.into()))
}

/// The last to start and the first to stop: tells whoever waits for the server.
struct Readiness {
    announcements: Vec<String>,
    waiting: Option<WaitingCommand>,
}

impl Readiness {
    fn tell(&mut self, backend: &str) -> io::Result<()> {
        tracing::info!(backend, "ready");
        if let Err(error) = print(&self.announcements) {
            tracing::warn!(%error, "standard output takes nothing");
        }
        notify_systemd("READY=1");
        match self.waiting.take() {
            Some(waiting) => waiting.release(),
            None => Ok(()),
        }
    }
}

impl Service for Readiness {
    fn name(&self) -> &str {
        "readiness"
    }

    fn start<'a>(&'a mut self, reactor: &'a Reactor) -> Progress<'a> {
        Box::pin(ready(self.tell(reactor.backend()).map_err(Failure::from)))
    }

    fn stop<'a>(&'a mut self, _: &'a Reactor) -> Progress<'a> {
        notify_systemd("STOPPING=1");
        tracing::info!("stopping");
        Box::pin(ready(Ok(())))
    }
}

fn print(lines: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    out.flush()
}

fn notify_systemd(state: &str) {
    if let Err(error) = systemd::notify(state) {
        tracing::warn!(%error, state, "systemd could not be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_of_datagrams_is_no_place_for_connections() {
        for text in ["udp:5300", "unixgram:/run/log"] {
            assert!(stream_endpoint(text).unwrap_err().contains("datagrams"), "{text}");
        }
        assert!(stream_endpoint("tcp:eighty").unwrap_err().contains("port"));
        stream_endpoint("tcp:80").unwrap();
    }
}
