//! Where a node is connected to: sockets are bound, callers are looked at, and connections handed to the event loop.

use std::fs::{self, Permissions};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use outrider_node::Peer;
use outrider_transport::{Address, Connection};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream, lookup_host};
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::event_loop::EventLoopHandle;
use crate::task_limit::TaskLimit;

/// How long a caller may take for what comes before the protocol: a TLS handshake, the descriptors of a ring.
const PATIENCE: Duration = Duration::from_secs(5);
/// Callers that are at it at a time on one address.
const CALLERS_MAX: usize = 256;
/// How long to wait after a connection could not be taken, for want of descriptors perhaps.
const PAUSE: Duration = Duration::from_millis(100);

/// Who may connect through Unix sockets, and what protects the sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// User ids.
    pub uids: Vec<u32>,
    /// Permission bits of the socket's file.
    pub mode: u32,
}

/// A bound address.
pub(crate) struct Listener {
    /// With the port that was chosen.
    pub(crate) address: Address,
    socket: Socket,
    /// Of a Unix socket.
    _file: Option<SocketFile>,
}

enum Socket {
    Unix(UnixListener, Admission),
    Ring(UnixListener, Admission),
    Tcp(TcpListener),
    Tls(TcpListener, TlsAcceptor),
}

/// The file of a Unix socket, which goes when the listener does.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody else may have taken it away.
        let _ = fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Binds an address.
    pub(crate) async fn bind(
        address: &Address,
        admission: &Admission,
        tls: Option<&Arc<ServerConfig>>,
    ) -> io::Result<Self> {
        address.check_system()?;
        let mut file = None;
        let mut unix = |path| {
            let (listener, bound) = bind_unix(path, admission.mode)?;
            file = Some(bound);
            io::Result::Ok(listener)
        };
        let (address, socket) = match address {
            Address::Unix(path) => (address.clone(), Socket::Unix(unix(path)?, admission.clone())),
            Address::Ring(path) => (address.clone(), Socket::Ring(unix(path)?, admission.clone())),
            Address::Tcp(host_port) => {
                let listener = bind_tcp(host_port, |ip| ip.is_loopback()).await?;
                (Address::Tcp(listener.local_addr()?.to_string()), Socket::Tcp(listener))
            }
            Address::Tls(host_port) => {
                let config = tls.ok_or_else(|| io::Error::other("no certificates were given"))?;
                let listener = bind_tcp(host_port, |_| true).await?;
                let acceptor = TlsAcceptor::from(Arc::clone(config));
                (Address::Tls(listener.local_addr()?.to_string()), Socket::Tls(listener, acceptor))
            }
        };
        Ok(Self { address, socket, _file: file })
    }

    /// Finds out what can be found out about an address without binding it.
    pub(crate) fn check(address: &Address) -> io::Result<()> {
        address.check_system()?;
        let is_usable = match address {
            Address::Unix(_) | Address::Ring(_) => true,
            Address::Tcp(host_port) => host_port.to_socket_addrs()?.any(|address| address.ip().is_loopback()),
            Address::Tls(host_port) => host_port.to_socket_addrs()?.next().is_some(),
        };
        if is_usable { Ok(()) } else { Err(not_alone()) }
    }

    /// Hands whoever connects to the event loop, for ever.
    pub(crate) async fn serve(self, event_loop: EventLoopHandle) {
        let mut callers = TaskLimit::new(CALLERS_MAX);
        let Self { address, socket, _file } = self;
        loop {
            let called = match &socket {
                Socket::Unix(listener, admission) => {
                    accept_unix(listener, admission).await.and_then(|(stream, peer)| {
                        Ok(Caller::Connected(Connection::unix(stream.into_std()?)?, peer))
                    })
                }
                Socket::Ring(listener, admission) => {
                    accept_unix(listener, admission).await.map(|(stream, peer)| Caller::Ring(stream, peer))
                }
                Socket::Tcp(listener) => listener.accept().await.and_then(|(stream, peer)| {
                    Ok(Caller::Connected(Connection::tcp(stream.into_std()?)?, Peer::Address(peer.ip())))
                }),
                Socket::Tls(listener, acceptor) => {
                    listener.accept().await.map(|(stream, peer)| Caller::Tls(stream, peer, acceptor.clone()))
                }
            };
            let caller = match called {
                Ok(caller) => caller,
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    tracing::warn!(%address, %error, "caller turned away");
                    continue;
                }
                Err(error) => {
                    tracing::warn!(%address, %error, "cannot take a connection");
                    sleep(PAUSE).await;
                    continue;
                }
            };
            if let Caller::Connected(connection, peer) = caller {
                event_loop.serve(connection, peer).await;
                continue;
            }
            let (event_loop, named) = (event_loop.clone(), address.clone());
            let another_went = callers.admit(async move {
                match caller.connect().await {
                    Ok((connection, peer)) => event_loop.serve(connection, peer).await,
                    Err(error) => tracing::warn!(address = %named, %error, "caller turned away"),
                }
            });
            if another_went {
                tracing::warn!(%address, error = "others have called", "caller turned away");
            }
            // Those who have come get their turn before they have to make room.
            yield_now().await;
        }
    }
}

/// Somebody who has called, and has yet to do what comes before the protocol.
enum Caller {
    /// There is nothing to be done.
    Connected(Connection, Peer),
    Ring(UnixStream, Peer),
    Tls(TcpStream, SocketAddr, TlsAcceptor),
}

impl Caller {
    async fn connect(self) -> io::Result<(Connection, Peer)> {
        match self {
            Self::Connected(connection, peer) => Ok((connection, peer)),
            Self::Ring(stream, peer) => {
                // Only callers that have sent something get a thread.
                in_time(stream.readable()).await?;
                let socket = stream.into_std()?;
                let connection = spawn_blocking(move || Connection::accept_ring(socket, PATIENCE))
                    .await
                    .map_err(io::Error::other)??;
                Ok((connection, peer))
            }
            Self::Tls(stream, peer, acceptor) => {
                let named = |error: io::Error| io::Error::new(error.kind(), format!("{peer}: {error}"));
                let stream = in_time(acceptor.accept(stream)).await.map_err(named)?;
                let (socket, tls) = stream.into_inner();
                let certificate = tls.peer_certificates().and_then(|chain| chain.first());
                let digest = certificate.map(|certificate| Sha256::digest(certificate).into());
                let peer = digest.map_or_else(|| Peer::Address(peer.ip()), Peer::Certificate);
                Ok((Connection::tls(tls, socket.into_std()?)?, peer))
            }
        }
    }
}

async fn in_time<T>(what: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, what).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

/// The next caller that may connect; `PermissionDenied` for one that may not.
async fn accept_unix(listener: &UnixListener, admission: &Admission) -> io::Result<(UnixStream, Peer)> {
    let (stream, _) = listener.accept().await?;
    let uid = stream.peer_cred()?.uid();
    if admission.uids.contains(&uid) {
        return Ok((stream, Peer::User(uid)));
    }
    Err(io::Error::new(ErrorKind::PermissionDenied, format!("user {uid} is not admitted")))
}

/// Binds a Unix socket, in the place of one that nobody listens at any more.
fn bind_unix(path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        match std::os::unix::net::UnixStream::connect(path) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path)?,
            _ => return Err(io::Error::new(ErrorKind::AddrInUse, "somebody listens there already")),
        }
    }
    let listener = UnixListener::bind(path)?;
    let file = SocketFile(path.to_owned());
    // Until then the credentials of callers are all that is asked for, which are asked for in any case.
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    Ok((listener, file))
}

fn not_alone() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "not an address of this host alone: use tls: with certificates")
}

async fn bind_tcp(host_port: &str, may_use: impl Fn(IpAddr) -> bool) -> io::Result<TcpListener> {
    let mut failure = not_alone();
    for address in lookup_host(host_port).await?.filter(|address| may_use(address.ip())) {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
