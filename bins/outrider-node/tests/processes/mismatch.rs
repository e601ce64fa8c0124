//! Clients that mean something else than the node: refused with both values, before anything is decided.

use outrider::Isa;
use outrider_controller::{Cluster, Event, NodeId};
use outrider_options::PatchArgs;
use outrider_wire::{Digest, Error, FrameType, Hello, Open, StreamId, Versions};
use serde_json::json;

use crate::support::{
    History, Honest, NodeProcess, RawClient, address, fault, folder, open_of, patch, stream, wait_for,
    with_patience,
};

fn node(folder: &std::path::Path) -> NodeProcess {
    NodeProcess::start(folder, &format!("listen = ['{}']", address("unix", folder, "socket")))
}

#[test]
fn handshakes_that_do_not_fit_are_refused_with_both_values() {
    let folder = folder();
    let node = node(folder.path());
    let honest = Honest::start(&node.address());
    let hello = RawClient::hello();
    let cases = [
        (
            Error::VersionMismatch,
            Hello { versions: Versions { min: 2, max: 3 }, ..hello },
            vec![1, 0, 1, 0],
            vec![2, 0, 3, 0],
        ),
        (Error::FeatureMissing, Hello { features: 6, features_required: 4, ..hello }, vec![0], vec![4]),
        (Error::BadParameters, Hello { heartbeat_ns: 1, ..hello }, vec![0], vec![0]),
        (Error::BadParameters, Hello { features_required: 1, ..hello }, vec![0], vec![0]),
        (Error::BadParameters, Hello { payload_bytes_max: 1023, ..hello }, vec![0], vec![0]),
    ];
    for (at, (error, hello, expected, found)) in cases.iter().enumerate() {
        let mut client = RawClient::connect(&node.address());
        let told = client.greet(hello).expect_err("a refusal");
        assert_eq!(told.header.frame_type, FrameType::Refuse);
        let fault = fault(&told);
        assert_eq!(fault.error(), Some(*error));
        assert!(fault.expected.starts_with(expected) && fault.found.starts_with(found), "{fault:?}");
        assert!(client.read().is_none(), "the connection ends");
        let count = cases[..=at].iter().filter(|case| case.0 == *error).count();
        node.wait_for_failure("connection_losses", &format!("{error:?}"), count as u32);
        node.wait_for_log(&["handshake failed", &format!("{error:?}")]);
    }
    honest.finish();
}

#[test]
fn a_range_of_versions_that_overlaps_is_agreed_on() {
    let folder = folder();
    let node = node(folder.path());
    let hello = Hello { versions: Versions { min: 1, max: 9 }, features: 6, ..RawClient::hello() };
    let welcome = RawClient::connect(&node.address()).greet(&hello).expect("a session");
    assert_eq!((welcome.version, welcome.features), (1, 0));
}

#[test]
fn streams_of_other_models_plans_and_widths_are_refused_with_both_hashes() {
    let folder = folder();
    let node = node(folder.path());
    let honest = Honest::start(&node.address());
    let known = open_of(patch());
    let other = Digest([7; 32]);
    let wider = |change: fn(&mut Open)| {
        let mut open = known.clone();
        change(&mut open);
        open
    };
    let cases = [
        (Error::ModelMismatch, wider(|open| open.model.0 = [7; 32]), known.model.0, other.0),
        (Error::PlanMismatch, wider(|open| open.plan.0 = [7; 32]), known.plan.0, other.0),
        (Error::StreamRefused, wider(|open| open.widths.first += 1), [0; 32], [0; 32]),
        (Error::StreamRefused, wider(|open| open.widths.cycle.push(8)), [0; 32], [0; 32]),
        (Error::StreamRefused, wider(|open| open.observables += 1), [0; 32], [0; 32]),
    ];
    // A stream that is refused does not harm the others of its session.
    let mut client = RawClient::begin(&node.address());
    client.open();
    for (number, (error, open, expected, found)) in (2..).zip(&cases) {
        client.send_open(StreamId(number), open);
        let told = client.read_type(FrameType::StreamError);
        assert_eq!(told.header.stream, StreamId(number));
        let fault = fault(&told);
        assert_eq!(fault.error(), Some(*error));
        assert_eq!((fault.expected, fault.found), (*expected, *found), "{error:?}");
        node.wait_for_failure("stream_failures", &format!("{error:?}"), 1);
    }
    client.rounds(0, 0, &History::sample(100, 1).layers[..20]);
    client.read_type(FrameType::Commit);
    honest.finish();
}

#[test]
fn a_controller_with_another_patch_is_told_both_hashes() {
    let folder = folder();
    let node = node(folder.path());
    let mut cluster = Cluster::new(&[node.address()], &with_patience()).unwrap();
    let load = |options: serde_json::Value| {
        serde_json::from_value::<PatchArgs>(options).unwrap().load(Isa::Auto).unwrap().patch
    };
    let other_model = load(json!({"distance": 3, "p": 0.02}));
    let rounds = patch().plan().layer_count() - 1;
    let other_plan = load(json!({"distance": 3, "p": 0.01, "buffer": 2, "reference-rounds": rounds}));
    for (name, other, known, theirs) in [
        ("model mismatch", &other_model, patch().model_digest(), other_model.model_digest()),
        ("plan mismatch", &other_plan, patch().plan_digest(), other_plan.plan_digest()),
    ] {
        let opened = cluster.open(other).unwrap();
        let why = wait_for("a refusal", || {
            cluster.poll();
            match cluster.poll_event() {
                Some(Event::Refused { node: NodeId(0), patch, why }) if patch == opened => Some(why),
                _ => None,
            }
        });
        for part in [name, &Digest(*known).to_string(), &Digest(*theirs).to_string()] {
            assert!(why.contains(part), "{part} is not in {why}");
        }
        cluster.close(opened);
    }
    let history = History::sample(100, 2);
    assert_eq!(stream(&mut cluster, &history, |_, _| {}), history.answer);
}
