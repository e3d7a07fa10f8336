//! Numbers every series that the counting programs can add to, before they are loaded.

use std::collections::HashMap;

use dmmsg_common::count::{
    Catalogue, IOCTL_RESUME, KINDS_MAX, Names, TYPE_NONE, TYPE_OTHER, TYPES, VERB_DIRECT,
    VERB_DIRECT_OTHER, VERB_FIRST, VERB_OTHER, VERB_PROBE_PATHS, VERBS, place,
};
use zerocopy::FromZeros as _;

use super::{
    direct::CMD_NAMES,
    groups::{self, CONTROL, DIRECT, Kind, OTHER},
    ioctl::RESUME,
    names::ioctl::COMMANDS,
};

/// What each series counts, and how the programs find it.
#[derive(Debug)]
pub struct Plan {
    /// For the programs; how CPUs share series is for the loader to say.
    pub catalogue: Box<Catalogue>,
    /// The kind of call that each series counts.
    pub kinds: Vec<Kind>,
}

impl Plan {
    /// The series of the whole vocabulary.
    ///
    /// # Panics
    /// If the tables have no room for the vocabulary.
    pub fn new() -> Self {
        let kinds = Kind::all();
        let types = Numbers::new(groups::types().flatten(), TYPE_OTHER, TYPE_NONE + 1);
        let control = kinds.iter().filter(|kind| kind.interface == CONTROL);
        let verbs = Numbers::new(control.map(|kind| kind.verb), VERB_OTHER, VERB_FIRST);
        let fits = types.end <= TYPES && verbs.end <= VERBS && kinds.len() <= KINDS_MAX;
        assert!(fits, "the tables are too small");

        let mut catalogue = Box::new(Catalogue::new_zeroed());
        catalogue.type_factor = types.fill(&mut catalogue.types);
        catalogue.verb_factor = verbs.fill(&mut catalogue.verbs);
        let row =
            |name: Option<&'static str>| name.map_or(TYPE_NONE as usize, |name| types.of(name));
        let series = || (0_u16..).zip(&kinds);
        // First what is in no vocabulary: it stands wherever nothing else will.
        let (others, known): (Vec<_>, Vec<_>) = series().partition(|(_, kind)| kind.verb == OTHER);
        for (at, kind) in others.into_iter().chain(known) {
            let row = &mut catalogue.series[row(kind.target_type)];
            match (kind.interface, kind.verb) {
                (CONTROL, OTHER) => row.fill(at),
                (CONTROL, verb) => row[verbs.of(verb)] = at,
                (DIRECT, verb) => row[direct(verb)] = at,
                (_, OTHER) => catalogue.ioctls.fill(at),
                (_, verb) => catalogue.ioctls[command(verb)] = at,
            }
        }
        // It fits, as was asserted.
        catalogue.count = u32::try_from(kinds.len()).unwrap_or_default();
        Self { catalogue, kinds }
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self::new()
    }
}

/// The number of a direct ioctl, by its name.
fn direct(verb: &str) -> usize {
    let [message, probe_paths] = CMD_NAMES;
    let number = match verb {
        verb if verb == message => VERB_DIRECT,
        verb if verb == probe_paths => VERB_PROBE_PATHS,
        _ => VERB_DIRECT_OTHER,
    };
    number as usize
}

/// The number of an ioctl to the control node, by its name.
fn command(verb: &str) -> usize {
    let number = COMMANDS.iter().position(|command| command.name == verb);
    number.filter(|_| verb != RESUME).unwrap_or(IOCTL_RESUME as usize)
}

/// Names and their numbers.
struct Numbers {
    numbers: HashMap<&'static str, usize>,
    /// The number behind the last.
    end: usize,
}

impl Numbers {
    /// Numbers names from `first` on, each once, and [`OTHER`] as said.
    fn new(names: impl Iterator<Item = &'static str>, other: u32, first: u32) -> Self {
        let mut numbers = HashMap::from([(OTHER, other as usize)]);
        let mut end = first as usize;
        for name in names {
            numbers.entry(name).or_insert_with(|| {
                end += 1;
                end - 1
            });
        }
        Self { numbers, end }
    }

    fn of(&self, name: &str) -> usize {
        self.numbers.get(name).copied().unwrap_or_default()
    }

    /// Puts all names but [`OTHER`] into an empty table, each at a place of its own; returns the factor
    /// that leads there.
    ///
    /// # Panics
    /// If the table is so small that there is none.
    fn fill<const ENTRY: usize, const PLACES: usize>(
        &self,
        table: &mut Names<ENTRY, PLACES>,
    ) -> u64 {
        const FACTORS: u64 = 1 << 20;
        let names = || self.numbers.iter().filter(|(name, _)| **name != OTHER);
        let entries: Vec<[u64; ENTRY]> =
            names().map(|(name, number)| entry(name, *number)).collect();
        for seed in 0..FACTORS {
            // Odd, and with bits all over.
            let factor = (2 * seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut taken = [false; PLACES];
            let is_free = |entry: &[u64; ENTRY]| {
                let taken = &mut taken[place_of(entry, factor, PLACES)];
                !std::mem::replace(taken, true)
            };
            if entries.iter().all(is_free) {
                for entry in entries {
                    table[place_of(&entry, factor, PLACES)] = entry;
                }
                return factor;
            }
        }
        panic!("no factor leads {} names to {PLACES} places", entries.len());
    }
}

/// The entry of a name, whose words are behind its number's.
fn entry<const ENTRY: usize>(name: &str, number: usize) -> [u64; ENTRY] {
    let mut entry = [0; ENTRY];
    for (word, bytes) in entry.iter_mut().zip(name.as_bytes().chunks(8)) {
        let mut piece = [0; 8];
        piece[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_le_bytes(piece);
    }
    entry[ENTRY - 1] = number as u64;
    entry
}

fn place_of<const ENTRY: usize>(entry: &[u64; ENTRY], factor: u64, places: usize) -> usize {
    place(&entry[..ENTRY - 1], factor, places)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the programs find for a message.
    fn kind(plan: &Plan, target_type: Option<&str>, verb: &str) -> Kind {
        let Catalogue { types, type_factor, verbs, verb_factor, .. } = *plan.catalogue;
        let target_type = target_type.map_or(TYPE_NONE, |name| look(&types, type_factor, name));
        let verb = look(&verbs, verb_factor, verb);
        let at = plan.catalogue.series[target_type as usize][verb as usize];
        plan.kinds[usize::from(at)]
    }

    fn look<const ENTRY: usize, const PLACES: usize>(
        table: &Names<ENTRY, PLACES>,
        factor: u64,
        name: &str,
    ) -> u32 {
        let wanted = entry::<ENTRY>(name, 0);
        let found = table[place_of(&wanted, factor, PLACES)];
        let is_found = found[..ENTRY - 1] == wanted[..ENTRY - 1];
        if is_found { u32::try_from(found[ENTRY - 1]).unwrap() } else { TYPE_OTHER }
    }

    #[test]
    fn every_message_leads_to_its_kind() {
        let plan = Plan::new();
        for wanted in plan.kinds.iter().filter(|kind| kind.interface == CONTROL) {
            assert_eq!(kind(&plan, wanted.target_type, wanted.verb), *wanted);
        }
        for (target_type, verb, wanted) in [
            (Some("thin-pool"), "key set", (Some("thin-pool"), OTHER)),
            (Some("nosuch"), "delete", (Some(OTHER), OTHER)),
            (Some("nosuch"), "@stats_list", (Some(OTHER), "@stats_list")),
            (None, "delete", (None, OTHER)),
            (None, "", (None, OTHER)),
        ] {
            let found = kind(&plan, target_type, verb);
            assert_eq!((found.target_type, found.verb), wanted, "{target_type:?} {verb}");
        }
    }

    #[test]
    fn every_series_is_somebodys() {
        let Plan { catalogue, kinds } = Plan::new();
        let mut numbers: Vec<u16> = catalogue.series.as_flattened().to_vec();
        numbers.extend(catalogue.ioctls);
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), kinds.len());
        assert_eq!(catalogue.count as usize, numbers.len());
        for (nr, command) in COMMANDS.iter().enumerate() {
            assert_eq!(kinds[usize::from(catalogue.ioctls[nr])].verb, command.name);
        }
        assert_eq!(kinds[usize::from(catalogue.ioctls[IOCTL_RESUME as usize])].verb, RESUME);
    }
}
