//! Reads of kernel and user memory, none of which can fault.

use core::{
    ffi::{c_long, c_void},
    mem::{self, MaybeUninit},
    ptr,
};

use super::opaque::opaque;
use aya_ebpf::helpers::generated as helper;
use dmmsg_common::{
    layout::{KernelLayout, RDONLY_CAST},
    nul::{Piece, cut},
};

/// Offsets of the running kernel, set by the loader before the programs are loaded.
#[unsafe(no_mangle)]
static LAYOUT: MaybeUninit<KernelLayout> = MaybeUninit::zeroed();

/// Reads one field of [`KernelLayout`].
macro_rules! layout {
    ($field:ident) => {
        $crate::kernel::memory::layout_field(::core::mem::offset_of!(
            ::dmmsg_common::layout::KernelLayout,
            $field
        ))
    };
}
pub(crate) use layout;

#[doc(hidden)]
#[inline(always)]
pub fn layout_field(offset: usize) -> u64 {
    global(&LAYOUT, offset)
}

/// Reads the plain value at byte `offset` of a read-only global that the loader set.
///
/// `MaybeUninit` and the volatile read keep the compiler from folding the initial zeroes into the
/// code; the verifier folds the loader's values instead.
#[inline(always)]
pub fn global<G, T: Plain>(global: &MaybeUninit<G>, offset: usize) -> T {
    // SAFETY: every caller passes `offset_of!` a field of `G` whose type is `T`.
    let field = unsafe { global.as_ptr().cast::<u8>().add(offset) };
    // SAFETY: the field lies inside the global, is aligned, and `Plain` admits any bytes.
    unsafe { ptr::read_volatile(field.cast::<T>()) }
}

/// How a program may read the structures that its hook hands to it.
pub trait Access {
    /// Whether a hook at a function's return sees the function's arguments.
    const SEES_ARGUMENTS_AT_RETURN: bool;

    /// Reads a field; `None` where it is known to be unreadable.
    fn field<T: Plain>(structure: u64, offset: u64) -> Option<T>;

    /// Makes a structure of an address that the verifier takes for a number.
    fn structure(address: u64) -> Loose;

    /// Reads a word of such a structure; `None` where it is known to be unreadable.
    fn word(structure: &Loose, offset: u64) -> Option<u64>;

    /// Copies the text in an array of at most `8 * WORDS` bytes to `to[at..]`, where `at` is a
    /// multiple of 8. Returns its length without NUL; what follows in `to` has no meaning.
    fn text<const WORDS: usize, const N: usize>(
        to: &mut [u8; N],
        at: usize,
        structure: u64,
        offset: u64,
    ) -> usize;
}

/// A structure behind a pointer of no type that the verifier knows.
pub struct Loose {
    address: u64,
    /// BTF id of the type that it was cast to; 0 where it was not.
    cast: u64,
}

/// By the types that the verifier knows from BTF: one instruction, which reads zero on a fault.
pub struct Typed;

/// By a helper that checks the address.
pub struct Probed;

impl Access for Typed {
    const SEES_ARGUMENTS_AT_RETURN: bool = true;

    #[inline(always)]
    fn field<T: Plain>(structure: u64, offset: u64) -> Option<T> {
        // SAFETY: the verifier proves that a field of that size stands there, and the kernel
        // catches the fault if the structure is gone.
        Some(unsafe { ptr::read_volatile((structure + offset) as *const T) })
    }

    #[inline(always)]
    fn structure(address: u64) -> Loose {
        let cast = layout!(words_type);
        if cast == 0 {
            return Loose { address, cast };
        }
        // SAFETY: the loader replaces the call by one of `bpf_rdonly_cast`, which does nothing.
        let rdonly_cast = unsafe {
            mem::transmute::<usize, extern "C" fn(u64, u64) -> u64>(RDONLY_CAST as usize)
        };
        Loose { address: rdonly_cast(address, cast), cast }
    }

    #[inline(always)]
    fn word(structure: &Loose, offset: u64) -> Option<u64> {
        if structure.cast == 0 {
            return read(structure.address + offset);
        }
        Self::field(structure.address, offset)
    }

    #[inline(always)]
    fn text<const WORDS: usize, const N: usize>(
        to: &mut [u8; N],
        at: usize,
        structure: u64,
        offset: u64,
    ) -> usize {
        for index in 0..WORDS {
            let word = Self::field(structure, offset + 8 * index as u64).unwrap_or(0);
            if let Some(length) = put_text(to, at + 8 * index, word) {
                return 8 * index + length as usize;
            }
        }
        8 * WORDS
    }
}

impl Access for Probed {
    const SEES_ARGUMENTS_AT_RETURN: bool = false;

    #[inline(always)]
    fn field<T: Plain>(structure: u64, offset: u64) -> Option<T> {
        read(structure + offset)
    }

    #[inline(always)]
    fn structure(address: u64) -> Loose {
        Loose { address, cast: 0 }
    }

    #[inline(always)]
    fn word(structure: &Loose, offset: u64) -> Option<u64> {
        read(structure.address + offset)
    }

    #[inline(always)]
    fn text<const WORDS: usize, const N: usize>(
        to: &mut [u8; N],
        at: usize,
        structure: u64,
        offset: u64,
    ) -> usize {
        // One more for the NUL.
        copy_str(to, at, 8 * WORDS as u32 + 1, structure + offset).saturating_sub(1) as usize
    }
}

/// Writes a word to a map, and reads it back.
#[inline(always)]
pub fn keep(place: &mut u64, word: u64) -> u64 {
    let place = ptr::from_mut(place);
    // SAFETY: an aligned word, by its type. Volatile, so that the compiler does not see through it.
    unsafe { ptr::write_volatile(place, word) };
    // SAFETY: as above.
    unsafe { ptr::read_volatile(place) }
}

/// Reads a plain value from kernel memory; `None` where the address cannot be read.
#[inline(always)]
pub fn read<T: Plain>(address: u64) -> Option<T> {
    // SAFETY: the helper writes the given number of bytes, whatever the address.
    filled(|to, bytes| unsafe { helper::bpf_probe_read_kernel(to, bytes, address as *const _) })
}

/// A value whose bytes `fill` writes, unless it returns an error.
#[inline(always)]
pub(super) fn filled<T: Plain>(fill: impl FnOnce(*mut c_void, u32) -> c_long) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    if fill(value.as_mut_ptr().cast(), size_of::<T>() as u32) != 0 {
        return None;
    }
    // SAFETY: all bytes are written, and `Plain` admits any of them.
    Some(unsafe { value.assume_init() })
}

/// A number, or an array of numbers: any bytes are a value.
pub trait Plain: Copy {}
impl Plain for u8 {}
impl Plain for u16 {}
impl Plain for u32 {}
impl Plain for u64 {}
impl<const N: usize> Plain for [u8; N] {}
impl<const N: usize> Plain for [u32; N] {}
impl<const N: usize> Plain for [u64; N] {}

/// Copies the text at `address`, at most `limit - 1` bytes of it, to `to[at..]`, with its NUL.
///
/// Returns the bytes written, NUL included, or 0 where the text cannot be read. A text that fills
/// `limit` bytes may go on.
#[inline(always)]
pub fn copy_str<const N: usize>(to: &mut [u8; N], at: usize, limit: u32, address: u64) -> u32 {
    if at >= N || limit as usize > N - at {
        return 0;
    }
    // SAFETY: `at < N` was checked above.
    let start = unsafe { to.as_mut_ptr().add(at) };
    // SAFETY: `limit` bytes from `start` lie in `to`, as checked above.
    let copied =
        unsafe { helper::bpf_probe_read_kernel_str(start.cast(), limit, address as *const _) };
    if copied > 0 { copied as u32 } else { 0 }
}

/// Reads a name of up to 15 bytes, zero-padded; all zero where it cannot be read.
#[inline(always)]
pub fn read_name(address: u64) -> [u64; 2] {
    let mut name = [opaque(0_u64); 2];
    let to = name.as_mut_ptr().cast();
    // SAFETY: the helper writes at most as many bytes as `name` has, whatever the address.
    unsafe { helper::bpf_probe_read_kernel_str(to, 16, address as *const _) };
    name
}

/// Copies `count` bytes at `address` to `to[at..]`; `false` where they cannot be read.
#[inline(always)]
pub fn copy_bytes<const N: usize>(to: &mut [u8; N], at: usize, count: u32, address: u64) -> bool {
    if at >= N || count as usize > N - at {
        return false;
    }
    // SAFETY: `at < N` was checked above.
    let start = unsafe { to.as_mut_ptr().add(at) };
    // SAFETY: `count` bytes from `start` lie in `to`, as checked above.
    unsafe { helper::bpf_probe_read_kernel(start.cast(), count, address as *const _) == 0 }
}

/// The most calls that [`repeat`] makes.
#[cfg(not(feature = "kernel-5-10"))]
pub const REPEAT_MAX: u32 = 1 << 20;
/// The most calls that [`repeat`] makes: the verifier walks through each, and remembers every
/// branch on the way, of which it takes 8,192.
#[cfg(feature = "kernel-5-10")]
pub const REPEAT_MAX: u32 = 1 << 6;

/// Calls `each` with 0, 1, … until it returns another number than 0 or `count` calls were made, but at most
/// [`REPEAT_MAX`].
///
/// What one call changes and a later one branches on must not start as a constant on the stack: it
/// belongs into a map's value. 6.1 verifies a single call and cuts off the branches that this one
/// does not take; 6.12 and 6.18 do not. The self-test of the splitter gave wrong words that way.
///
/// Source: `kernel/bpf/bpf_iter.c`, `bpf_loop`, since 5.17; at most 8 Mi calls.
#[cfg(not(feature = "kernel-5-10"))]
#[inline(always)]
pub fn repeat<S>(count: u32, each: extern "C" fn(u64, &mut S) -> c_long, state: &mut S) {
    // SAFETY: the kernel calls `each` with the index and this very `state`, which outlives the loop.
    unsafe { helper::bpf_loop(count, each as *mut _, ptr::from_mut(state).cast(), 0) };
}

/// Calls `each` with 0, 1, … until it returns another number than 0 or `count` calls were made, but at most
/// [`REPEAT_MAX`].
#[cfg(feature = "kernel-5-10")]
#[inline(always)]
pub fn repeat<S>(count: u32, each: extern "C" fn(u64, &mut S) -> c_long, state: &mut S) {
    for index in 0..REPEAT_MAX {
        if index >= count || each(u64::from(index), state) != 0 {
            return;
        }
    }
}

/// Copies `from` to `to[at..]`, or nothing where it does not fit.
#[inline(always)]
pub fn put<const N: usize, const M: usize>(to: &mut [u8; N], at: usize, from: &[u8; M]) {
    if at >= N || M > N - at {
        return;
    }
    // SAFETY: `at < N` was checked above.
    let start = unsafe { to.as_mut_ptr().add(at) };
    // SAFETY: `M` bytes from `start` lie in `to`, as checked above; `from` is elsewhere.
    unsafe { ptr::copy_nonoverlapping(from.as_ptr(), start, M) };
}

/// Writes a word of text to `to[at..]`, where `at` is a multiple of 8, without what follows a NUL.
///
/// Returns the length in this word of a text that ends in it.
#[inline(always)]
pub fn put_text<const N: usize>(to: &mut [u8; N], at: usize, word: u64) -> Option<u32> {
    if at > N - 8 {
        return None;
    }
    let Piece { word, ends_at } = cut(word);
    // SAFETY: `at` and the seven bytes behind it lie in `to`, as checked above.
    let place = unsafe { to.as_mut_ptr().add(at) };
    // SAFETY: as above; every caller's array is aligned.
    unsafe { ptr::write_volatile(place.cast(), word) };
    ends_at
}

/// Writes words to the start of `to`, which must be aligned as they are.
#[inline(always)]
pub fn put_words<const N: usize, const M: usize>(to: &mut [u8; N], from: &[u64; M]) {
    const { assert!(8 * M <= N) };
    let to = to.as_mut_ptr().cast::<u64>();
    for (index, word) in from.iter().enumerate() {
        // SAFETY: `index < M`, and `M` words fit, as asserted above.
        let place = unsafe { to.add(index) };
        // SAFETY: as above; every caller's array is aligned. Volatile, so that stores of zeroes are
        // not made a call of `memset`, which clears byte by byte.
        unsafe { ptr::write_volatile(place, *word) };
    }
}

/// Reads a short name, which must be aligned as words are.
#[inline(always)]
pub fn words<const N: usize, const M: usize>(name: &[u8; N]) -> [u64; M] {
    const { assert!(8 * M == N) };
    // SAFETY: so many words fit, and every caller's array is aligned. Volatile, so that the compiler
    // does not read byte by byte.
    unsafe { ptr::read_volatile(name.as_ptr().cast()) }
}
