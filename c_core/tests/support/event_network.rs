//! Event networks for tests and benches: random ones, their files, and a plain evaluation straight from the formulas
//! of `outrider/event_network.h`.

#![allow(dead_code, reason = "each program uses its own part")]

use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub(crate) dtype: &'static str,
    pub(crate) shape: Vec<usize>,
    /// Whole numbers, or f32 values; f64 holds both.
    pub(crate) values: Vec<f64>,
}

/// A file as its parts.
#[derive(Clone, Debug)]
pub(crate) struct NetworkFile {
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) tensors: BTreeMap<String, Tensor>,
}

/// What a random network is like. Slots fit the codes of Stim's circuits.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) width: usize,
    pub(crate) layers: usize,
    pub(crate) radius: i32,
    pub(crate) colouring: Colouring,
    /// Magnitude of weights; biases and rows follow.
    pub(crate) weight: i64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Colouring {
    /// Two kinds, one set of weights, the second kind transposed.
    Mirrored,
    /// Two kinds with weights of their own.
    Untied,
    /// One kind for all, which takes more than 16 slots.
    Plain,
    /// Three kinds that change from round to round, two sets.
    Odd,
}

/// An edge's offset, or the boundary.
type SlotRow = [i32; 4];

const MIRRORED_OFFSETS: [[i32; 3]; 6] =
    [[-2, 0, 1], [-1, -1, 1], [-1, 1, 0], [-1, 1, 1], [0, 0, 1], [1, 1, 0]];
const ALL_OFFSETS: [[i32; 3]; 8] =
    [[-2, 0, 1], [0, -2, 1], [-1, -1, 1], [-1, 1, 0], [-1, 1, 1], [1, -1, 1], [0, 0, 1], [1, 1, 0]];

fn slots_of(offsets: &[[i32; 3]], transposed: bool) -> Vec<SlotRow> {
    let mut slots: Vec<SlotRow> = Vec::new();
    for &[x, y, t] in offsets {
        let (x, y) = if transposed { (y, x) } else { (x, y) };
        slots.extend([[x, y, t, 0], [-x, -y, -t, 0]]);
    }
    slots.push([0, 0, 0, 1]);
    slots
}

/// The neighbourhood of a radius, in the order of its numbers.
pub(crate) fn neighbourhood(radius: i32) -> Vec<[i32; 3]> {
    let range = || -radius..=radius;
    let mut offsets = Vec::new();
    for t in range() {
        for y in range() {
            for x in range() {
                if [x, y, t] != [0; 3] && x.abs().max(y.abs()) + t.abs() <= radius {
                    offsets.push([x, y, t]);
                }
            }
        }
    }
    offsets
}

impl NetworkFile {
    /// `word` gives random words.
    pub(crate) fn random(shape: &Shape, word: &mut impl FnMut() -> u64) -> Self {
        let (w, relations) = (shape.width, neighbourhood(shape.radius).len());
        let (step, frames, slots): ([i32; 3], Vec<[i32; 2]>, Vec<Vec<SlotRow>>) = match shape.colouring {
            Colouring::Mirrored => {
                ([1, 1, 0], vec![[0, 0], [1, 0]], vec![slots_of(&MIRRORED_OFFSETS, false)])
            }
            Colouring::Untied => (
                [1, 1, 0],
                vec![[0, 1], [0, 0]],
                vec![slots_of(&MIRRORED_OFFSETS, true), slots_of(&MIRRORED_OFFSETS, false)],
            ),
            Colouring::Plain => ([0; 3], vec![[0, 0]], vec![slots_of(&ALL_OFFSETS, false)]),
            Colouring::Odd => {
                let turned = slots_of(&ALL_OFFSETS, true).into_iter().rev().collect();
                ([1, -4, 1], vec![[0, 0], [1, 1], [1, 0]], vec![slots_of(&ALL_OFFSETS, false), turned])
            }
        };
        let (kinds, sets, slot_count) = (frames.len(), slots.len(), slots[0].len());
        let mut file = Self { metadata: Vec::new(), tensors: BTreeMap::new() };
        file.metadata.push(("format".into(), "outrider-event-network".into()));
        file.metadata.push(("version".into(), "1".into()));
        file.metadata.push(("card".into(), r#"{"shots": 0, "note": "random \"weights\""}"#.into()));
        let whole = |low: i64, high: i64| {
            let span = (high - low + 1) as u64;
            move |count: usize, word: &mut dyn FnMut() -> u64| -> Vec<f64> {
                (0..count).map(|_| (low + (word() % span) as i64) as f64).collect()
            }
        };
        let lattice = [2, 2, 1, step[0], step[1], step[2], kinds as i32, shape.radius];
        file.add("lattice", "I32", &[8], lattice.map(f64::from).to_vec());
        file.add("frames", "I32", &[kinds, 2], frames.concat().into_iter().map(f64::from).collect());
        let slots = slots.concat().concat().into_iter().map(f64::from).collect();
        file.add("slots", "I32", &[sets, slot_count, 4], slots);
        let shifts = [vec![3.0], vec![8.0; shape.layers], vec![7.0, 6.0]].concat();
        file.add("shifts", "I32", &[shape.layers + 3], shifts);
        file.add("scalars", "F32", &[3], vec![0.01, 0.125, 2.5]);

        let (weight, row) = (shape.weight, shape.weight.min(90));
        file.add("embed", "I16", &[sets, relations, w], whole(-row, row)(sets * relations * w, word));
        file.add("place", "I16", &[kinds, 49, w], whole(-4 * row, 4 * row)(kinds * 49 * w, word));
        file.add("phase", "I16", &[kinds, 2, 7, w], whole(-4 * row, 4 * row)(kinds * 14 * w, word));
        let noise = |values: Vec<f64>| values.into_iter().map(|v| v / 16.0).collect::<Vec<_>>();
        file.add("noise.embed", "F32", &[w], noise(whole(-16 * row, 16 * row)(w, word)));
        for layer in 0..shape.layers {
            let name = |part: &str| format!("layer.{layer}.{part}");
            file.add(&name("self"), "I8", &[sets, w, w], whole(-weight, weight)(sets * w * w, word));
            let count = sets * relations * w * w;
            file.add(&name("relations"), "I8", &[sets, relations, w, w], whole(-weight, weight)(count, word));
            file.add(&name("bias"), "I32", &[sets, w], whole(-99 * weight, 99 * weight)(sets * w, word));
            file.add(&name("noise"), "F32", &[w], noise(whole(-999 * weight, 999 * weight)(w, word)));
        }
        file.add("hidden.weight", "I8", &[sets, w, w], whole(-weight, weight)(sets * w * w, word));
        file.add("hidden.bias", "I32", &[sets, w], whole(-99 * weight, 99 * weight)(sets * w, word));
        let heads = sets * slot_count;
        file.add("head.weight", "I8", &[sets, slot_count, w], whole(-weight, weight)(heads * w, word));
        file.add("head.bias", "I32", &[sets, slot_count], whole(-99 * weight, 99 * weight)(heads, word));
        file.add("float.extra", "F32", &[2], vec![0.5, -0.5]);
        file
    }

    pub(crate) fn add(&mut self, name: &str, dtype: &'static str, shape: &[usize], values: Vec<f64>) {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
        self.tensors.insert(name.into(), Tensor { dtype, shape: shape.to_vec(), values });
    }

    pub(crate) fn tensor(&mut self, name: &str) -> &mut Tensor {
        self.tensors.get_mut(name).unwrap_or_else(|| panic!("no tensor {name}"))
    }

    /// The bytes of the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let metadata: Vec<String> =
            self.metadata.iter().map(|(key, value)| format!("{}:{}", quoted(key), quoted(value))).collect();
        let mut entries = vec![format!("\"__metadata__\":{{{}}}", metadata.join(","))];
        let mut data = Vec::new();
        for (name, tensor) in &self.tensors {
            let begin = data.len();
            for &value in &tensor.values {
                match tensor.dtype {
                    "I8" => data.push(value as i8 as u8),
                    "I16" => data.extend((value as i16).to_le_bytes()),
                    "I32" => data.extend((value as i32).to_le_bytes()),
                    "F32" => data.extend((value as f32).to_le_bytes()),
                    other => panic!("no dtype {other}"),
                }
            }
            entries.push(format!(
                "{}:{{\"dtype\":\"{}\",\"shape\":{:?},\"data_offsets\":[{begin},{}]}}",
                quoted(name),
                tensor.dtype,
                tensor.shape,
                data.len()
            ));
        }
        let header = format!("{{{}}}", entries.join(","));
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
    }
}

/// What the plain evaluation knows of a graph.
pub(crate) struct Code<'a> {
    /// x, y and round of every detector.
    pub(crate) coordinates: &'a [[f64; 3]],
    /// Ends (no second one: the boundary), probability and weight.
    pub(crate) edges: &'a [(u32, Option<u32>, f64, i32)],
    pub(crate) scale: f64,
}

/// A network as the formulas want it.
pub(crate) struct Reference<'a> {
    file: &'a NetworkFile,
    lattice: Vec<i64>,
    relations: Vec<[i32; 3]>,
}

impl<'a> Reference<'a> {
    pub(crate) fn new(file: &'a NetworkFile) -> Self {
        let lattice: Vec<i64> = file.tensors["lattice"].values.iter().map(|&v| v as i64).collect();
        let relations = neighbourhood(lattice[7] as i32);
        Self { file, lattice, relations }
    }

    fn at(&self, name: &str, index: &[usize]) -> i64 {
        let tensor = &self.file.tensors[name];
        assert_eq!(index.len(), tensor.shape.len());
        let flat = index.iter().zip(&tensor.shape).fold(0, |flat, (&i, &length)| flat * length + i);
        tensor.values[flat] as i64
    }

    fn site(&self, coordinates: [f64; 3]) -> [i64; 3] {
        [0, 1, 2].map(|axis| coordinates[axis] as i64 / self.lattice[axis])
    }

    fn kind(&self, site: [i64; 3]) -> usize {
        let sum: i64 = (0..3).map(|axis| self.lattice[3 + axis] * site[axis]).sum();
        sum.rem_euclid(self.lattice[6]) as usize
    }

    fn set(&self, kind: usize) -> usize {
        self.at("frames", &[kind, 1]) as usize
    }

    /// The offset from one site to another in the first one's frame.
    fn offset(&self, from: [i64; 3], to: [i64; 3]) -> [i32; 3] {
        let [x, y, t] = [0, 1, 2].map(|axis| (to[axis] - from[axis]) as i32);
        if self.at("frames", &[self.kind(from), 0]) == 1 { [y, x, t] } else { [x, y, t] }
    }

    /// Overrides of a shot, by edge, and the weight offset.
    pub(crate) fn evaluate(&self, code: &Code, events: &[u32]) -> (BTreeMap<u32, i64>, i64) {
        let scalars = &self.file.tensors["scalars"].values;
        let even = |natural: f64| ((natural as f32 as f64) * code.scale / 2.0).round() as i64 * 2;
        let mean = code.edges.iter().map(|edge| edge.2).sum::<f64>() / code.edges.len() as f64;
        let level = (mean / f64::from(scalars[0] as f32)).ln();
        let steps = self.steps(code, events, level);
        let sites: Vec<_> = code.coordinates.iter().map(|&at| self.site(at)).collect();
        let mut overrides = BTreeMap::new();
        for (index, &(u, v, _, weight)) in code.edges.iter().enumerate() {
            let ends = [(Some(u), v), (v, Some(u))];
            let mut votes = 0;
            let mut is_named = false;
            for (end, other) in ends {
                let Some(position) = end.and_then(|end| events.iter().position(|&event| event == end)) else {
                    continue;
                };
                let from = sites[events[position] as usize];
                let wanted = match other {
                    Some(other) => {
                        let [x, y, t] = self.offset(from, sites[other as usize]);
                        [x, y, t, 0]
                    }
                    None => [0, 0, 0, 1],
                };
                let set = self.set(self.kind(from));
                let slot = (0..self.file.tensors["slots"].shape[1])
                    .find(|&slot| (0..4).all(|k| self.at("slots", &[set, slot, k]) == i64::from(wanted[k])))
                    .expect("every edge has a slot");
                votes += steps[position][slot];
                is_named = true;
            }
            if is_named {
                let limit = 0x3FFF_FFFE; // OTR_WEIGHT_MAX
                let weight = i64::from(weight) - even(scalars[1]) * votes;
                overrides.insert(index as u32, weight.clamp(-limit, limit));
            }
        }
        (overrides, even(scalars[2]))
    }

    /// o_i[s] for every event and slot.
    fn steps(&self, code: &Code, events: &[u32], level: f64) -> Vec<Vec<i64>> {
        let sites: Vec<_> = events.iter().map(|&e| self.site(code.coordinates[e as usize])).collect();
        let sets: Vec<_> = sites.iter().map(|&site| self.set(self.kind(site))).collect();
        let near: Vec<Vec<(usize, usize)>> = sites
            .iter()
            .map(|&from| {
                let relation = |&to| {
                    let offset = self.offset(from, to);
                    self.relations.iter().position(|&other| other == offset)
                };
                sites.iter().enumerate().filter_map(|(j, to)| relation(to).map(|r| (j, r))).collect()
            })
            .collect();
        let width = self.file.tensors["noise.embed"].shape[0];
        let noise = |name: &str, c: usize| {
            (f64::from(self.file.tensors[name].values[c] as f32) * level).round() as i64
        };
        let shifts: Vec<i64> = self.file.tensors["shifts"].values.iter().map(|&v| v as i64).collect();
        let half = |shift: i64| (1 << shift) >> 1;
        let narrow = |sum: i64, shift: i64| ((sum + half(shift)) >> shift).clamp(0, 127);
        let rows = |f: &dyn Fn(usize, usize) -> i64| -> Vec<Vec<i64>> {
            (0..events.len()).map(|i| (0..width).map(|c| f(i, c)).collect()).collect()
        };

        let classes = self.classes(code, events);
        let mut h = rows(&|i, c| {
            let kind = self.kind(sites[i]);
            let (place, is_closed, phase) = classes[i];
            let sum: i64 = near[i].iter().map(|&(_, r)| self.at("embed", &[sets[i], r, c])).sum();
            let here = self.at("place", &[kind, place, c]) + self.at("phase", &[kind, is_closed, phase, c]);
            narrow(sum + here + noise("noise.embed", c), shifts[0])
        });
        let layers = shifts.len() - 3;
        for layer in 0..layers {
            let name = |part: &str| format!("layer.{layer}.{part}");
            let (own, relations, bias) = (name("self"), name("relations"), name("bias"));
            h = rows(&|i, c| {
                let dot = |x: &[i64], weight: &dyn Fn(usize) -> i64| -> i64 {
                    x.iter().enumerate().map(|(k, &x)| x * weight(k)).sum()
                };
                let set = sets[i];
                let messages: i64 =
                    near[i].iter().map(|&(j, r)| dot(&h[j], &|k| self.at(&relations, &[set, r, c, k]))).sum();
                let sum = self.at(&bias, &[set, c])
                    + noise(&name("noise"), c)
                    + (h[i][c] << shifts[1 + layer])
                    + dot(&h[i], &|k| self.at(&own, &[set, c, k]))
                    + messages;
                narrow(sum, shifts[1 + layer])
            });
        }
        let product = |name: &str, h: &[i64], set: usize, row: usize| -> i64 {
            h.iter().enumerate().map(|(k, &x)| x * self.at(name, &[set, row, k])).sum()
        };
        h = rows(&|i, c| {
            let sum = self.at("hidden.bias", &[sets[i], c])
                + (h[i][c] << shifts[layers + 1])
                + product("hidden.weight", &h[i], sets[i], c);
            narrow(sum, shifts[layers + 1])
        });
        let head_shift = shifts[layers + 2];
        (0..events.len())
            .map(|i| {
                (0..self.file.tensors["slots"].shape[1])
                    .map(|slot| {
                        let sum = self.at("head.bias", &[sets[i], slot])
                            + product("head.weight", &h[i], sets[i], slot);
                        (sum + half(head_shift)) >> head_shift
                    })
                    .collect()
            })
            .collect()
    }

    /// Place, whether the kind occurs in the first round, and phase of every event.
    fn classes(&self, code: &Code, events: &[u32]) -> Vec<(usize, usize, usize)> {
        let sites: Vec<_> = code.coordinates.iter().map(|&at| self.site(at)).collect();
        let end = |axis: usize, value: i64| {
            let low = value - sites.iter().map(|site| site[axis]).min().expect("a site");
            let high = sites.iter().map(|site| site[axis]).max().expect("a site") - value;
            let class = if low.min(high) >= 3 {
                3
            } else if low <= high {
                low
            } else {
                6 - high
            };
            class as usize
        };
        let first = sites.iter().map(|site| site[2]).min().expect("a site");
        let place_of = |&event: &u32| {
            let site = sites[event as usize];
            let kind = self.kind(site);
            let (x, y) = (end(0, site[0]), end(1, site[1]));
            let (x, y) = if self.at("frames", &[kind, 0]) == 1 { (y, x) } else { (x, y) };
            let is_closed = sites.iter().any(|&other| other[2] == first && self.kind(other) == kind);
            (x * 7 + y, usize::from(is_closed), end(2, site[2]))
        };
        events.iter().map(place_of).collect()
    }
}
