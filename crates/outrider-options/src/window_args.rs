//! Windows as options: how histories are cut.

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use outrider::{Axis, Plan, PlanOptions, RowLayout, Rows, TimeAxis};
use serde::Serialize;

use crate::option_values::{finite, positive};
use crate::patch_error::PatchError;

/// How a history is cut.
#[derive(Args, Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct WindowArgs {
    /// Decode histories in windows. forward: one cell after the other; parallel: cells apart, those between them
    /// decided after both neighbours; sandwich: parallel, one round apart; chessboard, brick: cells in space too, for
    /// wide patches [default: whole; for streams parallel]
    #[arg(long, value_name = "LAYOUT", value_enum)]
    window: Option<WindowLayout>,
    /// Rounds of a cell [default: the distance, if known]
    #[arg(long, value_name = "ROUNDS")]
    commit: Option<u32>,
    /// Rounds between cells, for parallel and chessboard [default: the distance, if known; chessboard: 0]
    #[arg(long, alias = "gap", value_name = "ROUNDS")]
    spacing: Option<u32>,
    /// Rounds, and sites, around a cell that its window includes; fewer than the distance cost accuracy [default: the
    /// distance, if known]
    #[arg(long, value_name = "ROUNDS")]
    buffer: Option<u32>,
    /// Sites of a row of cells, for chessboard and brick [default: the distance, if known]
    #[arg(long, value_name = "SITES")]
    row_width: Option<u32>,
    /// Coordinate along which rows follow one another [default: x]
    #[arg(long, value_name = "AXIS", value_enum)]
    row_axis: Option<RowAxis>,
    /// Coordinate units of a site [default: 2, as in Stim's circuits]
    #[arg(long, value_name = "UNITS", value_parser = positive)]
    row_pitch: Option<f64>,
    /// Coordinate of detectors that is time, from 0 [default: 2; the last one of models with one or two]
    #[arg(long, value_name = "N")]
    time_axis: Option<u32>,
    /// Units of that coordinate that a round lasts [default: the greatest common step of its values]
    #[arg(long, value_name = "UNITS", value_parser = positive)]
    time_unit: Option<f64>,
    /// A time at which a round begins, in units of that coordinate [default: that of the earliest detectors]
    #[arg(long, value_name = "TIME", allow_negative_numbers = true, value_parser = finite)]
    time_offset: Option<f64>,
}

/// Layouts by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum WindowLayout {
    Whole,
    Forward,
    Parallel,
    Sandwich,
    Chessboard,
    Brick,
}

#[derive(Clone, Copy, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum RowAxis {
    X,
    Y,
}

impl WindowLayout {
    const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Forward => "forward",
            Self::Parallel => "parallel",
            Self::Sandwich => "sandwich",
            Self::Chessboard => "chessboard",
            Self::Brick => "brick",
        }
    }

    const fn has_rows(self) -> bool {
        matches!(self, Self::Chessboard | Self::Brick)
    }
}

impl ValueEnum for WindowLayout {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Whole, Self::Forward, Self::Parallel, Self::Sandwich, Self::Chessboard, Self::Brick]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

impl WindowArgs {
    /// The cut for patches of this distance, if it is known; nothing for whole histories.
    ///
    /// # Errors
    /// [`PatchError::Option`] for options that are missing or change nothing.
    pub fn at(&self, distance: Option<u32>) -> Result<Option<Windowing>, PatchError> {
        match self.window.unwrap_or(WindowLayout::Whole) {
            WindowLayout::Whole => self.require_fit(WindowLayout::Whole).map(|()| None),
            layout => self.windowing(layout, distance).map(Some),
        }
    }

    /// How streams of patches of this distance are cut, in parallel windows by default.
    ///
    /// # Errors
    /// As [`at`](Self::at), and for whole histories.
    pub fn of_stream(&self, distance: Option<u32>) -> Result<Windowing, PatchError> {
        match self.window.unwrap_or(WindowLayout::Parallel) {
            WindowLayout::Whole => {
                Err(PatchError::Option("--window whole: a stream has no end to wait for".to_owned()))
            }
            layout => self.windowing(layout, distance),
        }
    }

    /// What is given about time.
    pub fn time(&self) -> TimeAxis {
        TimeAxis { axis: self.time_axis, unit: self.time_unit, offset: self.time_offset }
    }

    fn windowing(&self, layout: WindowLayout, distance: Option<u32>) -> Result<Windowing, PatchError> {
        self.require_fit(layout)?;
        if self.commit == Some(0) {
            return Err(PatchError::Option("--commit 0: cells have rounds".to_owned()));
        }
        let given_or_distance = |option: &str, given: Option<u32>| {
            given.or(distance).ok_or_else(|| {
                PatchError::Option(format!(
                    "--window {} needs {option}: the model has no known distance",
                    layout.name()
                ))
            })
        };
        let spacing = match layout {
            WindowLayout::Parallel => given_or_distance("--spacing", self.spacing)?,
            WindowLayout::Sandwich => 1,
            _ => self.spacing.unwrap_or(0),
        };
        if spacing == 0 && layout == WindowLayout::Parallel {
            return Err(PatchError::Option("--spacing 0: use --window forward".to_owned()));
        }
        let rows = layout
            .has_rows()
            .then(|| self.rows(layout, given_or_distance("--row-width", self.row_width)?))
            .transpose();
        let cut = PlanOptions {
            cell_layers: given_or_distance("--commit", self.commit)?,
            spacing,
            buffer: given_or_distance("--buffer", self.buffer)?,
            rows: rows?,
            context: 0,
        };
        let shortened = distance.is_none_or(|distance| cut.buffer < distance);
        Ok(Windowing { layout, cut, shortened })
    }

    fn rows(&self, layout: WindowLayout, width: u32) -> Result<Rows, PatchError> {
        if width == 0 {
            return Err(PatchError::Option("--row-width 0: rows have sites".to_owned()));
        }
        Ok(Rows {
            width,
            axis: match self.row_axis {
                Some(RowAxis::Y) => Axis::Y,
                _ => Axis::X,
            },
            pitch: self.row_pitch.unwrap_or(STIM_PITCH),
            layout: if layout == WindowLayout::Brick { RowLayout::Brick } else { RowLayout::Chessboard },
        })
    }

    /// Refuses options that would change nothing.
    fn require_fit(&self, layout: WindowLayout) -> Result<(), PatchError> {
        let windows = layout != WindowLayout::Whole;
        let spaced = matches!(layout, WindowLayout::Parallel | WindowLayout::Chessboard);
        let rows = layout.has_rows();
        let pairs = [
            ("--commit", self.commit.is_some(), windows),
            ("--buffer", self.buffer.is_some(), windows),
            ("--spacing", self.spacing.is_some(), spaced),
            ("--row-width", self.row_width.is_some(), rows),
            ("--row-axis", self.row_axis.is_some(), rows),
            ("--row-pitch", self.row_pitch.is_some(), rows),
        ];
        for (option, given, fits) in pairs {
            if given && !fits {
                let way_out = if option == "--spacing" && layout == WindowLayout::Sandwich {
                    ", which has 1; use --window parallel"
                } else {
                    ""
                };
                return Err(PatchError::Option(format!(
                    "{option} is not for --window {}{way_out}",
                    layout.name()
                )));
            }
        }
        Ok(())
    }
}

/// How the histories of a model are cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Windowing {
    layout: WindowLayout,
    cut: PlanOptions,
    /// The buffer is shorter than the distance, or may be.
    shortened: bool,
}

impl Windowing {
    /// How a plan cuts, but for the context of a pre-decoder.
    pub fn cut(&self) -> PlanOptions {
        self.cut
    }

    /// The name of its layout.
    pub fn layout(&self) -> &'static str {
        self.layout.name()
    }

    /// What tables add to the name of a decoder. Buffers that may cost accuracy are named.
    pub fn suffix(&self) -> String {
        let buffer = if self.shortened { format!("-b{}", self.cut.buffer) } else { String::new() };
        format!("@{}{buffer}", self.layout.name())
    }
}

/// One line for the user of a plan whose cells do not run in parallel although they are laid out for it.
pub fn order_note(plan: &Plan) -> Option<String> {
    plan.is_reordered().then(|| {
        "cells are decided one after the other, not in parallel: some would be left without a boundary"
            .to_owned()
    })
}

/// Coordinate units between neighbouring detectors of one kind in Stim's circuits.
const STIM_PITCH: f64 = 2.0;
