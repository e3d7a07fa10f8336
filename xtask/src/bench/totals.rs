//! The tracer's last line: what became of every message.

/// The numbers of `seen 9 = delivered 7 + lost 1 + filtered 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    pub seen: u64,
    pub delivered: u64,
    pub lost: u64,
}

impl Totals {
    /// Reads the line; what follows the three is not looked at.
    pub fn read(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |name| {
            let pair = words.windows(2).find(|pair| pair.first() == Some(&name))?;
            pair.last()?.parse().ok()
        };
        Some(Self { seen: after("seen")?, delivered: after("delivered")?, lost: after("lost")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_numbers() {
        let expected = Totals { seen: 9, delivered: 7, lost: 1 };
        let line = "seen 9 = delivered 7 + lost 1 + filtered 1";
        assert_eq!(Totals::read(line), Some(expected));
        assert_eq!(Totals::read(&format!("{line} + in flight 2")), Some(expected));
        assert_eq!(Totals::read("seen 9 = delivered x"), None);
    }
}
