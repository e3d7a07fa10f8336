//! Calls put together that belong together: those of one device, of one verb.

use std::collections::{BTreeMap, HashMap};

use dmmsg_common::dm::DevT;

use super::{
    direct::{self, Direct},
    event::Event,
    ioctl,
    targets::{self, Class},
};

/// Devices told apart at most; all others are one.
const DEVICES: usize = 1000;

/// Groups at most, but for those of the devices that are not told apart.
const GROUPS: usize = 10_000;

/// Stands for what is in no vocabulary.
pub const OTHER: &str = "other";

/// [`Kind::interface`] of a message to the control node.
pub const CONTROL: &str = "control";

/// [`Kind::interface`] of an ioctl to the device itself.
pub const DIRECT: &str = "direct";

/// [`Kind::interface`] of an ioctl to the control node that is no message.
pub const IOCTL: &str = "ioctl";

/// What is told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Each device.
    pub by_device: bool,
    /// Each verb of each type of target.
    pub by_kind: bool,
}

/// Values of `V`, one a group; what senders do cannot make them more than so many.
#[derive(Debug)]
pub struct Groups<V> {
    split: Split,
    values: BTreeMap<Key, V>,
    /// Every device's number and name, in the order in which they came.
    devices: Vec<(DevT, Vec<u8>)>,
    places: HashMap<DevT, Vec<usize>>,
}

type Key = (Option<Place>, Option<Kind>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Index in [`Groups::devices`].
    Known(usize),
    Other,
}

/// What was asked for, in words of a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// `control`, `direct` or `ioctl`.
    pub interface: &'static str,
    /// Type of the target, where there is one.
    pub target_type: Option<&'static str>,
    /// Canonical verb, or name of an ioctl.
    pub verb: &'static str,
}

/// What a value is of.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// The device, where devices are told apart.
    pub device: Option<Device<'a>>,
    /// What was asked for, where that is told apart.
    pub kind: Option<Kind>,
}

/// One device, or all those beyond the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device<'a> {
    /// Its number and name; either may be unknown.
    Known(DevT, &'a [u8]),
    /// Those that came after a thousand others.
    Other,
}

impl<V: Default> Groups<V> {
    /// No values yet.
    pub fn new(split: Split) -> Self {
        Self { split, values: BTreeMap::new(), devices: Vec::new(), places: HashMap::new() }
    }

    /// The value of the group that a call belongs to, new if it is the first; `None` for a record that
    /// cannot be read.
    pub fn of(&mut self, event: &Event<'_>) -> Option<&mut V> {
        let call = event.call()?;
        let mut place = self.split.by_device.then(|| self.place(DevT(call.dev), event.names()[0]));
        let kind = if self.split.by_kind { Some(Kind::of(event)?) } else { None };
        let is_full = self.values.len() >= GROUPS;
        if place.is_some() && is_full && !self.values.contains_key(&(place, kind)) {
            place = Some(Place::Other);
        }
        Some(self.values.entry((place, kind)).or_default())
    }

    /// The value of the group of a kind, where devices are not told apart; new if it is the first.
    pub fn of_kind(&mut self, kind: Kind) -> &mut V {
        let kind = self.split.by_kind.then_some(kind);
        self.values.entry((None, kind)).or_default()
    }

    fn place(&mut self, dev: DevT, name: &[u8]) -> Place {
        let mut places = self.places.get(&dev).into_iter().flatten();
        let known = places.find(|at| self.devices.get(**at).is_some_and(|of| of.1 == name));
        if let Some(at) = known {
            return Place::Known(*at);
        }
        if self.devices.len() >= DEVICES {
            return Place::Other;
        }
        let at = self.devices.len();
        self.places.entry(dev).or_default().push(at);
        self.devices.push((dev, name.to_vec()));
        Place::Known(at)
    }

    /// The values: in the order in which their devices came, and then by interface, type of target
    /// and verb.
    pub fn iter(&self) -> impl Iterator<Item = (Group<'_>, &V)> {
        self.values.iter().map(|((place, kind), value)| {
            let device = place.map(|place| match place {
                Place::Known(at) => self
                    .devices
                    .get(at)
                    .map_or(Device::Other, |(dev, name)| Device::Known(*dev, name)),
                Place::Other => Device::Other,
            });
            (Group { device, kind: *kind }, value)
        })
    }

    /// All values.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values.values_mut()
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        *self = Self::new(self.split);
    }
}

impl Kind {
    /// Every kind that there can be, in order: the vocabulary, and `other`.
    pub fn all() -> Vec<Self> {
        let words = |interface, target_type, verbs: Vec<&'static str>| {
            let verbs = verbs.into_iter().chain([OTHER]);
            verbs.map(move |verb| Self { interface, target_type, verb })
        };
        let tags = |target: &'static targets::Target| target.verbs.iter().map(|verb| verb.tag);
        let core = || targets::ALL.iter().take(1).flat_map(|core| tags(core));
        let control = types().flat_map(|target_type| {
            let known = target_type.and_then(|name| targets::find(name.as_bytes()));
            words(CONTROL, target_type, known.into_iter().flat_map(tags).chain(core()).collect())
        });
        let direct =
            types().flat_map(|target_type| words(DIRECT, target_type, direct::CMD_NAMES.into()));
        let ioctls = words(IOCTL, None, ioctl::verbs().collect());
        let mut all: Vec<_> = control.chain(direct).chain(ioctls).collect();
        all.sort_unstable();
        all
    }

    /// Whether such messages carry key material.
    pub fn carries_secret(&self) -> bool {
        let target_type = self.target_type.map(str::as_bytes);
        let is_message = self.interface == CONTROL;
        is_message && Class::of(target_type, self.verb.as_bytes()) == Class::Secret
    }

    /// The kind of a call; `None` for a record that cannot be read.
    pub fn of(event: &Event<'_>) -> Option<Self> {
        let target_type = event.target_type().map(type_name);
        let verb = event.verb();
        let (interface, verb) = match event {
            Event::Message(message) => {
                let known = verb.and_then(|verb| targets::known(message.target_type(), verb));
                (CONTROL, known.map_or(OTHER, |verb| verb.tag))
            }
            Event::Direct(direct) => (DIRECT, Direct::cmd_name(direct).unwrap_or(OTHER)),
            Event::Ioctl(ioctl) => (IOCTL, ioctl.verb().unwrap_or(OTHER)),
            Event::Bad(_) => return None,
        };
        Some(Self { interface, target_type, verb })
    }
}

/// Every type of target that a kind can have, and none.
pub fn types() -> impl Iterator<Item = Option<&'static str>> {
    let talking = targets::types().map(|target| target.type_name);
    talking.chain(targets::SILENT.iter().copied()).chain([OTHER]).map(Some).chain([None])
}

/// The name of a type of target that the kernel's own tree has, or `other`.
pub fn type_name(name: &[u8]) -> &'static str {
    let silent = || targets::SILENT.iter().find(|silent| silent.as_bytes() == name).copied();
    targets::find(name).map(|target| target.type_name).or_else(silent).unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::{Kind, OTHER, types};

    #[test]
    fn kinds_differ_and_hold_the_vocabulary() {
        let all = Kind::all();
        assert!(all.is_sorted_by(|one, next| one < next));
        let is_there =
            |interface, target_type, verb| all.contains(&Kind { interface, target_type, verb });
        assert!(is_there("control", Some("crypt"), "key set"));
        assert!(is_there("control", Some("linear"), "@stats_list"));
        assert!(!is_there("control", Some("linear"), "key set"));
        assert!(is_there("direct", None, "DM_MESSAGE"));
        assert!(is_there("ioctl", None, "resume"));
        for target_type in types() {
            assert!(is_there("control", target_type, OTHER), "{target_type:?}");
        }
    }
}
