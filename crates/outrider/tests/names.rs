//! The names that options have, and the texts that errors have: users type the ones and scripts match the others.

use std::fmt::{Debug, Display};
use std::io;
use std::str::FromStr;

use outrider::{
    Basis, CircuitFamily, DecoderKind, DenseArithmetic, Error, Format, Isa, Orientation, Place,
    PredecoderUse, Rule, Status,
};

#[test]
fn every_name_stands_for_its_value_and_errors_list_them_all() {
    check(&DecoderKind::ALL, "decoder", &["mwpm", "mwpm-correlated", "union-find", "likelihood"]);
    check(&DenseArithmetic::ALL, "arithmetic", &["float", "integer"]);
    let isas = ["auto", "portable", "neon", "avx2", "avx512", "avx512vnni", "amx"];
    check(&Isa::ALL, "instruction set", &isas);
    check(&PredecoderUse::ALL, "use of a pre-decoder", &["soft", "hard"]);
    check(&Rule::ALL, "rule", &["clique", "smith", "min-sum"]);
    check(&Format::ALL, "shot format", &["01", "b8", "r8", "ptb64", "hits", "dets"]);
    check(&Basis::ALL, "basis", &["x", "z"]);
    check(&CircuitFamily::ALL, "circuit", &["stim", "paper", "paper-published"]);
    check(&Orientation::ALL, "orientation", &["O1", "O2", "O3", "O4"]);
}

fn check<T>(all: &[T], what: &str, names: &[&str])
where
    T: FromStr<Err = Error> + Display + PartialEq + Debug,
{
    assert_eq!(all.iter().map(T::to_string).collect::<Vec<_>>(), names);
    for (value, name) in all.iter().zip(names) {
        assert_eq!(name.parse::<T>().as_ref().ok(), Some(value));
        assert_eq!(format!("[{value:>16}]"), format!("[{name:>16}]"));
        assert!(name.to_ascii_uppercase().parse::<T>().is_err() || name.to_ascii_uppercase() == *name);
    }
    let refused = "x\ny".parse::<T>().expect_err("no value has such a name");
    assert_eq!(refused.to_string(), format!("unknown {what} 'x\\ny', expected one of {}", names.join(", ")));
    assert!(refused.is_bad_input());
}

#[test]
fn errors_have_one_line_with_the_place_first() {
    let core = |place| Error::Core { status: Status::Parse, place, message: "odd".to_owned() };
    let system = || io::Error::from(io::ErrorKind::PermissionDenied);
    let line = |line, column| Place { line, column, ..Place::default() };
    let cases = [
        (core(Place::default()), "odd"),
        (core(Place::default()).with_path("a.dem"), "a.dem: odd"),
        (core(line(Some(3), None)), "line 3: odd"),
        (core(line(Some(3), Some(7))), "line 3, column 7: odd"),
        (core(line(Some(3), Some(7))).with_path("a.dem"), "a.dem:3:7: odd"),
        (core(line(None, Some(7))).with_shot(2), "shot 2, column 7: odd"),
        (core(Place::default()).with_shot(2).with_path("a.b8"), "a.b8: shot 2: odd"),
        (
            Error::Length { what: "row, in bytes", expected: 2, found: 3 },
            "row, in bytes: expected 2, found 3",
        ),
        (
            Error::Name { what: "rule", found: "a\tb".to_owned(), expected: "x, y" },
            "unknown rule 'a\\tb', expected one of x, y",
        ),
        (Error::Io { action: "read", path: None, source: system() }, "cannot read: permission denied"),
        (
            Error::Io { action: "read", path: None, source: system() }.with_path("a.b8"),
            "a.b8: cannot read: permission denied",
        ),
        (Error::Panic { message: "out of tea".to_owned() }, "a thread panicked: out of tea"),
    ];
    for (error, text) in cases {
        assert_eq!(error.to_string(), text);
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(source, matches!(error, Error::Io { .. }).then(|| "permission denied".to_owned()));
    }
}

#[test]
fn statuses_have_the_numbers_and_texts_of_the_headers() {
    let all = [
        Status::Argument,
        Status::Unsupported,
        Status::Index,
        Status::Limit,
        Status::Memory,
        Status::Parse,
        Status::Probability,
        Status::Undecomposable,
        Status::Truncated,
        Status::Format,
        Status::Random,
        Status::OddParity,
        Status::Certificate,
        Status::Residual,
        Status::Unexplained,
    ];
    let codes: Vec<_> = all.iter().map(|status| status.code()).collect();
    let distinct = codes.iter().enumerate().all(|(at, code)| !codes[..at].contains(code));
    assert!(distinct && !codes.contains(&0), "{codes:?}");
    assert_eq!(Status::Parse.to_string(), "malformed text");
    let unknown = Status::Other(60_000).to_string();
    assert!(all.iter().all(|status| status.to_string() != unknown), "{unknown}");
}
