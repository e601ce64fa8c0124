//! Who is let in: certificates over TLS, users over Unix sockets.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use outrider_controller::{Cluster, ClusterOptions, Event, NodeId, TlsFiles};
use outrider_transport::Connection;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustix::process::Uid;
use rustix::thread::set_thread_res_uid;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::support::{
    DEADLINE, History, Honest, NodeProcess, RawClient, address, events_until, folder, stream,
    stream_until_all_decide, wait_for, with_patience,
};

/// A user that owns nothing here.
const STRANGER: u32 = 54_321;
/// Callers that begin no handshake: far more than are waited for at a time.
const SILENT_CALLERS: usize = 2000;

/// An authority, with its certificate in a file.
struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        fs::write(folder.join(name).with_extension("pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self(Issuer::new(params, key))
    }

    /// Signs a certificate for a host, and writes it and its key.
    fn sign(&self, folder: &Path, name: &str, host: &str, last_year: i32) {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_after = date_time_ymd(last_year, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        fs::write(folder.join(name).with_extension("pem"), certificate.pem()).unwrap();
        fs::write(folder.join(name).with_extension("key"), key.serialize_pem()).unwrap();
    }
}

/// Files for an end of a connection.
fn files(folder: &Path, authority: &str, name: &str) -> TlsFiles {
    let path = |name: &str, extension| folder.join(name).with_extension(extension);
    TlsFiles { authority: path(authority, "pem"), certificate: path(name, "pem"), key: path(name, "key") }
}

/// A node with TLS, and everything else that it takes to try it.
fn tls_node() -> (tempfile::TempDir, NodeProcess) {
    let folder = folder();
    let path = folder.path();
    let (authority, other) = (Authority::new(path, "authority"), Authority::new(path, "other"));
    authority.sign(path, "node", "127.0.0.1", 2999);
    authority.sign(path, "elsewhere", "node.example", 2999);
    authority.sign(path, "controller", "controller.example", 2999);
    authority.sign(path, "expired", "controller.example", 2001);
    other.sign(path, "stranger", "controller.example", 2999);
    let node = NodeProcess::start(path, &tls_config("node"));
    (folder, node)
}

fn tls_config(name: &str) -> String {
    format!(
        "listen = ['tls:127.0.0.1:0']\n[tls]\nauthority = 'authority.pem'\ncertificate = '{name}.pem'\nkey = '{name}.key'"
    )
}

fn options(folder: &Path, authority: &str, name: &str) -> ClusterOptions {
    ClusterOptions { tls: Some(files(folder, authority, name)), ..with_patience() }
}

#[test]
fn two_nodes_over_tls_give_the_answer_of_one_decoder_and_may_die() {
    let (folder, node) = tls_node();
    let mut nodes = [node, NodeProcess::start(folder.path(), &tls_config("node"))];
    let addresses = nodes.each_ref().map(NodeProcess::address);
    let mut cluster = Cluster::new(&addresses, &options(folder.path(), "authority", "controller")).unwrap();
    stream_until_all_decide(&mut cluster, 2);
    let history = History::sample(900, 4);
    let answer = stream(&mut cluster, &history, |round, _| {
        if round == 400 {
            nodes[1].kill();
        }
    });
    assert_eq!(answer, history.answer);
    assert_eq!(cluster.controller().counters().disagreements, 0);
}

#[test]
fn certificates_that_do_not_fit_are_turned_away() {
    let (folder, node) = tls_node();
    let path = folder.path();
    let honest = Honest::start_with(&node.address(), options(path, "authority", "controller"));
    // The files of the controller, what it finds out or is told, and what the node finds out or is told.
    let cases = [
        ("authority", "stranger", "received fatal alert", "UnknownIssuer"),
        ("authority", "expired", "received fatal alert", "invalid peer certificate: certificate expired"),
        ("other", "controller", "invalid peer certificate: UnknownIssuer", "received fatal alert"),
    ];
    for (authority, name, here, there) in cases {
        let cluster = Cluster::new(&[node.address()], &options(path, authority, name));
        fails(&mut cluster.unwrap(), here);
        node.wait_for_log(&["caller turned away", there]);
    }

    // No certificate at all.
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(path.join("authority.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut connection = Connection::dial(&node.address(), Some(&Arc::new(config))).unwrap();
    let mut buffer = vec![0; 2 * outrider_wire::limits::FRAME_BYTES_MAX];
    let error = wait_for("the end of a connection", || connection.read(&mut buffer).err());
    assert!(error.to_string().contains("received fatal alert"), "{error}");
    node.wait_for_log(&["caller turned away", "peer sent no certificates"]);

    // No TLS at all.
    let mut client = RawClient::connect(&node.address());
    client.write(&[0; 1000]);
    node.wait_for_log(&["caller turned away", "received corrupt message"]);

    node.wait_for_metric("open_sessions", |count| count == 1.0);
    honest.finish();
    node.wait_for_metric("connections_total", |count| count == 1.0); // the others were none
}

/// Waits until a cluster of one node cannot connect for this reason.
fn fails(cluster: &mut Cluster, why: &str) {
    wait_for(why, || {
        cluster.poll();
        cluster.failure(NodeId(0)).is_some_and(|failure| failure.contains(why)).then_some(())
    });
}

#[test]
fn a_node_of_another_name_is_not_spoken_to() {
    let (folder, node) = tls_node();
    drop(node);
    let node = NodeProcess::start(folder.path(), &tls_config("elsewhere"));
    let mut cluster =
        Cluster::new(&[node.address()], &options(folder.path(), "authority", "controller")).unwrap();
    fails(&mut cluster, "certificate not valid for name");
    assert_eq!(node.metric("sessions_total"), 0.0);
}

#[test]
fn callers_that_say_nothing_lock_nobody_out() {
    let (folder, node) = tls_node();
    let silent: Vec<_> = (0..SILENT_CALLERS).map(|_| RawClient::connect(&node.address())).collect();
    Honest::start_with(&node.address(), options(folder.path(), "authority", "controller")).finish();
    node.wait_for_log(&["caller turned away", "others have called"]);
    drop(silent);
}

/// Whoever has one certificate is one peer, wherever the calls come from.
#[test]
fn a_certificate_has_its_share_of_sessions() {
    let (folder, node) = tls_node();
    drop(node);
    let path = folder.path();
    let node = NodeProcess::start(path, &format!("{}\n[limits]\nsessions-per-peer = 1", tls_config("node")));
    let honest = Honest::start_with(&node.address(), options(path, "authority", "controller"));
    let mut same = Cluster::new(&[node.address()], &options(path, "authority", "controller")).unwrap();
    let why = "rejected: too many sessions: the share of one peer is taken";
    events_until(
        &mut same,
        |event| matches!(event, Event::Fenced { why: left, .. } if left.to_string() == why),
    );
    let other = Honest::start_with(&node.address(), options(path, "authority", "elsewhere"));
    node.wait_for_log(&["session up", "certificate "]);
    other.finish();
    honest.finish();
}

/// Connects as another user, and reads what comes.
fn connect_as_stranger(path: &Path) -> std::io::Result<Vec<u8>> {
    let path = path.to_owned();
    let caller = thread::spawn(move || {
        // Of this thread alone.
        let uid = Uid::from_raw(STRANGER);
        set_thread_res_uid(uid, uid, uid)?;
        let mut stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).map(|_| bytes)
    });
    caller.join().unwrap()
}

#[test]
fn other_users_are_turned_away_unless_they_are_admitted() {
    if !rustix::process::geteuid().is_root() {
        println!("not run: only root can be another user");
        return;
    }
    let folder = folder();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let listen = ["unix", "ring"].map(|kind| address(kind, folder.path(), kind));
    let start = |more: &str| {
        NodeProcess::start(
            folder.path(),
            &format!("listen = {listen:?}\nlimits.handshake-seconds = 0.1\n{more}"),
        )
    };
    let paths = ["unix", "ring"].map(|name| folder.path().join(name));

    let node = start("");
    for path in &paths {
        let error = connect_as_stranger(path).expect_err("the mode of the file");
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    }
    drop(node);

    let node = start("socket-mode = '666'");
    let honest = Honest::start(&node.address());
    for (path, address) in paths.iter().zip(&listen) {
        assert_eq!(connect_as_stranger(path).unwrap(), b"");
        node.wait_for_log(&["caller turned away", "user 54321 is not admitted", address]);
    }
    honest.finish();
    drop(node);

    let node = start("socket-mode = '666'\nallow-uids = [54321]");
    assert!(!connect_as_stranger(&paths[0]).unwrap().is_empty(), "a node that is spoken to answers");
    node.wait_for_failure("connection_losses", "HandshakeTimeout", 1);
}
