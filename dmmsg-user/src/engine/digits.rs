//! Decimal digits, two at a time.

/// The numbers from 00 to 99, as they are written.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number as usize] = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
    }
    pairs
};

/// The last two digits of a number.
#[inline]
pub(super) fn last_pair(number: u32) -> [u8; 2] {
    PAIRS.get((number % 100) as usize).copied().unwrap_or_default()
}

/// The last digit of a number.
#[inline]
pub(super) const fn last_digit(number: u32) -> u8 {
    // Less than 10, and so without a loss.
    b'0' + (number % 10) as u8
}

/// Fills `text` with the last digits of a number.
#[inline]
pub(super) fn write_digits(text: &mut [u8], mut number: u32) {
    let (rest, pairs) = text.as_rchunks_mut();
    for pair in pairs.iter_mut().rev() {
        *pair = last_pair(number);
        number /= 100;
    }
    for digit in rest {
        *digit = last_digit(number);
    }
}
