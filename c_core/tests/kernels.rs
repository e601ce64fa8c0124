//! Every kernel of every instruction set against a plain Rust version, at awkward sizes and offsets.

use outrider_sys::*;

use crate::support::random::Random;

const ISAS: [otr_isa; 6] = [
    otr_isa::OTR_ISA_PORTABLE,
    otr_isa::OTR_ISA_NEON,
    otr_isa::OTR_ISA_AVX2,
    otr_isa::OTR_ISA_AVX512,
    otr_isa::OTR_ISA_AVX512VNNI,
    otr_isa::OTR_ISA_AMX,
];

const SIZES: [usize; 17] = [0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 511, 31 * 64 + 7];

/// Fills buffers and what lies around them.
const CANARY: u8 = 0xA5;
const LANES: usize = OTR_RANDOM_LANES as usize;

/// The tables that this machine can run; says which it cannot.
fn tables(slot: &str) -> Vec<&'static otr_kernels> {
    let mut found = Vec::new();
    for isa in ISAS {
        // SAFETY: a table is a constant of the library, and a name a static string.
        let (table, name) =
            unsafe { (otr_kernels_for(isa).as_ref(), std::ffi::CStr::from_ptr(otr_isa_name(isa))) };
        // Tiles need a permission, which the safe API asks for.
        let permitted = isa != otr_isa::OTR_ISA_AMX || outrider::Isa::Amx.is_available();
        match table.filter(|_| permitted) {
            Some(table) => found.push(table),
            None => println!("{slot}: skipped {name:?}, which this machine or build lacks"),
        }
    }
    found
}

fn portable() -> &'static otr_kernels {
    // SAFETY: the portable table always exists and is a constant of the library.
    unsafe { &*otr_kernels_for(otr_isa::OTR_ISA_PORTABLE) }
}

/// Bit patterns of `bytes` bytes: none, all, alternating, sparse, random.
fn patterns(bytes: usize, random: &mut Random) -> Vec<Vec<u8>> {
    let sparse = (0..bytes).map(|_| if random.below(16) == 0 { 1 << random.below(8) } else { 0 }).collect();
    let dense = (0..bytes).map(|_| random.word() as u8).collect();
    vec![vec![0; bytes], vec![0xFF; bytes], vec![0x55; bytes], sparse, dense]
}

fn bit(bytes: &[u8], index: usize) -> bool {
    bytes[index / 8] >> (index % 8) & 1 == 1
}

/// Rust asks the CPU with code of its own.
#[cfg(target_arch = "x86_64")]
#[test]
fn instruction_sets_are_those_that_rust_finds() {
    use otr_isa as Set;
    use std::arch::is_x86_feature_detected as has;
    // SAFETY: the call takes any value; a table is a constant of the library.
    let found = |isa| unsafe { otr_kernels_for(isa).as_ref() }.map(|table| table.isa);
    let avx2 = has!("avx2") && has!("bmi1") && has!("bmi2") && has!("popcnt");
    let avx512 = avx2 && has!("avx512f") && has!("avx512bw") && has!("avx512vl") && has!("avx512dq");
    let sets = [
        (Set::OTR_ISA_PORTABLE, true),
        (Set::OTR_ISA_AVX2, avx2),
        (Set::OTR_ISA_AVX512, avx512),
        (Set::OTR_ISA_AVX512VNNI, avx512 && has!("avx512vnni")),
        (Set::OTR_ISA_NEON, false),
    ];
    for (isa, is_here) in sets {
        assert_eq!(found(isa), is_here.then_some(isa));
    }
    let best = sets.into_iter().rfind(|&(_, is_here)| is_here).map(|(isa, _)| isa);
    assert_eq!(found(Set::OTR_ISA_AUTO), best);
}

#[test]
fn bit_indices_lists_ascending_ones() {
    let mut random = Random(1);
    for table in tables("bit_indices") {
        let kernel = table.bit_indices.unwrap();
        for bits in SIZES {
            for pattern in patterns(bits.div_ceil(8), &mut random) {
                for offset in 0..4 {
                    let mut input = vec![CANARY; offset];
                    input.extend(&pattern);
                    input.shrink_to_fit();
                    let mut indices = vec![u32::MAX; bits + 16 + 1];
                    // SAFETY: the input holds ceil(bits/8) bytes from offset on, the output bits + 16 entries.
                    let count = unsafe { kernel(input[offset..].as_ptr(), bits, indices.as_mut_ptr()) };
                    let expected: Vec<u32> =
                        (0..bits).filter(|&k| bit(&pattern, k)).map(|k| k as u32).collect();
                    assert_eq!(indices[..count], expected, "{:?} {bits} bits", table.isa);
                    assert!(indices[(count + 16).min(bits + 16)..].iter().all(|&index| index == u32::MAX));
                }
            }
        }
    }
}

#[test]
fn transpose_exchanges_rows_and_columns() {
    let mut random = Random(2);
    for table in tables("transpose_64x64") {
        let kernel = table.transpose_64x64.unwrap();
        let mut matrices: Vec<[u64; 64]> = vec![[0; 64], [u64::MAX; 64]];
        for bit in 0..64 {
            matrices.push(std::array::from_fn(|row| if row == bit { 1 << (bit * 7 % 64) } else { 0 }));
            matrices.push(std::array::from_fn(|row| if row < bit { u64::MAX } else { 0 }));
        }
        matrices.extend((0..20).map(|_| std::array::from_fn(|_| random.word())));
        for matrix in matrices {
            for offset in 0..8 {
                let mut buffer = [u64::from(CANARY); 64 + 8];
                buffer[offset..offset + 64].copy_from_slice(&matrix);
                // SAFETY: 64 words follow the offset.
                unsafe { kernel(buffer[offset..].as_mut_ptr()) };
                for (row, &word) in buffer[offset..offset + 64].iter().enumerate() {
                    let expected = (0..64).fold(0, |sum, column| sum | (matrix[column] >> row & 1) << column);
                    assert_eq!(word, expected, "{:?} row {row}", table.isa);
                }
                let mut around = buffer[..offset].iter().chain(&buffer[offset + 64..]);
                assert!(around.all(|&word| word == u64::from(CANARY)), "{:?} wrote outside", table.isa);
            }
        }
    }
}

#[test]
fn xor_and_count_agree_with_plain_loops() {
    let mut random = Random(3);
    for table in tables("xor_words, count_bits") {
        for words in SIZES {
            for offset in 0..3 {
                let ones: Vec<u64> = vec![u64::MAX; offset + words + 1];
                let source: Vec<u64> = ones.iter().map(|_| random.word()).collect();
                let before: Vec<u64> = ones.iter().map(|_| random.word()).collect();
                let mut target = before.clone();
                // SAFETY: `words` words follow the offset in every buffer.
                let counts = unsafe {
                    table.xor_words.unwrap()(target[offset..].as_mut_ptr(), source[offset..].as_ptr(), words);
                    [&ones, &source].map(|buffer| table.count_bits.unwrap()(buffer[offset..].as_ptr(), words))
                };
                for i in 0..target.len() {
                    let inside = i >= offset && i < offset + words;
                    assert_eq!(
                        target[i],
                        if inside { before[i] ^ source[i] } else { before[i] },
                        "{:?}",
                        table.isa
                    );
                }
                let expected =
                    source[offset..offset + words].iter().map(|word| u64::from(word.count_ones())).sum();
                assert_eq!(counts, [64 * words as u64, expected], "{:?} {words} words", table.isa);
            }
        }
    }
}

#[test]
fn long_counts_overflow_nothing() {
    let words = vec![u64::MAX; 100_000];
    for table in tables("count_bits") {
        // SAFETY: pointer and length describe `words`.
        let count = unsafe { table.count_bits.unwrap()(words.as_ptr(), words.len()) };
        assert_eq!(count, 6_400_000, "{:?}", table.isa);
    }
}

#[test]
fn digits_and_bits_convert_both_ways() {
    let mut random = Random(4);
    for table in tables("digits_to_bits, bits_to_digits") {
        for bits in SIZES {
            for pattern in patterns(bits.div_ceil(8), &mut random) {
                for offset in 0..4 {
                    let mut digits = vec![CANARY; offset + bits + 1];
                    // SAFETY: the pattern holds ceil(bits/8) bytes, and `bits` characters follow the offset.
                    unsafe {
                        table.bits_to_digits.unwrap()(pattern.as_ptr(), bits, digits[offset..].as_mut_ptr())
                    };
                    for k in 0..bits {
                        assert_eq!(digits[offset + k], b'0' + u8::from(bit(&pattern, k)), "{:?}", table.isa);
                    }
                    assert!(
                        digits[..offset].iter().chain(&digits[offset + bits..]).all(|&byte| byte == CANARY)
                    );

                    let mut packed = vec![CANARY; bits.div_ceil(8) + 1];
                    // SAFETY: as above, the other way.
                    let count = unsafe {
                        table.digits_to_bits.unwrap()(digits[offset..].as_ptr(), bits, packed.as_mut_ptr())
                    };
                    assert_eq!(count, bits, "{:?}", table.isa);
                    assert!((0..bits).all(|k| bit(&packed, k) == bit(&pattern, k)), "{:?} {bits}", table.isa);
                    assert!((bits..8 * bits.div_ceil(8)).all(|k| !bit(&packed, k)), "padding is zero");
                    assert_eq!(packed[bits.div_ceil(8)], CANARY);
                }
            }
        }
    }
}

#[test]
fn digits_to_bits_stops_at_the_first_other_character() {
    for table in tables("digits_to_bits") {
        for count in [1, 8, 9, 64, 65, 200] {
            for at in 0..count {
                for wrong in [b'2', b'/', b'\n', b'\r', 0xB0, 0xB1, 0, 0xFF] {
                    let mut digits = vec![b'1'; count];
                    digits[at] = wrong;
                    digits[count - 1] = if at == count - 1 { wrong } else { b'x' };
                    let mut packed = vec![0; count.div_ceil(8)];
                    // SAFETY: the buffers hold `count` characters and bits.
                    let found =
                        unsafe { table.digits_to_bits.unwrap()(digits.as_ptr(), count, packed.as_mut_ptr()) };
                    assert_eq!(found, at, "{:?} {count} digits", table.isa);
                }
            }
        }
    }
}

fn random_words(table: &otr_kernels, key: u64, high: u64, low: u64) -> [u64; 2 * LANES] {
    let mut words = [0; 2 * LANES];
    // SAFETY: the buffer holds two words for each lane.
    unsafe { table.random_words.unwrap()(key, high, low, words.as_mut_ptr()) };
    words
}

/// The vectors of Random123 1.14 (kat_vectors, philox4x32 10): counter, key, output, lowest word first.
const PHILOX_VECTORS: [([u32; 4], [u32; 2], [u32; 4]); 3] = [
    ([0; 4], [0; 2], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]),
    ([u32::MAX; 4], [u32::MAX; 2], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]),
    (
        [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
        [0xa4093822, 0x299f31d0],
        [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ),
];

#[test]
fn random_words_are_philox() {
    let join = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
    for table in tables("random_words") {
        for (counter, key, output) in PHILOX_VECTORS {
            let lane = counter[0] as usize % LANES;
            let low = join(counter[0], counter[1]) - lane as u64;
            let words = random_words(table, join(key[0], key[1]), join(counter[2], counter[3]), low);
            assert_eq!(words[lane], join(output[0], output[1]), "{:?}", table.isa);
            assert_eq!(words[LANES + lane], join(output[2], output[3]), "{:?}", table.isa);
        }
        let mut random = Random(5);
        for _ in 0..50 {
            let (key, high, low) = (random.word(), random.word(), random.word() & !(LANES as u64 - 1));
            let portable = portable();
            assert_eq!(random_words(table, key, high, low), random_words(portable, key, high, low));
        }
    }
}

fn geometric_skips(table: &otr_kernels, words: &[u64; LANES], scale: f64) -> [u64; LANES] {
    let mut skips = [0; LANES];
    // SAFETY: both buffers hold a word for each lane.
    unsafe { table.geometric_skips.unwrap()(words.as_ptr(), scale, skips.as_mut_ptr()) };
    skips
}

/// Words near 0 and 1, near the logarithm's own borders, and random ones.
fn awkward_words() -> Vec<[u64; LANES]> {
    let mut random = Random(6);
    let mut words =
        vec![0, 1, 1 << 11, 1 << 12, 1 << 13, u64::MAX, u64::MAX - (1 << 12), 1 << 63, (1 << 63) - 1];
    for place in 0..64 {
        let power = 1u64 << place;
        words.extend([power, power - 1, u64::MAX - power]);
        let border = ((std::f64::consts::FRAC_1_SQRT_2 * 2f64.powi(64)) as u64) >> place;
        words.extend([border - 1, border, border + 1].map(|word| word ^ (random.word() % 4096)));
    }
    words.extend((0..100_000).map(|_| random.word() >> random.below(64)));
    words.extend((0..100_000).map(|_| random.word()));
    words.chunks_exact(LANES).map(|chunk| chunk.try_into().unwrap()).collect()
}

#[test]
fn skips_are_scaled_logarithms() {
    for table in tables("geometric_skips") {
        for words in awkward_words() {
            let skips = geometric_skips(table, &words, OTR_SKIP_SCALE_MAX);
            for (word, skip) in words.into_iter().zip(skips) {
                let u = ((word >> 12) as f64 + 0.5) / 2f64.powi(52);
                let exact = -u.ln();
                let got = skip as f64 / OTR_SKIP_SCALE_MAX;
                // Rounding down loses less than one step; the library's logarithm may be off by half a unit.
                let allowed = 1.0 / OTR_SKIP_SCALE_MAX + 1.2e-15 * exact;
                assert!((got - exact).abs() <= allowed, "{:?} {word:#x}: {got} for {exact}", table.isa);
            }
            for scale in [OTR_SKIP_SCALE_MAX, 1.0, std::f64::consts::LOG2_E, 333.25, 1e-3, 4294967295.5] {
                let portable = geometric_skips(portable(), &words, scale);
                assert_eq!(geometric_skips(table, &words, scale), portable, "{:?} scale {scale}", table.isa);
            }
        }
    }
}

#[test]
fn logarithms_are_the_same_everywhere() {
    let mut random = Random(17);
    let mut inputs = vec![1.0, f64::MIN_POSITIVE, f64::MAX, 1.0 - f64::EPSILON / 2.0, 1.0 + f64::EPSILON];
    inputs.extend((-708..709).map(|power| f64::from(power).exp()));
    inputs.extend((0..100_000).map(|_| (random.word() >> 12 | 1) as f64 / 2f64.powi(51)));
    inputs.extend((0..100_000).map(|_| f64::from_bits(random.word() >> 2)).filter(|x| x.is_normal()));
    for table in tables("logarithms") {
        let logarithms = |table: &otr_kernels| {
            let mut numbers = inputs.clone();
            // SAFETY: the buffer holds that many numbers.
            unsafe { table.logarithms.unwrap()(numbers.as_mut_ptr(), numbers.len()) };
            numbers
        };
        let found = logarithms(table);
        assert_eq!(found, logarithms(portable()), "{:?}", table.isa);
        for (x, ln) in inputs.iter().zip(found) {
            // One unit in the last place, and half a one that the library's own may be off.
            assert!((ln - x.ln()).abs() <= 1.5 * f64::EPSILON * x.ln().abs(), "{x}: {ln} for {}", x.ln());
        }
    }
}

/// What `scan_arcs` finds, in plain Rust: the mask, the least weight of an open arc and where it is first.
fn scan(arcs: &[[u32; 2]], bits: &[u64]) -> (u64, u32, u32) {
    let is_set = |head: u32| bits[head as usize / 64] >> (head % 64) & 1 == 1;
    let mask = arcs.iter().rev().fold(0, |mask, &[head, _]| mask << 1 | u64::from(is_set(head)));
    let open = arcs.iter().enumerate().filter(|(_, [head, _])| !is_set(*head));
    let least = open.min_by_key(|(_, [_, weight])| *weight);
    least.map_or((mask, u32::MAX, 0), |(position, &[_, weight])| (mask, weight, position as u32))
}

#[test]
fn arcs_are_scanned_alike() {
    const NODES: usize = 1000;
    let mut random = Random(7);
    for table in tables("scan_arcs") {
        let kernel = table.scan_arcs.unwrap();
        for pattern in patterns(NODES.div_ceil(64) * 8, &mut random) {
            let bits: Vec<u64> =
                pattern.chunks_exact(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap())).collect();
            for count in 0..=64 {
                // Few distinct weights, so that the first of several least ones matters; and extreme ones.
                let weights = [0, 2, 2, 4, 1 << 27, u32::MAX - 1];
                let mut arcs: Vec<[u32; 2]> = (0..count)
                    .map(|_| [random.below(NODES) as u32, weights[random.below(weights.len())]])
                    .collect();
                arcs.shrink_to_fit(); // so that a sanitizer sees a read past the end
                let (mut least, mut position) = (7, 7);
                // SAFETY: `count` pairs whose heads are bits of `bits`; both outputs are writable.
                let mask = unsafe {
                    kernel(arcs.as_ptr().cast(), count as u32, bits.as_ptr(), &mut least, &mut position)
                };
                assert_eq!((mask, least, position), scan(&arcs, &bits), "{:?} {arcs:?}", table.isa);
            }
        }
    }
}

#[test]
fn states_are_filtered_alike() {
    let mut random = Random(11);
    for table in tables("filter_states") {
        let kernel = table.filter_states.unwrap();
        for count in (0..40).chain([1000]) {
            let bit_count = random.below(1 + OTR_STATE_BITS as usize);
            let mut filter = otr_state_filter {
                turns: std::array::from_fn(|_| random.below(64) as u32),
                bits: std::array::from_fn(|place| if place < bit_count { 1 << place } else { 0 }),
                needed: std::array::from_fn(|_| random.below(5) as f64),
            };
            filter.needed[random.below(64)] = f64::INFINITY;
            let keys: Vec<u64> = (0..count).map(|_| random.word()).collect();
            let weights: Vec<f64> = (0..count).map(|_| random.below(6) as f64).collect();
            let pattern = |key: u64| {
                let bit = |place: u32| (key >> ((filter.turns[place as usize] + place) % 64) & 1) << place;
                (0..bit_count as u32).map(bit).sum::<u64>() as usize
            };
            let expected: Vec<u32> = (0..count as u32)
                .filter(|&i| weights[i as usize] > filter.needed[pattern(keys[i as usize])])
                .collect();
            let mut indices = vec![7; count + OTR_INDEX_SLACK as usize];
            // SAFETY: `count` keys and weights, and room for as many indices and the slack.
            let found =
                unsafe { kernel(keys.as_ptr(), weights.as_ptr(), count, &filter, indices.as_mut_ptr()) };
            assert_eq!(indices[..found], expected, "{:?}", table.isa);
        }
    }
}

#[test]
fn sums_are_flipped_alike() {
    let mut random = Random(12);
    for table in tables("flip_sums") {
        let kernel = table.flip_sums.unwrap();
        for bits in 1..11 {
            for _ in 0..40 {
                let count = 1 << bits;
                let mask = 1 + random.below(count - 1);
                let odds = random.below(1000) as f64 / 999.0;
                let before: Vec<f64> = (0..count).map(|_| random.below(1 << 30) as f64 / 7.0).collect();
                let expected: Vec<f64> = (0..count).map(|i| before[i] + odds * before[i ^ mask]).collect();
                let mut sums = before;
                // SAFETY: `count` sums, and a mask below it.
                unsafe { kernel(sums.as_mut_ptr(), count, mask, odds) };
                assert_eq!(sums, expected, "{:?} {count} {mask}", table.isa);
            }
        }
    }
}

#[test]
fn parities_are_counted_alike() {
    const COLUMNS: usize = 7;
    let mut random = Random(13);
    for table in tables("count_parities") {
        let kernel = table.count_parities.unwrap();
        for word_count in [0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 247, 248, 249, 600] {
            let stride = word_count + random.below(3);
            for is_full in [false, true] {
                let words: Vec<u64> =
                    (0..COLUMNS * stride).map(|_| if is_full { u64::MAX } else { random.word() }).collect();
                let columns = otr_bit_columns { words: words.as_ptr(), stride, word_count };
                for size in 0..6 {
                    let set_count = random.below(4);
                    let sets: Vec<u32> =
                        (0..set_count * size).map(|_| random.below(COLUMNS) as u32).collect();
                    let shift = random.below(17) as u32;
                    let mut counts: Vec<u64> = (0..=set_count as u64).collect();
                    // SAFETY: members are below COLUMNS, columns have `stride` words; there is a count for each set.
                    unsafe { kernel(&columns, sets.as_ptr(), size, set_count, shift, counts.as_mut_ptr()) };
                    for (i, &count) in counts[..set_count].iter().enumerate() {
                        let set = &sets[i * size..(i + 1) * size];
                        let bits =
                            |word| set.iter().fold(0, |sum, &c| sum ^ words[c as usize * stride + word]);
                        let expected: u64 =
                            (0..word_count).map(|word| u64::from(u64::count_ones(bits(word)))).sum();
                        assert_eq!(count, i as u64 + (expected << shift), "{:?} {word_count}", table.isa);
                    }
                    assert_eq!(counts[set_count], set_count as u64);
                }
            }
        }
    }
}

#[test]
fn auto_is_the_best_available() {
    // AMX is for those who ask for it.
    let best = tables("auto").into_iter().rfind(|table| table.isa != otr_isa::OTR_ISA_AMX).unwrap().isa;
    // SAFETY: never NULL for OTR_ISA_AUTO; the names are static strings.
    unsafe {
        assert_eq!((*otr_kernels_for(otr_isa::OTR_ISA_AUTO)).isa, best);
        assert!(otr_kernels_for(otr_isa(77)).is_null());
        assert_eq!(std::ffi::CStr::from_ptr(otr_isa_name(otr_isa(77))), c"unknown");
    }
}

/// Sums of a layer of random shape: `voxels` starts, `taps` distances, groups of input channels, blocks of output.
fn check_dense_sums(random: &mut Random, voxels: usize, taps: usize, tap_groups: usize, blocks: usize) {
    const BLOCK: usize = OTR_DENSE_BLOCK as usize;
    const GROUP: usize = OTR_DENSE_GROUP as usize;
    let block_groups = (taps * tap_groups).next_multiple_of(OTR_DENSE_GROUPS_ALIGN as usize);
    let extreme = random.below(4) == 0;
    let input: Vec<u8> = (0..3000).map(|_| if extreme { 127 } else { random.below(128) as u8 }).collect();
    let mut weights = vec![0_i8; blocks * block_groups * BLOCK * GROUP];
    for block in weights.chunks_mut(block_groups * BLOCK * GROUP) {
        let used = &mut block[..taps * tap_groups * BLOCK * GROUP];
        used.fill_with(|| if extreme { -127 } else { (random.below(255) as i16 - 127) as i8 });
    }
    let starts: Vec<u32> = (0..voxels).map(|_| random.below(1000) as u32).collect();
    let distances: Vec<u32> = (0..taps).map(|_| random.below(1000) as u32).collect();
    let layer = otr_dense_weights {
        weights: weights.as_ptr(),
        taps: distances.as_ptr(),
        tap_count: taps as u32,
        tap_groups: tap_groups as u32,
        block_groups: block_groups as u32,
        block_count: blocks as u32,
    };
    let weight = |block: usize, place: usize, channel: usize| {
        let group = (block * block_groups + place / GROUP) * BLOCK + channel;
        i32::from(weights[group * GROUP + place % GROUP])
    };
    let mut expected = Vec::new();
    for &start in &starts {
        for channel in 0..blocks * BLOCK {
            expected.push(
                (0..taps * tap_groups * GROUP)
                    .map(|place| {
                        let distance = distances[place / (tap_groups * GROUP)] as usize;
                        let at = start as usize + distance + place % (tap_groups * GROUP);
                        i32::from(input[at]) * weight(channel / BLOCK, place, channel % BLOCK)
                    })
                    .sum::<i32>(),
            );
        }
    }
    for table in tables("dense_sums") {
        let kernel = table.dense_sums.unwrap();
        let mut scratch = vec![0_u8; OTR_DENSE_TILE as usize * block_groups * GROUP];
        let mut sums = vec![i32::MIN; expected.len() + 1];
        // SAFETY: every start plus distance leaves room in the input; the buffers have the sizes that the slot asks for.
        unsafe {
            kernel(&layer, input.as_ptr(), starts.as_ptr(), voxels, scratch.as_mut_ptr(), sums.as_mut_ptr());
        }
        assert_eq!(sums.pop(), Some(i32::MIN), "{:?} writes past the end", table.isa);
        assert!(
            sums == expected,
            "{:?}: {voxels} voxels, {taps} x {tap_groups} groups, {blocks} blocks",
            table.isa
        );
    }
}

#[test]
fn dense_sums_are_convolutions() {
    let mut random = Random(11);
    for voxels in [0, 1, 2, 3, 4, 5, 6, 7, 12, 31, 32, 33] {
        for (taps, tap_groups, blocks) in [(1, 1, 1), (27, 1, 4), (2, 12, 5), (27, 4, 8), (125, 4, 1)] {
            check_dense_sums(&mut random, voxels, taps, tap_groups, blocks);
        }
    }
}

#[test]
fn dense_activate_looks_places_up() {
    let mut random = Random(12);
    let last = OTR_DENSE_TABLE - 1;
    let lookup: Vec<u8> = (0..=last).map(|i| (i * 7 % 128) as u8).collect();
    for channels in [0, 16, 32, 144] {
        for shift in [0, 12, 30] {
            let sums: Vec<i32> = (0..channels).map(|_| (random.word() as i32) >> shift).collect();
            let scales: Vec<f32> = (0..channels).map(|_| random.below(1000) as f32 * 1e-4).collect();
            let offsets: Vec<f32> = (0..channels).map(|_| random.below(2000) as f32 - 500.25).collect();
            let expected: Vec<u8> = (0..channels)
                .map(|c| {
                    let place = (sums[c] as f32 * scales[c] + offsets[c]).clamp(0.0, last as f32);
                    lookup[(place + 0.5) as usize]
                })
                .collect();
            for table in tables("dense_activate") {
                let kernel = table.dense_activate.unwrap();
                let mut output = vec![CANARY; channels + 1];
                // SAFETY: all arrays have `channels` entries and the table as many as the slot asks for.
                unsafe {
                    kernel(
                        sums.as_ptr(),
                        scales.as_ptr(),
                        offsets.as_ptr(),
                        lookup.as_ptr(),
                        channels,
                        output.as_mut_ptr(),
                    );
                }
                assert_eq!(output.pop(), Some(CANARY), "{:?} writes past the end", table.isa);
                assert!(output == expected, "{:?}", table.isa);
            }
        }
    }
}

const EVENTS: usize = 13;
const WIDTH_MAX: usize = OTR_EVENT_WIDTH_MAX as usize;
const HEAD: usize = OTR_EVENT_HEAD as usize;
const SLACK: usize = OTR_EVENT_OVERRIDE_SLACK as usize;

/// Rows that begin on cache lines, as the event network's loops want them.
#[derive(Clone)]
#[repr(align(64))]
struct Rows<T, const N: usize>([T; N]);

/// What the event network's loops read: features, rows, matrices and biases, and the events of a shot.
struct EventData {
    features: Rows<u8, { EVENTS * WIDTH_MAX }>,
    rows: Rows<i16, { 6 * WIDTH_MAX }>,
    matrices: Rows<i8, { 6 * WIDTH_MAX * WIDTH_MAX }>,
    biases: Rows<i32, WIDTH_MAX>,
    spots: Vec<otr_event_spot>,
    pairs: Vec<otr_event_pair>,
    nodes: Vec<u32>,
    listed: Vec<u32>,
    named: Vec<u32>,
    edges: Vec<otr_override>,
}

impl EventData {
    const NODES: usize = 29;
    const CLASSES: usize = 3;
    const SLOTS_MAX: usize = 32;

    fn new(random: &mut Random) -> Self {
        let extreme = random.below(4) == 0;
        let mut signed = |bound: usize| random.below(2 * bound) as i32 - bound as i32;
        let matrices = std::array::from_fn(|_| if extreme { -128 } else { signed(128) as i8 });
        let rows = std::array::from_fn(|_| signed(500) as i16);
        let biases = std::array::from_fn(|_| signed(1 << 29));
        let weights: Vec<i32> = (0..Self::NODES * Self::SLOTS_MAX).map(|_| signed(1 << 27)).collect();
        let mut below = |bound: usize| random.below(bound) as u32;
        let pair = |first: u32, step: u32, class_index: u32| otr_event_pair {
            first,
            second: (first + 1 + step) % EVENTS as u32,
            class_index,
        };
        Self {
            features: Rows(std::array::from_fn(|_| if extreme { 127 } else { below(128) as u8 })),
            rows: Rows(rows),
            matrices: Rows(matrices),
            biases: Rows(biases),
            spots: (0..Self::NODES)
                .map(|_| otr_event_spot { place: below(3) as u16, phase: below(3) as u16 })
                .collect(),
            pairs: (0..40).map(|_| pair(below(EVENTS), below(EVENTS - 1), below(Self::CLASSES))).collect(),
            nodes: (0..EVENTS).map(|_| below(Self::NODES)).collect(),
            listed: (0..EVENTS as u32).rev().collect(),
            named: (0..EVENTS).map(|_| below(1 << 32)).collect(),
            edges: (0..Self::NODES * Self::SLOTS_MAX)
                .map(|i| otr_override {
                    edge: if below(5) == 0 { u32::MAX } else { i as u32 },
                    weight: weights[i],
                })
                .collect(),
        }
    }

    /// Runs every loop of one table over the first `count` events; returns all that they write.
    fn run(
        &self,
        layers: &otr_event_layers,
        width: usize,
        count: usize,
        shift: u32,
        slots: usize,
    ) -> EventSums {
        let stride = slots.next_multiple_of(HEAD);
        let mut out = EventSums {
            rows: Rows([0; EVENTS * WIDTH_MAX]),
            sums: Rows([0; EVENTS * WIDTH_MAX]),
            narrow: Rows([CANARY; EVENTS * WIDTH_MAX]),
            narrow_rows: Rows([CANARY; EVENTS * WIDTH_MAX]),
            steps: Rows([0; EVENTS * WIDTH_MAX]),
            overrides: vec![otr_override { edge: 0, weight: 0 }; EVENTS * Self::SLOTS_MAX + SLACK],
        };
        let (matrices, features) = (self.matrices.0.as_ptr(), self.features.0.as_ptr());
        let (rows, biases) = (self.rows.0.as_ptr(), self.biases.0.as_ptr());
        // SAFETY: the arrays hold EVENTS rows of the greatest width, matrices and rows of every class, and every
        // node's spot and edges; indices are below these; rows begin on cache lines or divide one.
        unsafe {
            let sums = out.rows.0.as_mut_ptr();
            let phases = rows.add(width);
            layers.start_rows.unwrap()(rows, phases, self.spots.as_ptr(), self.nodes.as_ptr(), count, sums);
            layers.add_rows.unwrap()(rows, self.pairs.as_ptr(), self.pairs.len(), sums);
            layers.narrow_rows.unwrap()(sums, count, shift, out.narrow_rows.0.as_mut_ptr());
            let (listed, sums) = (self.listed.as_ptr(), out.sums.0.as_mut_ptr());
            layers.dense.unwrap()(matrices, biases, shift, listed, count, features, sums);
            layers.messages.unwrap()(matrices, self.pairs.as_ptr(), self.pairs.len(), features, sums);
            layers.narrow_sums.unwrap()(sums, count, shift, out.narrow.0.as_mut_ptr());
            let steps = out.steps.0.as_mut_ptr();
            for first in (0..stride).step_by(HEAD) {
                let (matrix, biases) = (matrices.add(first * width), biases.add(first));
                let head = layers.head.unwrap();
                head(matrix, biases, shift, listed, count, features, steps.add(first), stride);
            }
            let written = layers.write_overrides.unwrap()(
                self.edges.as_ptr(),
                slots as u32,
                self.nodes.as_ptr(),
                self.named.as_ptr(),
                count,
                steps,
                stride,
                34,
                out.overrides.as_mut_ptr(),
            );
            out.overrides.truncate(written);
        }
        out
    }
}

struct EventSums {
    rows: Rows<i16, { EVENTS * WIDTH_MAX }>,
    sums: Rows<i32, { EVENTS * WIDTH_MAX }>,
    narrow: Rows<u8, { EVENTS * WIDTH_MAX }>,
    narrow_rows: Rows<u8, { EVENTS * WIDTH_MAX }>,
    steps: Rows<i32, { EVENTS * WIDTH_MAX }>,
    overrides: Vec<otr_override>,
}

impl EventSums {
    fn overrides(&self) -> Vec<(u32, i32)> {
        self.overrides.iter().map(|change| (change.edge, change.weight)).collect()
    }
}

/// The event network's loops have a plain evaluation of their own in tests/event_network.rs; here every slot is
/// compared alone.
#[test]
fn event_layers_agree_at_every_width() {
    let mut random = Random(13);
    for shift in 0..=16 {
        let data = EventData::new(&mut random);
        for (index, width) in (16..=WIDTH_MAX).step_by(16).enumerate() {
            for count in 0..=EVENTS {
                let slots = 1 + random.below(EventData::SLOTS_MAX);
                // SAFETY: a table for each width, a constant of the library.
                let layers = |table: &otr_kernels| unsafe { &*table.event_layers.add(index) };
                let expected = data.run(layers(portable()), width, count, shift, slots);
                for table in tables("event_layers") {
                    let found = data.run(layers(table), width, count, shift, slots);
                    let what = format!("{:?}, width {width}, {count} events, shift {shift}", table.isa);
                    assert!(found.rows.0 == expected.rows.0, "start_rows, add_rows: {what}");
                    assert!(found.narrow_rows.0 == expected.narrow_rows.0, "narrow_rows: {what}");
                    assert!(found.sums.0 == expected.sums.0, "dense, messages: {what}");
                    assert!(found.narrow.0 == expected.narrow.0, "narrow_sums: {what}");
                    assert!(found.steps.0 == expected.steps.0, "head: {what}");
                    assert_eq!(found.overrides(), expected.overrides(), "write_overrides: {what}");
                }
            }
        }
    }
}

/// `apply` and `outer` of one table on the same pairs.
fn train(table: &otr_kernels, width: usize, pairs: &[[u32; 2]], weights: &[f32], rows: &[f32]) -> Vec<f32> {
    let (targets, sources): (Vec<u32>, Vec<u32>) =
        pairs.iter().map(|&[target, source]| (target, source)).unzip();
    let (mut out, mut products) = (vec![0.0; rows.len()], vec![0.0; weights.len()]);
    // SAFETY: the table is a constant of the library; rows and weights have WIDTH_MAX columns or more, pairs
    // name rows.
    unsafe {
        let blocks = &*table.training_blocks;
        let (target, source, count) = (targets.as_ptr(), sources.as_ptr(), pairs.len());
        let (weights, rows) = (weights.as_ptr(), rows.as_ptr());
        blocks.apply.unwrap()(width as u32, count, target, source, weights, rows, out.as_mut_ptr());
        blocks.outer.unwrap()(width as u32, count, target, source, rows, rows, products.as_mut_ptr());
    }
    out.extend(products);
    out
}

#[test]
fn training_blocks_agree_but_for_rounding() {
    let mut random = Random(14);
    for width in (16..=WIDTH_MAX).step_by(16) {
        for count in [0, 1, 2, 3, 31, 40] {
            let mut values = |count: usize| -> Vec<f32> {
                (0..count).map(|_| random.below(2000) as f32 * 1e-3 - 1.0).collect()
            };
            let (weights, rows) = (values(WIDTH_MAX * WIDTH_MAX), values(EVENTS * WIDTH_MAX));
            let pairs: Vec<[u32; 2]> =
                (0..count).map(|_| [random.below(EVENTS) as u32, random.below(EVENTS) as u32]).collect();
            let expected = train(portable(), width, &pairs, &weights, &rows);
            assert!(count == 0 || expected.iter().any(|&value| value != 0.0));
            for table in tables("training_blocks") {
                let found = train(table, width, &pairs, &weights, &rows);
                let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-4;
                assert!(
                    found.iter().zip(&expected).all(near),
                    "{:?} width {width}, {count} pairs",
                    table.isa
                );
            }
        }
    }
}
