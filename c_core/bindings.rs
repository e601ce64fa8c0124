pub const OTR_ERROR_MESSAGE_BYTES: u32 = 232;
pub const OTR_BURSTS_NEIGHBOURS_MIN: u32 = 8;
pub const OTR_BURSTS_NEIGHBOURS_MAX: u32 = 4096;
pub const OTR_BURSTS_DISPERSION_MIN: f64 = 0.05;
pub const OTR_MODEL_TEXT_BYTES_MAX: u64 = 4294967296;
pub const OTR_MODEL_REPEAT_DEPTH_MAX: u32 = 64;
pub const OTR_MODEL_INDEX_MAX: u64 = 1152921504606846976;
pub const OTR_MODEL_COORDINATES_MAX: u32 = 16;
pub const OTR_TARGET_OBSERVABLE: i64 = -9223372036854775808;
pub const OTR_TARGET_SEPARATOR: i32 = -1;
pub const OTR_BOUNDARY: u32 = 4294967295;
pub const OTR_GRAPH_NODES_MAX: u32 = 67108864;
pub const OTR_GRAPH_EDGES_MAX: u32 = 268435456;
pub const OTR_GRAPH_ERRORS_MAX: u32 = 1073741824;
pub const OTR_GRAPH_COMPONENTS_MAX: u32 = 256;
pub const OTR_GRAPH_RULES_MAX: u32 = 134217728;
pub const OTR_GRAPH_RECIPE_MAX: u32 = 268435456;
pub const OTR_GRAPH_OBSERVABLES_MAX: u32 = 1048576;
pub const OTR_GRAPH_LEVELS_DEFAULT: u32 = 16777215;
pub const OTR_WEIGHT_MAX: u32 = 1073741822;
pub const OTR_WEIGHT_INFINITE: u32 = 2147483646;
pub const OTR_GRAPH_WEIGHT_RANGE_DEFAULT: f64 = 64.0;
pub const OTR_GRAPH_WEIGHT_RANGE_MAX: f64 = 1000000000.0;
pub const OTR_AMX_REQUEST: u32 = 4131;
pub const OTR_AMX_FEATURE: u32 = 18;
pub const OTR_RANDOM_LANES: u32 = 16;
pub const OTR_SKIP_SCALE_MAX: f64 = 70368744177664.0;
pub const OTR_DENSE_BLOCK: u32 = 16;
pub const OTR_DENSE_GROUP: u32 = 4;
pub const OTR_DENSE_GROUPS_ALIGN: u32 = 16;
pub const OTR_DENSE_TABLE: u32 = 1024;
pub const OTR_DENSE_TILE: u32 = 32;
pub const OTR_INDEX_SLACK: u32 = 16;
pub const OTR_EVENT_WIDTH_STEP: u32 = 16;
pub const OTR_EVENT_WIDTH_MAX: u32 = 64;
pub const OTR_EVENT_WIDTHS: u32 = 4;
pub const OTR_EVENT_HEAD: u32 = 16;
pub const OTR_EVENT_OVERRIDE_SLACK: u32 = 8;
pub const OTR_STATE_BITS: u32 = 6;
pub const OTR_TRAINING_BLOCK: u32 = 16;
pub const OTR_PLAN_LAYERS_MAX: u32 = 4096;
pub const OTR_PLAN_ROWS_MAX: u32 = 256;
pub const OTR_PLAN_PERIOD_MAX: u32 = 8;
pub const OTR_PLAN_HISTORY_MAX: u64 = 281474976710656;
pub const OTR_CELL_BOOK_LAYERS_MAX: u32 = 16777216;
pub const OTR_SURFACE_DISTANCE_MIN: u32 = 2;
pub const OTR_SURFACE_DISTANCE_MAX: u32 = 127;
pub const OTR_SURFACE_ROUNDS_MAX: u32 = 100000000;
pub const OTR_SURFACE_FLAT_ERRORS_MAX: u32 = 67108864;
pub const OTR_DENSE_LAYERS_MAX: u32 = 16;
pub const OTR_DENSE_CHANNELS_MAX: u32 = 1024;
pub const OTR_DENSE_KERNEL_MAX: u32 = 7;
pub const OTR_DENSE_WEIGHT_MAX: u32 = 10000;
pub const OTR_DENSE_VOXELS_MAX: u32 = 16777216;
pub const OTR_DENSE_VOLUME_MAX: u32 = 1073741824;
pub const OTR_DENSE_PLANES: u32 = 4;
pub const OTR_MOMENTS_DETECTORS_MAX: u32 = 16777216;
pub const OTR_MOMENTS_SETS_MAX: u32 = 33554432;
pub const OTR_MOMENTS_SET_SIZE_MAX: u32 = 64;
pub const OTR_MOMENTS_SHOTS_MAX: u64 = 281474976710656;
pub const OTR_MOMENTS_FADE_SHIFT_MAX: u32 = 16;
pub const OTR_MOMENTS_BLOCK_SHOTS_MAX: u32 = 1073741824;
pub const OTR_MOMENTS_FADING_BITS: u32 = 16;
pub const OTR_DRIFT_BLOCKS_MAX: u32 = 1000000;
pub const OTR_DRIFT_EXPECTED_MIN: f64 = 5.0;
pub const OTR_EVENT_NETWORK_BYTES_MAX: u32 = 536870912;
pub const OTR_EVENT_LAYERS_MAX: u32 = 8;
pub const OTR_EVENT_RADIUS_MAX: u32 = 4;
pub const OTR_EVENT_KINDS_MAX: u32 = 8;
pub const OTR_EVENT_SLOTS_MAX: u32 = 32;
pub const OTR_EVENT_SLOT_OFFSET_MAX: u32 = 8;
pub const OTR_EVENT_PLANE_MAX: u32 = 1048576;
pub const OTR_EVENT_SHIFT_MAX: u32 = 16;
pub const OTR_EVENT_BIAS_MAX: u32 = 536870912;
pub const OTR_SAMPLER_BLOCK_SHOTS: u32 = 256;
pub const OTR_SAMPLER_ERRORS_MAX: u32 = 268435456;
pub const OTR_SAMPLER_INDEX_MAX: u32 = 2147483648;
pub const OTR_LABELS_BITS_MAX: u32 = 16777216;
pub const OTR_LABELS_TIME_PASSES: u32 = 8;
pub const OTR_LABELS_SPACE_SWEEPS: u32 = 100;
pub const OTR_TRELLIS_ERRORS_MAX: u32 = 16777216;
pub const OTR_TRELLIS_OBSERVABLES_MAX: u32 = 64;
pub const OTR_TRELLIS_OPEN_MAX: u32 = 1024;
pub const OTR_TRELLIS_SHARED_OBSERVABLES_MAX: u32 = 16;
pub const OTR_TRELLIS_CUTOFF_MAX: f64 = 0.1;
pub const OTR_TRELLIS_STATES_MAX: u32 = 1048576;
pub const OTR_TRELLIS_ITERATIONS_MAX: u32 = 64;
pub const OTR_TRELLIS_TABLE_BITS_MAX: u32 = 14;
pub const OTR_TRELLIS_RATIO_MAX: f64 = 600.0;
pub const OTR_LIKELIHOOD_MEMBERS_MAX: u32 = 64;
pub const OTR_MEASUREMENT_TEXT_BYTES_MAX: u64 = 4294967296;
pub const OTR_MEASUREMENT_REPEAT_DEPTH_MAX: u32 = 64;
pub const OTR_MEASUREMENT_COORDINATES_MAX: u32 = 16;
pub const OTR_MEASUREMENT_COUNT_MAX: u32 = 100000000;
pub const OTR_MEASUREMENT_TERMS_MAX: u32 = 400000000;
pub const OTR_MEASUREMENT_OBSERVABLES_MAX: u32 = 1048576;
pub const OTR_MEASUREMENT_TARGET_MAX: u32 = 16777215;
pub const OTR_MEASUREMENT_STREAM_PUSH_MAX: u32 = 262144;
pub const OTR_MEASUREMENT_STREAM_PERIOD_MAX: u32 = 8;
pub const OTR_TIME_AXIS_AUTO: u32 = 4294967295;
pub const OTR_ROUNDS_SPARSITY_MAX: u32 = 64;
pub const OTR_ROUNDS_FREE: u32 = 4096;
pub const OTR_TIME_MAX: f64 = 1000000000.0;
pub const OTR_RATES_SUPPORT_MAX: u32 = 4;
pub const OTR_RATES_SPREAD_MAX: f64 = 100.0;
pub const OTR_RATES_SPREAD_FITTED_MIN: f64 = 0.01;
pub const OTR_RATES_SPREAD_FITTED_MAX: f64 = 3.0;
pub const OTR_RATES_ITERATIONS_MAX: u32 = 5000;
pub const OTR_RATES_UNTIED: u32 = 4294967295;
pub const OTR_RATE_KEPT: u32 = 1;
pub const OTR_RATE_NOT_POSITIVE: u32 = 2;
pub const OTR_RATE_FLOORED: u32 = 4;
pub const OTR_ROUNDS_APART_ANY: u32 = 4294967295;
pub const OTR_MISFIT_FEW_SHOTS: u32 = 1;
pub const OTR_MISFIT_CONSTANT: u32 = 2;
pub const OTR_MISFIT_HALF: u32 = 4;
pub const OTR_MISFIT_RATES: u32 = 8;
pub const OTR_MISFIT_PAIRS: u32 = 16;
pub const OTR_MISFIT_MOST: f64 = 0.5;
pub const OTR_MISFIT_HALF_MIN: f64 = 0.4;
pub const OTR_MISFIT_HALF_MAX: f64 = 0.6;
pub const OTR_MISFIT_HALF_EXPECTED_MAX: f64 = 0.25;
pub const OTR_MISFIT_RATE_FACTOR: f64 = 3.0;
pub const OTR_MISFIT_STRONG_Z: f64 = 5.0;
pub const OTR_MISFIT_MISSING_SHARE: f64 = 0.25;
pub const OTR_MISFIT_STRONG_MIN: u32 = 4;
pub const OTR_MISFIT_MISSING_MOST: f64 = 0.05;
pub const OTR_CLASS_INVISIBLE: u32 = 1;
pub const OTR_CLASS_SHARED: u32 = 2;
pub const OTR_CLASS_BOUNDARY: u32 = 4;
pub const OTR_CLASS_KEPT: u32 = 8;
pub const OTR_CLASS_UNSURE: u32 = 16;
pub const OTR_CLASS_NEGATIVE: u32 = 32;
pub const OTR_CLASS_NEGATIVE_Z: f64 = 5.0;
pub const OTR_ROUND_SAMPLER_BLOCK_LAYERS: u32 = 64;
pub const OTR_ROUND_SAMPLER_PERIOD_MAX: u32 = 8;
pub const OTR_ROUND_SAMPLER_HISTORY_MAX: u64 = 281474976710656;
pub const OTR_RULE_ITERATIONS_MAX: u32 = 1000;
pub const OTR_RULE_NORMALIZATION_ONE: u32 = 256;
pub const OTR_RULE_LINKS_MAX: u32 = 268435456;
pub const OTR_SHOT_BITS_MAX: u64 = 4294967296;
pub const OTR_GEOMETRY_PLACES: u32 = 49;
pub const OTR_GEOMETRY_PHASES: u32 = 14;
pub const OTR_TRAINING_WIDTH_STEP: u32 = 16;
pub const OTR_TRAINING_WIDTH_MAX: u32 = 64;
pub const OTR_TRAINING_CELLS_MAX: u32 = 268435456;
pub const OTR_TRAINING_SHOTS_MAX: u32 = 1048576;
pub const OTR_TRAINING_EVENTS_MAX: u32 = 67108864;
pub const OTR_TRAINING_PAIRS_MAX: u32 = 536870912;
pub const OTR_VERSION_MAJOR: u32 = 0;
pub const OTR_VERSION_MINOR: u32 = 1;
pub const OTR_VERSION_PATCH: u32 = 0;
pub const OTR_ABI_VERSION: u32 = 1;
impl otr_status {
    pub const OTR_OK: otr_status = otr_status(0);
    pub const OTR_ERR_ARGUMENT: otr_status = otr_status(1);
    pub const OTR_ERR_UNSUPPORTED: otr_status = otr_status(2);
    pub const OTR_ERR_INDEX: otr_status = otr_status(3);
    pub const OTR_ERR_LIMIT: otr_status = otr_status(4);
    pub const OTR_ERR_MEMORY: otr_status = otr_status(10);
    pub const OTR_ERR_PARSE: otr_status = otr_status(20);
    pub const OTR_ERR_PROBABILITY: otr_status = otr_status(21);
    pub const OTR_ERR_UNDECOMPOSABLE: otr_status = otr_status(22);
    pub const OTR_ERR_TRUNCATED: otr_status = otr_status(23);
    pub const OTR_ERR_FORMAT: otr_status = otr_status(24);
    pub const OTR_ERR_RANDOM: otr_status = otr_status(25);
    pub const OTR_ERR_ODD_PARITY: otr_status = otr_status(30);
    pub const OTR_ERR_CERTIFICATE: otr_status = otr_status(31);
    pub const OTR_ERR_RESIDUAL: otr_status = otr_status(32);
    pub const OTR_ERR_UNEXPLAINED: otr_status = otr_status(33);
}
#[repr(transparent)]
#[must_use]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_status(pub ::core::ffi::c_uint);
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_error {
    pub status: otr_status,
    pub column: u32,
    pub line: u64,
    pub message: [::core::ffi::c_char; 232usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_error"][::core::mem::size_of::<otr_error>() - 248usize];
    ["Alignment of otr_error"][::core::mem::align_of::<otr_error>() - 8usize];
    [
        "Offset of field: otr_error::status",
    ][::core::mem::offset_of!(otr_error, status) - 0usize];
    [
        "Offset of field: otr_error::column",
    ][::core::mem::offset_of!(otr_error, column) - 4usize];
    [
        "Offset of field: otr_error::line",
    ][::core::mem::offset_of!(otr_error, line) - 8usize];
    [
        "Offset of field: otr_error::message",
    ][::core::mem::offset_of!(otr_error, message) - 16usize];
};
unsafe extern "C" {
    pub fn otr_status_text(status: otr_status) -> *const ::core::ffi::c_char;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_event_sums {
    pub shots: u64,
    pub events: u64,
    pub squares: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_event_sums"][::core::mem::size_of::<otr_event_sums>() - 24usize];
    ["Alignment of otr_event_sums"][::core::mem::align_of::<otr_event_sums>() - 8usize];
    [
        "Offset of field: otr_event_sums::shots",
    ][::core::mem::offset_of!(otr_event_sums, shots) - 0usize];
    [
        "Offset of field: otr_event_sums::events",
    ][::core::mem::offset_of!(otr_event_sums, events) - 8usize];
    [
        "Offset of field: otr_event_sums::squares",
    ][::core::mem::offset_of!(otr_event_sums, squares) - 16usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_event_sums_add(
        sums: *mut otr_event_sums,
        shots: *const u8,
        stride: usize,
        shot_count: usize,
        detector_count: u32,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_bursts {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_bursts_options {
    pub neighbours: u32,
    pub false_rate: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_bursts_options",
    ][::core::mem::size_of::<otr_bursts_options>() - 16usize];
    [
        "Alignment of otr_bursts_options",
    ][::core::mem::align_of::<otr_bursts_options>() - 8usize];
    [
        "Offset of field: otr_bursts_options::neighbours",
    ][::core::mem::offset_of!(otr_bursts_options, neighbours) - 0usize];
    [
        "Offset of field: otr_bursts_options::false_rate",
    ][::core::mem::offset_of!(otr_bursts_options, false_rate) - 8usize];
};
unsafe extern "C" {
    pub fn otr_bursts_options_default() -> otr_bursts_options;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_burst_window {
    pub index: u64,
    pub first_shot: u64,
    pub shots: u64,
    pub events: u64,
    pub expected: f64,
    pub deviation: f64,
    pub z: f64,
    pub log10_p: f64,
    pub is_burst: bool,
    pub is_judged: bool,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_burst_window"][::core::mem::size_of::<otr_burst_window>() - 72usize];
    [
        "Alignment of otr_burst_window",
    ][::core::mem::align_of::<otr_burst_window>() - 8usize];
    [
        "Offset of field: otr_burst_window::index",
    ][::core::mem::offset_of!(otr_burst_window, index) - 0usize];
    [
        "Offset of field: otr_burst_window::first_shot",
    ][::core::mem::offset_of!(otr_burst_window, first_shot) - 8usize];
    [
        "Offset of field: otr_burst_window::shots",
    ][::core::mem::offset_of!(otr_burst_window, shots) - 16usize];
    [
        "Offset of field: otr_burst_window::events",
    ][::core::mem::offset_of!(otr_burst_window, events) - 24usize];
    [
        "Offset of field: otr_burst_window::expected",
    ][::core::mem::offset_of!(otr_burst_window, expected) - 32usize];
    [
        "Offset of field: otr_burst_window::deviation",
    ][::core::mem::offset_of!(otr_burst_window, deviation) - 40usize];
    [
        "Offset of field: otr_burst_window::z",
    ][::core::mem::offset_of!(otr_burst_window, z) - 48usize];
    [
        "Offset of field: otr_burst_window::log10_p",
    ][::core::mem::offset_of!(otr_burst_window, log10_p) - 56usize];
    [
        "Offset of field: otr_burst_window::is_burst",
    ][::core::mem::offset_of!(otr_burst_window, is_burst) - 64usize];
    [
        "Offset of field: otr_burst_window::is_judged",
    ][::core::mem::offset_of!(otr_burst_window, is_judged) - 65usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_bursts_create(
        out: *mut *mut otr_bursts,
        options: *const otr_bursts_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_bursts_destroy(bursts: *mut otr_bursts);
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_bursts_push(
        bursts: *mut otr_bursts,
        window: *const otr_event_sums,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_bursts_finish(bursts: *mut otr_bursts);
}
unsafe extern "C" {
    pub fn otr_bursts_pop(bursts: *mut otr_bursts, out: *mut otr_burst_window) -> bool;
}
unsafe extern "C" {
    pub fn otr_bursts_waiting(bursts: *const otr_bursts) -> u64;
}
unsafe extern "C" {
    pub fn otr_bursts_bytes(bursts: *const otr_bursts) -> usize;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_model {
    _unused: [u8; 0],
}
impl otr_instruction_kind {
    pub const OTR_INSTRUCTION_ERROR: otr_instruction_kind = otr_instruction_kind(0);
    pub const OTR_INSTRUCTION_DETECTOR: otr_instruction_kind = otr_instruction_kind(1);
    pub const OTR_INSTRUCTION_OBSERVABLE: otr_instruction_kind = otr_instruction_kind(2);
    pub const OTR_INSTRUCTION_SHIFT_DETECTORS: otr_instruction_kind = otr_instruction_kind(
        3,
    );
    pub const OTR_INSTRUCTION_REPEAT: otr_instruction_kind = otr_instruction_kind(4);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_instruction_kind(pub ::core::ffi::c_uint);
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_instruction {
    pub kind: otr_instruction_kind,
    pub argument_count: u32,
    pub arguments: *const f64,
    pub target_count: u64,
    pub targets: *const u64,
    pub repeat_count: u64,
    pub body_count: u64,
    pub line: u64,
    pub tag: *const ::core::ffi::c_char,
    pub tag_bytes: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_instruction"][::core::mem::size_of::<otr_instruction>() - 72usize];
    [
        "Alignment of otr_instruction",
    ][::core::mem::align_of::<otr_instruction>() - 8usize];
    [
        "Offset of field: otr_instruction::kind",
    ][::core::mem::offset_of!(otr_instruction, kind) - 0usize];
    [
        "Offset of field: otr_instruction::argument_count",
    ][::core::mem::offset_of!(otr_instruction, argument_count) - 4usize];
    [
        "Offset of field: otr_instruction::arguments",
    ][::core::mem::offset_of!(otr_instruction, arguments) - 8usize];
    [
        "Offset of field: otr_instruction::target_count",
    ][::core::mem::offset_of!(otr_instruction, target_count) - 16usize];
    [
        "Offset of field: otr_instruction::targets",
    ][::core::mem::offset_of!(otr_instruction, targets) - 24usize];
    [
        "Offset of field: otr_instruction::repeat_count",
    ][::core::mem::offset_of!(otr_instruction, repeat_count) - 32usize];
    [
        "Offset of field: otr_instruction::body_count",
    ][::core::mem::offset_of!(otr_instruction, body_count) - 40usize];
    [
        "Offset of field: otr_instruction::line",
    ][::core::mem::offset_of!(otr_instruction, line) - 48usize];
    [
        "Offset of field: otr_instruction::tag",
    ][::core::mem::offset_of!(otr_instruction, tag) - 56usize];
    [
        "Offset of field: otr_instruction::tag_bytes",
    ][::core::mem::offset_of!(otr_instruction, tag_bytes) - 64usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_model_parse(
        out: *mut *mut otr_model,
        text: *const ::core::ffi::c_char,
        bytes: usize,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_model_destroy(model: *mut otr_model);
}
unsafe extern "C" {
    pub fn otr_model_detector_count(model: *const otr_model) -> u64;
}
unsafe extern "C" {
    pub fn otr_model_observable_count(model: *const otr_model) -> u64;
}
unsafe extern "C" {
    pub fn otr_model_error_count(model: *const otr_model) -> u64;
}
unsafe extern "C" {
    pub fn otr_model_instruction_count(model: *const otr_model) -> u64;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_model_instruction(
        model: *const otr_model,
        index: u64,
        out: *mut otr_instruction,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_model_walk {
    _unused: [u8; 0],
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_model_walk_create(
        out: *mut *mut otr_model_walk,
        model: *const otr_model,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_model_walk_destroy(walk: *mut otr_model_walk);
}
unsafe extern "C" {
    pub fn otr_model_walk_next(
        walk: *mut otr_model_walk,
        out: *mut otr_instruction,
    ) -> bool;
}
unsafe extern "C" {
    pub fn otr_model_text(
        model: *const otr_model,
        buffer: *mut ::core::ffi::c_char,
        capacity: usize,
    ) -> usize;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_graph {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_graph_options {
    pub correlations: bool,
    pub ignore_undecomposable: bool,
    pub reweightable: bool,
    pub errors: bool,
    pub first_observables: bool,
    pub levels: u32,
    pub weight_range: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_graph_options"][::core::mem::size_of::<otr_graph_options>() - 24usize];
    [
        "Alignment of otr_graph_options",
    ][::core::mem::align_of::<otr_graph_options>() - 8usize];
    [
        "Offset of field: otr_graph_options::correlations",
    ][::core::mem::offset_of!(otr_graph_options, correlations) - 0usize];
    [
        "Offset of field: otr_graph_options::ignore_undecomposable",
    ][::core::mem::offset_of!(otr_graph_options, ignore_undecomposable) - 1usize];
    [
        "Offset of field: otr_graph_options::reweightable",
    ][::core::mem::offset_of!(otr_graph_options, reweightable) - 2usize];
    [
        "Offset of field: otr_graph_options::errors",
    ][::core::mem::offset_of!(otr_graph_options, errors) - 3usize];
    [
        "Offset of field: otr_graph_options::first_observables",
    ][::core::mem::offset_of!(otr_graph_options, first_observables) - 4usize];
    [
        "Offset of field: otr_graph_options::levels",
    ][::core::mem::offset_of!(otr_graph_options, levels) - 8usize];
    [
        "Offset of field: otr_graph_options::weight_range",
    ][::core::mem::offset_of!(otr_graph_options, weight_range) - 16usize];
};
unsafe extern "C" {
    pub fn otr_graph_options_default() -> otr_graph_options;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_graph_create(
        out: *mut *mut otr_graph,
        model: *const otr_model,
        options: *const otr_graph_options,
        error: *mut otr_error,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_graph_edges {
    pub node_count: u32,
    pub observable_count: u32,
    pub edge_count: usize,
    pub node1: *const u32,
    pub node2: *const u32,
    pub weights: *const f64,
    pub probabilities: *const f64,
    pub observable_begin: *const usize,
    pub observables: *const u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_graph_edges"][::core::mem::size_of::<otr_graph_edges>() - 64usize];
    [
        "Alignment of otr_graph_edges",
    ][::core::mem::align_of::<otr_graph_edges>() - 8usize];
    [
        "Offset of field: otr_graph_edges::node_count",
    ][::core::mem::offset_of!(otr_graph_edges, node_count) - 0usize];
    [
        "Offset of field: otr_graph_edges::observable_count",
    ][::core::mem::offset_of!(otr_graph_edges, observable_count) - 4usize];
    [
        "Offset of field: otr_graph_edges::edge_count",
    ][::core::mem::offset_of!(otr_graph_edges, edge_count) - 8usize];
    [
        "Offset of field: otr_graph_edges::node1",
    ][::core::mem::offset_of!(otr_graph_edges, node1) - 16usize];
    [
        "Offset of field: otr_graph_edges::node2",
    ][::core::mem::offset_of!(otr_graph_edges, node2) - 24usize];
    [
        "Offset of field: otr_graph_edges::weights",
    ][::core::mem::offset_of!(otr_graph_edges, weights) - 32usize];
    [
        "Offset of field: otr_graph_edges::probabilities",
    ][::core::mem::offset_of!(otr_graph_edges, probabilities) - 40usize];
    [
        "Offset of field: otr_graph_edges::observable_begin",
    ][::core::mem::offset_of!(otr_graph_edges, observable_begin) - 48usize];
    [
        "Offset of field: otr_graph_edges::observables",
    ][::core::mem::offset_of!(otr_graph_edges, observables) - 56usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_graph_create_from_edges(
        out: *mut *mut otr_graph,
        edges: *const otr_graph_edges,
        options: *const otr_graph_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_graph_destroy(graph: *mut otr_graph);
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_graph_reweighted(
        out: *mut *mut otr_graph,
        graph: *const otr_graph,
        probabilities: *const f64,
        error_count: u64,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_graph_reweighted_edges(
        out: *mut *mut otr_graph,
        graph: *const otr_graph,
        probabilities: *const f64,
        edge_count: u32,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_graph_error_count(graph: *const otr_graph) -> u64;
}
unsafe extern "C" {
    pub fn otr_graph_node_count(graph: *const otr_graph) -> u32;
}
unsafe extern "C" {
    pub fn otr_graph_edge_count(graph: *const otr_graph) -> u32;
}
unsafe extern "C" {
    pub fn otr_graph_observable_count(graph: *const otr_graph) -> u32;
}
unsafe extern "C" {
    pub fn otr_graph_has_correlations(graph: *const otr_graph) -> bool;
}
unsafe extern "C" {
    pub fn otr_graph_has_errors(graph: *const otr_graph) -> bool;
}
unsafe extern "C" {
    pub fn otr_graph_conflict_count(graph: *const otr_graph) -> u64;
}
unsafe extern "C" {
    pub fn otr_graph_ignored_count(graph: *const otr_graph) -> u64;
}
unsafe extern "C" {
    pub fn otr_graph_undetectable_count(graph: *const otr_graph) -> u64;
}
unsafe extern "C" {
    pub fn otr_graph_scale(graph: *const otr_graph) -> f64;
}
unsafe extern "C" {
    pub fn otr_graph_weight_limit(graph: *const otr_graph) -> f64;
}
unsafe extern "C" {
    pub fn otr_graph_bytes(graph: *const otr_graph) -> usize;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_edge {
    pub node1: u32,
    pub node2: u32,
    pub probability: f64,
    pub weight: i32,
    pub observable_count: u32,
    pub observables: *const u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_edge"][::core::mem::size_of::<otr_edge>() - 32usize];
    ["Alignment of otr_edge"][::core::mem::align_of::<otr_edge>() - 8usize];
    [
        "Offset of field: otr_edge::node1",
    ][::core::mem::offset_of!(otr_edge, node1) - 0usize];
    [
        "Offset of field: otr_edge::node2",
    ][::core::mem::offset_of!(otr_edge, node2) - 4usize];
    [
        "Offset of field: otr_edge::probability",
    ][::core::mem::offset_of!(otr_edge, probability) - 8usize];
    [
        "Offset of field: otr_edge::weight",
    ][::core::mem::offset_of!(otr_edge, weight) - 16usize];
    [
        "Offset of field: otr_edge::observable_count",
    ][::core::mem::offset_of!(otr_edge, observable_count) - 20usize];
    [
        "Offset of field: otr_edge::observables",
    ][::core::mem::offset_of!(otr_edge, observables) - 24usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_graph_edge(
        graph: *const otr_graph,
        edge: u32,
        out: *mut otr_edge,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_graph_find_edge(
        graph: *const otr_graph,
        node1: u32,
        node2: u32,
        edge: *mut u32,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_implied {
    pub edges: *const u32,
    pub weights: *const i32,
    pub count: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_implied"][::core::mem::size_of::<otr_implied>() - 24usize];
    ["Alignment of otr_implied"][::core::mem::align_of::<otr_implied>() - 8usize];
    [
        "Offset of field: otr_implied::edges",
    ][::core::mem::offset_of!(otr_implied, edges) - 0usize];
    [
        "Offset of field: otr_implied::weights",
    ][::core::mem::offset_of!(otr_implied, weights) - 8usize];
    [
        "Offset of field: otr_implied::count",
    ][::core::mem::offset_of!(otr_implied, count) - 16usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_graph_implied(
        graph: *const otr_graph,
        edge: u32,
        out: *mut otr_implied,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_override {
    pub edge: u32,
    pub weight: i32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_override"][::core::mem::size_of::<otr_override>() - 8usize];
    ["Alignment of otr_override"][::core::mem::align_of::<otr_override>() - 4usize];
    [
        "Offset of field: otr_override::edge",
    ][::core::mem::offset_of!(otr_override, edge) - 0usize];
    [
        "Offset of field: otr_override::weight",
    ][::core::mem::offset_of!(otr_override, weight) - 4usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_graph_quantize(
        graph: *const otr_graph,
        natural_weight: f64,
        weight: *mut i32,
    ) -> otr_status;
}
impl otr_isa {
    pub const OTR_ISA_AUTO: otr_isa = otr_isa(0);
    pub const OTR_ISA_PORTABLE: otr_isa = otr_isa(1);
    pub const OTR_ISA_AVX2: otr_isa = otr_isa(2);
    pub const OTR_ISA_AVX512: otr_isa = otr_isa(3);
    pub const OTR_ISA_NEON: otr_isa = otr_isa(4);
    pub const OTR_ISA_AVX512VNNI: otr_isa = otr_isa(5);
    pub const OTR_ISA_AMX: otr_isa = otr_isa(6);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_isa(pub ::core::ffi::c_uint);
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_dense_weights {
    pub weights: *const i8,
    pub taps: *const u32,
    pub tap_count: u32,
    pub tap_groups: u32,
    pub block_groups: u32,
    pub block_count: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_dense_weights"][::core::mem::size_of::<otr_dense_weights>() - 32usize];
    [
        "Alignment of otr_dense_weights",
    ][::core::mem::align_of::<otr_dense_weights>() - 8usize];
    [
        "Offset of field: otr_dense_weights::weights",
    ][::core::mem::offset_of!(otr_dense_weights, weights) - 0usize];
    [
        "Offset of field: otr_dense_weights::taps",
    ][::core::mem::offset_of!(otr_dense_weights, taps) - 8usize];
    [
        "Offset of field: otr_dense_weights::tap_count",
    ][::core::mem::offset_of!(otr_dense_weights, tap_count) - 16usize];
    [
        "Offset of field: otr_dense_weights::tap_groups",
    ][::core::mem::offset_of!(otr_dense_weights, tap_groups) - 20usize];
    [
        "Offset of field: otr_dense_weights::block_groups",
    ][::core::mem::offset_of!(otr_dense_weights, block_groups) - 24usize];
    [
        "Offset of field: otr_dense_weights::block_count",
    ][::core::mem::offset_of!(otr_dense_weights, block_count) - 28usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_state_filter {
    pub turns: [u32; 6usize],
    pub bits: [u64; 6usize],
    pub needed: [f64; 64usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_state_filter"][::core::mem::size_of::<otr_state_filter>() - 584usize];
    [
        "Alignment of otr_state_filter",
    ][::core::mem::align_of::<otr_state_filter>() - 8usize];
    [
        "Offset of field: otr_state_filter::turns",
    ][::core::mem::offset_of!(otr_state_filter, turns) - 0usize];
    [
        "Offset of field: otr_state_filter::bits",
    ][::core::mem::offset_of!(otr_state_filter, bits) - 24usize];
    [
        "Offset of field: otr_state_filter::needed",
    ][::core::mem::offset_of!(otr_state_filter, needed) - 72usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_bit_columns {
    pub words: *const u64,
    pub stride: usize,
    pub word_count: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_bit_columns"][::core::mem::size_of::<otr_bit_columns>() - 24usize];
    [
        "Alignment of otr_bit_columns",
    ][::core::mem::align_of::<otr_bit_columns>() - 8usize];
    [
        "Offset of field: otr_bit_columns::words",
    ][::core::mem::offset_of!(otr_bit_columns, words) - 0usize];
    [
        "Offset of field: otr_bit_columns::stride",
    ][::core::mem::offset_of!(otr_bit_columns, stride) - 8usize];
    [
        "Offset of field: otr_bit_columns::word_count",
    ][::core::mem::offset_of!(otr_bit_columns, word_count) - 16usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_event_pair {
    pub first: u32,
    pub second: u32,
    pub class_index: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_event_pair"][::core::mem::size_of::<otr_event_pair>() - 12usize];
    ["Alignment of otr_event_pair"][::core::mem::align_of::<otr_event_pair>() - 4usize];
    [
        "Offset of field: otr_event_pair::first",
    ][::core::mem::offset_of!(otr_event_pair, first) - 0usize];
    [
        "Offset of field: otr_event_pair::second",
    ][::core::mem::offset_of!(otr_event_pair, second) - 4usize];
    [
        "Offset of field: otr_event_pair::class_index",
    ][::core::mem::offset_of!(otr_event_pair, class_index) - 8usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_event_spot {
    pub place: u16,
    pub phase: u16,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_event_spot"][::core::mem::size_of::<otr_event_spot>() - 4usize];
    ["Alignment of otr_event_spot"][::core::mem::align_of::<otr_event_spot>() - 2usize];
    [
        "Offset of field: otr_event_spot::place",
    ][::core::mem::offset_of!(otr_event_spot, place) - 0usize];
    [
        "Offset of field: otr_event_spot::phase",
    ][::core::mem::offset_of!(otr_event_spot, phase) - 2usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_event_layers {
    pub start_rows: ::core::option::Option<
        unsafe extern "C" fn(
            places: *const i16,
            phases: *const i16,
            spots: *const otr_event_spot,
            nodes: *const u32,
            event_count: usize,
            sums: *mut i16,
        ),
    >,
    pub add_rows: ::core::option::Option<
        unsafe extern "C" fn(
            rows: *const i16,
            pairs: *const otr_event_pair,
            pair_count: usize,
            sums: *mut i16,
        ),
    >,
    pub narrow_rows: ::core::option::Option<
        unsafe extern "C" fn(
            sums: *const i16,
            event_count: usize,
            shift: u32,
            h: *mut u8,
        ),
    >,
    pub dense: ::core::option::Option<
        unsafe extern "C" fn(
            matrix: *const i8,
            biases: *const i32,
            shift: u32,
            events: *const u32,
            event_count: usize,
            h: *const u8,
            sums: *mut i32,
        ),
    >,
    pub messages: ::core::option::Option<
        unsafe extern "C" fn(
            matrices: *const i8,
            pairs: *const otr_event_pair,
            pair_count: usize,
            h: *const u8,
            sums: *mut i32,
        ),
    >,
    pub narrow_sums: ::core::option::Option<
        unsafe extern "C" fn(
            sums: *const i32,
            event_count: usize,
            shift: u32,
            h: *mut u8,
        ),
    >,
    pub head: ::core::option::Option<
        unsafe extern "C" fn(
            matrix: *const i8,
            biases: *const i32,
            shift: u32,
            events: *const u32,
            event_count: usize,
            h: *const u8,
            out: *mut i32,
            stride: usize,
        ),
    >,
    pub write_overrides: ::core::option::Option<
        unsafe extern "C" fn(
            edges: *const otr_override,
            slots: u32,
            nodes: *const u32,
            named: *const u32,
            event_count: usize,
            steps: *const i32,
            stride: usize,
            unit: i32,
            out: *mut otr_override,
        ) -> usize,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_event_layers"][::core::mem::size_of::<otr_event_layers>() - 64usize];
    [
        "Alignment of otr_event_layers",
    ][::core::mem::align_of::<otr_event_layers>() - 8usize];
    [
        "Offset of field: otr_event_layers::start_rows",
    ][::core::mem::offset_of!(otr_event_layers, start_rows) - 0usize];
    [
        "Offset of field: otr_event_layers::add_rows",
    ][::core::mem::offset_of!(otr_event_layers, add_rows) - 8usize];
    [
        "Offset of field: otr_event_layers::narrow_rows",
    ][::core::mem::offset_of!(otr_event_layers, narrow_rows) - 16usize];
    [
        "Offset of field: otr_event_layers::dense",
    ][::core::mem::offset_of!(otr_event_layers, dense) - 24usize];
    [
        "Offset of field: otr_event_layers::messages",
    ][::core::mem::offset_of!(otr_event_layers, messages) - 32usize];
    [
        "Offset of field: otr_event_layers::narrow_sums",
    ][::core::mem::offset_of!(otr_event_layers, narrow_sums) - 40usize];
    [
        "Offset of field: otr_event_layers::head",
    ][::core::mem::offset_of!(otr_event_layers, head) - 48usize];
    [
        "Offset of field: otr_event_layers::write_overrides",
    ][::core::mem::offset_of!(otr_event_layers, write_overrides) - 56usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_training_blocks {
    pub apply: ::core::option::Option<
        unsafe extern "C" fn(
            width: u32,
            count: usize,
            target: *const u32,
            source: *const u32,
            weights: *const f32,
            in_: *const f32,
            out: *mut f32,
        ),
    >,
    pub outer: ::core::option::Option<
        unsafe extern "C" fn(
            width: u32,
            count: usize,
            target: *const u32,
            source: *const u32,
            in_: *const f32,
            gradient: *const f32,
            out: *mut f32,
        ),
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_training_blocks",
    ][::core::mem::size_of::<otr_training_blocks>() - 16usize];
    [
        "Alignment of otr_training_blocks",
    ][::core::mem::align_of::<otr_training_blocks>() - 8usize];
    [
        "Offset of field: otr_training_blocks::apply",
    ][::core::mem::offset_of!(otr_training_blocks, apply) - 0usize];
    [
        "Offset of field: otr_training_blocks::outer",
    ][::core::mem::offset_of!(otr_training_blocks, outer) - 8usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_kernels {
    pub isa: otr_isa,
    pub bit_indices: ::core::option::Option<
        unsafe extern "C" fn(
            bits: *const u8,
            bit_count: usize,
            indices: *mut u32,
        ) -> usize,
    >,
    pub transpose_64x64: ::core::option::Option<unsafe extern "C" fn(rows: *mut u64)>,
    pub xor_words: ::core::option::Option<
        unsafe extern "C" fn(target: *mut u64, source: *const u64, word_count: usize),
    >,
    pub count_bits: ::core::option::Option<
        unsafe extern "C" fn(words: *const u64, word_count: usize) -> u64,
    >,
    pub digits_to_bits: ::core::option::Option<
        unsafe extern "C" fn(digits: *const u8, count: usize, bits: *mut u8) -> usize,
    >,
    pub bits_to_digits: ::core::option::Option<
        unsafe extern "C" fn(bits: *const u8, bit_count: usize, digits: *mut u8),
    >,
    pub random_words: ::core::option::Option<
        unsafe extern "C" fn(
            key: u64,
            counter_high: u64,
            counter_low: u64,
            words: *mut u64,
        ),
    >,
    pub geometric_skips: ::core::option::Option<
        unsafe extern "C" fn(words: *const u64, scale: f64, skips: *mut u64),
    >,
    pub logarithms: ::core::option::Option<
        unsafe extern "C" fn(numbers: *mut f64, count: usize),
    >,
    pub scan_arcs: ::core::option::Option<
        unsafe extern "C" fn(
            arcs: *const u32,
            count: u32,
            bits: *const u64,
            least: *mut u32,
            position: *mut u32,
        ) -> u64,
    >,
    pub filter_states: ::core::option::Option<
        unsafe extern "C" fn(
            keys: *const u64,
            weights: *const f64,
            count: usize,
            filter: *const otr_state_filter,
            indices: *mut u32,
        ) -> usize,
    >,
    pub flip_sums: ::core::option::Option<
        unsafe extern "C" fn(sums: *mut f64, count: usize, mask: usize, odds: f64),
    >,
    pub count_parities: ::core::option::Option<
        unsafe extern "C" fn(
            columns: *const otr_bit_columns,
            sets: *const u32,
            set_size: usize,
            set_count: usize,
            shift: u32,
            counts: *mut u64,
        ),
    >,
    pub dense_sums: ::core::option::Option<
        unsafe extern "C" fn(
            weights: *const otr_dense_weights,
            input: *const u8,
            voxels: *const u32,
            voxel_count: usize,
            scratch: *mut u8,
            sums: *mut i32,
        ),
    >,
    pub dense_activate: ::core::option::Option<
        unsafe extern "C" fn(
            sums: *const i32,
            scales: *const f32,
            offsets: *const f32,
            table: *const u8,
            channel_count: usize,
            output: *mut u8,
        ),
    >,
    pub event_layers: *const otr_event_layers,
    pub training_blocks: *const otr_training_blocks,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_kernels"][::core::mem::size_of::<otr_kernels>() - 144usize];
    ["Alignment of otr_kernels"][::core::mem::align_of::<otr_kernels>() - 8usize];
    [
        "Offset of field: otr_kernels::isa",
    ][::core::mem::offset_of!(otr_kernels, isa) - 0usize];
    [
        "Offset of field: otr_kernels::bit_indices",
    ][::core::mem::offset_of!(otr_kernels, bit_indices) - 8usize];
    [
        "Offset of field: otr_kernels::transpose_64x64",
    ][::core::mem::offset_of!(otr_kernels, transpose_64x64) - 16usize];
    [
        "Offset of field: otr_kernels::xor_words",
    ][::core::mem::offset_of!(otr_kernels, xor_words) - 24usize];
    [
        "Offset of field: otr_kernels::count_bits",
    ][::core::mem::offset_of!(otr_kernels, count_bits) - 32usize];
    [
        "Offset of field: otr_kernels::digits_to_bits",
    ][::core::mem::offset_of!(otr_kernels, digits_to_bits) - 40usize];
    [
        "Offset of field: otr_kernels::bits_to_digits",
    ][::core::mem::offset_of!(otr_kernels, bits_to_digits) - 48usize];
    [
        "Offset of field: otr_kernels::random_words",
    ][::core::mem::offset_of!(otr_kernels, random_words) - 56usize];
    [
        "Offset of field: otr_kernels::geometric_skips",
    ][::core::mem::offset_of!(otr_kernels, geometric_skips) - 64usize];
    [
        "Offset of field: otr_kernels::logarithms",
    ][::core::mem::offset_of!(otr_kernels, logarithms) - 72usize];
    [
        "Offset of field: otr_kernels::scan_arcs",
    ][::core::mem::offset_of!(otr_kernels, scan_arcs) - 80usize];
    [
        "Offset of field: otr_kernels::filter_states",
    ][::core::mem::offset_of!(otr_kernels, filter_states) - 88usize];
    [
        "Offset of field: otr_kernels::flip_sums",
    ][::core::mem::offset_of!(otr_kernels, flip_sums) - 96usize];
    [
        "Offset of field: otr_kernels::count_parities",
    ][::core::mem::offset_of!(otr_kernels, count_parities) - 104usize];
    [
        "Offset of field: otr_kernels::dense_sums",
    ][::core::mem::offset_of!(otr_kernels, dense_sums) - 112usize];
    [
        "Offset of field: otr_kernels::dense_activate",
    ][::core::mem::offset_of!(otr_kernels, dense_activate) - 120usize];
    [
        "Offset of field: otr_kernels::event_layers",
    ][::core::mem::offset_of!(otr_kernels, event_layers) - 128usize];
    [
        "Offset of field: otr_kernels::training_blocks",
    ][::core::mem::offset_of!(otr_kernels, training_blocks) - 136usize];
};
unsafe extern "C" {
    pub fn otr_kernels_for(isa: otr_isa) -> *const otr_kernels;
}
unsafe extern "C" {
    pub fn otr_isa_name(isa: otr_isa) -> *const ::core::ffi::c_char;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_predecoder {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_reach {
    pub x: f64,
    pub y: f64,
    pub rounds: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_reach"][::core::mem::size_of::<otr_reach>() - 24usize];
    ["Alignment of otr_reach"][::core::mem::align_of::<otr_reach>() - 8usize];
    ["Offset of field: otr_reach::x"][::core::mem::offset_of!(otr_reach, x) - 0usize];
    ["Offset of field: otr_reach::y"][::core::mem::offset_of!(otr_reach, y) - 8usize];
    [
        "Offset of field: otr_reach::rounds",
    ][::core::mem::offset_of!(otr_reach, rounds) - 16usize];
};
impl otr_predecoder_use {
    pub const OTR_PREDECODER_USE_SOFT: otr_predecoder_use = otr_predecoder_use(0);
    pub const OTR_PREDECODER_USE_HARD: otr_predecoder_use = otr_predecoder_use(1);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_predecoder_use(pub ::core::ffi::c_uint);
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_predecoded {
    pub events: *const u32,
    pub event_count: usize,
    pub overrides: *const otr_override,
    pub override_count: usize,
    pub observables: *const u8,
    pub edges: *const u32,
    pub edge_count: usize,
    pub weight_offset: i32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_predecoded"][::core::mem::size_of::<otr_predecoded>() - 64usize];
    ["Alignment of otr_predecoded"][::core::mem::align_of::<otr_predecoded>() - 8usize];
    [
        "Offset of field: otr_predecoded::events",
    ][::core::mem::offset_of!(otr_predecoded, events) - 0usize];
    [
        "Offset of field: otr_predecoded::event_count",
    ][::core::mem::offset_of!(otr_predecoded, event_count) - 8usize];
    [
        "Offset of field: otr_predecoded::overrides",
    ][::core::mem::offset_of!(otr_predecoded, overrides) - 16usize];
    [
        "Offset of field: otr_predecoded::override_count",
    ][::core::mem::offset_of!(otr_predecoded, override_count) - 24usize];
    [
        "Offset of field: otr_predecoded::observables",
    ][::core::mem::offset_of!(otr_predecoded, observables) - 32usize];
    [
        "Offset of field: otr_predecoded::edges",
    ][::core::mem::offset_of!(otr_predecoded, edges) - 40usize];
    [
        "Offset of field: otr_predecoded::edge_count",
    ][::core::mem::offset_of!(otr_predecoded, edge_count) - 48usize];
    [
        "Offset of field: otr_predecoded::weight_offset",
    ][::core::mem::offset_of!(otr_predecoded, weight_offset) - 56usize];
};
unsafe extern "C" {
    pub fn otr_predecoder_destroy(predecoder: *mut otr_predecoder);
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_predecoder_reweight(
        predecoder: *mut otr_predecoder,
        graph: *const otr_graph,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_predecoder_apply(
        predecoder: *mut otr_predecoder,
        use_: otr_predecoder_use,
        events: *const u32,
        event_count: usize,
        out: *mut otr_predecoded,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_predecoder_weight_offset(
        predecoder: *const otr_predecoder,
        use_: otr_predecoder_use,
    ) -> i32;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_predecoded_batch {
    _unused: [u8; 0],
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_predecoded_batch_create(
        out: *mut *mut otr_predecoded_batch,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_predecoded_batch_destroy(batch: *mut otr_predecoded_batch);
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_predecoder_apply_batch(
        predecoder: *mut otr_predecoder,
        use_: otr_predecoder_use,
        events: *const u32,
        event_begin: *const usize,
        shot_count: usize,
        out: *mut otr_predecoded_batch,
        failed_shot: *mut usize,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_predecoded_spans {
    pub shot_count: usize,
    pub events: *const u32,
    pub event_begin: *const usize,
    pub overrides: *const otr_override,
    pub override_begin: *const usize,
    pub observables: *const u8,
    pub observable_stride: usize,
    pub edges: *const u32,
    pub edge_begin: *const usize,
    pub weight_offset: i32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_predecoded_spans",
    ][::core::mem::size_of::<otr_predecoded_spans>() - 80usize];
    [
        "Alignment of otr_predecoded_spans",
    ][::core::mem::align_of::<otr_predecoded_spans>() - 8usize];
    [
        "Offset of field: otr_predecoded_spans::shot_count",
    ][::core::mem::offset_of!(otr_predecoded_spans, shot_count) - 0usize];
    [
        "Offset of field: otr_predecoded_spans::events",
    ][::core::mem::offset_of!(otr_predecoded_spans, events) - 8usize];
    [
        "Offset of field: otr_predecoded_spans::event_begin",
    ][::core::mem::offset_of!(otr_predecoded_spans, event_begin) - 16usize];
    [
        "Offset of field: otr_predecoded_spans::overrides",
    ][::core::mem::offset_of!(otr_predecoded_spans, overrides) - 24usize];
    [
        "Offset of field: otr_predecoded_spans::override_begin",
    ][::core::mem::offset_of!(otr_predecoded_spans, override_begin) - 32usize];
    [
        "Offset of field: otr_predecoded_spans::observables",
    ][::core::mem::offset_of!(otr_predecoded_spans, observables) - 40usize];
    [
        "Offset of field: otr_predecoded_spans::observable_stride",
    ][::core::mem::offset_of!(otr_predecoded_spans, observable_stride) - 48usize];
    [
        "Offset of field: otr_predecoded_spans::edges",
    ][::core::mem::offset_of!(otr_predecoded_spans, edges) - 56usize];
    [
        "Offset of field: otr_predecoded_spans::edge_begin",
    ][::core::mem::offset_of!(otr_predecoded_spans, edge_begin) - 64usize];
    [
        "Offset of field: otr_predecoded_spans::weight_offset",
    ][::core::mem::offset_of!(otr_predecoded_spans, weight_offset) - 72usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_predecoded_batch_spans(
        batch: *const otr_predecoded_batch,
        out: *mut otr_predecoded_spans,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_predecoded_batch_shot(
        batch: *const otr_predecoded_batch,
        shot: usize,
        out: *mut otr_predecoded,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_predecoded_batch_bytes(batch: *const otr_predecoded_batch) -> usize;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_predecoder_set_threshold(
        predecoder: *mut otr_predecoder,
        probability: f64,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_predecoder_reach(predecoder: *const otr_predecoder) -> otr_reach;
}
unsafe extern "C" {
    pub fn otr_predecoder_name(
        predecoder: *const otr_predecoder,
    ) -> *const ::core::ffi::c_char;
}
unsafe extern "C" {
    pub fn otr_predecoder_bytes(predecoder: *const otr_predecoder) -> usize;
}
impl otr_decoder_kind {
    pub const OTR_DECODER_MWPM: otr_decoder_kind = otr_decoder_kind(0);
    pub const OTR_DECODER_MWPM_CORRELATED: otr_decoder_kind = otr_decoder_kind(1);
    pub const OTR_DECODER_UNION_FIND: otr_decoder_kind = otr_decoder_kind(2);
    pub const OTR_DECODER_LIKELIHOOD: otr_decoder_kind = otr_decoder_kind(3);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_decoder_kind(pub ::core::ffi::c_uint);
#[repr(C)]
#[derive(Debug)]
pub struct otr_decoder {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_decoder_options {
    pub kind: otr_decoder_kind,
    pub isa: otr_isa,
    pub certify: bool,
    pub predecoder: *mut otr_predecoder,
    pub predecoder_use: otr_predecoder_use,
    pub weight_offset: i32,
    pub likelihood: *const otr_likelihood_options,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_decoder_options",
    ][::core::mem::size_of::<otr_decoder_options>() - 40usize];
    [
        "Alignment of otr_decoder_options",
    ][::core::mem::align_of::<otr_decoder_options>() - 8usize];
    [
        "Offset of field: otr_decoder_options::kind",
    ][::core::mem::offset_of!(otr_decoder_options, kind) - 0usize];
    [
        "Offset of field: otr_decoder_options::isa",
    ][::core::mem::offset_of!(otr_decoder_options, isa) - 4usize];
    [
        "Offset of field: otr_decoder_options::certify",
    ][::core::mem::offset_of!(otr_decoder_options, certify) - 8usize];
    [
        "Offset of field: otr_decoder_options::predecoder",
    ][::core::mem::offset_of!(otr_decoder_options, predecoder) - 16usize];
    [
        "Offset of field: otr_decoder_options::predecoder_use",
    ][::core::mem::offset_of!(otr_decoder_options, predecoder_use) - 24usize];
    [
        "Offset of field: otr_decoder_options::weight_offset",
    ][::core::mem::offset_of!(otr_decoder_options, weight_offset) - 28usize];
    [
        "Offset of field: otr_decoder_options::likelihood",
    ][::core::mem::offset_of!(otr_decoder_options, likelihood) - 32usize];
};
unsafe extern "C" {
    pub fn otr_decoder_options_default() -> otr_decoder_options;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_decoder_create(
        out: *mut *mut otr_decoder,
        graph: *const otr_graph,
        options: *const otr_decoder_options,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_decoder_destroy(decoder: *mut otr_decoder);
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_decoder_reweight(
        decoder: *mut otr_decoder,
        graph: *const otr_graph,
        weight_offset: i32,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_result {
    pub weight: i64,
    pub event_count: u32,
    pub matched_count: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_result"][::core::mem::size_of::<otr_result>() - 16usize];
    ["Alignment of otr_result"][::core::mem::align_of::<otr_result>() - 8usize];
    [
        "Offset of field: otr_result::weight",
    ][::core::mem::offset_of!(otr_result, weight) - 0usize];
    [
        "Offset of field: otr_result::event_count",
    ][::core::mem::offset_of!(otr_result, event_count) - 8usize];
    [
        "Offset of field: otr_result::matched_count",
    ][::core::mem::offset_of!(otr_result, matched_count) - 12usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_decoder_decode(
        decoder: *mut otr_decoder,
        detectors: *const u8,
        overrides: *const otr_override,
        override_count: usize,
        observables: *mut u8,
        result: *mut otr_result,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_decoder_decode_events(
        decoder: *mut otr_decoder,
        events: *const u32,
        event_count: usize,
        overrides: *const otr_override,
        override_count: usize,
        observables: *mut u8,
        result: *mut otr_result,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_decoder_decode_predecoded(
        decoder: *mut otr_decoder,
        shot: *const otr_predecoded,
        overrides: *const otr_override,
        override_count: usize,
        observables: *mut u8,
        result: *mut otr_result,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_decoder_decode_batch(
        decoder: *mut otr_decoder,
        detectors: *const u8,
        detector_stride: usize,
        shot_count: usize,
        observables: *mut u8,
        observable_stride: usize,
        weights: *mut i64,
        failed_shot: *mut usize,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_decoder_edges(
        decoder: *mut otr_decoder,
        edges: *mut *const u32,
        count: *mut usize,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_pair {
    pub event1: u32,
    pub event2: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_pair"][::core::mem::size_of::<otr_pair>() - 8usize];
    ["Alignment of otr_pair"][::core::mem::align_of::<otr_pair>() - 4usize];
    [
        "Offset of field: otr_pair::event1",
    ][::core::mem::offset_of!(otr_pair, event1) - 0usize];
    [
        "Offset of field: otr_pair::event2",
    ][::core::mem::offset_of!(otr_pair, event2) - 4usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_decoder_pairs(
        decoder: *mut otr_decoder,
        pairs: *mut *const otr_pair,
        count: *mut usize,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_certificate {
    pub primal: i64,
    pub dual: i64,
    pub edges_checked: u64,
    pub edges_overtight: u64,
    pub min_slack: i64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_certificate"][::core::mem::size_of::<otr_certificate>() - 40usize];
    [
        "Alignment of otr_certificate",
    ][::core::mem::align_of::<otr_certificate>() - 8usize];
    [
        "Offset of field: otr_certificate::primal",
    ][::core::mem::offset_of!(otr_certificate, primal) - 0usize];
    [
        "Offset of field: otr_certificate::dual",
    ][::core::mem::offset_of!(otr_certificate, dual) - 8usize];
    [
        "Offset of field: otr_certificate::edges_checked",
    ][::core::mem::offset_of!(otr_certificate, edges_checked) - 16usize];
    [
        "Offset of field: otr_certificate::edges_overtight",
    ][::core::mem::offset_of!(otr_certificate, edges_overtight) - 24usize];
    [
        "Offset of field: otr_certificate::min_slack",
    ][::core::mem::offset_of!(otr_certificate, min_slack) - 32usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_decoder_certificate(
        decoder: *const otr_decoder,
        out: *mut otr_certificate,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_decoder_bytes(decoder: *const otr_decoder) -> usize;
}
impl otr_window_role {
    pub const OTR_WINDOW_OUTSIDE: otr_window_role = otr_window_role(0);
    pub const OTR_WINDOW_BUFFER: otr_window_role = otr_window_role(1);
    pub const OTR_WINDOW_CELL: otr_window_role = otr_window_role(2);
    pub const OTR_WINDOW_CLOSED: otr_window_role = otr_window_role(3);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_window_role(pub ::core::ffi::c_uint);
#[repr(C)]
#[derive(Debug)]
pub struct otr_window {
    _unused: [u8; 0],
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_window_create(
        out: *mut *mut otr_window,
        graph: *const otr_graph,
        roles: *const u8,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_window_reweighted(
        out: *mut *mut otr_window,
        window: *const otr_window,
        history: *const otr_graph,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_window_destroy(window: *mut otr_window);
}
unsafe extern "C" {
    pub fn otr_window_graph(window: *const otr_window) -> *const otr_graph;
}
unsafe extern "C" {
    pub fn otr_window_detectors(
        window: *const otr_window,
        count: *mut usize,
    ) -> *const u32;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_window_edge {
    pub source: u32,
    pub part_count: u32,
    pub owned: bool,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_window_edge"][::core::mem::size_of::<otr_window_edge>() - 12usize];
    [
        "Alignment of otr_window_edge",
    ][::core::mem::align_of::<otr_window_edge>() - 4usize];
    [
        "Offset of field: otr_window_edge::source",
    ][::core::mem::offset_of!(otr_window_edge, source) - 0usize];
    [
        "Offset of field: otr_window_edge::part_count",
    ][::core::mem::offset_of!(otr_window_edge, part_count) - 4usize];
    [
        "Offset of field: otr_window_edge::owned",
    ][::core::mem::offset_of!(otr_window_edge, owned) - 8usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_window_edge_at(
        window: *const otr_window,
        edge: u32,
        out: *mut otr_window_edge,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_window_blind_count(window: *const otr_window) -> u32;
}
unsafe extern "C" {
    pub fn otr_window_marks_max(window: *const otr_window) -> u32;
}
unsafe extern "C" {
    pub fn otr_window_bytes(window: *const otr_window) -> usize;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_window_decoder {
    _unused: [u8; 0],
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_window_decoder_create(
        out: *mut *mut otr_window_decoder,
        window: *const otr_window,
        options: *const otr_decoder_options,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_window_decoder_destroy(decoder: *mut otr_window_decoder);
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_window_decoder_reweight(
        decoder: *mut otr_window_decoder,
        window: *const otr_window,
        weight_offset: i32,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_commit {
    pub observables: *const u8,
    pub marks: *const u32,
    pub mark_count: usize,
    pub edges: *const u32,
    pub edge_count: usize,
    pub event_count: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_commit"][::core::mem::size_of::<otr_commit>() - 48usize];
    ["Alignment of otr_commit"][::core::mem::align_of::<otr_commit>() - 8usize];
    [
        "Offset of field: otr_commit::observables",
    ][::core::mem::offset_of!(otr_commit, observables) - 0usize];
    [
        "Offset of field: otr_commit::marks",
    ][::core::mem::offset_of!(otr_commit, marks) - 8usize];
    [
        "Offset of field: otr_commit::mark_count",
    ][::core::mem::offset_of!(otr_commit, mark_count) - 16usize];
    [
        "Offset of field: otr_commit::edges",
    ][::core::mem::offset_of!(otr_commit, edges) - 24usize];
    [
        "Offset of field: otr_commit::edge_count",
    ][::core::mem::offset_of!(otr_commit, edge_count) - 32usize];
    [
        "Offset of field: otr_commit::event_count",
    ][::core::mem::offset_of!(otr_commit, event_count) - 40usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_window_decode(
        decoder: *mut otr_window_decoder,
        events: *const u32,
        event_count: usize,
        marks: *const u32,
        mark_count: usize,
        overrides: *const otr_override,
        override_count: usize,
        out: *mut otr_commit,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_window_decode_predecoded(
        decoder: *mut otr_window_decoder,
        cell: *const otr_predecoded,
        marks: *const u32,
        mark_count: usize,
        overrides: *const otr_override,
        override_count: usize,
        out: *mut otr_commit,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_window_decoder_bytes(decoder: *const otr_window_decoder) -> usize;
}
impl otr_plan_layout {
    pub const OTR_PLAN_CHESSBOARD: otr_plan_layout = otr_plan_layout(0);
    pub const OTR_PLAN_BRICK: otr_plan_layout = otr_plan_layout(1);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_plan_layout(pub ::core::ffi::c_uint);
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_plan_options {
    pub cell_layers: u32,
    pub spacing: u32,
    pub buffer: u32,
    pub width: u32,
    pub axis: u32,
    pub pitch: f64,
    pub layout: otr_plan_layout,
    pub context: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_plan_options"][::core::mem::size_of::<otr_plan_options>() - 40usize];
    [
        "Alignment of otr_plan_options",
    ][::core::mem::align_of::<otr_plan_options>() - 8usize];
    [
        "Offset of field: otr_plan_options::cell_layers",
    ][::core::mem::offset_of!(otr_plan_options, cell_layers) - 0usize];
    [
        "Offset of field: otr_plan_options::spacing",
    ][::core::mem::offset_of!(otr_plan_options, spacing) - 4usize];
    [
        "Offset of field: otr_plan_options::buffer",
    ][::core::mem::offset_of!(otr_plan_options, buffer) - 8usize];
    [
        "Offset of field: otr_plan_options::width",
    ][::core::mem::offset_of!(otr_plan_options, width) - 12usize];
    [
        "Offset of field: otr_plan_options::axis",
    ][::core::mem::offset_of!(otr_plan_options, axis) - 16usize];
    [
        "Offset of field: otr_plan_options::pitch",
    ][::core::mem::offset_of!(otr_plan_options, pitch) - 24usize];
    [
        "Offset of field: otr_plan_options::layout",
    ][::core::mem::offset_of!(otr_plan_options, layout) - 32usize];
    [
        "Offset of field: otr_plan_options::context",
    ][::core::mem::offset_of!(otr_plan_options, context) - 36usize];
};
unsafe extern "C" {
    pub fn otr_plan_options_default(distance: u32) -> otr_plan_options;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_plan {
    _unused: [u8; 0],
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_plan_create(
        out: *mut *mut otr_plan,
        graph: *const otr_graph,
        model: *const otr_model,
        options: *const otr_plan_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_plan_destroy(plan: *mut otr_plan);
}
unsafe extern "C" {
    pub fn otr_plan_graph(plan: *const otr_plan) -> *const otr_graph;
}
unsafe extern "C" {
    pub fn otr_plan_layer_count(plan: *const otr_plan) -> u32;
}
unsafe extern "C" {
    pub fn otr_plan_row_count(plan: *const otr_plan) -> u32;
}
unsafe extern "C" {
    pub fn otr_plan_stride(plan: *const otr_plan) -> u32;
}
unsafe extern "C" {
    pub fn otr_plan_is_sequential(plan: *const otr_plan) -> bool;
}
unsafe extern "C" {
    pub fn otr_plan_period(plan: *const otr_plan) -> u32;
}
unsafe extern "C" {
    pub fn otr_plan_layers_min(plan: *const otr_plan) -> u64;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_plan_check_length(
        plan: *const otr_plan,
        layer_count: u64,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_plan_layer_detectors(
        plan: *const otr_plan,
        layer: u64,
        layer_count: u64,
    ) -> u32;
}
unsafe extern "C" {
    pub fn otr_plan_layer_marks(
        plan: *const otr_plan,
        layer: u64,
        layer_count: u64,
    ) -> u32;
}
unsafe extern "C" {
    pub fn otr_plan_layer_marks_max(plan: *const otr_plan, layer: u64) -> u32;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_cell_shape {
    pub row: u32,
    pub phase: u32,
    pub first_layer: u32,
    pub end_layer: u32,
    pub window_first: u32,
    pub window_end: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_cell_shape"][::core::mem::size_of::<otr_cell_shape>() - 24usize];
    ["Alignment of otr_cell_shape"][::core::mem::align_of::<otr_cell_shape>() - 4usize];
    [
        "Offset of field: otr_cell_shape::row",
    ][::core::mem::offset_of!(otr_cell_shape, row) - 0usize];
    [
        "Offset of field: otr_cell_shape::phase",
    ][::core::mem::offset_of!(otr_cell_shape, phase) - 4usize];
    [
        "Offset of field: otr_cell_shape::first_layer",
    ][::core::mem::offset_of!(otr_cell_shape, first_layer) - 8usize];
    [
        "Offset of field: otr_cell_shape::end_layer",
    ][::core::mem::offset_of!(otr_cell_shape, end_layer) - 12usize];
    [
        "Offset of field: otr_cell_shape::window_first",
    ][::core::mem::offset_of!(otr_cell_shape, window_first) - 16usize];
    [
        "Offset of field: otr_cell_shape::window_end",
    ][::core::mem::offset_of!(otr_cell_shape, window_end) - 20usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_cell {
    pub number: u64,
    pub first_layer: u64,
    pub end_layer: u64,
    pub window_first: u64,
    pub window_end: u64,
    pub events_first: u64,
    pub events_end: u64,
    pub marks_first: u64,
    pub marks_end: u64,
    pub ready_layers: u64,
    pub shift: i64,
    pub is_empty: bool,
    pub shape: otr_cell_shape,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_cell"][::core::mem::size_of::<otr_cell>() - 120usize];
    ["Alignment of otr_cell"][::core::mem::align_of::<otr_cell>() - 8usize];
    [
        "Offset of field: otr_cell::number",
    ][::core::mem::offset_of!(otr_cell, number) - 0usize];
    [
        "Offset of field: otr_cell::first_layer",
    ][::core::mem::offset_of!(otr_cell, first_layer) - 8usize];
    [
        "Offset of field: otr_cell::end_layer",
    ][::core::mem::offset_of!(otr_cell, end_layer) - 16usize];
    [
        "Offset of field: otr_cell::window_first",
    ][::core::mem::offset_of!(otr_cell, window_first) - 24usize];
    [
        "Offset of field: otr_cell::window_end",
    ][::core::mem::offset_of!(otr_cell, window_end) - 32usize];
    [
        "Offset of field: otr_cell::events_first",
    ][::core::mem::offset_of!(otr_cell, events_first) - 40usize];
    [
        "Offset of field: otr_cell::events_end",
    ][::core::mem::offset_of!(otr_cell, events_end) - 48usize];
    [
        "Offset of field: otr_cell::marks_first",
    ][::core::mem::offset_of!(otr_cell, marks_first) - 56usize];
    [
        "Offset of field: otr_cell::marks_end",
    ][::core::mem::offset_of!(otr_cell, marks_end) - 64usize];
    [
        "Offset of field: otr_cell::ready_layers",
    ][::core::mem::offset_of!(otr_cell, ready_layers) - 72usize];
    [
        "Offset of field: otr_cell::shift",
    ][::core::mem::offset_of!(otr_cell, shift) - 80usize];
    [
        "Offset of field: otr_cell::is_empty",
    ][::core::mem::offset_of!(otr_cell, is_empty) - 88usize];
    [
        "Offset of field: otr_cell::shape",
    ][::core::mem::offset_of!(otr_cell, shape) - 92usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_plan_cell(
        plan: *const otr_plan,
        number: u64,
        layer_count: u64,
        out: *mut otr_cell,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_plan_cell_count(plan: *const otr_plan, layer_count: u64) -> u64;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_plan_dependencies(
        plan: *const otr_plan,
        number: u64,
        layer_count: u64,
        numbers: *mut u64,
        capacity: usize,
        count: *mut usize,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_plan_dependencies_max(plan: *const otr_plan) -> usize;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_plan_window(
        out: *mut *mut otr_window,
        plan: *const otr_plan,
        shape: *const otr_cell_shape,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_plan_place(
        plan: *const otr_plan,
        mark: u32,
        layer: *mut u32,
        index: *mut u32,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_plan_mark(
        plan: *const otr_plan,
        layer: u32,
        index: u32,
        mark: *mut u32,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_cell_book {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_cell_range {
    pub first: u64,
    pub stride: u64,
    pub count: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_cell_range"][::core::mem::size_of::<otr_cell_range>() - 24usize];
    ["Alignment of otr_cell_range"][::core::mem::align_of::<otr_cell_range>() - 8usize];
    [
        "Offset of field: otr_cell_range::first",
    ][::core::mem::offset_of!(otr_cell_range, first) - 0usize];
    [
        "Offset of field: otr_cell_range::stride",
    ][::core::mem::offset_of!(otr_cell_range, stride) - 8usize];
    [
        "Offset of field: otr_cell_range::count",
    ][::core::mem::offset_of!(otr_cell_range, count) - 16usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_cell_book_options {
    pub layers_max: u64,
    pub first_layer: u64,
    pub followed: *const otr_cell_range,
    pub followed_count: usize,
    pub lead: u32,
    pub can_reopen: bool,
    pub imports_max: usize,
    pub marks_max: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_cell_book_options",
    ][::core::mem::size_of::<otr_cell_book_options>() - 56usize];
    [
        "Alignment of otr_cell_book_options",
    ][::core::mem::align_of::<otr_cell_book_options>() - 8usize];
    [
        "Offset of field: otr_cell_book_options::layers_max",
    ][::core::mem::offset_of!(otr_cell_book_options, layers_max) - 0usize];
    [
        "Offset of field: otr_cell_book_options::first_layer",
    ][::core::mem::offset_of!(otr_cell_book_options, first_layer) - 8usize];
    [
        "Offset of field: otr_cell_book_options::followed",
    ][::core::mem::offset_of!(otr_cell_book_options, followed) - 16usize];
    [
        "Offset of field: otr_cell_book_options::followed_count",
    ][::core::mem::offset_of!(otr_cell_book_options, followed_count) - 24usize];
    [
        "Offset of field: otr_cell_book_options::lead",
    ][::core::mem::offset_of!(otr_cell_book_options, lead) - 32usize];
    [
        "Offset of field: otr_cell_book_options::can_reopen",
    ][::core::mem::offset_of!(otr_cell_book_options, can_reopen) - 36usize];
    [
        "Offset of field: otr_cell_book_options::imports_max",
    ][::core::mem::offset_of!(otr_cell_book_options, imports_max) - 40usize];
    [
        "Offset of field: otr_cell_book_options::marks_max",
    ][::core::mem::offset_of!(otr_cell_book_options, marks_max) - 48usize];
};
unsafe extern "C" {
    pub fn otr_cell_book_options_default(plan: *const otr_plan) -> otr_cell_book_options;
}
unsafe extern "C" {
    pub fn otr_cell_book_layers_needed(plan: *const otr_plan) -> u64;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_cell_book_create(
        out: *mut *mut otr_cell_book,
        plan: *const otr_plan,
        options: *const otr_cell_book_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_cell_book_destroy(book: *mut otr_cell_book);
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_cell_book_skip(book: *mut otr_cell_book, layer: u64) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_cell_book_push(
        book: *mut otr_cell_book,
        events: *const u8,
        detector_count: u32,
        is_last: bool,
        arrived: u64,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_cell_book_next(book: *mut otr_cell_book, out: *mut otr_cell) -> bool;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_cell_input {
    pub events: *const u32,
    pub event_count: usize,
    pub marks: *const u32,
    pub mark_count: usize,
    pub arrived: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_cell_input"][::core::mem::size_of::<otr_cell_input>() - 40usize];
    ["Alignment of otr_cell_input"][::core::mem::align_of::<otr_cell_input>() - 8usize];
    [
        "Offset of field: otr_cell_input::events",
    ][::core::mem::offset_of!(otr_cell_input, events) - 0usize];
    [
        "Offset of field: otr_cell_input::event_count",
    ][::core::mem::offset_of!(otr_cell_input, event_count) - 8usize];
    [
        "Offset of field: otr_cell_input::marks",
    ][::core::mem::offset_of!(otr_cell_input, marks) - 16usize];
    [
        "Offset of field: otr_cell_input::mark_count",
    ][::core::mem::offset_of!(otr_cell_input, mark_count) - 24usize];
    [
        "Offset of field: otr_cell_input::arrived",
    ][::core::mem::offset_of!(otr_cell_input, arrived) - 32usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_cell_book_input(
        book: *mut otr_cell_book,
        number: u64,
        out: *mut otr_cell_input,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_cell_book_commit(
        book: *mut otr_cell_book,
        number: u64,
        commit: *const otr_commit,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_placed_mark {
    pub layer: u32,
    pub index: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_placed_mark"][::core::mem::size_of::<otr_placed_mark>() - 8usize];
    [
        "Alignment of otr_placed_mark",
    ][::core::mem::align_of::<otr_placed_mark>() - 4usize];
    [
        "Offset of field: otr_placed_mark::layer",
    ][::core::mem::offset_of!(otr_placed_mark, layer) - 0usize];
    [
        "Offset of field: otr_placed_mark::index",
    ][::core::mem::offset_of!(otr_placed_mark, index) - 4usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_placed_commit {
    pub observables: *const u8,
    pub layer: u64,
    pub marks: *const otr_placed_mark,
    pub mark_count: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_placed_commit"][::core::mem::size_of::<otr_placed_commit>() - 32usize];
    [
        "Alignment of otr_placed_commit",
    ][::core::mem::align_of::<otr_placed_commit>() - 8usize];
    [
        "Offset of field: otr_placed_commit::observables",
    ][::core::mem::offset_of!(otr_placed_commit, observables) - 0usize];
    [
        "Offset of field: otr_placed_commit::layer",
    ][::core::mem::offset_of!(otr_placed_commit, layer) - 8usize];
    [
        "Offset of field: otr_placed_commit::marks",
    ][::core::mem::offset_of!(otr_placed_commit, marks) - 16usize];
    [
        "Offset of field: otr_placed_commit::mark_count",
    ][::core::mem::offset_of!(otr_placed_commit, mark_count) - 24usize];
};
impl otr_import_outcome {
    pub const OTR_IMPORT_NEW: otr_import_outcome = otr_import_outcome(0);
    pub const OTR_IMPORT_SAME: otr_import_outcome = otr_import_outcome(1);
    pub const OTR_IMPORT_DIFFERENT: otr_import_outcome = otr_import_outcome(2);
    pub const OTR_IMPORT_LATE: otr_import_outcome = otr_import_outcome(3);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_import_outcome(pub ::core::ffi::c_uint);
unsafe extern "C" {
    #[must_use]
    pub fn otr_cell_book_import(
        book: *mut otr_cell_book,
        number: u64,
        commit: *const otr_placed_commit,
        outcome: *mut otr_import_outcome,
        arrived: *mut u64,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_cell_book_check(
        book: *const otr_cell_book,
        number: u64,
        commit: *const otr_placed_commit,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_cell_book_reopen(book: *mut otr_cell_book);
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_cell_book_state {
    pub layers: u64,
    pub held: u64,
    pub kept_from: u64,
    pub room: u64,
    pub committed: u64,
    pub first_cell: u64,
    pub cells: u64,
    pub entered: u64,
    pub commits: u64,
    pub open: usize,
    pub out: usize,
    pub observables: *const u8,
    pub has_ended: bool,
    pub is_finished: bool,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_cell_book_state",
    ][::core::mem::size_of::<otr_cell_book_state>() - 104usize];
    [
        "Alignment of otr_cell_book_state",
    ][::core::mem::align_of::<otr_cell_book_state>() - 8usize];
    [
        "Offset of field: otr_cell_book_state::layers",
    ][::core::mem::offset_of!(otr_cell_book_state, layers) - 0usize];
    [
        "Offset of field: otr_cell_book_state::held",
    ][::core::mem::offset_of!(otr_cell_book_state, held) - 8usize];
    [
        "Offset of field: otr_cell_book_state::kept_from",
    ][::core::mem::offset_of!(otr_cell_book_state, kept_from) - 16usize];
    [
        "Offset of field: otr_cell_book_state::room",
    ][::core::mem::offset_of!(otr_cell_book_state, room) - 24usize];
    [
        "Offset of field: otr_cell_book_state::committed",
    ][::core::mem::offset_of!(otr_cell_book_state, committed) - 32usize];
    [
        "Offset of field: otr_cell_book_state::first_cell",
    ][::core::mem::offset_of!(otr_cell_book_state, first_cell) - 40usize];
    [
        "Offset of field: otr_cell_book_state::cells",
    ][::core::mem::offset_of!(otr_cell_book_state, cells) - 48usize];
    [
        "Offset of field: otr_cell_book_state::entered",
    ][::core::mem::offset_of!(otr_cell_book_state, entered) - 56usize];
    [
        "Offset of field: otr_cell_book_state::commits",
    ][::core::mem::offset_of!(otr_cell_book_state, commits) - 64usize];
    [
        "Offset of field: otr_cell_book_state::open",
    ][::core::mem::offset_of!(otr_cell_book_state, open) - 72usize];
    [
        "Offset of field: otr_cell_book_state::out",
    ][::core::mem::offset_of!(otr_cell_book_state, out) - 80usize];
    [
        "Offset of field: otr_cell_book_state::observables",
    ][::core::mem::offset_of!(otr_cell_book_state, observables) - 88usize];
    [
        "Offset of field: otr_cell_book_state::has_ended",
    ][::core::mem::offset_of!(otr_cell_book_state, has_ended) - 96usize];
    [
        "Offset of field: otr_cell_book_state::is_finished",
    ][::core::mem::offset_of!(otr_cell_book_state, is_finished) - 97usize];
};
unsafe extern "C" {
    pub fn otr_cell_book_look(book: *const otr_cell_book, out: *mut otr_cell_book_state);
}
unsafe extern "C" {
    pub fn otr_cell_book_held(book: *const otr_cell_book) -> u64;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_cell_need {
    pub number: u64,
    pub first_layer: u64,
    pub end_layer: u64,
    pub is_committed: bool,
    pub is_empty: bool,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_cell_need"][::core::mem::size_of::<otr_cell_need>() - 32usize];
    ["Alignment of otr_cell_need"][::core::mem::align_of::<otr_cell_need>() - 8usize];
    [
        "Offset of field: otr_cell_need::number",
    ][::core::mem::offset_of!(otr_cell_need, number) - 0usize];
    [
        "Offset of field: otr_cell_need::first_layer",
    ][::core::mem::offset_of!(otr_cell_need, first_layer) - 8usize];
    [
        "Offset of field: otr_cell_need::end_layer",
    ][::core::mem::offset_of!(otr_cell_need, end_layer) - 16usize];
    [
        "Offset of field: otr_cell_need::is_committed",
    ][::core::mem::offset_of!(otr_cell_need, is_committed) - 24usize];
    [
        "Offset of field: otr_cell_need::is_empty",
    ][::core::mem::offset_of!(otr_cell_need, is_empty) - 25usize];
};
unsafe extern "C" {
    pub fn otr_cell_book_need(
        book: *const otr_cell_book,
        number: u64,
        out: *mut otr_cell_need,
    ) -> bool;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_cell_book_dependencies(
        book: *const otr_cell_book,
        number: u64,
        numbers: *mut *const u64,
        count: *mut usize,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_cell_book_commit_of(
        book: *const otr_cell_book,
        number: u64,
        out: *mut otr_placed_commit,
    ) -> bool;
}
unsafe extern "C" {
    pub fn otr_cell_book_is_committed(book: *const otr_cell_book, number: u64) -> bool;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_kept_layer {
    pub events: *const u8,
    pub detector_count: u32,
    pub arrived: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_kept_layer"][::core::mem::size_of::<otr_kept_layer>() - 24usize];
    ["Alignment of otr_kept_layer"][::core::mem::align_of::<otr_kept_layer>() - 8usize];
    [
        "Offset of field: otr_kept_layer::events",
    ][::core::mem::offset_of!(otr_kept_layer, events) - 0usize];
    [
        "Offset of field: otr_kept_layer::detector_count",
    ][::core::mem::offset_of!(otr_kept_layer, detector_count) - 8usize];
    [
        "Offset of field: otr_kept_layer::arrived",
    ][::core::mem::offset_of!(otr_kept_layer, arrived) - 16usize];
};
unsafe extern "C" {
    pub fn otr_cell_book_layer(
        book: *const otr_cell_book,
        layer: u64,
        out: *mut otr_kept_layer,
    ) -> bool;
}
unsafe extern "C" {
    pub fn otr_cell_book_awaited(
        book: *const otr_cell_book,
        number: *mut u64,
        arrived: *mut u64,
    ) -> bool;
}
unsafe extern "C" {
    pub fn otr_cell_book_bytes(book: *const otr_cell_book) -> usize;
}
impl otr_circuit_family {
    pub const OTR_CIRCUIT_STIM: otr_circuit_family = otr_circuit_family(0);
    pub const OTR_CIRCUIT_PAPER: otr_circuit_family = otr_circuit_family(1);
    pub const OTR_CIRCUIT_PAPER_PUBLISHED: otr_circuit_family = otr_circuit_family(2);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_circuit_family(pub ::core::ffi::c_uint);
impl otr_basis {
    pub const OTR_BASIS_X: otr_basis = otr_basis(0);
    pub const OTR_BASIS_Z: otr_basis = otr_basis(1);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_basis(pub ::core::ffi::c_uint);
impl otr_orientation {
    pub const OTR_ORIENTATION_O1: otr_orientation = otr_orientation(1);
    pub const OTR_ORIENTATION_O2: otr_orientation = otr_orientation(2);
    pub const OTR_ORIENTATION_O3: otr_orientation = otr_orientation(3);
    pub const OTR_ORIENTATION_O4: otr_orientation = otr_orientation(4);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_orientation(pub ::core::ffi::c_uint);
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_noise_stim {
    pub after_clifford_depolarization: f64,
    pub before_round_data_depolarization: f64,
    pub before_measure_flip_probability: f64,
    pub after_reset_flip_probability: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_noise_stim"][::core::mem::size_of::<otr_noise_stim>() - 32usize];
    ["Alignment of otr_noise_stim"][::core::mem::align_of::<otr_noise_stim>() - 8usize];
    [
        "Offset of field: otr_noise_stim::after_clifford_depolarization",
    ][::core::mem::offset_of!(otr_noise_stim, after_clifford_depolarization) - 0usize];
    [
        "Offset of field: otr_noise_stim::before_round_data_depolarization",
    ][::core::mem::offset_of!(otr_noise_stim, before_round_data_depolarization)
        - 8usize];
    [
        "Offset of field: otr_noise_stim::before_measure_flip_probability",
    ][::core::mem::offset_of!(otr_noise_stim, before_measure_flip_probability)
        - 16usize];
    [
        "Offset of field: otr_noise_stim::after_reset_flip_probability",
    ][::core::mem::offset_of!(otr_noise_stim, after_reset_flip_probability) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_noise_paper {
    pub prep_x: f64,
    pub prep_z: f64,
    pub meas_x: f64,
    pub meas_z: f64,
    pub idle_cnot: [f64; 3usize],
    pub idle_spam: [f64; 3usize],
    pub cnot: [f64; 15usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_noise_paper"][::core::mem::size_of::<otr_noise_paper>() - 200usize];
    [
        "Alignment of otr_noise_paper",
    ][::core::mem::align_of::<otr_noise_paper>() - 8usize];
    [
        "Offset of field: otr_noise_paper::prep_x",
    ][::core::mem::offset_of!(otr_noise_paper, prep_x) - 0usize];
    [
        "Offset of field: otr_noise_paper::prep_z",
    ][::core::mem::offset_of!(otr_noise_paper, prep_z) - 8usize];
    [
        "Offset of field: otr_noise_paper::meas_x",
    ][::core::mem::offset_of!(otr_noise_paper, meas_x) - 16usize];
    [
        "Offset of field: otr_noise_paper::meas_z",
    ][::core::mem::offset_of!(otr_noise_paper, meas_z) - 24usize];
    [
        "Offset of field: otr_noise_paper::idle_cnot",
    ][::core::mem::offset_of!(otr_noise_paper, idle_cnot) - 32usize];
    [
        "Offset of field: otr_noise_paper::idle_spam",
    ][::core::mem::offset_of!(otr_noise_paper, idle_spam) - 56usize];
    [
        "Offset of field: otr_noise_paper::cnot",
    ][::core::mem::offset_of!(otr_noise_paper, cnot) - 80usize];
};
unsafe extern "C" {
    pub fn otr_noise_paper_uniform(p: f64) -> otr_noise_paper;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_surface_options {
    pub family: otr_circuit_family,
    pub basis: otr_basis,
    pub width: u32,
    pub height: u32,
    pub rounds: u32,
    pub orientation: otr_orientation,
    pub noise_stim: otr_noise_stim,
    pub noise_paper: otr_noise_paper,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_surface_options",
    ][::core::mem::size_of::<otr_surface_options>() - 256usize];
    [
        "Alignment of otr_surface_options",
    ][::core::mem::align_of::<otr_surface_options>() - 8usize];
    [
        "Offset of field: otr_surface_options::family",
    ][::core::mem::offset_of!(otr_surface_options, family) - 0usize];
    [
        "Offset of field: otr_surface_options::basis",
    ][::core::mem::offset_of!(otr_surface_options, basis) - 4usize];
    [
        "Offset of field: otr_surface_options::width",
    ][::core::mem::offset_of!(otr_surface_options, width) - 8usize];
    [
        "Offset of field: otr_surface_options::height",
    ][::core::mem::offset_of!(otr_surface_options, height) - 12usize];
    [
        "Offset of field: otr_surface_options::rounds",
    ][::core::mem::offset_of!(otr_surface_options, rounds) - 16usize];
    [
        "Offset of field: otr_surface_options::orientation",
    ][::core::mem::offset_of!(otr_surface_options, orientation) - 20usize];
    [
        "Offset of field: otr_surface_options::noise_stim",
    ][::core::mem::offset_of!(otr_surface_options, noise_stim) - 24usize];
    [
        "Offset of field: otr_surface_options::noise_paper",
    ][::core::mem::offset_of!(otr_surface_options, noise_paper) - 56usize];
};
unsafe extern "C" {
    pub fn otr_surface_options_default() -> otr_surface_options;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_surface {
    _unused: [u8; 0],
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_surface_create(
        out: *mut *mut otr_surface,
        options: *const otr_surface_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_surface_destroy(surface: *mut otr_surface);
}
unsafe extern "C" {
    pub fn otr_surface_detector_count(surface: *const otr_surface) -> u64;
}
unsafe extern "C" {
    pub fn otr_surface_circuit_text(
        surface: *const otr_surface,
        buffer: *mut ::core::ffi::c_char,
        capacity: usize,
    ) -> usize;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_surface_model(
        surface: *const otr_surface,
        folded: bool,
        out: *mut *mut otr_model,
        error: *mut otr_error,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_dense_network {
    _unused: [u8; 0],
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_dense_network_create(
        out: *mut *mut otr_dense_network,
        bytes: *const u8,
        byte_count: usize,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_dense_network_destroy(network: *mut otr_dense_network);
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_dense_info {
    pub model_id: u32,
    pub layer_count: u32,
    pub kernel: u32,
    pub width: u32,
    pub receptive_field: u32,
    pub parameter_count: u64,
    pub products_per_voxel: u64,
    pub has_integers: bool,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_dense_info"][::core::mem::size_of::<otr_dense_info>() - 48usize];
    ["Alignment of otr_dense_info"][::core::mem::align_of::<otr_dense_info>() - 8usize];
    [
        "Offset of field: otr_dense_info::model_id",
    ][::core::mem::offset_of!(otr_dense_info, model_id) - 0usize];
    [
        "Offset of field: otr_dense_info::layer_count",
    ][::core::mem::offset_of!(otr_dense_info, layer_count) - 4usize];
    [
        "Offset of field: otr_dense_info::kernel",
    ][::core::mem::offset_of!(otr_dense_info, kernel) - 8usize];
    [
        "Offset of field: otr_dense_info::width",
    ][::core::mem::offset_of!(otr_dense_info, width) - 12usize];
    [
        "Offset of field: otr_dense_info::receptive_field",
    ][::core::mem::offset_of!(otr_dense_info, receptive_field) - 16usize];
    [
        "Offset of field: otr_dense_info::parameter_count",
    ][::core::mem::offset_of!(otr_dense_info, parameter_count) - 24usize];
    [
        "Offset of field: otr_dense_info::products_per_voxel",
    ][::core::mem::offset_of!(otr_dense_info, products_per_voxel) - 32usize];
    [
        "Offset of field: otr_dense_info::has_integers",
    ][::core::mem::offset_of!(otr_dense_info, has_integers) - 40usize];
};
unsafe extern "C" {
    pub fn otr_dense_network_info(network: *const otr_dense_network) -> otr_dense_info;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_dense_network_calibrate(
        network: *mut otr_dense_network,
        surface: *const otr_surface,
        detectors: *const u8,
        stride: usize,
        shot_count: usize,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_dense_network_write(
        network: *const otr_dense_network,
        buffer: *mut u8,
        capacity: usize,
    ) -> usize;
}
impl otr_dense_arithmetic {
    pub const OTR_DENSE_FLOAT: otr_dense_arithmetic = otr_dense_arithmetic(0);
    pub const OTR_DENSE_INTEGER: otr_dense_arithmetic = otr_dense_arithmetic(1);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_dense_arithmetic(pub ::core::ffi::c_uint);
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_dense_options {
    pub isa: otr_isa,
    pub arithmetic: otr_dense_arithmetic,
    pub data_threshold: f32,
    pub syndrome_threshold: f32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_dense_options"][::core::mem::size_of::<otr_dense_options>() - 16usize];
    [
        "Alignment of otr_dense_options",
    ][::core::mem::align_of::<otr_dense_options>() - 4usize];
    [
        "Offset of field: otr_dense_options::isa",
    ][::core::mem::offset_of!(otr_dense_options, isa) - 0usize];
    [
        "Offset of field: otr_dense_options::arithmetic",
    ][::core::mem::offset_of!(otr_dense_options, arithmetic) - 4usize];
    [
        "Offset of field: otr_dense_options::data_threshold",
    ][::core::mem::offset_of!(otr_dense_options, data_threshold) - 8usize];
    [
        "Offset of field: otr_dense_options::syndrome_threshold",
    ][::core::mem::offset_of!(otr_dense_options, syndrome_threshold) - 12usize];
};
unsafe extern "C" {
    pub fn otr_dense_options_default() -> otr_dense_options;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_dense_predecoder_create(
        out: *mut *mut otr_predecoder,
        network: *const otr_dense_network,
        surface: *const otr_surface,
        graph: *const otr_graph,
        options: *const otr_dense_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_dense_predecoder_logits(
        predecoder: *mut otr_predecoder,
        events: *const u32,
        event_count: usize,
        logits: *mut *const f32,
        logit_count: *mut usize,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_moments {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_moments_options {
    pub isa: otr_isa,
    pub with_outside: bool,
    pub fade_shift: u32,
    pub block_shots: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_moments_options",
    ][::core::mem::size_of::<otr_moments_options>() - 16usize];
    [
        "Alignment of otr_moments_options",
    ][::core::mem::align_of::<otr_moments_options>() - 4usize];
    [
        "Offset of field: otr_moments_options::isa",
    ][::core::mem::offset_of!(otr_moments_options, isa) - 0usize];
    [
        "Offset of field: otr_moments_options::with_outside",
    ][::core::mem::offset_of!(otr_moments_options, with_outside) - 4usize];
    [
        "Offset of field: otr_moments_options::fade_shift",
    ][::core::mem::offset_of!(otr_moments_options, fade_shift) - 8usize];
    [
        "Offset of field: otr_moments_options::block_shots",
    ][::core::mem::offset_of!(otr_moments_options, block_shots) - 12usize];
};
unsafe extern "C" {
    pub fn otr_moments_options_default() -> otr_moments_options;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_moments_create(
        out: *mut *mut otr_moments,
        detector_count: u32,
        detectors: *const u32,
        begin: *const usize,
        set_count: usize,
        options: *const otr_moments_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_moments_create_for_model(
        out: *mut *mut otr_moments,
        model: *const otr_model,
        options: *const otr_moments_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_moments_destroy(moments: *mut otr_moments);
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_moments_add(
        moments: *mut otr_moments,
        shots: *const u8,
        stride: usize,
        shot_count: usize,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_moments_merge(
        into: *mut otr_moments,
        from: *const otr_moments,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_moments_clear(moments: *mut otr_moments);
}
unsafe extern "C" {
    pub fn otr_moments_detector_count(moments: *const otr_moments) -> u32;
}
unsafe extern "C" {
    pub fn otr_moments_set_count(moments: *const otr_moments) -> usize;
}
unsafe extern "C" {
    pub fn otr_moments_sets(
        moments: *const otr_moments,
        detectors: *mut *const u32,
        begin: *mut *const usize,
    );
}
unsafe extern "C" {
    pub fn otr_moments_find(
        moments: *const otr_moments,
        detectors: *const u32,
        count: usize,
    ) -> usize;
}
unsafe extern "C" {
    pub fn otr_moments_counts(moments: *const otr_moments) -> *const u64;
}
unsafe extern "C" {
    pub fn otr_moments_shots(moments: *const otr_moments) -> u64;
}
unsafe extern "C" {
    pub fn otr_moments_effective_shots(moments: *const otr_moments) -> f64;
}
unsafe extern "C" {
    pub fn otr_moments_means(moments: *const otr_moments, means: *mut f64);
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_moments_expected(
        moments: *const otr_moments,
        model: *const otr_model,
        means: *mut f64,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_moments_bytes(moments: *const otr_moments) -> usize;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_drift {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_drift_detector {
    pub detector: u32,
    pub is_significant: bool,
    pub rate: f64,
    pub chi_square: f64,
    pub freedom: f64,
    pub spread: f64,
    pub trend_z: f64,
    pub change: f64,
    pub log10_p: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_drift_detector",
    ][::core::mem::size_of::<otr_drift_detector>() - 64usize];
    [
        "Alignment of otr_drift_detector",
    ][::core::mem::align_of::<otr_drift_detector>() - 8usize];
    [
        "Offset of field: otr_drift_detector::detector",
    ][::core::mem::offset_of!(otr_drift_detector, detector) - 0usize];
    [
        "Offset of field: otr_drift_detector::is_significant",
    ][::core::mem::offset_of!(otr_drift_detector, is_significant) - 4usize];
    [
        "Offset of field: otr_drift_detector::rate",
    ][::core::mem::offset_of!(otr_drift_detector, rate) - 8usize];
    [
        "Offset of field: otr_drift_detector::chi_square",
    ][::core::mem::offset_of!(otr_drift_detector, chi_square) - 16usize];
    [
        "Offset of field: otr_drift_detector::freedom",
    ][::core::mem::offset_of!(otr_drift_detector, freedom) - 24usize];
    [
        "Offset of field: otr_drift_detector::spread",
    ][::core::mem::offset_of!(otr_drift_detector, spread) - 32usize];
    [
        "Offset of field: otr_drift_detector::trend_z",
    ][::core::mem::offset_of!(otr_drift_detector, trend_z) - 40usize];
    [
        "Offset of field: otr_drift_detector::change",
    ][::core::mem::offset_of!(otr_drift_detector, change) - 48usize];
    [
        "Offset of field: otr_drift_detector::log10_p",
    ][::core::mem::offset_of!(otr_drift_detector, log10_p) - 56usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_drift_summary {
    pub blocks: u32,
    pub shots: u64,
    pub level: f64,
    pub significant: u32,
    pub events_chi_square: f64,
    pub events_freedom: f64,
    pub events_trend_z: f64,
    pub events_log10_p: f64,
    pub events_spread: f64,
    pub events_change: f64,
    pub has_drift: bool,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_drift_summary"][::core::mem::size_of::<otr_drift_summary>() - 88usize];
    [
        "Alignment of otr_drift_summary",
    ][::core::mem::align_of::<otr_drift_summary>() - 8usize];
    [
        "Offset of field: otr_drift_summary::blocks",
    ][::core::mem::offset_of!(otr_drift_summary, blocks) - 0usize];
    [
        "Offset of field: otr_drift_summary::shots",
    ][::core::mem::offset_of!(otr_drift_summary, shots) - 8usize];
    [
        "Offset of field: otr_drift_summary::level",
    ][::core::mem::offset_of!(otr_drift_summary, level) - 16usize];
    [
        "Offset of field: otr_drift_summary::significant",
    ][::core::mem::offset_of!(otr_drift_summary, significant) - 24usize];
    [
        "Offset of field: otr_drift_summary::events_chi_square",
    ][::core::mem::offset_of!(otr_drift_summary, events_chi_square) - 32usize];
    [
        "Offset of field: otr_drift_summary::events_freedom",
    ][::core::mem::offset_of!(otr_drift_summary, events_freedom) - 40usize];
    [
        "Offset of field: otr_drift_summary::events_trend_z",
    ][::core::mem::offset_of!(otr_drift_summary, events_trend_z) - 48usize];
    [
        "Offset of field: otr_drift_summary::events_log10_p",
    ][::core::mem::offset_of!(otr_drift_summary, events_log10_p) - 56usize];
    [
        "Offset of field: otr_drift_summary::events_spread",
    ][::core::mem::offset_of!(otr_drift_summary, events_spread) - 64usize];
    [
        "Offset of field: otr_drift_summary::events_change",
    ][::core::mem::offset_of!(otr_drift_summary, events_change) - 72usize];
    [
        "Offset of field: otr_drift_summary::has_drift",
    ][::core::mem::offset_of!(otr_drift_summary, has_drift) - 80usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_drift_create(
        out: *mut *mut otr_drift,
        detector_count: u32,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_drift_destroy(drift: *mut otr_drift);
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_drift_add(
        drift: *mut otr_drift,
        block: *const otr_moments,
        events: *const otr_event_sums,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_drift_test(
        drift: *const otr_drift,
        level: f64,
        detectors: *mut otr_drift_detector,
        summary: *mut otr_drift_summary,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_drift_bytes(drift: *const otr_drift) -> usize;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_moments_compare(
        a: *const otr_moments,
        b: *const otr_moments,
        z: *mut f64,
        log10_p: *mut f64,
        error: *mut otr_error,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_event_network {
    _unused: [u8; 0],
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_event_network_parse(
        out: *mut *mut otr_event_network,
        bytes: *const ::core::ffi::c_void,
        size: usize,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_event_network_destroy(network: *mut otr_event_network);
}
unsafe extern "C" {
    pub fn otr_event_network_width(network: *const otr_event_network) -> u32;
}
unsafe extern "C" {
    pub fn otr_event_network_layers(network: *const otr_event_network) -> u32;
}
unsafe extern "C" {
    pub fn otr_event_network_radius(network: *const otr_event_network) -> u32;
}
unsafe extern "C" {
    pub fn otr_event_network_reach(network: *const otr_event_network) -> otr_reach;
}
unsafe extern "C" {
    pub fn otr_event_network_card(
        network: *const otr_event_network,
    ) -> *const ::core::ffi::c_char;
}
unsafe extern "C" {
    pub fn otr_event_network_bytes(network: *const otr_event_network) -> usize;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_event_predecoder_create(
        out: *mut *mut otr_predecoder,
        network: *const otr_event_network,
        graph: *const otr_graph,
        model: *const otr_model,
        isa: otr_isa,
        error: *mut otr_error,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_gap {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_gap_options {
    pub isa: otr_isa,
    pub weight_offset: i32,
    pub limit: i32,
    pub observable: u32,
    pub parted_only: bool,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_gap_options"][::core::mem::size_of::<otr_gap_options>() - 20usize];
    [
        "Alignment of otr_gap_options",
    ][::core::mem::align_of::<otr_gap_options>() - 4usize];
    [
        "Offset of field: otr_gap_options::isa",
    ][::core::mem::offset_of!(otr_gap_options, isa) - 0usize];
    [
        "Offset of field: otr_gap_options::weight_offset",
    ][::core::mem::offset_of!(otr_gap_options, weight_offset) - 4usize];
    [
        "Offset of field: otr_gap_options::limit",
    ][::core::mem::offset_of!(otr_gap_options, limit) - 8usize];
    [
        "Offset of field: otr_gap_options::observable",
    ][::core::mem::offset_of!(otr_gap_options, observable) - 12usize];
    [
        "Offset of field: otr_gap_options::parted_only",
    ][::core::mem::offset_of!(otr_gap_options, parted_only) - 16usize];
};
unsafe extern "C" {
    pub fn otr_gap_options_default() -> otr_gap_options;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_gap_create(
        out: *mut *mut otr_gap,
        graph: *const otr_graph,
        options: *const otr_gap_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_gap_destroy(gap: *mut otr_gap);
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_gap_reweight(
        gap: *mut otr_gap,
        graph: *const otr_graph,
        weight_offset: i32,
        limit: i32,
        error: *mut otr_error,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_gap_result {
    pub weights: [i64; 2usize],
    pub observable: ::core::ffi::c_int,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_gap_result"][::core::mem::size_of::<otr_gap_result>() - 24usize];
    ["Alignment of otr_gap_result"][::core::mem::align_of::<otr_gap_result>() - 8usize];
    [
        "Offset of field: otr_gap_result::weights",
    ][::core::mem::offset_of!(otr_gap_result, weights) - 0usize];
    [
        "Offset of field: otr_gap_result::observable",
    ][::core::mem::offset_of!(otr_gap_result, observable) - 16usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_gap_decode(
        gap: *mut otr_gap,
        events: *const u32,
        event_count: usize,
        overrides: *const otr_override,
        override_count: usize,
        result: *mut otr_gap_result,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_gap_decode_predecoded(
        gap: *mut otr_gap,
        shot: *const otr_predecoded,
        overrides: *const otr_override,
        override_count: usize,
        result: *mut otr_gap_result,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_gap_edges(
        gap: *mut otr_gap,
        observable: ::core::ffi::c_int,
        edges: *mut *const u32,
        count: *mut usize,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_gap_bytes(gap: *const otr_gap) -> usize;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_sampler {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_sampler_options {
    pub seed: u64,
    pub isa: otr_isa,
    pub graph: *const otr_graph,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_sampler_options",
    ][::core::mem::size_of::<otr_sampler_options>() - 24usize];
    [
        "Alignment of otr_sampler_options",
    ][::core::mem::align_of::<otr_sampler_options>() - 8usize];
    [
        "Offset of field: otr_sampler_options::seed",
    ][::core::mem::offset_of!(otr_sampler_options, seed) - 0usize];
    [
        "Offset of field: otr_sampler_options::isa",
    ][::core::mem::offset_of!(otr_sampler_options, isa) - 8usize];
    [
        "Offset of field: otr_sampler_options::graph",
    ][::core::mem::offset_of!(otr_sampler_options, graph) - 16usize];
};
unsafe extern "C" {
    pub fn otr_sampler_options_default() -> otr_sampler_options;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_sampler_create(
        out: *mut *mut otr_sampler,
        model: *const otr_model,
        options: *const otr_sampler_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_sampler_destroy(sampler: *mut otr_sampler);
}
unsafe extern "C" {
    pub fn otr_sampler_detector_count(sampler: *const otr_sampler) -> u64;
}
unsafe extern "C" {
    pub fn otr_sampler_observable_count(sampler: *const otr_sampler) -> u64;
}
unsafe extern "C" {
    pub fn otr_sampler_error_count(sampler: *const otr_sampler) -> u64;
}
unsafe extern "C" {
    pub fn otr_sampler_edge_count(sampler: *const otr_sampler) -> u32;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_bit_rows {
    pub bytes: *mut u8,
    pub stride: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_bit_rows"][::core::mem::size_of::<otr_bit_rows>() - 16usize];
    ["Alignment of otr_bit_rows"][::core::mem::align_of::<otr_bit_rows>() - 8usize];
    [
        "Offset of field: otr_bit_rows::bytes",
    ][::core::mem::offset_of!(otr_bit_rows, bytes) - 0usize];
    [
        "Offset of field: otr_bit_rows::stride",
    ][::core::mem::offset_of!(otr_bit_rows, stride) - 8usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_sampler_output {
    pub detectors: otr_bit_rows,
    pub observables: otr_bit_rows,
    pub errors: otr_bit_rows,
    pub edges: otr_bit_rows,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_sampler_output",
    ][::core::mem::size_of::<otr_sampler_output>() - 64usize];
    [
        "Alignment of otr_sampler_output",
    ][::core::mem::align_of::<otr_sampler_output>() - 8usize];
    [
        "Offset of field: otr_sampler_output::detectors",
    ][::core::mem::offset_of!(otr_sampler_output, detectors) - 0usize];
    [
        "Offset of field: otr_sampler_output::observables",
    ][::core::mem::offset_of!(otr_sampler_output, observables) - 16usize];
    [
        "Offset of field: otr_sampler_output::errors",
    ][::core::mem::offset_of!(otr_sampler_output, errors) - 32usize];
    [
        "Offset of field: otr_sampler_output::edges",
    ][::core::mem::offset_of!(otr_sampler_output, edges) - 48usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_sampler_sample(
        sampler: *mut otr_sampler,
        first_shot: u64,
        shot_count: usize,
        output: *const otr_sampler_output,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_label_sampler {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_label_options {
    pub seed: u64,
    pub isa: otr_isa,
    pub split_y: bool,
    pub equivalence: bool,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_label_options"][::core::mem::size_of::<otr_label_options>() - 16usize];
    [
        "Alignment of otr_label_options",
    ][::core::mem::align_of::<otr_label_options>() - 8usize];
    [
        "Offset of field: otr_label_options::seed",
    ][::core::mem::offset_of!(otr_label_options, seed) - 0usize];
    [
        "Offset of field: otr_label_options::isa",
    ][::core::mem::offset_of!(otr_label_options, isa) - 8usize];
    [
        "Offset of field: otr_label_options::split_y",
    ][::core::mem::offset_of!(otr_label_options, split_y) - 12usize];
    [
        "Offset of field: otr_label_options::equivalence",
    ][::core::mem::offset_of!(otr_label_options, equivalence) - 13usize];
};
unsafe extern "C" {
    pub fn otr_label_options_default() -> otr_label_options;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_label_sampler_create(
        out: *mut *mut otr_label_sampler,
        surface: *const otr_surface,
        options: *const otr_label_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_label_sampler_destroy(sampler: *mut otr_label_sampler);
}
unsafe extern "C" {
    pub fn otr_label_sampler_rounds(sampler: *const otr_label_sampler) -> u32;
}
unsafe extern "C" {
    pub fn otr_label_sampler_height(sampler: *const otr_label_sampler) -> u32;
}
unsafe extern "C" {
    pub fn otr_label_sampler_width(sampler: *const otr_label_sampler) -> u32;
}
unsafe extern "C" {
    pub fn otr_label_sampler_detector_count(sampler: *const otr_label_sampler) -> u64;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_label_output {
    pub detectors: otr_bit_rows,
    pub observables: otr_bit_rows,
    pub inputs: otr_bit_rows,
    pub labels: otr_bit_rows,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_label_output"][::core::mem::size_of::<otr_label_output>() - 64usize];
    [
        "Alignment of otr_label_output",
    ][::core::mem::align_of::<otr_label_output>() - 8usize];
    [
        "Offset of field: otr_label_output::detectors",
    ][::core::mem::offset_of!(otr_label_output, detectors) - 0usize];
    [
        "Offset of field: otr_label_output::observables",
    ][::core::mem::offset_of!(otr_label_output, observables) - 16usize];
    [
        "Offset of field: otr_label_output::inputs",
    ][::core::mem::offset_of!(otr_label_output, inputs) - 32usize];
    [
        "Offset of field: otr_label_output::labels",
    ][::core::mem::offset_of!(otr_label_output, labels) - 48usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_label_sampler_sample(
        sampler: *mut otr_label_sampler,
        first_shot: u64,
        shot_count: usize,
        output: *const otr_label_output,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_label_sampler_presence(
        sampler: *const otr_label_sampler,
        planes: *mut f32,
    );
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_trellis {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_trellis_budget {
    pub cutoff: f64,
    pub states_max: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_trellis_budget",
    ][::core::mem::size_of::<otr_trellis_budget>() - 16usize];
    [
        "Alignment of otr_trellis_budget",
    ][::core::mem::align_of::<otr_trellis_budget>() - 8usize];
    [
        "Offset of field: otr_trellis_budget::cutoff",
    ][::core::mem::offset_of!(otr_trellis_budget, cutoff) - 0usize];
    [
        "Offset of field: otr_trellis_budget::states_max",
    ][::core::mem::offset_of!(otr_trellis_budget, states_max) - 8usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_trellis_options {
    pub isa: otr_isa,
    pub iterations: u32,
    pub coarse: otr_trellis_budget,
    pub fine: otr_trellis_budget,
    pub table_bits: u32,
    pub unsure: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_trellis_options",
    ][::core::mem::size_of::<otr_trellis_options>() - 56usize];
    [
        "Alignment of otr_trellis_options",
    ][::core::mem::align_of::<otr_trellis_options>() - 8usize];
    [
        "Offset of field: otr_trellis_options::isa",
    ][::core::mem::offset_of!(otr_trellis_options, isa) - 0usize];
    [
        "Offset of field: otr_trellis_options::iterations",
    ][::core::mem::offset_of!(otr_trellis_options, iterations) - 4usize];
    [
        "Offset of field: otr_trellis_options::coarse",
    ][::core::mem::offset_of!(otr_trellis_options, coarse) - 8usize];
    [
        "Offset of field: otr_trellis_options::fine",
    ][::core::mem::offset_of!(otr_trellis_options, fine) - 24usize];
    [
        "Offset of field: otr_trellis_options::table_bits",
    ][::core::mem::offset_of!(otr_trellis_options, table_bits) - 40usize];
    [
        "Offset of field: otr_trellis_options::unsure",
    ][::core::mem::offset_of!(otr_trellis_options, unsure) - 48usize];
};
unsafe extern "C" {
    pub fn otr_trellis_options_default() -> otr_trellis_options;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_trellis_create(
        out: *mut *mut otr_trellis,
        model: *const otr_model,
        options: *const otr_trellis_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_trellis_destroy(trellis: *mut otr_trellis);
}
unsafe extern "C" {
    pub fn otr_trellis_detector_count(trellis: *const otr_trellis) -> u32;
}
unsafe extern "C" {
    pub fn otr_trellis_observable_count(trellis: *const otr_trellis) -> u32;
}
unsafe extern "C" {
    pub fn otr_trellis_open_count(trellis: *const otr_trellis) -> u32;
}
unsafe extern "C" {
    pub fn otr_trellis_bytes(trellis: *const otr_trellis) -> usize;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_trellis_result {
    pub failure: f64,
    pub work: u64,
    pub is_fine: bool,
    pub is_exact: bool,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_trellis_result",
    ][::core::mem::size_of::<otr_trellis_result>() - 24usize];
    [
        "Alignment of otr_trellis_result",
    ][::core::mem::align_of::<otr_trellis_result>() - 8usize];
    [
        "Offset of field: otr_trellis_result::failure",
    ][::core::mem::offset_of!(otr_trellis_result, failure) - 0usize];
    [
        "Offset of field: otr_trellis_result::work",
    ][::core::mem::offset_of!(otr_trellis_result, work) - 8usize];
    [
        "Offset of field: otr_trellis_result::is_fine",
    ][::core::mem::offset_of!(otr_trellis_result, is_fine) - 16usize];
    [
        "Offset of field: otr_trellis_result::is_exact",
    ][::core::mem::offset_of!(otr_trellis_result, is_exact) - 17usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_trellis_decode(
        trellis: *mut otr_trellis,
        detectors: *const u8,
        observables: *mut u8,
        ratios: *mut f64,
        result: *mut otr_trellis_result,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_likelihood {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_likelihood_options {
    pub isa: otr_isa,
    pub predecoder: *mut otr_predecoder,
    pub sure_gap: f64,
    pub sure_mean: f64,
    pub likely_weight: f64,
    pub iterations: u32,
    pub budget: otr_trellis_budget,
    pub gap_share: f64,
    pub gap_slope: f64,
    pub sum_slope: f64,
    pub deep_ratio: f64,
    pub deep_members: u32,
    pub deep_budget: otr_trellis_budget,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_likelihood_options",
    ][::core::mem::size_of::<otr_likelihood_options>() - 120usize];
    [
        "Alignment of otr_likelihood_options",
    ][::core::mem::align_of::<otr_likelihood_options>() - 8usize];
    [
        "Offset of field: otr_likelihood_options::isa",
    ][::core::mem::offset_of!(otr_likelihood_options, isa) - 0usize];
    [
        "Offset of field: otr_likelihood_options::predecoder",
    ][::core::mem::offset_of!(otr_likelihood_options, predecoder) - 8usize];
    [
        "Offset of field: otr_likelihood_options::sure_gap",
    ][::core::mem::offset_of!(otr_likelihood_options, sure_gap) - 16usize];
    [
        "Offset of field: otr_likelihood_options::sure_mean",
    ][::core::mem::offset_of!(otr_likelihood_options, sure_mean) - 24usize];
    [
        "Offset of field: otr_likelihood_options::likely_weight",
    ][::core::mem::offset_of!(otr_likelihood_options, likely_weight) - 32usize];
    [
        "Offset of field: otr_likelihood_options::iterations",
    ][::core::mem::offset_of!(otr_likelihood_options, iterations) - 40usize];
    [
        "Offset of field: otr_likelihood_options::budget",
    ][::core::mem::offset_of!(otr_likelihood_options, budget) - 48usize];
    [
        "Offset of field: otr_likelihood_options::gap_share",
    ][::core::mem::offset_of!(otr_likelihood_options, gap_share) - 64usize];
    [
        "Offset of field: otr_likelihood_options::gap_slope",
    ][::core::mem::offset_of!(otr_likelihood_options, gap_slope) - 72usize];
    [
        "Offset of field: otr_likelihood_options::sum_slope",
    ][::core::mem::offset_of!(otr_likelihood_options, sum_slope) - 80usize];
    [
        "Offset of field: otr_likelihood_options::deep_ratio",
    ][::core::mem::offset_of!(otr_likelihood_options, deep_ratio) - 88usize];
    [
        "Offset of field: otr_likelihood_options::deep_members",
    ][::core::mem::offset_of!(otr_likelihood_options, deep_members) - 96usize];
    [
        "Offset of field: otr_likelihood_options::deep_budget",
    ][::core::mem::offset_of!(otr_likelihood_options, deep_budget) - 104usize];
};
unsafe extern "C" {
    pub fn otr_likelihood_options_default() -> otr_likelihood_options;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_likelihood_create(
        out: *mut *mut otr_likelihood,
        graph: *const otr_graph,
        options: *const otr_likelihood_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_likelihood_destroy(likelihood: *mut otr_likelihood);
}
unsafe extern "C" {
    pub fn otr_likelihood_detector_count(likelihood: *const otr_likelihood) -> u32;
}
unsafe extern "C" {
    pub fn otr_likelihood_observable_count(likelihood: *const otr_likelihood) -> u32;
}
unsafe extern "C" {
    pub fn otr_likelihood_bytes(likelihood: *const otr_likelihood) -> usize;
}
impl otr_likelihood_level {
    pub const OTR_LIKELIHOOD_GAP: otr_likelihood_level = otr_likelihood_level(0);
    pub const OTR_LIKELIHOOD_MEAN_GAP: otr_likelihood_level = otr_likelihood_level(1);
    pub const OTR_LIKELIHOOD_SUM: otr_likelihood_level = otr_likelihood_level(2);
    pub const OTR_LIKELIHOOD_DEEP: otr_likelihood_level = otr_likelihood_level(3);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_likelihood_level(pub ::core::ffi::c_uint);
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_likelihood_result {
    pub level: otr_likelihood_level,
    pub is_fallback: bool,
    pub candidate_count: u32,
    pub work: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_likelihood_result",
    ][::core::mem::size_of::<otr_likelihood_result>() - 24usize];
    [
        "Alignment of otr_likelihood_result",
    ][::core::mem::align_of::<otr_likelihood_result>() - 8usize];
    [
        "Offset of field: otr_likelihood_result::level",
    ][::core::mem::offset_of!(otr_likelihood_result, level) - 0usize];
    [
        "Offset of field: otr_likelihood_result::is_fallback",
    ][::core::mem::offset_of!(otr_likelihood_result, is_fallback) - 4usize];
    [
        "Offset of field: otr_likelihood_result::candidate_count",
    ][::core::mem::offset_of!(otr_likelihood_result, candidate_count) - 8usize];
    [
        "Offset of field: otr_likelihood_result::work",
    ][::core::mem::offset_of!(otr_likelihood_result, work) - 16usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_likelihood_decode(
        likelihood: *mut otr_likelihood,
        detectors: *const u8,
        observables: *mut u8,
        ratios: *mut f64,
        result: *mut otr_likelihood_result,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_likelihood_edges(
        likelihood: *mut otr_likelihood,
        edges: *mut *const u32,
        count: *mut usize,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_measurement_options {
    pub steps_max: u64,
    pub detectors_only: bool,
    pub ran_without_feedback: bool,
    pub skip_reference_sample: bool,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_measurement_options",
    ][::core::mem::size_of::<otr_measurement_options>() - 16usize];
    [
        "Alignment of otr_measurement_options",
    ][::core::mem::align_of::<otr_measurement_options>() - 8usize];
    [
        "Offset of field: otr_measurement_options::steps_max",
    ][::core::mem::offset_of!(otr_measurement_options, steps_max) - 0usize];
    [
        "Offset of field: otr_measurement_options::detectors_only",
    ][::core::mem::offset_of!(otr_measurement_options, detectors_only) - 8usize];
    [
        "Offset of field: otr_measurement_options::ran_without_feedback",
    ][::core::mem::offset_of!(otr_measurement_options, ran_without_feedback) - 9usize];
    [
        "Offset of field: otr_measurement_options::skip_reference_sample",
    ][::core::mem::offset_of!(otr_measurement_options, skip_reference_sample) - 10usize];
};
unsafe extern "C" {
    pub fn otr_measurement_options_default() -> otr_measurement_options;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_measurement_map {
    _unused: [u8; 0],
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_measurement_map_create(
        out: *mut *mut otr_measurement_map,
        text: *const ::core::ffi::c_char,
        bytes: usize,
        options: *const otr_measurement_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_measurement_map_destroy(map: *mut otr_measurement_map);
}
unsafe extern "C" {
    pub fn otr_measurement_map_measurement_count(map: *const otr_measurement_map) -> u64;
}
unsafe extern "C" {
    pub fn otr_measurement_map_sweep_count(map: *const otr_measurement_map) -> u64;
}
unsafe extern "C" {
    pub fn otr_measurement_map_detector_count(map: *const otr_measurement_map) -> u64;
}
unsafe extern "C" {
    pub fn otr_measurement_map_observable_count(map: *const otr_measurement_map) -> u64;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_parity {
    pub measurements: *const u32,
    pub measurement_count: usize,
    pub sweep_bits: *const u32,
    pub sweep_count: usize,
    pub constant: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_parity"][::core::mem::size_of::<otr_parity>() - 40usize];
    ["Alignment of otr_parity"][::core::mem::align_of::<otr_parity>() - 8usize];
    [
        "Offset of field: otr_parity::measurements",
    ][::core::mem::offset_of!(otr_parity, measurements) - 0usize];
    [
        "Offset of field: otr_parity::measurement_count",
    ][::core::mem::offset_of!(otr_parity, measurement_count) - 8usize];
    [
        "Offset of field: otr_parity::sweep_bits",
    ][::core::mem::offset_of!(otr_parity, sweep_bits) - 16usize];
    [
        "Offset of field: otr_parity::sweep_count",
    ][::core::mem::offset_of!(otr_parity, sweep_count) - 24usize];
    [
        "Offset of field: otr_parity::constant",
    ][::core::mem::offset_of!(otr_parity, constant) - 32usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_measurement_map_row(
        map: *const otr_measurement_map,
        row: u64,
        out: *mut otr_parity,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_measurement_map_coordinates(
        map: *const otr_measurement_map,
        detector: u64,
        coordinates: *mut *const f64,
        count: *mut usize,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_measured {
    pub measurements: *const u8,
    pub measurement_stride: usize,
    pub sweep: *const u8,
    pub sweep_stride: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_measured"][::core::mem::size_of::<otr_measured>() - 32usize];
    ["Alignment of otr_measured"][::core::mem::align_of::<otr_measured>() - 8usize];
    [
        "Offset of field: otr_measured::measurements",
    ][::core::mem::offset_of!(otr_measured, measurements) - 0usize];
    [
        "Offset of field: otr_measured::measurement_stride",
    ][::core::mem::offset_of!(otr_measured, measurement_stride) - 8usize];
    [
        "Offset of field: otr_measured::sweep",
    ][::core::mem::offset_of!(otr_measured, sweep) - 16usize];
    [
        "Offset of field: otr_measured::sweep_stride",
    ][::core::mem::offset_of!(otr_measured, sweep_stride) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_parities {
    pub detectors: *mut u8,
    pub detector_stride: usize,
    pub observables: *mut u8,
    pub observable_stride: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_parities"][::core::mem::size_of::<otr_parities>() - 32usize];
    ["Alignment of otr_parities"][::core::mem::align_of::<otr_parities>() - 8usize];
    [
        "Offset of field: otr_parities::detectors",
    ][::core::mem::offset_of!(otr_parities, detectors) - 0usize];
    [
        "Offset of field: otr_parities::detector_stride",
    ][::core::mem::offset_of!(otr_parities, detector_stride) - 8usize];
    [
        "Offset of field: otr_parities::observables",
    ][::core::mem::offset_of!(otr_parities, observables) - 16usize];
    [
        "Offset of field: otr_parities::observable_stride",
    ][::core::mem::offset_of!(otr_parities, observable_stride) - 24usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_measurement_map_apply(
        map: *const otr_measurement_map,
        in_: *const otr_measured,
        count: usize,
        out: *const otr_parities,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_measurement_map_order(map: *const otr_measurement_map) -> *const u32;
}
unsafe extern "C" {
    pub fn otr_measurement_map_known(
        map: *const otr_measurement_map,
        measurement_count: u64,
    ) -> u64;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_measurement_map_apply_known(
        map: *const otr_measurement_map,
        measurements: *const u8,
        sweep: *const u8,
        first: u64,
        count: u64,
        detectors: *mut u8,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_measurement_stream {
    _unused: [u8; 0],
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_measurement_stream_create(
        out: *mut *mut otr_measurement_stream,
        map: *const otr_measurement_map,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_measurement_stream_destroy(stream: *mut otr_measurement_stream);
}
unsafe extern "C" {
    pub fn otr_measurement_stream_start(
        stream: *mut otr_measurement_stream,
        sweep: *const u8,
    );
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_measurement_stream_push(
        stream: *mut otr_measurement_stream,
        measurements: *const u8,
        count: u32,
        is_last: bool,
        error: *mut otr_error,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_measured_layer {
    pub number: u64,
    pub events: *const u8,
    pub detector_count: u32,
    pub is_last: bool,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_measured_layer",
    ][::core::mem::size_of::<otr_measured_layer>() - 24usize];
    [
        "Alignment of otr_measured_layer",
    ][::core::mem::align_of::<otr_measured_layer>() - 8usize];
    [
        "Offset of field: otr_measured_layer::number",
    ][::core::mem::offset_of!(otr_measured_layer, number) - 0usize];
    [
        "Offset of field: otr_measured_layer::events",
    ][::core::mem::offset_of!(otr_measured_layer, events) - 8usize];
    [
        "Offset of field: otr_measured_layer::detector_count",
    ][::core::mem::offset_of!(otr_measured_layer, detector_count) - 16usize];
    [
        "Offset of field: otr_measured_layer::is_last",
    ][::core::mem::offset_of!(otr_measured_layer, is_last) - 20usize];
};
unsafe extern "C" {
    pub fn otr_measurement_stream_next(
        stream: *mut otr_measurement_stream,
        out: *mut otr_measured_layer,
    ) -> bool;
}
unsafe extern "C" {
    pub fn otr_measurement_stream_observables(
        stream: *const otr_measurement_stream,
    ) -> *const u8;
}
unsafe extern "C" {
    pub fn otr_measurement_stream_layer_count(
        stream: *const otr_measurement_stream,
    ) -> u32;
}
unsafe extern "C" {
    pub fn otr_measurement_stream_period(stream: *const otr_measurement_stream) -> u32;
}
unsafe extern "C" {
    pub fn otr_measurement_stream_sweep_count(
        stream: *const otr_measurement_stream,
    ) -> u64;
}
unsafe extern "C" {
    pub fn otr_measurement_stream_observable_count(
        stream: *const otr_measurement_stream,
    ) -> u64;
}
unsafe extern "C" {
    pub fn otr_measurement_stream_bytes(stream: *const otr_measurement_stream) -> usize;
}
impl otr_network_kind {
    pub const OTR_NETWORK_EVENT: otr_network_kind = otr_network_kind(0);
    pub const OTR_NETWORK_DENSE: otr_network_kind = otr_network_kind(1);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_network_kind(pub ::core::ffi::c_uint);
unsafe extern "C" {
    #[must_use]
    pub fn otr_network_kind_of(
        out: *mut otr_network_kind,
        bytes: *const ::core::ffi::c_void,
        size: usize,
        error: *mut otr_error,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_time_axis {
    pub axis: u32,
    pub unit: f64,
    pub offset: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_time_axis"][::core::mem::size_of::<otr_time_axis>() - 24usize];
    ["Alignment of otr_time_axis"][::core::mem::align_of::<otr_time_axis>() - 8usize];
    [
        "Offset of field: otr_time_axis::axis",
    ][::core::mem::offset_of!(otr_time_axis, axis) - 0usize];
    [
        "Offset of field: otr_time_axis::unit",
    ][::core::mem::offset_of!(otr_time_axis, unit) - 8usize];
    [
        "Offset of field: otr_time_axis::offset",
    ][::core::mem::offset_of!(otr_time_axis, offset) - 16usize];
};
unsafe extern "C" {
    pub fn otr_time_axis_default() -> otr_time_axis;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_rounds {
    pub axis: u32,
    pub unit: f64,
    pub first_time: f64,
    pub count: u32,
    pub is_ascending: bool,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_rounds"][::core::mem::size_of::<otr_rounds>() - 32usize];
    ["Alignment of otr_rounds"][::core::mem::align_of::<otr_rounds>() - 8usize];
    [
        "Offset of field: otr_rounds::axis",
    ][::core::mem::offset_of!(otr_rounds, axis) - 0usize];
    [
        "Offset of field: otr_rounds::unit",
    ][::core::mem::offset_of!(otr_rounds, unit) - 8usize];
    [
        "Offset of field: otr_rounds::first_time",
    ][::core::mem::offset_of!(otr_rounds, first_time) - 16usize];
    [
        "Offset of field: otr_rounds::count",
    ][::core::mem::offset_of!(otr_rounds, count) - 24usize];
    [
        "Offset of field: otr_rounds::is_ascending",
    ][::core::mem::offset_of!(otr_rounds, is_ascending) - 28usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_model_rounds(
        model: *const otr_model,
        time: *const otr_time_axis,
        of: *mut u32,
        out: *mut otr_rounds,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_measurement_map_rounds(
        map: *const otr_measurement_map,
        time: *const otr_time_axis,
        of: *mut u32,
        out: *mut otr_rounds,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_model_in_rounds(
        out: *mut *mut otr_model,
        model: *const otr_model,
        time: *const otr_time_axis,
        order: *mut u32,
        error: *mut otr_error,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_rates {
    _unused: [u8; 0],
}
impl otr_rates_method {
    pub const OTR_RATES_CLOSED_FORM: otr_rates_method = otr_rates_method(0);
    pub const OTR_RATES_REGRESSION: otr_rates_method = otr_rates_method(1);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_rates_method(pub ::core::ffi::c_uint);
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_rates_options {
    pub method: otr_rates_method,
    pub floor: f64,
    pub spread: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_rates_options"][::core::mem::size_of::<otr_rates_options>() - 24usize];
    [
        "Alignment of otr_rates_options",
    ][::core::mem::align_of::<otr_rates_options>() - 8usize];
    [
        "Offset of field: otr_rates_options::method",
    ][::core::mem::offset_of!(otr_rates_options, method) - 0usize];
    [
        "Offset of field: otr_rates_options::floor",
    ][::core::mem::offset_of!(otr_rates_options, floor) - 8usize];
    [
        "Offset of field: otr_rates_options::spread",
    ][::core::mem::offset_of!(otr_rates_options, spread) - 16usize];
};
unsafe extern "C" {
    pub fn otr_rates_options_default() -> otr_rates_options;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_rate {
    pub detectors: *const u32,
    pub detector_count: u32,
    pub error_count: u32,
    pub observables: *const u64,
    pub shares: *const f64,
    pub prior: f64,
    pub attenuation: f64,
    pub deviation: f64,
    pub alone: f64,
    pub alone_deviation: f64,
    pub flags: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_rate"][::core::mem::size_of::<otr_rate>() - 80usize];
    ["Alignment of otr_rate"][::core::mem::align_of::<otr_rate>() - 8usize];
    [
        "Offset of field: otr_rate::detectors",
    ][::core::mem::offset_of!(otr_rate, detectors) - 0usize];
    [
        "Offset of field: otr_rate::detector_count",
    ][::core::mem::offset_of!(otr_rate, detector_count) - 8usize];
    [
        "Offset of field: otr_rate::error_count",
    ][::core::mem::offset_of!(otr_rate, error_count) - 12usize];
    [
        "Offset of field: otr_rate::observables",
    ][::core::mem::offset_of!(otr_rate, observables) - 16usize];
    [
        "Offset of field: otr_rate::shares",
    ][::core::mem::offset_of!(otr_rate, shares) - 24usize];
    [
        "Offset of field: otr_rate::prior",
    ][::core::mem::offset_of!(otr_rate, prior) - 32usize];
    [
        "Offset of field: otr_rate::attenuation",
    ][::core::mem::offset_of!(otr_rate, attenuation) - 40usize];
    [
        "Offset of field: otr_rate::deviation",
    ][::core::mem::offset_of!(otr_rate, deviation) - 48usize];
    [
        "Offset of field: otr_rate::alone",
    ][::core::mem::offset_of!(otr_rate, alone) - 56usize];
    [
        "Offset of field: otr_rate::alone_deviation",
    ][::core::mem::offset_of!(otr_rate, alone_deviation) - 64usize];
    [
        "Offset of field: otr_rate::flags",
    ][::core::mem::offset_of!(otr_rate, flags) - 72usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_rates_summary {
    pub shots: f64,
    pub scale: f64,
    pub spread: [f64; 4usize],
    pub chi_square: f64,
    pub moments: u64,
    pub iterations: u32,
    pub kept: u32,
    pub not_positive: u32,
    pub floored: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_rates_summary"][::core::mem::size_of::<otr_rates_summary>() - 80usize];
    [
        "Alignment of otr_rates_summary",
    ][::core::mem::align_of::<otr_rates_summary>() - 8usize];
    [
        "Offset of field: otr_rates_summary::shots",
    ][::core::mem::offset_of!(otr_rates_summary, shots) - 0usize];
    [
        "Offset of field: otr_rates_summary::scale",
    ][::core::mem::offset_of!(otr_rates_summary, scale) - 8usize];
    [
        "Offset of field: otr_rates_summary::spread",
    ][::core::mem::offset_of!(otr_rates_summary, spread) - 16usize];
    [
        "Offset of field: otr_rates_summary::chi_square",
    ][::core::mem::offset_of!(otr_rates_summary, chi_square) - 48usize];
    [
        "Offset of field: otr_rates_summary::moments",
    ][::core::mem::offset_of!(otr_rates_summary, moments) - 56usize];
    [
        "Offset of field: otr_rates_summary::iterations",
    ][::core::mem::offset_of!(otr_rates_summary, iterations) - 64usize];
    [
        "Offset of field: otr_rates_summary::kept",
    ][::core::mem::offset_of!(otr_rates_summary, kept) - 68usize];
    [
        "Offset of field: otr_rates_summary::not_positive",
    ][::core::mem::offset_of!(otr_rates_summary, not_positive) - 72usize];
    [
        "Offset of field: otr_rates_summary::floored",
    ][::core::mem::offset_of!(otr_rates_summary, floored) - 76usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_rates_create(
        out: *mut *mut otr_rates,
        prior: *const otr_model,
        groups: *const u32,
        moments: *const otr_moments,
        options: *const otr_rates_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_rates_destroy(rates: *mut otr_rates);
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_rates_fit(
        rates: *mut otr_rates,
        moments: *const otr_moments,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_rates_fit_means(
        rates: *mut otr_rates,
        means: *const f64,
        shots: f64,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_rates_class_count(rates: *const otr_rates) -> u32;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_rates_class(
        rates: *const otr_rates,
        index: u32,
        out: *mut otr_rate,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_rates_covariance(
        rates: *mut otr_rates,
        classes: *const u32,
        count: usize,
        covariance: *mut f64,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_rates_group_factor(rates: *const otr_rates, group: u32) -> f64;
}
unsafe extern "C" {
    pub fn otr_rates_summarise(rates: *const otr_rates) -> otr_rates_summary;
}
unsafe extern "C" {
    pub fn otr_rates_probability(attenuation: f64) -> f64;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_rates_model(
        rates: *const otr_rates,
        out: *mut *mut otr_model,
        prior: *const otr_model,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_rates_time_groups(
        prior: *const otr_model,
        time: *const otr_time_axis,
        groups: *mut u32,
        group_count: *mut u32,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_rates_bytes(rates: *const otr_rates) -> usize;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_moments_create_for_pairs(
        out: *mut *mut otr_moments,
        detector_count: u32,
        rounds: *const u32,
        rounds_apart: u32,
        options: *const otr_moments_options,
        error: *mut otr_error,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_residuals {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_residual_pair {
    pub first: u32,
    pub second: u32,
    pub is_inside: bool,
    pub is_significant: bool,
    pub expected: f64,
    pub attenuation: f64,
    pub deviation: f64,
    pub z: f64,
    pub log10_p: f64,
    pub excess: f64,
    pub excess_deviation: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_residual_pair"][::core::mem::size_of::<otr_residual_pair>() - 72usize];
    [
        "Alignment of otr_residual_pair",
    ][::core::mem::align_of::<otr_residual_pair>() - 8usize];
    [
        "Offset of field: otr_residual_pair::first",
    ][::core::mem::offset_of!(otr_residual_pair, first) - 0usize];
    [
        "Offset of field: otr_residual_pair::second",
    ][::core::mem::offset_of!(otr_residual_pair, second) - 4usize];
    [
        "Offset of field: otr_residual_pair::is_inside",
    ][::core::mem::offset_of!(otr_residual_pair, is_inside) - 8usize];
    [
        "Offset of field: otr_residual_pair::is_significant",
    ][::core::mem::offset_of!(otr_residual_pair, is_significant) - 9usize];
    [
        "Offset of field: otr_residual_pair::expected",
    ][::core::mem::offset_of!(otr_residual_pair, expected) - 16usize];
    [
        "Offset of field: otr_residual_pair::attenuation",
    ][::core::mem::offset_of!(otr_residual_pair, attenuation) - 24usize];
    [
        "Offset of field: otr_residual_pair::deviation",
    ][::core::mem::offset_of!(otr_residual_pair, deviation) - 32usize];
    [
        "Offset of field: otr_residual_pair::z",
    ][::core::mem::offset_of!(otr_residual_pair, z) - 40usize];
    [
        "Offset of field: otr_residual_pair::log10_p",
    ][::core::mem::offset_of!(otr_residual_pair, log10_p) - 48usize];
    [
        "Offset of field: otr_residual_pair::excess",
    ][::core::mem::offset_of!(otr_residual_pair, excess) - 56usize];
    [
        "Offset of field: otr_residual_pair::excess_deviation",
    ][::core::mem::offset_of!(otr_residual_pair, excess_deviation) - 64usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_residual_detector {
    pub detector: u32,
    pub is_significant: bool,
    pub is_constant: bool,
    pub expected: f64,
    pub rate: f64,
    pub z: f64,
    pub log10_p: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_residual_detector",
    ][::core::mem::size_of::<otr_residual_detector>() - 40usize];
    [
        "Alignment of otr_residual_detector",
    ][::core::mem::align_of::<otr_residual_detector>() - 8usize];
    [
        "Offset of field: otr_residual_detector::detector",
    ][::core::mem::offset_of!(otr_residual_detector, detector) - 0usize];
    [
        "Offset of field: otr_residual_detector::is_significant",
    ][::core::mem::offset_of!(otr_residual_detector, is_significant) - 4usize];
    [
        "Offset of field: otr_residual_detector::is_constant",
    ][::core::mem::offset_of!(otr_residual_detector, is_constant) - 5usize];
    [
        "Offset of field: otr_residual_detector::expected",
    ][::core::mem::offset_of!(otr_residual_detector, expected) - 8usize];
    [
        "Offset of field: otr_residual_detector::rate",
    ][::core::mem::offset_of!(otr_residual_detector, rate) - 16usize];
    [
        "Offset of field: otr_residual_detector::z",
    ][::core::mem::offset_of!(otr_residual_detector, z) - 24usize];
    [
        "Offset of field: otr_residual_detector::log10_p",
    ][::core::mem::offset_of!(otr_residual_detector, log10_p) - 32usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_residual_summary {
    pub shots: f64,
    pub level: f64,
    pub inside: u64,
    pub outside: u64,
    pub inside_significant: u64,
    pub outside_significant: u64,
    pub untested: u64,
    pub unsure: u64,
    pub strong: u64,
    pub missing: u64,
    pub detectors: u32,
    pub detectors_significant: u32,
    pub constant: u32,
    pub near_half: u32,
    pub other_rates: u32,
    pub misfit: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_residual_summary",
    ][::core::mem::size_of::<otr_residual_summary>() - 104usize];
    [
        "Alignment of otr_residual_summary",
    ][::core::mem::align_of::<otr_residual_summary>() - 8usize];
    [
        "Offset of field: otr_residual_summary::shots",
    ][::core::mem::offset_of!(otr_residual_summary, shots) - 0usize];
    [
        "Offset of field: otr_residual_summary::level",
    ][::core::mem::offset_of!(otr_residual_summary, level) - 8usize];
    [
        "Offset of field: otr_residual_summary::inside",
    ][::core::mem::offset_of!(otr_residual_summary, inside) - 16usize];
    [
        "Offset of field: otr_residual_summary::outside",
    ][::core::mem::offset_of!(otr_residual_summary, outside) - 24usize];
    [
        "Offset of field: otr_residual_summary::inside_significant",
    ][::core::mem::offset_of!(otr_residual_summary, inside_significant) - 32usize];
    [
        "Offset of field: otr_residual_summary::outside_significant",
    ][::core::mem::offset_of!(otr_residual_summary, outside_significant) - 40usize];
    [
        "Offset of field: otr_residual_summary::untested",
    ][::core::mem::offset_of!(otr_residual_summary, untested) - 48usize];
    [
        "Offset of field: otr_residual_summary::unsure",
    ][::core::mem::offset_of!(otr_residual_summary, unsure) - 56usize];
    [
        "Offset of field: otr_residual_summary::strong",
    ][::core::mem::offset_of!(otr_residual_summary, strong) - 64usize];
    [
        "Offset of field: otr_residual_summary::missing",
    ][::core::mem::offset_of!(otr_residual_summary, missing) - 72usize];
    [
        "Offset of field: otr_residual_summary::detectors",
    ][::core::mem::offset_of!(otr_residual_summary, detectors) - 80usize];
    [
        "Offset of field: otr_residual_summary::detectors_significant",
    ][::core::mem::offset_of!(otr_residual_summary, detectors_significant) - 84usize];
    [
        "Offset of field: otr_residual_summary::constant",
    ][::core::mem::offset_of!(otr_residual_summary, constant) - 88usize];
    [
        "Offset of field: otr_residual_summary::near_half",
    ][::core::mem::offset_of!(otr_residual_summary, near_half) - 92usize];
    [
        "Offset of field: otr_residual_summary::other_rates",
    ][::core::mem::offset_of!(otr_residual_summary, other_rates) - 96usize];
    [
        "Offset of field: otr_residual_summary::misfit",
    ][::core::mem::offset_of!(otr_residual_summary, misfit) - 100usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_residuals_create(
        out: *mut *mut otr_residuals,
        model: *const otr_model,
        moments: *const otr_moments,
        level: f64,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_residuals_destroy(residuals: *mut otr_residuals);
}
unsafe extern "C" {
    pub fn otr_residuals_pair_count(residuals: *const otr_residuals) -> u64;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_residuals_pair(
        residuals: *const otr_residuals,
        index: u64,
        out: *mut otr_residual_pair,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_residuals_detector_count(residuals: *const otr_residuals) -> u32;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_residuals_detector(
        residuals: *const otr_residuals,
        index: u32,
        out: *mut otr_residual_detector,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_residuals_summarise(
        residuals: *const otr_residuals,
    ) -> otr_residual_summary;
}
unsafe extern "C" {
    pub fn otr_residuals_bytes(residuals: *const otr_residuals) -> usize;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_learnability {
    pub classes: u32,
    pub invisible: u32,
    pub shared: u32,
    pub boundary: u32,
    pub kept: u32,
    pub unsure: u32,
    pub negative: u32,
    pub boundary_unsure: u32,
    pub has_few_shots: bool,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_learnability"][::core::mem::size_of::<otr_learnability>() - 36usize];
    [
        "Alignment of otr_learnability",
    ][::core::mem::align_of::<otr_learnability>() - 4usize];
    [
        "Offset of field: otr_learnability::classes",
    ][::core::mem::offset_of!(otr_learnability, classes) - 0usize];
    [
        "Offset of field: otr_learnability::invisible",
    ][::core::mem::offset_of!(otr_learnability, invisible) - 4usize];
    [
        "Offset of field: otr_learnability::shared",
    ][::core::mem::offset_of!(otr_learnability, shared) - 8usize];
    [
        "Offset of field: otr_learnability::boundary",
    ][::core::mem::offset_of!(otr_learnability, boundary) - 12usize];
    [
        "Offset of field: otr_learnability::kept",
    ][::core::mem::offset_of!(otr_learnability, kept) - 16usize];
    [
        "Offset of field: otr_learnability::unsure",
    ][::core::mem::offset_of!(otr_learnability, unsure) - 20usize];
    [
        "Offset of field: otr_learnability::negative",
    ][::core::mem::offset_of!(otr_learnability, negative) - 24usize];
    [
        "Offset of field: otr_learnability::boundary_unsure",
    ][::core::mem::offset_of!(otr_learnability, boundary_unsure) - 28usize];
    [
        "Offset of field: otr_learnability::has_few_shots",
    ][::core::mem::offset_of!(otr_learnability, has_few_shots) - 32usize];
};
unsafe extern "C" {
    pub fn otr_rates_judge(rates: *const otr_rates, flags: *mut u32) -> otr_learnability;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_round_sampler {
    _unused: [u8; 0],
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_round_sampler_create(
        out: *mut *mut otr_round_sampler,
        model: *const otr_model,
        seed: u64,
        isa: otr_isa,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_round_sampler_destroy(sampler: *mut otr_round_sampler);
}
unsafe extern "C" {
    pub fn otr_round_sampler_layer_count(sampler: *const otr_round_sampler) -> u32;
}
unsafe extern "C" {
    pub fn otr_round_sampler_period(sampler: *const otr_round_sampler) -> u32;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_round_sampler_seek(
        sampler: *mut otr_round_sampler,
        history: u64,
        layer: u64,
        layer_count: u64,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_round_sampler_earliest_end(sampler: *const otr_round_sampler) -> u64;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_round_sampler_end(
        sampler: *mut otr_round_sampler,
        layer_count: u64,
        error: *mut otr_error,
    ) -> otr_status;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_sampled_layer {
    pub events: *const u8,
    pub detector_count: u32,
    pub is_last: bool,
    pub observables: *const u8,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_sampled_layer"][::core::mem::size_of::<otr_sampled_layer>() - 24usize];
    [
        "Alignment of otr_sampled_layer",
    ][::core::mem::align_of::<otr_sampled_layer>() - 8usize];
    [
        "Offset of field: otr_sampled_layer::events",
    ][::core::mem::offset_of!(otr_sampled_layer, events) - 0usize];
    [
        "Offset of field: otr_sampled_layer::detector_count",
    ][::core::mem::offset_of!(otr_sampled_layer, detector_count) - 8usize];
    [
        "Offset of field: otr_sampled_layer::is_last",
    ][::core::mem::offset_of!(otr_sampled_layer, is_last) - 12usize];
    [
        "Offset of field: otr_sampled_layer::observables",
    ][::core::mem::offset_of!(otr_sampled_layer, observables) - 16usize];
};
unsafe extern "C" {
    pub fn otr_round_sampler_next(
        sampler: *mut otr_round_sampler,
        out: *mut otr_sampled_layer,
    ) -> bool;
}
impl otr_rule_kind {
    pub const OTR_RULE_CLIQUE: otr_rule_kind = otr_rule_kind(0);
    pub const OTR_RULE_SMITH: otr_rule_kind = otr_rule_kind(1);
    pub const OTR_RULE_MIN_SUM: otr_rule_kind = otr_rule_kind(2);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_rule_kind(pub ::core::ffi::c_uint);
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_rule_options {
    pub kind: otr_rule_kind,
    pub isa: otr_isa,
    pub iterations: u32,
    pub normalization: u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_rule_options"][::core::mem::size_of::<otr_rule_options>() - 16usize];
    [
        "Alignment of otr_rule_options",
    ][::core::mem::align_of::<otr_rule_options>() - 4usize];
    [
        "Offset of field: otr_rule_options::kind",
    ][::core::mem::offset_of!(otr_rule_options, kind) - 0usize];
    [
        "Offset of field: otr_rule_options::isa",
    ][::core::mem::offset_of!(otr_rule_options, isa) - 4usize];
    [
        "Offset of field: otr_rule_options::iterations",
    ][::core::mem::offset_of!(otr_rule_options, iterations) - 8usize];
    [
        "Offset of field: otr_rule_options::normalization",
    ][::core::mem::offset_of!(otr_rule_options, normalization) - 12usize];
};
unsafe extern "C" {
    pub fn otr_rule_options_default(kind: otr_rule_kind) -> otr_rule_options;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_rule_predecoder_create(
        out: *mut *mut otr_predecoder,
        graph: *const otr_graph,
        model: *const otr_model,
        options: *const otr_rule_options,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_rule_name(kind: otr_rule_kind) -> *const ::core::ffi::c_char;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_rule_from_name(
        name: *const ::core::ffi::c_char,
        kind: *mut otr_rule_kind,
    ) -> otr_status;
}
impl otr_shot_format {
    pub const OTR_FORMAT_01: otr_shot_format = otr_shot_format(0);
    pub const OTR_FORMAT_B8: otr_shot_format = otr_shot_format(1);
    pub const OTR_FORMAT_R8: otr_shot_format = otr_shot_format(2);
    pub const OTR_FORMAT_PTB64: otr_shot_format = otr_shot_format(3);
    pub const OTR_FORMAT_HITS: otr_shot_format = otr_shot_format(4);
    pub const OTR_FORMAT_DETS: otr_shot_format = otr_shot_format(5);
}
#[repr(transparent)]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct otr_shot_format(pub ::core::ffi::c_uint);
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_shot_layout {
    pub measurements: u64,
    pub detectors: u64,
    pub observables: u64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_shot_layout"][::core::mem::size_of::<otr_shot_layout>() - 24usize];
    [
        "Alignment of otr_shot_layout",
    ][::core::mem::align_of::<otr_shot_layout>() - 8usize];
    [
        "Offset of field: otr_shot_layout::measurements",
    ][::core::mem::offset_of!(otr_shot_layout, measurements) - 0usize];
    [
        "Offset of field: otr_shot_layout::detectors",
    ][::core::mem::offset_of!(otr_shot_layout, detectors) - 8usize];
    [
        "Offset of field: otr_shot_layout::observables",
    ][::core::mem::offset_of!(otr_shot_layout, observables) - 16usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_shot_format_from_name(
        name: *const ::core::ffi::c_char,
        out: *mut otr_shot_format,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_shot_format_name(format: otr_shot_format) -> *const ::core::ffi::c_char;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_shot_reader {
    _unused: [u8; 0],
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_shot_reader_create(
        out: *mut *mut otr_shot_reader,
        format: otr_shot_format,
        layout: *const otr_shot_layout,
        isa: otr_isa,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_shot_reader_destroy(reader: *mut otr_shot_reader);
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_shot_reader_read(
        reader: *mut otr_shot_reader,
        input: *const u8,
        input_bytes: usize,
        consumed: *mut usize,
        rows: *mut u8,
        row_stride: usize,
        row_capacity: usize,
        row_count: *mut usize,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_shot_reader_finish(
        reader: *mut otr_shot_reader,
        rows: *mut u8,
        row_stride: usize,
        row_count: *mut usize,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_shot_reader_shots(reader: *const otr_shot_reader) -> u64;
}
#[repr(C)]
#[derive(Debug)]
pub struct otr_shot_writer {
    _unused: [u8; 0],
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_shot_writer_create(
        out: *mut *mut otr_shot_writer,
        format: otr_shot_format,
        layout: *const otr_shot_layout,
        isa: otr_isa,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_shot_writer_destroy(writer: *mut otr_shot_writer);
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_shot_writer_write(
        writer: *mut otr_shot_writer,
        rows: *const u8,
        row_stride: usize,
        row_count: usize,
        bytes: *mut *const u8,
        byte_count: *mut usize,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_shot_writer_finish(
        writer: *mut otr_shot_writer,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_normal_log10_p(z: f64) -> f64;
}
unsafe extern "C" {
    pub fn otr_chi_square_log10_p(x: f64, freedom: f64) -> f64;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_event_slot {
    pub dx: i32,
    pub dy: i32,
    pub dt: i32,
    pub boundary: i32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of otr_event_slot"][::core::mem::size_of::<otr_event_slot>() - 16usize];
    ["Alignment of otr_event_slot"][::core::mem::align_of::<otr_event_slot>() - 4usize];
    [
        "Offset of field: otr_event_slot::dx",
    ][::core::mem::offset_of!(otr_event_slot, dx) - 0usize];
    [
        "Offset of field: otr_event_slot::dy",
    ][::core::mem::offset_of!(otr_event_slot, dy) - 4usize];
    [
        "Offset of field: otr_event_slot::dt",
    ][::core::mem::offset_of!(otr_event_slot, dt) - 8usize];
    [
        "Offset of field: otr_event_slot::boundary",
    ][::core::mem::offset_of!(otr_event_slot, boundary) - 12usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_event_geometry {
    pub pitch: [i32; 3usize],
    pub kind: [i32; 3usize],
    pub kinds: i32,
    pub radius: i32,
    pub transposed: *const u8,
    pub set: *const u8,
    pub sets: i32,
    pub slots: i32,
    pub slot: *const otr_event_slot,
    pub plane: *const [::core::ffi::c_int; 3usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_event_geometry",
    ][::core::mem::size_of::<otr_event_geometry>() - 72usize];
    [
        "Alignment of otr_event_geometry",
    ][::core::mem::align_of::<otr_event_geometry>() - 8usize];
    [
        "Offset of field: otr_event_geometry::pitch",
    ][::core::mem::offset_of!(otr_event_geometry, pitch) - 0usize];
    [
        "Offset of field: otr_event_geometry::kind",
    ][::core::mem::offset_of!(otr_event_geometry, kind) - 12usize];
    [
        "Offset of field: otr_event_geometry::kinds",
    ][::core::mem::offset_of!(otr_event_geometry, kinds) - 24usize];
    [
        "Offset of field: otr_event_geometry::radius",
    ][::core::mem::offset_of!(otr_event_geometry, radius) - 28usize];
    [
        "Offset of field: otr_event_geometry::transposed",
    ][::core::mem::offset_of!(otr_event_geometry, transposed) - 32usize];
    [
        "Offset of field: otr_event_geometry::set",
    ][::core::mem::offset_of!(otr_event_geometry, set) - 40usize];
    [
        "Offset of field: otr_event_geometry::sets",
    ][::core::mem::offset_of!(otr_event_geometry, sets) - 48usize];
    [
        "Offset of field: otr_event_geometry::slots",
    ][::core::mem::offset_of!(otr_event_geometry, slots) - 52usize];
    [
        "Offset of field: otr_event_geometry::slot",
    ][::core::mem::offset_of!(otr_event_geometry, slot) - 56usize];
    [
        "Offset of field: otr_event_geometry::plane",
    ][::core::mem::offset_of!(otr_event_geometry, plane) - 64usize];
};
#[repr(C)]
#[derive(Debug)]
pub struct otr_training {
    _unused: [u8; 0],
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_training_create(
        out: *mut *mut otr_training,
        graph: *const otr_graph,
        model: *const otr_model,
        geometry: *const otr_event_geometry,
        offset_nats: f64,
        isa: otr_isa,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_training_destroy(training: *mut otr_training);
}
unsafe extern "C" {
    pub fn otr_training_log_noise(training: *const otr_training) -> f64;
}
unsafe extern "C" {
    pub fn otr_training_relations(training: *const otr_training) -> u32;
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct otr_training_shots {
    pub shot_count: usize,
    pub event_count: usize,
    pub shot_events: *const u64,
    pub detector: *const u32,
    pub set: *const u32,
    pub place: *const u32,
    pub phase: *const u32,
    pub pair_count: usize,
    pub relation_pairs: *const u64,
    pub target: *const u32,
    pub source: *const u32,
    pub edge_count: usize,
    pub shot_edges: *const u64,
    pub edge: *const u32,
    pub output1: *const u32,
    pub output2: *const u32,
    pub prior: *const f32,
    pub label: *const f32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of otr_training_shots",
    ][::core::mem::size_of::<otr_training_shots>() - 144usize];
    [
        "Alignment of otr_training_shots",
    ][::core::mem::align_of::<otr_training_shots>() - 8usize];
    [
        "Offset of field: otr_training_shots::shot_count",
    ][::core::mem::offset_of!(otr_training_shots, shot_count) - 0usize];
    [
        "Offset of field: otr_training_shots::event_count",
    ][::core::mem::offset_of!(otr_training_shots, event_count) - 8usize];
    [
        "Offset of field: otr_training_shots::shot_events",
    ][::core::mem::offset_of!(otr_training_shots, shot_events) - 16usize];
    [
        "Offset of field: otr_training_shots::detector",
    ][::core::mem::offset_of!(otr_training_shots, detector) - 24usize];
    [
        "Offset of field: otr_training_shots::set",
    ][::core::mem::offset_of!(otr_training_shots, set) - 32usize];
    [
        "Offset of field: otr_training_shots::place",
    ][::core::mem::offset_of!(otr_training_shots, place) - 40usize];
    [
        "Offset of field: otr_training_shots::phase",
    ][::core::mem::offset_of!(otr_training_shots, phase) - 48usize];
    [
        "Offset of field: otr_training_shots::pair_count",
    ][::core::mem::offset_of!(otr_training_shots, pair_count) - 56usize];
    [
        "Offset of field: otr_training_shots::relation_pairs",
    ][::core::mem::offset_of!(otr_training_shots, relation_pairs) - 64usize];
    [
        "Offset of field: otr_training_shots::target",
    ][::core::mem::offset_of!(otr_training_shots, target) - 72usize];
    [
        "Offset of field: otr_training_shots::source",
    ][::core::mem::offset_of!(otr_training_shots, source) - 80usize];
    [
        "Offset of field: otr_training_shots::edge_count",
    ][::core::mem::offset_of!(otr_training_shots, edge_count) - 88usize];
    [
        "Offset of field: otr_training_shots::shot_edges",
    ][::core::mem::offset_of!(otr_training_shots, shot_edges) - 96usize];
    [
        "Offset of field: otr_training_shots::edge",
    ][::core::mem::offset_of!(otr_training_shots, edge) - 104usize];
    [
        "Offset of field: otr_training_shots::output1",
    ][::core::mem::offset_of!(otr_training_shots, output1) - 112usize];
    [
        "Offset of field: otr_training_shots::output2",
    ][::core::mem::offset_of!(otr_training_shots, output2) - 120usize];
    [
        "Offset of field: otr_training_shots::prior",
    ][::core::mem::offset_of!(otr_training_shots, prior) - 128usize];
    [
        "Offset of field: otr_training_shots::label",
    ][::core::mem::offset_of!(otr_training_shots, label) - 136usize];
};
unsafe extern "C" {
    #[must_use]
    pub fn otr_training_batch(
        training: *mut otr_training,
        detectors: *const u8,
        detector_stride: usize,
        edges: *const u8,
        edge_stride: usize,
        shot_count: usize,
        out: *mut otr_training_shots,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_training_embed_forward(
        training: *const otr_training,
        width: u32,
        rows: *const f32,
        out: *mut f32,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_training_embed_backward(
        training: *const otr_training,
        width: u32,
        gradient: *const f32,
        row_gradient: *mut f32,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_training_message_forward(
        training: *const otr_training,
        width: u32,
        weights: *const f32,
        in_: *const f32,
        out: *mut f32,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_training_message_backward(
        training: *const otr_training,
        width: u32,
        weights: *const f32,
        in_: *const f32,
        gradient: *const f32,
        in_gradient: *mut f32,
        weight_gradient: *mut f32,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_training_gaps(
        training: *mut otr_training,
        logits: *const f32,
        limit: f64,
        gaps: *mut f64,
        shot_differences: *mut u64,
        edges: *mut *const u32,
        signs: *mut *const i8,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    #[must_use]
    pub fn otr_training_screen(
        training: *mut otr_training,
        detectors: *const u8,
        detector_stride: usize,
        shot_count: usize,
        limit: f64,
        shots: *mut u32,
        count: *mut usize,
        error: *mut otr_error,
    ) -> otr_status;
}
unsafe extern "C" {
    pub fn otr_abi_version() -> u32;
}
