//! Inputs like valid ones: a seed with a few places changed, cut, repeated or crossed with another.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Longest input that is made, in bytes. Higher: slow targets are tried less often. Lower: nothing is
/// found that needs a long one.
const MAX_LENGTH: usize = 8 * 1_024;

/// Most changes to one seed.
const MAX_CHANGES: u32 = 6;

/// Numbers at the edges of what fields can hold.
const EDGES: [u8; 8] = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff, 0x0a, 0x20];

/// Makes inputs out of seeds; the same seed number gives the same inputs.
#[derive(Debug)]
pub struct Mutator {
    rng: StdRng,
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    /// One that changes these inputs.
    #[must_use]
    pub fn new(seed: u64, mut seeds: Vec<Vec<u8>>) -> Self {
        seeds.push(Vec::new());
        let rng = StdRng::seed_from_u64(seed);
        Self { rng, seeds }
    }

    /// The next input.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.any_seed().clone();
        for _ in 0..self.rng.random_range(1..=MAX_CHANGES) {
            self.change(&mut input);
        }
        input.truncate(MAX_LENGTH);
        input
    }

    fn any_seed(&mut self) -> &Vec<u8> {
        let index = self.rng.random_range(0..self.seeds.len());
        &self.seeds[index]
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let (from, to) = self.range(input.len());
        match self.rng.random_range(0..8u8) {
            0 if from < to => input[from] ^= 1 << self.rng.random_range(0..8),
            1 if from < to => input[from] = self.edge(),
            2 if to - from >= 2 => {
                let word: u16 = self.rng.random();
                input[from..from + 2].copy_from_slice(&word.to_be_bytes());
            }
            3 => drop(input.drain(from..to)),
            4 => {
                let part = input[from..to].to_vec();
                for _ in 0..self.rng.random_range(1..=3) {
                    input.splice(to..to, part.iter().copied());
                }
            }
            5 => {
                let other = self.any_seed().clone();
                let (begin, end) = self.range(other.len());
                input.splice(from..to, other[begin..end].iter().copied());
            }
            6 => input.truncate(from),
            _ => {
                let length = self.rng.random_range(0..16);
                let noise: Vec<u8> = (0..length).map(|_| self.rng.random()).collect();
                input.splice(from..from, noise);
            }
        }
    }

    fn edge(&mut self) -> u8 {
        EDGES[self.rng.random_range(0..EDGES.len())]
    }

    /// Two places in an input of this length, the first not behind the second.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let (a, b) = (
            self.rng.random_range(0..=length),
            self.rng.random_range(0..=length),
        );
        (a.min(b), a.max(b))
    }
}
