//! What containers answer to HELP. The one rule: the lines stand with the container, the frame around them here.

use super::call::{Call, Done};
use super::error::{Error, shown};
use ropewalk_protocols::resp::ReplyWriter;

/// A container by itself: a subcommand has to follow.
pub(crate) fn container(call: &mut Call<'_>, _: &mut ReplyWriter<'_>) -> Done {
    Err(call.arity_error())
}

impl Call<'_> {
    /// The subcommand has arguments of which its handler can make nothing.
    pub(crate) fn subcommand_error(&self) -> Error {
        let container = self.server.registry.entry(self.command).parent.unwrap_or(self.command);
        let container = self.server.registry.name(container).to_ascii_uppercase();
        let name = self.arg(1);
        let shown = shown(name, 128);
        let words = [&b"ERR unknown subcommand or wrong number of arguments for '"[..], shown, b"'. Try "];
        Error::Bytes([words.concat().as_slice(), container.as_bytes(), b" HELP."].concat())
    }

    /// Answer HELP of this command's container with these lines, in their frame.
    pub(crate) fn help(&self, reply: &mut ReplyWriter<'_>, lines: &[&str]) {
        let container = self.server.registry.entry(self.command).parent.unwrap_or(self.command);
        let name = self.server.registry.name(container).to_ascii_uppercase();
        reply.array(lines.len() + 3);
        reply.simple(format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
        lines.iter().for_each(|line| reply.simple(line));
        reply.simple("HELP");
        reply.simple("    Prints this help.");
    }
}
