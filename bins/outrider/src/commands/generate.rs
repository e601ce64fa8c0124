//! `outrider gen`: circuits and error models of surface-code memories.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use outrider::{Basis, Circuit, CircuitFamily, Orientation, StimNoise, SurfaceCode};

use crate::error::{Error, Result};
use crate::formats::noise_file;
use crate::options::surface::flat_model;
use crate::options::values::{self, Rounds, Size};
use crate::output::{self, Output};

/// Generate a surface-code memory experiment: its circuit, its error model
///
/// The circuit goes to --out and the decomposed error model to --dem-out; without either the circuit goes
/// to standard output.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct GenArgs {
    /// Code
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Code::RotatedSurface)]
    code: Code,
    /// Basis of the memory
    #[arg(long, value_name = "BASIS", default_value = "z", value_parser = values::basis())]
    basis: Basis,
    /// Distance of a square patch
    #[arg(long, value_name = "D", required_unless_present = "size", conflicts_with = "size")]
    distance: Option<u32>,
    /// Data qubits per row and per column, such as 5x7
    #[arg(long, value_name = "WxH")]
    size: Option<Size>,
    /// Rounds of stabiliser measurements, or d for as many as the distance
    #[arg(long, value_name = "R", default_value = "d")]
    rounds: Rounds,
    /// Circuit: Stim's generator's, the one of arXiv:2604.12841, or the form to which that paper's curves
    /// correspond
    #[arg(long, value_name = "NAME", default_value = "stim", value_parser = values::circuit_family())]
    circuit: CircuitFamily,
    /// Orientation of the paper's circuits
    #[arg(long, value_name = "O", default_value = "O1", value_parser = values::orientation())]
    orientation: Orientation,
    /// Strength of uniform noise: all four parameters of Stim's circuit, or the paper's depolarising model
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = values::probability)]
    p: f64,
    /// Stim's circuit: depolarisation after each gate, instead of --p
    #[arg(long, value_name = "P", value_parser = values::probability)]
    after_clifford_depolarization: Option<f64>,
    /// Stim's circuit: depolarisation of data qubits before each round, instead of --p
    #[arg(long, value_name = "P", value_parser = values::probability)]
    before_round_data_depolarization: Option<f64>,
    /// Stim's circuit: flip before each measurement, instead of --p
    #[arg(long, value_name = "P", value_parser = values::probability)]
    before_measure_flip_probability: Option<f64>,
    /// Stim's circuit: flip after each reset, instead of --p
    #[arg(long, value_name = "P", value_parser = values::probability)]
    after_reset_flip_probability: Option<f64>,
    /// The paper's circuits: 25 probabilities as JSON, {"p_prep_X": 0.002, .., "p_cnot_ZZ": 0.0002}
    #[arg(long, value_name = "FILE", conflicts_with = "p")]
    noise_file: Option<PathBuf>,
    /// File for the circuit (.stim); - is standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// File for the error model (.dem); - is standard output
    #[arg(long, value_name = "FILE")]
    dem_out: Option<PathBuf>,
    /// Keep the rounds in the middle of the error model in a repeat block
    #[arg(long)]
    fold_loops: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Code {
    RotatedSurface,
}

const AFTER_HELP: &str = "\
Noise file: p_prep_X, p_prep_Z, p_meas_X, p_meas_Z, p_idle_cnot_X|Y|Z, p_idle_spam_X|Y|Z and \
p_cnot_IX .. p_cnot_ZZ, or {\"p\": P} for uniform noise.

Examples:
  outrider gen --basis x --distance 5 --p 0.003 --out memory.stim --dem-out memory.dem
  outrider gen --size 3x9 --rounds 20 --circuit paper --noise-file noise.json --orientation O2";

/// Runs the subcommand.
pub(crate) fn run(args: &GenArgs) -> Result<()> {
    output::require_distinct(&[("--out", args.out.as_deref()), ("--dem-out", args.dem_out.as_deref())])?;
    let Code::RotatedSurface = args.code;
    let size = args.size.or_else(|| args.distance.map(|distance| Size { width: distance, height: distance }));
    let Some(Size { width, height }) = size else {
        return Err(Error::Usage("--distance or --size is needed".to_owned()));
    };
    let distance = width.min(height);
    let surface = SurfaceCode::memory(distance, args.rounds.at(distance))
        .size(width, height)
        .basis(args.basis)
        .circuit(circuit(args)?)
        .orientation(args.orientation)
        .build()?;
    let to_stdout = PathBuf::from("-");
    let circuit_out =
        if args.dem_out.is_none() { args.out.as_ref().or(Some(&to_stdout)) } else { args.out.as_ref() };
    // Both are open before either is written.
    let mut circuit = Output::create_optional(circuit_out.map(PathBuf::as_path))?;
    let mut dem = Output::create_optional(args.dem_out.as_deref())?;
    if let Some(out) = &mut dem {
        let model = if args.fold_loops { surface.folded_model()? } else { flat_model(&surface)? };
        out.put(model.to_text().as_bytes())?;
    }
    if let Some(out) = &mut circuit {
        out.put(surface.circuit_text().as_bytes())?;
    }
    output::commit([circuit, dem].into_iter().flatten())
}

fn circuit(args: &GenArgs) -> Result<Circuit> {
    let four = [
        args.after_clifford_depolarization,
        args.before_round_data_depolarization,
        args.before_measure_flip_probability,
        args.after_reset_flip_probability,
    ];
    if args.circuit == CircuitFamily::Stim {
        if args.noise_file.is_some() {
            return Err(Error::Usage("--noise-file is for --circuit paper and paper-published".to_owned()));
        }
        let [clifford, data, measure, reset] = four.map(|p| p.unwrap_or(args.p));
        return Ok(Circuit::Stim(StimNoise {
            after_clifford_depolarization: clifford,
            before_round_data_depolarization: data,
            before_measure_flip_probability: measure,
            after_reset_flip_probability: reset,
        }));
    }
    if four.iter().any(Option::is_some) {
        return Err(Error::Usage("the four noise flags of Stim are for --circuit stim".to_owned()));
    }
    let Some(path) = &args.noise_file else { return Ok(Circuit::uniform(args.circuit, args.p)) };
    let noise = noise_file::read(path)?;
    Ok(match args.circuit {
        CircuitFamily::PaperPublished => Circuit::PaperPublished(noise),
        _ => Circuit::Paper(noise),
    })
}
