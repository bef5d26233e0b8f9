//! What a person sees when the server is up: where everything is, and what to type next.

use std::io::{self, Write};

use crate::config::{DataDir, Reachability, ServerFile, command_line};

/// Prints it to standard output. A greeting that cannot be printed stops nothing.
pub(super) fn print(server: &ServerFile, data_dir: &DataDir) {
    let text = text(server, data_dir);
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn text(server: &ServerFile, data_dir: &DataDir) -> String {
    let reach = Reachability::of_text(&server.public_url).only();
    let reach = reach.map_or_else(String::new, |who| {
        format!(
            "\x20             only {who} reaches it: for senders elsewhere, a tunnel or a proxy, \
             and --public-url\n"
        )
    });
    format!(
        "doorbell {version} is up\n\
         \n\
         \x20 front door  {front}   (what the world posts to)\n\
         {reach}\
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

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(public_url: &str) -> String {
        let server = ServerFile {
            pid: 1,
            version: "0".to_owned(),
            listen: "http://127.0.0.1:8787".to_owned(),
            control: "http://127.0.0.1:8788".to_owned(),
            public_url: public_url.to_owned(),
            started_at: String::new(),
            log: None,
        };
        let data_dir = DataDir::find(Some("/srv/bell".into())).expect("named");
        text(&server, &data_dir)
    }

    #[test]
    fn it_says_how_to_sign_in_and_whether_anyone_elsewhere_can_post() {
        let here = greeting("http://127.0.0.1:8787");
        assert!(here.contains("doorbell open"), "{here}");
        assert!(here.contains("only this machine reaches it"), "{here}");
        let near = greeting("http://192.168.1.2:8787");
        assert!(near.contains("only its own network reaches it"), "{near}");
        let anywhere = greeting("https://bell.example.com");
        assert!(!anywhere.contains("reaches it"), "{anywhere}");
    }
}
