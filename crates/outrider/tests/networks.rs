//! Networks of every kind, from the bytes of a file to a pre-decoder.

use std::sync::Arc;

use outrider::{
    Circuit, CircuitFamily, DetectorErrorModel, GraphOptions, Isa, MatchingGraph, Network, NetworkOptions,
    Patch, PatchOptions, PatchPredecoder, PlanOptions, Predecoder, Status, SurfaceCode,
};

const EVENT: &[u8] = include_bytes!("../../../models/event-paper.safetensors");
const DENSE: &[u8] = include_bytes!("../../../c_core/tests/golden/dense/narrow.safetensors");

/// A memory that both kinds are for.
fn memory() -> (SurfaceCode, DetectorErrorModel, Arc<MatchingGraph>) {
    let circuit = Circuit::uniform(CircuitFamily::Paper, 0.003);
    let code = SurfaceCode::memory(3, 8).circuit(circuit).build().unwrap();
    let model = code.model().unwrap();
    let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default()).unwrap());
    (code, model, graph)
}

#[test]
fn a_file_of_either_kind_becomes_a_pre_decoder() {
    let (code, model, graph) = memory();
    let options = NetworkOptions::default();
    for (bytes, name, is_event) in [(EVENT, "event network", true), (DENSE, "dense network", false)] {
        let network = Network::from_bytes(bytes).unwrap();
        assert_eq!((network.name(), network.title()), (name, name.to_owned()));
        assert_eq!((network.needs_code(), network.card().is_some()), (!is_event, is_event));
        assert_eq!((network.fits_windows(), network.fixes_edges()), (is_event, is_event));
        assert!(network.summary().contains("reach"), "{}", network.summary());
        let predecoder =
            Predecoder::network(&network, Arc::clone(&graph), &model, Some(&code), &options).unwrap();
        assert!(predecoder.reach().rounds > 0.0, "{:?}", predecoder.reach());

        let without_code = Predecoder::network(&network, Arc::clone(&graph), &model, None, &options);
        let status = without_code.err().and_then(|error| error.status());
        assert_eq!(status, if is_event { None } else { Some(Status::Argument) });
    }
}

#[test]
fn windows_take_only_networks_that_fit() {
    let (_, model, _) = memory();
    let model = Arc::new(model);
    for bytes in [EVENT, DENSE] {
        let network = Network::from_bytes(bytes).unwrap();
        let fits = network.fits_windows();
        let mut options = PatchOptions::new(PlanOptions::parallel(3));
        options.predecoder = Some(PatchPredecoder::network(network, Isa::Auto, Arc::clone(&model)));
        let refused = Patch::new(&model, &options).err().and_then(|error| error.status());
        assert_eq!(refused, if fits { None } else { Some(Status::Argument) });
    }
}

#[test]
fn files_are_read_and_named_in_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    std::fs::write(&path, EVENT).unwrap();
    let network = Network::from_file(&path).unwrap();
    assert_eq!(network.digest(), Network::from_bytes(EVENT).unwrap().digest());
    assert_ne!(network.digest(), Network::from_bytes(DENSE).unwrap().digest());

    std::fs::write(&path, &EVENT[..EVENT.len() / 2]).unwrap();
    let error = Network::from_file(&path).unwrap_err();
    assert!(error.to_string().contains("net.safetensors: "), "{error}");
    assert_eq!(error.status(), Network::from_bytes(&EVENT[..EVENT.len() / 2]).unwrap_err().status());
    assert!(Network::from_file(folder.path().join("missing")).unwrap_err().status().is_none());
}
