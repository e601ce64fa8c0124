//! A window there and back: `loopback/<transport>/<wait>`, from the push of the rounds that complete a window until its
//! commit is merged, through a real node on this host; `loopback/in-process/<wait>` is the same without a node. What a
//! transport costs is the difference. The goals, per window: 2 us by the ring, 50 us by a Unix socket, when both ends
//! spin, each on a core of its own.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use outrider::{
    Circuit, CircuitFamily, Patch, PatchOptions, PlanOptions, Stream, StreamOptions, SurfaceCode, Wait,
    WorkersOptions,
};
use outrider_controller::{Address, Cluster, ClusterOptions, PatchId, TlsFiles};
use outrider_noded::{Server, ServerOptions};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

criterion_group!(benches, in_process, transports);
criterion_main!(benches);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const DISTANCE: u32 = 5;
const WAITS: [(&str, Wait); 2] = [("spin", Wait::Spin), ("block", Wait::Block)];

fn in_process(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("loopback");
    let (patch, quiet) = quiet_patch().expect("a small patch");
    for (name, wait) in WAITS {
        let workers = WorkersOptions { count: 1, wait, cores: Vec::new() };
        let options = StreamOptions { workers, ..StreamOptions::default() };
        let mut stream = Stream::new(Arc::clone(&patch), &options).expect("a worker");
        if wait == Wait::Block {
            let me = thread::current();
            stream.set_waker(Arc::new(move || me.unpark()));
        }
        let mut pushed = 0;
        group.bench_function(BenchmarkId::new("in-process", name), |bencher| {
            bencher.iter(|| {
                for _ in 0..DISTANCE {
                    let width = patch.plan().layer_detectors(pushed, None);
                    let events = &quiet[..width.div_ceil(8) as usize];
                    stream.push_when_room(events, width, false).expect("no cell fails");
                    pushed += 1;
                }
                let cells = complete(&patch, pushed);
                while stream.poll().expect("no cell fails").cells < cells {
                    if wait == Wait::Block {
                        thread::park();
                    }
                }
            });
        });
    }
}

fn transports(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("loopback");
    let folder = tempfile::tempdir().expect("a folder");
    let tls = certificates(folder.path()).expect("certificates");
    for transport in ["ring", "unix", "tcp", "tls"] {
        for (name, wait) in WAITS {
            let mut line = Line::new(transport, wait, &tls, &folder).expect("a node on this host");
            group.bench_function(BenchmarkId::new(transport, name), |bencher| {
                bencher.iter(|| line.window());
            });
            line.end();
        }
    }
}

/// A node, and a controller that is connected to it.
struct Line {
    runtime: Runtime,
    server: Server,
    cluster: Cluster,
    wait: Wait,
    patch: Arc<Patch>,
    quiet: Vec<u8>,
    id: PatchId,
    pushed: u64,
}

impl Line {
    fn new(transport: &str, wait: Wait, tls: &TlsFiles, folder: &TempDir) -> Result<Self> {
        let (patch, quiet) = quiet_patch()?;
        let address = match transport {
            "tcp" => "tcp:127.0.0.1:0".to_owned(),
            "tls" => "tls:127.0.0.1:0".to_owned(),
            path => format!("{path}:{}/{path}", folder.path().display()),
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let options = ServerOptions {
            // The node's own thread decodes: a change of threads less, on machines with few cores.
            workers: WorkersOptions { count: 0, wait, cores: Vec::new() },
            listen: vec![address.parse::<Address>()?],
            tls: Some(tls.clone()),
            ..ServerOptions::default()
        };
        let server = runtime.block_on(Server::start(vec![Arc::clone(&patch)], &options))?;
        let options = ClusterOptions { tls: Some(tls.clone()), ..ClusterOptions::default() };
        let mut cluster = Cluster::new(server.addresses(), &options)?;
        let id = cluster.open(&patch)?;
        let mut line = Self { runtime, server, cluster, wait, patch, quiet, id, pushed: 0 };
        line.window();
        Ok(line)
    }

    /// Pushes the rounds of a window and waits for its commit.
    fn window(&mut self) {
        for _ in 0..DISTANCE {
            let width = self.patch.plan().layer_detectors(self.pushed, None);
            let events = &self.quiet[..width.div_ceil(8) as usize];
            while self.cluster.push(self.id, events, width, false).is_err() {
                self.cluster.poll();
            }
            self.pushed += 1;
        }
        let cells = complete(&self.patch, self.pushed);
        while self.cluster.state(self.id).expect("the patch is open").cells < cells {
            if self.wait == Wait::Block {
                self.cluster.wait(Duration::from_secs(1));
            }
            self.cluster.poll();
        }
    }

    fn end(self) {
        let Self { runtime, server, mut cluster, .. } = self;
        cluster.shut_down(Duration::from_secs(1));
        server.shut_down();
        runtime.block_on(server.ended()).expect("a node that ends in order");
    }
}

/// Cells whose windows are complete after so many rounds.
fn complete(patch: &Patch, rounds: u64) -> u64 {
    let ready = |number: &u64| patch.plan().cell(*number, None).is_ok_and(|cell| cell.ready_layers <= rounds);
    (0..rounds / u64::from(DISTANCE)).rev().find(ready).map_or(0, |last| last + 1)
}

/// A patch that is cut into forward windows, and a round without events.
fn quiet_patch() -> Result<(Arc<Patch>, Vec<u8>)> {
    let circuit = Circuit::uniform(CircuitFamily::Stim, 0.001);
    let model = SurfaceCode::memory(DISTANCE, 8 * DISTANCE).circuit(circuit).build()?.model()?;
    let patch = Patch::new(&model, &PatchOptions::new(PlanOptions::forward(DISTANCE)))?;
    Ok((Arc::new(patch), vec![0; (DISTANCE * DISTANCE).div_ceil(8) as usize]))
}

/// An authority, and a certificate for this host that both ends show.
fn certificates(folder: &Path) -> Result<TlsFiles> {
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key)?;
    let key = KeyPair::generate()?;
    let issuer = Issuer::new(authority, authority_key);
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).map(|()| path)
    };
    Ok(TlsFiles {
        authority: write("authority.pem", root.pem())?,
        certificate: write("own.pem", own.pem())?,
        key: write("own.key", key.serialize_pem())?,
    })
}
