//! What the server can be told.

use std::{fs, io, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use doorbell_core::{channel::DEFAULT_CHANNEL_TTL, grant::MAX_TTL_SECONDS};
use doorbell_ingress::limits::PeerConnections;
use serde::Deserialize;

use super::{
    control_url::{ControlUrl, ControlUrlError, WebOrigin},
    data_dir::DataDir,
    peers::Peers,
    quantity::{Period, Size},
};
use crate::oidc::{DEFAULT_FOLDER_CLAIM, IssuerUrlError, OidcSettings};

const DEFAULT_LISTEN: &str = "127.0.0.1:8787";
const DEFAULT_CONTROL: &str = "127.0.0.1:8788";
const DEFAULT_RETAIN: Duration = Duration::from_secs(7 * 24 * 3600);

/// The server's flags. Each is also read from `DOORBELL_<NAME>` and from `doorbell.toml`, where
/// dashes are underscores.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeArgs {
    /// Where the front door listens: the only address the world must reach [127.0.0.1:8787]
    #[arg(long, env = "DOORBELL_LISTEN", value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where agents and operators are served: MCP, /v1 [127.0.0.1:8788]
    #[arg(long, env = "DOORBELL_CONTROL", value_name = "ADDR")]
    control: Option<SocketAddr>,
    /// What printed URLs begin with: the front door as the world sees it
    #[arg(long, env = "DOORBELL_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Requests a minute that one hook: token may make; 0 turns the limit off [600]
    #[arg(long, env = "DOORBELL_HOOK_RATE", value_name = "N")]
    hook_rate: Option<u32>,
    /// Requests at once that one hook: token may make after a rest [300]
    #[arg(long, env = "DOORBELL_HOOK_BURST", value_name = "N")]
    hook_burst: Option<u32>,
    /// The largest body that is accepted [1MiB]
    #[arg(long, env = "DOORBELL_MAX_BODY", value_name = "SIZE")]
    max_body: Option<Size>,
    /// How many bytes of bodies may be in flight at once; beyond it senders are told 503 [48MiB]
    #[arg(long, env = "DOORBELL_BODY_BUDGET", value_name = "SIZE")]
    body_budget: Option<Size>,
    /// How many of a listener's connections one address (of IPv6: one /64) may have once three
    /// quarters are taken, or all: behind a proxy everybody comes from one address [a quarter]
    #[arg(long, env = "DOORBELL_PEER_CONNECTIONS", value_name = "N|all")]
    peer_connections: Option<Peers>,
    /// How long settled and dead messages are kept [7d]
    #[arg(long, env = "DOORBELL_RETAIN", value_name = "TIME")]
    retain: Option<Period>,
    /// How long a channel's URL lives where its minter does not say; those that stand keep theirs [30d]
    #[arg(long, env = "DOORBELL_CHANNEL_TTL", value_name = "TIME")]
    channel_ttl: Option<Period>,
    /// How much disk messages may take; beyond it senders are told 503 [no limit]
    #[arg(long, env = "DOORBELL_MAX_DISK", value_name = "SIZE")]
    max_disk: Option<Size>,
    /// A name the control listener answers to beside localhost and IP addresses; may be repeated
    #[arg(
        long = "allowed-host",
        env = "DOORBELL_ALLOWED_HOST",
        value_name = "NAME",
        value_delimiter = ','
    )]
    #[serde(default)]
    allowed_host: Vec<String>,
    /// A page's origin that may ask /mcp from a browser, such as https://app.example.com; may be
    /// repeated
    #[arg(
        long = "allowed-origin",
        env = "DOORBELL_ALLOWED_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    #[serde(default)]
    allowed_origin: Vec<String>,
    /// Whose tokens let in beside API keys: an OpenID Connect issuer
    #[arg(long, env = "DOORBELL_OIDC_ISSUER", value_name = "URL")]
    oidc_issuer: Option<String>,
    /// What its tokens must name in `aud`; for MCP clients this server's own URL, ending in /mcp
    #[arg(long, env = "DOORBELL_OIDC_AUDIENCE", value_name = "AUDIENCE")]
    oidc_audience: Option<String>,
    /// The claim that holds a token's folder, or * for an operator [doorbell_folder]
    #[arg(long, env = "DOORBELL_OIDC_FOLDER_CLAIM", value_name = "NAME")]
    oidc_folder_claim: Option<String>,
    /// What people sign in to the dashboard as at the issuer: a public client's id
    #[arg(long, env = "DOORBELL_OIDC_CLIENT_ID", value_name = "ID")]
    oidc_client_id: Option<String>,
    /// The control listener as its clients reach it, where a proxy stands before it; it may have a
    /// path, and its name need not be among --allowed-host [http://<Host>]
    #[arg(long, env = "DOORBELL_CONTROL_URL", value_name = "URL")]
    control_url: Option<String>,
    /// How long to go on serving, not ready, once told to stop: until a load balancer has noticed [0s]
    #[arg(long, env = "DOORBELL_DRAIN", value_name = "TIME")]
    drain: Option<Period>,
    /// What to log: error, warn, info, debug, trace, or directives such as doorbell=debug [info]
    #[arg(long, env = "DOORBELL_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// How to log: text or json [text]
    #[arg(long, env = "DOORBELL_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Log to server.log in the data directory: how another command starts a server
    #[arg(long, hide = true)]
    #[serde(skip)]
    in_background: bool,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one object a line.
    Json,
}

/// What the server goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where everything lies.
    pub data_dir: DataDir,
    /// Where the front door listens.
    pub listen: SocketAddr,
    /// Where agents and operators are served.
    pub control: SocketAddr,
    /// What printed URLs begin with, if it is not the front door's own address.
    pub public_url: Option<String>,
    /// Requests a minute for one hook: token; 0: no limit.
    pub hook_rate: Option<u32>,
    /// Requests at once for one hook: token.
    pub hook_burst: Option<u32>,
    /// The largest body, in bytes.
    pub max_body: Option<u64>,
    /// Bytes of bodies in flight at once.
    pub body_budget: Option<u64>,
    /// How many connections one peer may have once there are many.
    pub peer_connections: PeerConnections,
    /// How long settled and dead messages are kept.
    pub retain: Duration,
    /// How long a channel token lives where its minter does not say.
    pub channel_ttl: Duration,
    /// Bytes of disk that messages may take.
    pub max_disk: Option<u64>,
    /// Further names of the control listener.
    pub allowed_hosts: Vec<String>,
    /// Origins of pages that may ask `/mcp`.
    pub allowed_origins: Vec<WebOrigin>,
    /// Where clients reach the control listener, if it was said.
    pub control_url: Option<ControlUrl>,
    /// Whose tokens let in, if anybody's.
    pub oidc: Option<OidcSettings>,
    /// How long to go on serving once told to stop.
    pub drain: Duration,
    /// What to log.
    pub log: String,
    /// How to log.
    pub log_format: LogFormat,
    /// Started by another command, and logging to a file of its own.
    pub in_background: bool,
}

impl Settings {
    /// The file that is logged to, where it is not standard error.
    pub fn log_file(&self) -> Option<PathBuf> {
        self.in_background.then(|| self.data_dir.log_file())
    }
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// `doorbell.toml` cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `doorbell.toml` does not parse.
    #[error("{path}: {source}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A public URL nobody could use.
    #[error("{flag} {url:?} is not an http:// or https:// URL without query and fragment")]
    Url {
        /// Which setting.
        flag: &'static str,
        /// What it was set to.
        url: String,
    },
    /// No one origin.
    #[error(
        "--allowed-origin {0:?} is no origin: one is spelt out like https://app.example.com:8443, without a path or *"
    )]
    Origin(String),
    /// A control URL nobody could use.
    #[error("--control-url {0:?} is not {1}")]
    ControlUrl(String, ControlUrlError),
    /// An issuer that cannot be one.
    #[error("--oidc-issuer {0:?} is not {1}")]
    Issuer(String, IssuerUrlError),
    /// A time that no channel token can have.
    #[error("--channel-ttl {0}")]
    ChannelTtl(&'static str),
    /// Half of what tokens are believed on.
    #[error("{given} needs {missing}: {why}")]
    Incomplete {
        /// What was set.
        given: &'static str,
        /// What was not.
        missing: &'static str,
        /// What that is for.
        why: &'static str,
    },
}

impl Settings {
    /// Puts flags and environment (both in `args`), `doorbell.toml` and defaults together.
    pub fn gather(args: ServeArgs, data_dir: DataDir) -> Result<Self, SettingsError> {
        let file = read_file(&data_dir)?;
        let parsed = |text: &str| text.parse().expect("the default addresses parse");
        let allowed = if args.allowed_host.is_empty() {
            file.allowed_host
        } else {
            args.allowed_host
        };
        let allowed_origins = if args.allowed_origin.is_empty() {
            file.allowed_origin
        } else {
            args.allowed_origin
        };
        let allowed_origins = allowed_origins.into_iter().map(allowed_origin);
        let allowed_origins = allowed_origins.collect::<Result<_, _>>()?;
        let public_url = args
            .public_url
            .or(file.public_url)
            .map(|url| base_url("--public-url", url))
            .transpose()?;
        let control_url = args
            .control_url
            .or(file.control_url)
            .map(|url| {
                ControlUrl::parse(&url).map_err(|error| SettingsError::ControlUrl(url, error))
            })
            .transpose()?;
        let oidc = oidc(
            args.oidc_issuer.or(file.oidc_issuer),
            args.oidc_audience.or(file.oidc_audience),
            args.oidc_folder_claim.or(file.oidc_folder_claim),
            args.oidc_client_id.or(file.oidc_client_id),
            control_url.as_ref().map(|url| url.as_str().to_owned()),
        )?;
        Ok(Self {
            data_dir,
            listen: args
                .listen
                .or(file.listen)
                .unwrap_or_else(|| parsed(DEFAULT_LISTEN)),
            control: args
                .control
                .or(file.control)
                .unwrap_or_else(|| parsed(DEFAULT_CONTROL)),
            public_url,
            hook_rate: args.hook_rate.or(file.hook_rate),
            hook_burst: args.hook_burst.or(file.hook_burst),
            max_body: args.max_body.or(file.max_body).map(|size| size.0),
            body_budget: args.body_budget.or(file.body_budget).map(|size| size.0),
            peer_connections: args
                .peer_connections
                .or(file.peer_connections)
                .map_or(PeerConnections::Quarter, |peers| peers.0),
            retain: args
                .retain
                .or(file.retain)
                .map_or(DEFAULT_RETAIN, |period| period.0),
            channel_ttl: channel_ttl(args.channel_ttl.or(file.channel_ttl))?,
            max_disk: args.max_disk.or(file.max_disk).map(|size| size.0),
            allowed_hosts: allowed,
            allowed_origins,
            control_url,
            oidc,
            drain: args
                .drain
                .or(file.drain)
                .map_or(Duration::ZERO, |period| period.0),
            log: args.log.or(file.log).unwrap_or_else(|| "info".to_owned()),
            log_format: args.log_format.or(file.log_format).unwrap_or_default(),
            in_background: args.in_background,
        })
    }
}

fn read_file(data_dir: &DataDir) -> Result<ServeArgs, SettingsError> {
    let path = data_dir.settings_file();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ServeArgs::default()),
        Err(source) => return Err(SettingsError::Unreadable { path, source }),
    };
    toml::from_str(&text).map_err(|source| SettingsError::Malformed {
        path,
        source: Box::new(source),
    })
}

/// A channel's token always dies some day, and not the moment it was made.
fn channel_ttl(asked: Option<Period>) -> Result<Duration, SettingsError> {
    const MOST: Duration = Duration::from_secs(MAX_TTL_SECONDS);
    match asked {
        None => Ok(DEFAULT_CHANNEL_TTL),
        Some(Period(ttl)) if ttl.as_millis() == 0 => Err(SettingsError::ChannelTtl(
            "is 0: a channel's URL that dies at once is none; write a time such as 30d",
        )),
        Some(Period(ttl)) if ttl > MOST => {
            Err(SettingsError::ChannelTtl("is at most 100 years: 36500d"))
        }
        Some(Period(ttl)) => Ok(ttl),
    }
}

/// An issuer without an audience would let in on tokens that are meant for others.
fn oidc(
    issuer: Option<String>,
    audience: Option<String>,
    folder_claim: Option<String>,
    client_id: Option<String>,
    control_url: Option<String>,
) -> Result<Option<OidcSettings>, SettingsError> {
    let incomplete = |given, missing, why| SettingsError::Incomplete {
        given,
        missing,
        why,
    };
    const WHOSE: &str = "the URL of the issuer whose tokens let in";
    let Some(issuer) = issuer else {
        let alone = [
            ("--oidc-audience", audience.is_some()),
            ("--oidc-folder-claim", folder_claim.is_some()),
            ("--oidc-client-id", client_id.is_some()),
        ];
        return match alone.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(incomplete(flag, "--oidc-issuer", WHOSE)),
            None => Ok(None),
        };
    };
    let audience = audience.filter(|audience| !audience.is_empty());
    let folder_claim = folder_claim.filter(|claim| !claim.is_empty());
    Ok(Some(OidcSettings {
        audience: audience.ok_or_else(|| {
            let why = "what the aud of its tokens must name, such as this server's URL";
            incomplete("--oidc-issuer", "--oidc-audience", why)
        })?,
        issuer: issuer
            .parse()
            .map_err(|error| SettingsError::Issuer(issuer, error))?,
        folder_claim: folder_claim.unwrap_or_else(|| DEFAULT_FOLDER_CLAIM.to_owned()),
        control_url,
        client_id: client_id.filter(|id| !id.is_empty()),
    }))
}

/// One origin, exactly: what a browser sends for every page would let in every page.
fn allowed_origin(text: String) -> Result<WebOrigin, SettingsError> {
    let origin = WebOrigin::parse(&text).filter(|_| !text.contains('*'));
    origin.ok_or(SettingsError::Origin(text))
}

fn base_url(flag: &'static str, text: String) -> Result<String, SettingsError> {
    let good = reqwest::Url::parse(&text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if good {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(SettingsError::Url { flag, url: text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(
            dir.path().join("doorbell.toml"),
            "hook_rate = 5\nretain = \"2d\"\n",
        )
        .expect("written");
        let data_dir = DataDir::find(Some(dir.path().to_owned())).expect("named");
        let args = ServeArgs {
            hook_rate: Some(7),
            ..ServeArgs::default()
        };
        let settings = Settings::gather(args, data_dir).expect("good settings");
        assert_eq!(settings.hook_rate, Some(7));
        assert_eq!(settings.retain, Duration::from_secs(2 * 86_400));
        assert_eq!(settings.listen.port(), 8787);
    }

    #[test]
    fn a_misspelt_setting_in_the_file_is_an_error() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join("doorbell.toml"), "hook_rat = 5\n").expect("written");
        let data_dir = DataDir::find(Some(dir.path().to_owned())).expect("named");
        let error = Settings::gather(ServeArgs::default(), data_dir).expect_err("misspelt");
        assert!(error.to_string().contains("hook_rat"), "{error}");
    }

    #[test]
    fn a_channel_lives_30_days_unless_told_otherwise_and_never_0() {
        let gathered = |ttl: Option<&str>| {
            let dir = tempfile::tempdir().expect("a temporary directory");
            let data_dir = DataDir::find(Some(dir.path().to_owned())).expect("named");
            let args = ServeArgs {
                channel_ttl: ttl.map(|text| text.parse().expect("a length of time")),
                ..ServeArgs::default()
            };
            Settings::gather(args, data_dir).map(|settings| settings.channel_ttl.as_secs())
        };
        assert_eq!(gathered(None).expect("good"), 30 * 86_400);
        assert_eq!(gathered(Some("12h")).expect("good"), 12 * 3_600);
        for bad in ["0", "0d", "0ms", "36501d"] {
            let error = gathered(Some(bad)).expect_err(bad).to_string();
            assert!(error.starts_with("--channel-ttl is "), "{error}");
        }
    }

    #[test]
    fn a_public_url_is_http_and_loses_its_last_slash() {
        assert_eq!(
            base_url("--public-url", "https://a.example/".into()).expect("good"),
            "https://a.example"
        );
        assert_eq!(
            base_url("--public-url", "https://a.example/in".into()).expect("good"),
            "https://a.example/in"
        );
        for bad in ["a.example", "ftp://a.example", "https://a.example/?x", ""] {
            assert!(base_url("--public-url", bad.into()).is_err(), "{bad}");
        }
    }
}
