//! Bytes as hexadecimal digits.

use std::fmt::Write as _;

/// Two digits a byte, each after `before`.
pub fn hex(bytes: &[u8], before: &str) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{before}{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::hex;

    #[test]
    fn two_digits_a_byte() {
        assert_eq!(hex(&[0, 0xf, 0xff], " "), " 00 0f ff");
        assert_eq!(hex(&[], " "), "");
    }
}
