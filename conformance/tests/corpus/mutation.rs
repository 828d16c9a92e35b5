//! Inputs mutated as fuzzers do it, but without feedback from the program.

use conformance::Rng;

/// Pieces that parsers often get wrong.
const WORDS: [&[u8]; 24] = [
    b"%00",
    b"\0",
    b"%C0%AF",
    b"\xc0\xaf",
    b"%ED%A0%80",
    b"\xff",
    b"%",
    b"&",
    b"=",
    b"+",
    b";",
    b".",
    b"\n",
    b"\"",
    b"\\u0000",
    b"\"alg\":\"ES256\",",
    b"\"crit\":[],",
    b"{",
    b"]",
    b"18446744073709551616",
    b"-1",
    b"1e400",
    b":65536",
    b"@",
];

/// A mutation of one of the inputs.
pub(crate) fn of(inputs: &[Vec<u8>], rng: &Rng) -> Vec<u8> {
    let mut input = pick(inputs, rng).clone();
    for _ in 0..=rng.below(4) {
        mutate(&mut input, inputs, rng);
    }
    input
}

fn pick<'a, T>(items: &'a [T], rng: &Rng) -> &'a T {
    &items[rng.below(items.len() as u64) as usize]
}

/// A place in the input, its end included.
fn place(input: &[u8], rng: &Rng) -> usize {
    rng.below(input.len() as u64 + 1) as usize
}

fn mutate(input: &mut Vec<u8>, inputs: &[Vec<u8>], rng: &Rng) {
    let (from, to) = (place(input, rng), place(input, rng));
    let (from, to) = (from.min(to), from.max(to));
    match rng.below(8) {
        0 => input.get_mut(from).into_iter().for_each(|byte| *byte ^= 1 << rng.below(8)),
        1 => input.get_mut(from).into_iter().for_each(|byte| *byte = rng.below(256) as u8),
        2 => input.insert(from, rng.below(256) as u8),
        3 => drop(input.drain(from..to)),
        4 => drop(input.splice(from..from, pick(&WORDS, rng).iter().copied())),
        5 => drop(input.splice(from..to, pick(&WORDS, rng).iter().copied())),
        6 => {
            // A piece repeated a few times.
            let piece = input[from..to.min(from + 64)].repeat(1 + rng.below(8) as usize);
            drop(input.splice(to..to, piece));
        }
        _ => {
            let other = pick(inputs, rng);
            drop(input.splice(from.., other[place(other, rng)..].iter().copied()));
        }
    }
}
