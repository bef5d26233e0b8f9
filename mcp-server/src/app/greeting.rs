//! What a person sees when the server is up: where everything is, and what to type next.

use std::io::{self, Write};

use crate::config::{DataDir, ServerFile};

/// Prints it to standard output. A greeting that cannot be printed stops nothing.
pub(super) fn print(server: &ServerFile, data_dir: &DataDir) {
    let text = format!(
        "doorbell {version} is up\n\
         \n\
         \x20 front door  {front}   (what the world posts to)\n\
         \x20 control     {control}   (the dashboard at /, MCP at /mcp, REST at /v1)\n\
         \x20 data        {data}\n\
         \n\
         Next, in another terminal:\n\
         \x20 doorbell token issue demo hook github     # a URL to paste into GitHub's webhook settings\n\
         \x20 doorbell listen                           # watch what arrives\n\
         \x20 claude mcp add doorbell -- doorbell mcp --folder demo\n\
         \n\
         Ctrl-C stops it; nothing that was accepted is lost.\n",
        version = server.version,
        front = server.public_url,
        control = server.control,
        data = data_dir.path().display(),
    );
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
