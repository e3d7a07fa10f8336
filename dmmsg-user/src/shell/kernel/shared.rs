//! An array of the kernel's that user space sees as memory.
//!
//! A call that reads or writes a map marks its CPU as being in a program, so that kprobes skip theirs
//! meanwhile (`kernel/bpf/syscall.c`, `bpf_map_copy_value` and `bpf_map_update_value`). Where the kernel preempts itself, that lasts as long as others have the CPU: of 30,000 messages of
//! two senders that shared a CPU with us, 104 and 451 were missed on 7.2. Memory takes no call.

use std::{
    ptr,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Context as _, Result, ensure};
use aya::maps::{Map, MapData};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The array, mapped until this is dropped.
#[derive(Debug)]
pub struct Shared {
    start: *mut u64,
    bytes: usize,
    /// Words of a value, and from one value to the next.
    words: usize,
    values: usize,
    /// Held open.
    _map: MapData,
}

impl Shared {
    /// Maps an array that was made with `BPF_F_MMAPABLE`.
    ///
    /// # Errors
    /// It is no such array.
    pub fn new(map: Map) -> Result<Self> {
        let Map::Array(map) = map else { anyhow::bail!("the map is no array") };
        let info = map.info().context("look at the map")?;
        // Source: `kernel/bpf/arraymap.c`, `array_map_alloc`: values start at whole words.
        let words = usize::try_from(info.value_size())?.div_ceil(8);
        let values = usize::try_from(info.max_entries())?;
        let bytes = words.checked_mul(8 * values).context("size of the map")?;
        ensure!(bytes > 0, "the map is empty");
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address that the kernel chooses.
        let start = unsafe { mmap(ptr::null_mut(), bytes, access, MapFlags::SHARED, map.fd(), 0) };
        let start = start.context("map the array into memory")?.cast();
        Ok(Self { start, bytes, words, values, _map: map })
    }

    /// Values of the array.
    pub const fn len(&self) -> usize {
        self.values
    }

    /// Words of a value.
    pub const fn words(&self) -> usize {
        self.words
    }

    /// A word of a value; 0 beyond the last one.
    pub fn word(&self, index: usize, word: usize) -> u64 {
        if index >= self.values || word >= self.words {
            return 0;
        }
        // SAFETY: below the end of the mapping, as both bounds were checked above.
        let from = unsafe { self.start.add(index * self.words + word) };
        // SAFETY: an aligned word that stays mapped as long as `self`.
        unsafe { ptr::read_volatile(from) }
    }

    /// Copies the start of a value, word by word; programs may write it meanwhile.
    pub fn read(&self, index: usize, to: &mut [u64]) {
        for (word, to) in to.iter_mut().enumerate() {
            *to = self.word(index, word);
        }
    }

    /// Takes a value, word by word, and leaves zeroes; programs may add to it meanwhile.
    pub fn take(&self, index: usize, to: &mut [u64]) {
        if index >= self.values {
            return;
        }
        for (word, to) in to.iter_mut().take(self.words).enumerate() {
            // SAFETY: below the end of the mapping, as both bounds were checked above.
            let from = unsafe { self.start.add(index * self.words + word) };
            // SAFETY: an aligned word that stays mapped as long as `self`; programs, which are the
            // only others to write it, do so atomically.
            let word = unsafe { AtomicU64::from_ptr(from) };
            *to = word.swap(0, Ordering::Relaxed);
        }
    }

    /// Clears the first two words of a value if the first is `owner`, the second one first; tells whether
    /// it was.
    ///
    /// Nobody may be using the value, which its owner's word says.
    pub fn free(&self, index: usize, owner: u64) -> bool {
        if index >= self.values || self.words < 2 || self.word(index, 0) != owner {
            return false;
        }
        // SAFETY: below the end of the mapping, as checked above.
        let first = unsafe { self.start.add(index * self.words) };
        // SAFETY: as above.
        let second = unsafe { first.add(1) };
        // SAFETY: an aligned word that stays mapped as long as `self`; programs, which are the only
        // others to write it, do so only for its owner.
        unsafe { AtomicU64::from_ptr(second) }.store(0, Ordering::Relaxed);
        // SAFETY: as above, and they do so atomically.
        let first = unsafe { AtomicU64::from_ptr(first) };
        first.compare_exchange(owner, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Writes the first four bytes of the first value.
    pub fn set(&mut self, value: u32) {
        // SAFETY: an aligned word that stays mapped as long as `self`; there is a first value.
        unsafe { ptr::write_volatile(self.start.cast(), value) };
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the mapping that `new` made, to which nobody has a pointer any more.
        let unmapped = unsafe { munmap(self.start.cast(), self.bytes) };
        debug_assert!(unmapped.is_ok(), "it was mapped");
    }
}
