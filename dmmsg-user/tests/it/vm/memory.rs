//! All that a running process can read of its memory, the ring's pages among it.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
};

const PAGE: usize = 4096;

/// A mapping's pages; runs of zeroes are left out.
pub struct Mapping {
    name: String,
    runs: Vec<Vec<u8>>,
}

impl Mapping {
    /// Whether this is a BPF map's, as the ring is.
    pub fn is_ring(&self) -> bool {
        self.name.contains("anon_inode:bpf-map")
    }

    /// What is there around the first of the needles, if one is in the mapping.
    pub fn find(&self, needles: &Needles) -> Option<String> {
        self.runs.iter().find_map(|run| {
            let at = needles.find(run)?;
            let around = &run[at.saturating_sub(64)..run.len().min(at + 64)];
            Some(format!("{}: {}", self.name, around.escape_ascii()))
        })
    }
}

/// Reads all mappings of a process that can be read.
pub fn of(pid: u32) -> Vec<Mapping> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("maps are read");
    let memory = File::open(format!("/proc/{pid}/mem")).expect("mem opens");
    let readable = maps.lines().filter(|line| {
        // The kernel's own pages cannot be read through mem.
        line.split(' ').nth(1).is_some_and(|mode| mode.starts_with('r')) && !line.contains("[v")
    });
    let mapping = |line: &str| {
        let (start, end) = line.split(' ').next().and_then(|range| range.split_once('-')).unwrap();
        let address = |text| u64::from_str_radix(text, 16).expect("an address");
        let (start, end) = (address(start), address(end));
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        memory.read_exact_at(&mut bytes, start).unwrap_or_else(|error| panic!("{error}: {line}"));
        Mapping { name: line.to_owned(), runs: without_zeroes(&bytes) }
    };
    readable.map(mapping).collect()
}

fn without_zeroes(bytes: &[u8]) -> Vec<Vec<u8>> {
    let pages: Vec<_> = bytes.chunks(PAGE).collect();
    let is_zero = |page: &&[u8]| page.iter().all(|&byte| byte == 0);
    let runs = pages.chunk_by(|one, next| is_zero(one) == is_zero(next));
    runs.filter(|run| !is_zero(&run[0])).map(<[&[u8]]>::concat).collect()
}

/// Pieces of a text, each long enough not to be anywhere by chance.
pub struct Needles {
    pieces: Vec<Vec<u8>>,
    /// Whether a piece starts with this byte.
    starts: [bool; 256],
}

impl Needles {
    const LEN: usize = 8;

    /// Every piece of eight bytes of each text.
    pub fn of(texts: &[&[u8]]) -> Self {
        let pieces = texts.iter().flat_map(|text| text.chunks_exact(Self::LEN));
        let pieces: Vec<_> = pieces.map(<[u8]>::to_vec).collect();
        let mut starts = [false; 256];
        for piece in &pieces {
            starts[usize::from(piece[0])] = true;
        }
        Self { pieces, starts }
    }

    /// The pieces of a key as it is, and of its hexadecimal text in either case.
    pub fn of_key(hex: &str) -> Self {
        let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits");
        let raw: Vec<_> = (0..hex.len()).step_by(2).map(digits).collect();
        Self::of(&[&raw, hex.to_lowercase().as_bytes(), hex.to_uppercase().as_bytes()])
    }

    /// Whether one of the pieces is in `bytes`.
    pub fn are_in(&self, bytes: &[u8]) -> bool {
        self.find(bytes).is_some()
    }

    /// Where the first of the pieces is in `bytes`.
    pub fn find(&self, bytes: &[u8]) -> Option<usize> {
        bytes.windows(Self::LEN).position(|window| {
            self.starts[usize::from(window[0])] && self.pieces.iter().any(|piece| piece == window)
        })
    }
}
