//! Random small detector error models, odd ones included: several components, with and without boundary, parallel
//! edges, decomposed errors, zero weights, ties, probabilities above 1/2, nodes without edges, more than 64 observables.

use super::random::Random;
use std::fmt::Write;

/// What a model may contain beyond edges of probability below 1/2.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Signs {
    /// Probabilities up to 1/2: no negative weights.
    NonNegative,
    /// Sometimes probabilities above 1/2.
    Any,
}

/// The text of a random model with 1 to `nodes_max` detectors.
pub(crate) fn random_model(random: &mut Random, nodes_max: usize, signs: Signs) -> String {
    let nodes = 1 + random.below(nodes_max);
    let shape = Shape {
        component_of: random_components(random, nodes),
        has_boundary: std::array::from_fn(|_| random.below(4) > 0),
        boundary_share: 1 + random.below(5),
        observables: [1, 2, 3, 70, 130][random.below(5)],
    };
    let ties = random.below(3) == 0;
    let zeros = random.below(3) == 0;
    let mut text = String::new();
    for _ in 0..1 + random.below(3 * nodes) {
        let parts = 1 + random.below(5) / 4;
        let components: Vec<_> = (0..parts).filter_map(|_| random_component(random, &shape)).collect();
        if !components.is_empty() {
            let probability = random_probability(random, ties, zeros, signs);
            writeln!(text, "error({probability}){}", components.join(" ^")).unwrap();
        }
    }
    writeln!(text, "detector D{}\nlogical_observable L{}", nodes - 1, shape.observables - 1).unwrap();
    text
}

/// What the errors of one model have in common.
struct Shape {
    component_of: Vec<usize>,
    has_boundary: [bool; COMPONENTS_MAX],
    boundary_share: usize,
    observables: usize,
}

const COMPONENTS_MAX: usize = 4;

fn random_components(random: &mut Random, nodes: usize) -> Vec<usize> {
    let components = if random.below(3) == 0 { 1 + random.below(COMPONENTS_MAX) } else { 1 };
    (0..nodes).map(|_| random.below(components)).collect()
}

/// The targets of an edge, or `None` if the nodes drawn may not share one.
fn random_component(random: &mut Random, shape: &Shape) -> Option<String> {
    let node1 = random.below(shape.component_of.len());
    let node2 = random.below(shape.component_of.len());
    let component = shape.component_of[node1];
    let mut targets = format!(" D{node1}");
    if !shape.has_boundary[component] || random.below(shape.boundary_share) > 0 {
        if node1 == node2 || shape.component_of[node2] != component {
            return None;
        }
        write!(targets, " D{node2}").unwrap();
    }
    for _ in 0..random.below(3) {
        write!(targets, " L{}", random.below(shape.observables)).unwrap();
    }
    Some(targets)
}

fn random_probability(random: &mut Random, ties: bool, zeros: bool, signs: Signs) -> f64 {
    if zeros && random.below(4) == 0 {
        return 0.5;
    }
    let below_half = if ties { [0.01, 0.1][random.below(2)] } else { 0.001 * (1 + random.below(499)) as f64 };
    if signs == Signs::Any && random.below(5) == 0 { 1.0 - below_half } else { below_half }
}

/// A random subset of `0..nodes`, ascending; sometimes sparse, sometimes dense.
pub(crate) fn random_events(random: &mut Random, nodes: usize, events_max: usize) -> Vec<u32> {
    let share = 1 + random.below(4);
    let mut events: Vec<u32> = (0..nodes as u32).filter(|_| random.below(share) == 0).collect();
    while events.len() > events_max {
        events.remove(random.below(events.len()));
    }
    events
}
