//! The texts of errors and of reasons.

use std::error::Error as _;
use std::io;

use outrider_controller::{
    ClusterError, Controller, ControllerOptions, Leave, OpenError, OptionsError, PushError,
};
use outrider_wire as wire;
use outrider_wire::{CellId, Time};

#[test]
fn rounds_that_are_not_taken_have_a_reason() {
    let plan = outrider::Error::Panic { message: "odd".to_owned() };
    let texts = [
        (PushError::Full, "no room for another round until cells are committed"),
        (PushError::Ended, "the last round has been"),
        (PushError::UnknownPatch, "the patch is not open"),
        (PushError::Width { expected: 4, found: 8 }, "a round of 8 detectors where 4 are expected"),
        (PushError::Plan(plan), "a thread panicked: odd"),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
        assert_eq!(error.source().is_some(), matches!(error, PushError::Plan(_)));
    }
}

#[test]
fn clusters_that_cannot_be_made_have_a_reason() {
    let system = || io::Error::from(io::ErrorKind::NotFound);
    let texts = [
        (OptionsError::NodeCount(0).into(), "a controller has 1 to 64 nodes, not 0"),
        (ClusterError::Tls(system()), "entity not found"),
        (ClusterError::Descriptor(system()), "no descriptor to wait by: entity not found"),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn options_that_no_controller_can_have_are_named() {
    let refused = |nodes, options| Controller::new(nodes, options, Time(0)).expect_err("it cannot be made");
    let options = ControllerOptions::default;
    let batch = ControllerOptions { batch_rounds: 0, ..options() };
    let wire = wire::Options { streams_max: 0, ..wire::Options::default() };
    let texts = [
        (refused(0, options()), OptionsError::NodeCount(0), "a controller has 1 to 64 nodes, not 0"),
        (refused(65, options()), OptionsError::NodeCount(65), "a controller has 1 to 64 nodes, not 65"),
        (refused(1, batch), OptionsError::BatchRounds, "a frame has at least one round"),
        (
            refused(1, ControllerOptions { wire, ..options() }),
            OptionsError::Session(wire::Error::BadOption),
            "sessions with the nodes: option out of range",
        ),
    ];
    for (found, expected, text) in texts {
        assert_eq!((found, found.to_string().as_str()), (expected, text));
    }
}

#[test]
fn patches_that_do_not_fit_the_protocol_have_a_reason() {
    let texts = [
        (
            OpenError::Cycle { layers: 9, max: 8 },
            "the widths of the layers repeat after 9 layers; nodes take at most 8",
        ),
        (
            OpenError::Stretch { cells: 9, max: 8 },
            "the pattern of ranks repeats after 9 cells; nodes take at most 8",
        ),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn nodes_that_lose_their_cells_have_a_reason() {
    let texts = [
        (Leave::Unreachable(wire::Error::ConnectionLost), "unreachable: connection lost"),
        (Leave::Stalled, "stalled"),
        (Leave::ShuttingDown, "shuts down"),
        (Leave::SessionEnded(wire::Error::WrongWidth), "session ended: wrong width"),
        (Leave::Rejected(0x0205, String::new()), "rejected: wrong token"),
        (Leave::Rejected(0x0205, "no".to_owned()), "rejected: wrong token: no"),
        (Leave::Stray(CellId(7)), "gave an answer for cell 7 that cannot be"),
    ];
    for (why, text) in texts {
        assert_eq!(why.to_string(), text);
    }
}
