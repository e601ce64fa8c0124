//! Decodes a file of shots, in constant memory:
//!
//!     cargo run --release --example decode_file -- MODEL.dem SHOTS.b8 > PREDICTIONS.01

use outrider::{Decoder, DecoderKind, DetectorErrorModel, Format, Layout, ShotReader, ShotWriter};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, shots] = arguments.as_slice() else {
        return Err("usage: decode_file MODEL.dem SHOTS.b8".into());
    };
    let model = DetectorErrorModel::from_file(model)?;
    let mut decoder = Decoder::from_model(&model, DecoderKind::Mwpm)?;
    let detectors = Layout::detectors(decoder.graph().node_count() as usize);
    let observables = Layout::observables(decoder.graph().observable_count() as usize);

    let mut reader = ShotReader::open(shots, Format::B8, detectors)?;
    let mut writer = ShotWriter::new(std::io::stdout(), Format::Text01, observables)?;
    let (mut events, mut predictions) = (reader.batch(), writer.batch());
    while reader.read(&mut events, 1024)? > 0 {
        decoder.decode_batch(&events, &mut predictions, None)?;
        writer.write(&predictions)?;
    }
    writer.finish()?;
    Ok(())
}
