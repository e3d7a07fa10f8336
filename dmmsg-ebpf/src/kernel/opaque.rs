//! Values that the compiler knows nothing about.
//!
//! It would drop checks of a bound that it knows and that the verifier does not, and make of zeroes
//! that it knows a call of `memset`, which clears byte by byte. `core::hint::black_box` does the same by
//! way of the stack, for five instructions each time
//! instead of one.

use core::arch::asm;

/// A number that fits into a register.
pub trait Word: Copy {
    /// The same number, of which the compiler knows nothing.
    #[must_use]
    fn opaque(self) -> Self;
}

macro_rules! word {
    ($($word:ty)*) => { $(
        impl Word for $word {
            #[inline(always)]
            fn opaque(self) -> Self {
                let mut word = self as u64;
                // With no instruction at all, two lines of source would stand at the next one, for
                // which the kernel refuses a program (`kernel/bpf/verifier.c`, `check_btf_line`).
                // SAFETY: nothing is changed.
                unsafe { asm!("{word} = {word}", word = inout(reg) word, options(nomem, nostack, pure)) };
                word as Self
            }
        }
    )* };
}
word!(u32 u64 usize);

/// The same number, of which the compiler knows nothing.
#[inline(always)]
pub fn opaque<W: Word>(word: W) -> W {
    word.opaque()
}
