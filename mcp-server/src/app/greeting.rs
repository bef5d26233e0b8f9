//! What a person sees when the server is up: where everything is, and what to type next.

use std::io::{self, Write};

use crate::config::{DataDir, ServerFile, command_line};

/// Prints it to standard output. A greeting that cannot be printed stops nothing.
pub(super) fn print(server: &ServerFile, data_dir: &DataDir) {
    let text = text(server, data_dir);
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn text(server: &ServerFile, data_dir: &DataDir) -> String {
    format!(
        "doorbell {version} is up\n\
         \n\
         \x20 front door  {front}   (what the world posts to)\n\
         \x20 control     {control}   (the dashboard at /, MCP at /mcp, REST at /v1)\n\
         \x20 data        {data}\n\
         \n\
         Next, in another terminal:\n\
         \x20 {open}\n\
         \x20     # the dashboard, signed in\n\
         \x20 {issue}\n\
         \x20     # a URL to paste into GitHub's webhook settings\n\
         \x20 {listen}\n\
         \x20     # watch what arrives\n\
         \x20 claude mcp add doorbell -- {mcp}\n\
         \x20     # give it to an agent\n\
         \n\
         Ctrl-C stops it; nothing that was accepted is lost.\n",
        version = server.version,
        front = server.public_url,
        control = server.control,
        data = data_dir.path().display(),
        open = command_line("open"),
        issue = command_line("token issue demo hook github"),
        listen = command_line("listen"),
        mcp = command_line("mcp --folder demo"),
    )
}
