//! The configuration of a node: a TOML file, and options that override it.

use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::ValueEnum;
use outrider::WorkersOptions;
use outrider_node::NodeOptions;
use outrider_options::PatchArgs;
use outrider_options::option_values::{self, TimeUnit, WaitHow};
use outrider_transport::{Address, TlsFiles};
use outrider_wire as wire;
use serde::de::{self, Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::failure::Failure;
use crate::listener::Admission;
use crate::server::ServerOptions;

/// Bytes of a configuration file.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Longest time to shut down.
const DRAIN_SECONDS_MAX: f64 = 3600.0;
const NS_PER_SECOND: f64 = 1e9;

/// The settings of a node. Keys are the names of the options of `outrider-node`, if there is one.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Where it listens.
    #[serde(deserialize_with = "texts")]
    pub(crate) listen: Vec<Address>,
    /// Where `/metrics` and `/healthz` are served.
    pub(crate) metrics: Option<String>,
    /// Threads that decode; 0 to decode on the thread of the connections.
    pub(crate) workers: usize,
    /// How threads wait.
    pub(crate) wait: WaitHow,
    /// Cores that the workers are pinned to, in turn.
    pub(crate) cores: Vec<usize>,
    /// Users that may connect through Unix sockets, besides the node's own.
    pub(crate) allow_uids: Vec<u32>,
    /// Permission bits of Unix sockets, in octal.
    #[serde(deserialize_with = "mode")]
    pub(crate) socket_mode: u32,
    /// How long it still decides cells after it has to stop.
    #[serde(deserialize_with = "seconds")]
    pub(crate) drain_seconds: f64,
    /// Certificates, for `tls:` addresses.
    pub(crate) tls: Option<TlsConfig>,
    /// What others may take of it.
    pub(crate) limits: Limits,
    /// Its log.
    pub(crate) log: LogConfig,
    /// The patches that it decides cells of.
    #[serde(rename = "patch")]
    pub(crate) patches: Vec<PatchArgs>,
}

/// PEM files.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct TlsConfig {
    /// Certificates of the authorities that sign those of controllers.
    authority: PathBuf,
    /// The node's certificate, with those between it and its authority.
    certificate: PathBuf,
    /// Its private key.
    key: PathBuf,
}

/// What others may take of a node.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Connections at a time.
    connections: NonZeroUsize,
    /// Connections of one user, certificate or address that have sent nothing yet; by default three quarters of them.
    greetings_per_peer: Option<NonZeroUsize>,
    /// Sessions at a time.
    sessions: NonZeroUsize,
    /// Sessions of one user, certificate or address; by default three quarters of them.
    sessions_per_peer: Option<NonZeroUsize>,
    /// Streams of a session at a time.
    streams: u32,
    /// Cells of a session that are with workers at a time.
    jobs: NonZeroUsize,
    /// Bytes of frames that a session keeps until they are acknowledged.
    retained_bytes: usize,
    /// Milliseconds between signs of life.
    #[serde(deserialize_with = "milliseconds")]
    heartbeat_ms: f64,
    /// Seconds that a session without a connection lives.
    #[serde(deserialize_with = "seconds")]
    resume_seconds: f64,
    /// Seconds that a handshake may take.
    #[serde(deserialize_with = "seconds")]
    handshake_seconds: f64,
}

/// How the log is kept.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct LogConfig {
    /// What is worth a line.
    pub(crate) level: LogLevel,
    /// The file; standard error if there is none.
    pub(crate) file: Option<PathBuf>,
}

/// What is worth a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogLevel {
    /// What an operator has to do something about.
    Error,
    /// What went wrong, if only for one client.
    Warn,
    /// Sessions and streams that come and go.
    #[default]
    Info,
    /// Connections too.
    Debug,
}

impl Default for Config {
    fn default() -> Self {
        // A core is left to the thread of the connections.
        let cores = available_parallelism().map_or(1, usize::from);
        Self {
            listen: Vec::new(),
            metrics: None,
            workers: cores.saturating_sub(1).max(1),
            wait: WaitHow::default(),
            cores: Vec::new(),
            allow_uids: Vec::new(),
            socket_mode: 0o600,
            drain_seconds: 5.0,
            tls: None,
            limits: Limits::default(),
            log: LogConfig::default(),
            patches: Vec::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let NodeOptions { wire, connections_max, sessions_max, jobs_per_session_max, .. } =
            NodeOptions::default();
        let count = |count| NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
        Self {
            connections: count(connections_max),
            greetings_per_peer: None,
            sessions: count(sessions_max),
            sessions_per_peer: None,
            streams: wire.streams_max,
            jobs: count(jobs_per_session_max),
            retained_bytes: wire.retained_bytes,
            heartbeat_ms: wire.heartbeat_ns as f64 / 1e6,
            resume_seconds: wire.resume_ns as f64 / NS_PER_SECOND,
            handshake_seconds: wire.handshake_ns as f64 / NS_PER_SECOND,
        }
    }
}

impl Config {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let input = |message: String| Failure::Input(format!("{}: {message}", path.display()));
        match fs::metadata(path) {
            Ok(found) if found.len() > CONFIG_BYTES_MAX => {
                return Err(input(format!("more than {CONFIG_BYTES_MAX} bytes")));
            }
            Ok(_) => {}
            Err(error) => return Err(input(error.to_string())),
        }
        let bytes = fs::read(path).map_err(|error| input(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| input("not UTF-8".to_owned()))?;
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            let message = error.message().replace('\n', " ");
            Failure::Input(format!("{}:{line}: {message}", path.display()))
        })
    }

    /// The options of the server.
    pub(crate) fn server_options(&self) -> Result<ServerOptions, Failure> {
        let defaults = ServerOptions::default();
        let mut admission = Admission { mode: self.socket_mode, ..defaults.admission.clone() };
        admission.uids.extend(&self.allow_uids);
        let workers =
            WorkersOptions { count: self.workers, wait: self.wait.into(), cores: self.cores.clone() };
        let tls = self.tls.as_ref().map(|TlsConfig { authority, certificate, key }| TlsFiles {
            authority: authority.clone(),
            certificate: certificate.clone(),
            key: key.clone(),
        });
        Ok(ServerOptions {
            node: self.limits.node_options()?,
            workers,
            listen: self.listen.clone(),
            admission,
            tls,
            metrics: self.metrics.clone(),
            drain: self.drain()?,
            ..defaults
        })
    }

    /// How long a shut-down may take.
    fn drain(&self) -> Result<Duration, Failure> {
        if (0.0..=DRAIN_SECONDS_MAX).contains(&self.drain_seconds) {
            return Ok(Duration::from_secs_f64(self.drain_seconds));
        }
        Err(Failure::Input(format!("drain-seconds: expected a number from 0 to {DRAIN_SECONDS_MAX}")))
    }
}

impl Limits {
    /// The options of the core of the node.
    fn node_options(&self) -> Result<NodeOptions, Failure> {
        let plain = wire::Options::default;
        let heartbeat_ns = (self.heartbeat_ms * 1e6) as u64;
        let resume_ns = (self.resume_seconds * NS_PER_SECOND) as u64;
        let handshake_ns = (self.handshake_seconds * NS_PER_SECOND) as u64;
        let (retained_bytes, streams_max) = (self.retained_bytes, self.streams);
        for (key, alone) in [
            ("heartbeat-ms", wire::Options { heartbeat_ns, ..plain() }),
            ("resume-seconds", wire::Options { resume_ns, ..plain() }),
            ("handshake-seconds", wire::Options { handshake_ns, ..plain() }),
            ("retained-bytes", wire::Options { retained_bytes, ..plain() }),
            ("streams", wire::Options { streams_max, ..plain() }),
        ] {
            if wire::ClientSession::new(&alone, wire::Time(0)).is_err() {
                return Err(Failure::Input(format!("limits.{key}: out of the range of PROTOCOL.md")));
            }
        }
        let wire =
            wire::Options { heartbeat_ns, resume_ns, handshake_ns, retained_bytes, streams_max, ..plain() };
        let share = |share: Option<NonZeroUsize>, most: NonZeroUsize| {
            share.map_or_else(|| NodeOptions::share_of_peer(most.get()), NonZeroUsize::get)
        };
        Ok(NodeOptions {
            wire,
            connections_max: self.connections.get(),
            greetings_per_peer_max: share(self.greetings_per_peer, self.connections),
            sessions_max: self.sessions.get(),
            sessions_per_peer_max: share(self.sessions_per_peer, self.sessions),
            jobs_per_session_max: self.jobs.get(),
        })
    }
}

impl From<LogLevel> for tracing::Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
        }
    }
}

/// A list of what is written as text.
fn texts<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: std::fmt::Display>,
{
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_any(TimeIn(TimeUnit::Millisecond))
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_any(TimeIn(TimeUnit::Second))
}

/// A time in its unit: a number, or a text with a unit of its own. Ranges are checked later, with the key.
struct TimeIn(TimeUnit);

impl Visitor<'_> for TimeIn {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a time with a unit (ns, us, ms, s) in quotes")
    }

    fn visit_f64<E>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_i64<E>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        option_values::time(text, self.0, 0.0..=f64::MAX)
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// Permission bits in octal, as `chmod` takes them.
fn mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let text = String::deserialize(deserializer)?;
    u32::from_str_radix(&text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777)
        .ok_or_else(|| D::Error::custom("socket-mode: expected an octal number up to \"777\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_within_the_ranges_of_the_protocol() {
        let options = Limits::default().node_options().unwrap();
        assert_eq!(options.wire.heartbeat_ns, wire::Options::default().heartbeat_ns);
        assert_eq!(options.wire.resume_ns, wire::Options::default().resume_ns);
        assert_eq!(Config::default().drain().unwrap(), Duration::from_secs(5));
    }

    #[test]
    fn times_take_units() {
        let text = "drain-seconds = \"500ms\"\n[limits]\nheartbeat-ms = \"2000us\"\nresume-seconds = 3\n\
                    handshake-seconds = 1.5\n";
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.drain().unwrap(), Duration::from_millis(500));
        let wire = config.limits.node_options().unwrap().wire;
        assert_eq!(
            (wire.heartbeat_ns, wire.resume_ns, wire.handshake_ns),
            (2_000_000, 3_000_000_000, 1_500_000_000)
        );
        for value in ["\"1 hour\"", "\"\"", "true", "[1]"] {
            let fault =
                toml::from_str::<Config>(&format!("drain-seconds = {value}")).unwrap_err().to_string();
            assert!(fault.contains("drain-seconds") && fault.contains("ns, us, ms, s"), "{fault}");
        }
    }

    #[test]
    fn limits_out_of_range_are_refused() {
        for text in
            ["streams = 0", "streams = 257", "retained-bytes = 0", "heartbeat-ms = 0.0", "heartbeat-ms = nan"]
        {
            let config: Config = toml::from_str(&format!("[limits]\n{text}")).unwrap();
            let Err(Failure::Input(message)) = config.limits.node_options() else { panic!("{text}") };
            let key = text.split(' ').next().unwrap();
            assert!(message.starts_with(&format!("limits.{key}: ")), "{text}: {message}");
        }
        for seconds in [-1.0, f64::NAN, 1e9] {
            let config = Config { drain_seconds: seconds, ..Config::default() };
            assert!(config.drain().is_err(), "{seconds}");
        }
    }
}
