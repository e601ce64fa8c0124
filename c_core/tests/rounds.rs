//! Rounds by the words of `rounds.h`: which coordinate is time, what a round is, and models written in rounds.

use outrider::{DetectorErrorModel, Error, MeasurementMap, Status, TimeAxis};

const FOUND: TimeAxis = TimeAxis { axis: None, unit: None, offset: None };

/// A model of detectors at these places, in a chain.
fn model(places: &[&str]) -> DetectorErrorModel {
    let lines = places.iter().enumerate().map(|(number, place)| format!("detector({place}) D{number}\n"));
    let chain = (1..places.len()).map(|number| format!("error(0.1) D{} D{number}\n", number - 1));
    DetectorErrorModel::parse(&lines.chain(chain).collect::<String>()).expect("a model")
}

/// A circuit of the same detectors.
fn circuit(places: &[&str]) -> MeasurementMap {
    let lines = places.iter().map(|place| format!("M 0\nDETECTOR({place}) rec[-1]\n"));
    MeasurementMap::parse(&format!("R 0\n{}", lines.collect::<String>())).expect("a circuit")
}

fn axis(axis: u32) -> TimeAxis {
    TimeAxis { axis: Some(axis), ..FOUND }
}

#[test]
fn time_is_the_third_coordinate_or_the_last_and_its_step_is_a_round() {
    type Found<'a> = ((u32, f64, f64), &'a [u32]);
    let cases: [(&[&str], TimeAxis, Found<'_>); 17] = [
        (&["0, 2, 0", "0, 2, 1", "2, 2, 1"], FOUND, ((2, 1.0, 0.0), &[0, 1, 1])),
        // Marks for postselection, bases and colours are no time.
        (&["0, 2, 0, 0", "0, 2, 1, 0", "2, 2, 1, 0"], FOUND, ((2, 1.0, 0.0), &[0, 1, 1])),
        (&["0, 2, 0, 1", "0, 2, 1, 5", "2, 2, 1, 2, 9"], FOUND, ((2, 1.0, 0.0), &[0, 1, 1])),
        // Stim's repetition codes, and time alone.
        (&["1, 0", "1, 1", "3, 1"], FOUND, ((1, 1.0, 0.0), &[0, 1, 1])),
        (&["4", "5"], FOUND, ((0, 1.0, 4.0), &[0, 1])),
        // Any order, halves, thirds, times far apart, before 0 and far from it.
        (&["0, 2, 3", "0, 2, 1", "2, 2, 2"], FOUND, ((2, 1.0, 1.0), &[2, 0, 1])),
        (&["0, 2, 0.5", "0, 2, 1", "0, 2, 2.5"], FOUND, ((2, 0.5, 0.5), &[0, 1, 4])),
        (&["0, 2, 0.1", "0, 2, 0.3", "0, 2, 0.7"], FOUND, ((2, 0.2, 0.1), &[0, 1, 3])),
        (&["0, 2, 0", "0, 2, 4", "0, 2, 16"], FOUND, ((2, 4.0, 0.0), &[0, 1, 4])),
        (&["0, 2, -3", "0, 2, -1.5", "0, 2, 0"], FOUND, ((2, 1.5, -3.0), &[0, 1, 2])),
        (&["0, 2, 999999998", "0, 2, 999999999"], FOUND, ((2, 1.0, 999_999_998.0), &[0, 1])),
        // What is given.
        (&["7, 0, 2", "8, 0, 2"], axis(0), ((0, 1.0, 7.0), &[0, 1])),
        (&["0, 0, 2, 9", "0, 0, 2, 5", "0, 0, 2, 7"], axis(3), ((3, 2.0, 5.0), &[2, 0, 1])),
        (&["1, 0", "1, 2, 3"], axis(1), ((1, 2.0, 0.0), &[0, 1])),
        (
            &["0, 0, 0", "0, 0, 0.5", "0, 0, 1", "0, 0, 1.5"],
            TimeAxis { unit: Some(1.0), ..FOUND },
            ((2, 1.0, 0.0), &[0, 0, 1, 1]),
        ),
        (
            &["0, 0, 0", "0, 0, 0.5", "0, 0, 1", "0, 0, 1.5"],
            TimeAxis { unit: Some(1.0), offset: Some(8.5), ..FOUND },
            ((2, 1.0, -0.5), &[0, 1, 1, 2]),
        ),
        (
            &["0, 0, 10", "0, 0, 13"],
            TimeAxis { axis: Some(2), unit: Some(2.0), offset: Some(0.0) },
            ((2, 2.0, 10.0), &[0, 1]),
        ),
    ];
    for (places, time, ((axis, unit, first_time), of)) in cases {
        let what = format!("{places:?} {time:?}");
        let rounds = model(places).rounds(&time).expect(&what);
        assert_eq!((rounds.axis, rounds.of.as_slice()), (axis, of), "{what}");
        assert!(
            (rounds.unit - unit).abs() < 1e-12 && (rounds.first_time - first_time).abs() < 1e-12,
            "{what}"
        );
        assert_eq!(rounds.count, of.iter().max().unwrap() + 1, "{what}");
        assert_eq!(rounds.is_ascending, of.is_sorted(), "{what}");
        assert_eq!(
            circuit(places).rounds(&time).expect(&what),
            rounds,
            "circuits have the same rule: {what}"
        );
    }
}

#[test]
fn what_gives_no_rounds_is_refused_for_what_it_is() {
    let unit = |unit| TimeAxis { unit: Some(unit), ..FOUND };
    let cases: [(&[&str], TimeAxis, &str); 11] = [
        (&["0, 2, 5", "2, 2, 5"], FOUND, "coordinate 2, taken as time, is 5 for all detectors"),
        (&["0, 1, 0", "0, 2, 0"], FOUND, "give the axis of time"),
        (&["0, 1, 3", "0, 1, 4"], axis(0), "coordinate 0, taken as time, is 0 for all detectors"),
        (
            &["0, 1", "0, 1, 2"],
            FOUND,
            "which coordinate is time? detector D0 has 2 coordinates, detector D1 has 3",
        ),
        (&["0, 1, 1", "0, 1"], axis(2), "detector D1 has no coordinate 2"),
        (&["0, 1, 1", "0, 1, 1e10"], FOUND, "coordinate 2 of detector D1, 1e+10, is no time"),
        (&["0, 1, 0", "0, 1, 1", "0, 1, 1e6"], FOUND, "has 3 values in 1000001 rounds of 1"),
        (&["0, 1, 0", "0, 1, 3"], unit(1.0), "has values 3 rounds of 1 apart: a round lasts 3"),
        (&["0, 1, 0", "0, 1, 3"], unit(5.0), "runs from 0 to 3: that is one round of 5 only"),
        (&["0, 1, 0", "0, 1, 1e9"], unit(1e-3), "rounds of 0.001"),
        (&["0, 1, 0", "0, 1, 3", ""], FOUND, "detector D2 has no coordinates"),
    ];
    for (places, time, message) in cases {
        let error = if places.contains(&"") {
            let text = "detector(0, 1, 0) D0\ndetector(0, 1, 3) D1\nerror(0.1) D2";
            DetectorErrorModel::parse(text).expect("a model").rounds(&time).unwrap_err()
        } else {
            model(places).rounds(&time).unwrap_err()
        };
        assert_eq!(error.status(), Some(Status::Format), "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }
    for bad in
        [unit(f64::NAN), unit(-1.0), unit(f64::INFINITY), TimeAxis { offset: Some(f64::INFINITY), ..FOUND }]
    {
        let error = model(&["0, 1, 0", "0, 1, 3"]).rounds(&bad).unwrap_err();
        assert_eq!(error.status(), Some(Status::Argument), "{error}");
    }
    let alone = model(&["0, 1, 3"]).rounds(&FOUND).expect("one detector has one round");
    assert_eq!((alone.count, alone.unit), (1, 1.0));
}

#[test]
fn a_model_in_rounds_has_the_round_third_and_keeps_everything_else() -> Result<(), Error> {
    let text = "error[hot](0.25) D1 D0 ^ D2 L1\ndetector[mark](3, 8, 6, 4) D0\nlogical_observable L2\n\
                repeat 2 {\ndetector(2, 9, 5) D1\nshift_detectors(-1) 1\n}";
    let model = DetectorErrorModel::parse(text)?;
    assert_eq!(model.rounds(&axis(0))?.of, [2, 1, 0]);
    let same = model.in_rounds(&axis(0))?;
    assert_eq!(
        same.to_text(),
        "error[hot](0.25) D1 D0 ^ D2 L1\ndetector[mark](8, 6, 2, 4) D0\nlogical_observable L2\n\
         detector(9, 5, 1) D1\ndetector(9, 5, 0) D2\n"
    );
    let (sorted, order) = model.sorted_by_rounds(&axis(0))?;
    assert_eq!(order, [2, 1, 0]);
    assert_eq!(
        sorted.to_text(),
        "error[hot](0.25) D1 D2 ^ D0 L1\ndetector[mark](8, 6, 2, 4) D2\nlogical_observable L2\n\
         detector(9, 5, 1) D1\ndetector(9, 5, 0) D0\n"
    );
    for rewritten in [same, sorted] {
        let mut of = rewritten.rounds(&FOUND)?.of;
        of.sort_unstable();
        assert_eq!(of, [0, 1, 2], "the default finds them");
    }
    // Within a round by place, then by number; few coordinates stay few.
    let line = self::model(&["5, 1", "3, 0", "3, 1", "5, 0", "5, 1"]);
    let (sorted, order) = line.sorted_by_rounds(&FOUND)?;
    assert_eq!(order, [1, 3, 2, 0, 4]);
    assert!(sorted.to_text().contains("detector(5, 1) D3\n"));
    let refused = model.in_rounds(&axis(7)).unwrap_err();
    assert_eq!(refused.status(), Some(Status::Format), "{refused}");
    Ok(())
}
