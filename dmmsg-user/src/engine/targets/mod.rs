//! The vocabulary: which messages each target takes, what they do, and what their errors mean.
//!
//! One file for each target of the kernel's own tree that has a message method, and [`core`] for
//! the messages that device-mapper takes itself. They hold constants alone, each read from
//! `drivers/md` of Debian's kernel sources 5.10.223, 6.1.192, 6.12.117, 7.2.13 and 7.3.4, which is
//! what "versions checked" means in their headers. Every target compares verbs by `strcasecmp`, so
//! entries stand under their canonical verb ([`dmmsg_common::verb`]).

mod cache;
mod class;
mod clone;
mod core;
mod crypt;
mod dust;
mod era;
mod errno;
mod explain;
mod listing;
mod log_writes;
mod multipath;
mod pcache;
mod raid;
mod switch;
mod thin_pool;
mod vdo;
mod writecache;
mod zoned;

#[cfg(test)]
mod tests;

pub use class::Class;
pub use explain::{SILENT, explain};
pub use listing::{Selection, UnknownTarget};

/// Every target that takes messages, and device-mapper itself, which comes first.
pub static ALL: &[&Target] = &[
    &core::CORE,
    &cache::CACHE,
    &clone::CLONE,
    &crypt::CRYPT,
    &dust::DUST,
    &era::ERA,
    &log_writes::LOG_WRITES,
    &multipath::MULTIPATH,
    &pcache::PCACHE,
    &raid::RAID,
    &switch::SWITCH,
    &thin_pool::THIN_POOL,
    &vdo::VDO,
    &writecache::WRITECACHE,
    &zoned::ZONED,
];

/// The types of target that take messages, each by a function of its own.
pub fn types() -> impl Iterator<Item = &'static Target> {
    ALL.iter().skip(1).copied()
}

/// What takes messages: a type of target, or device-mapper itself.
#[derive(Debug)]
pub struct Target {
    /// The target type's name, as in a table. Device-mapper itself is `core`, which is no type.
    pub type_name: &'static str,
    /// Name of its module, as in `/sys/module`.
    pub module: &'static str,
    /// The kernel function that gets its messages.
    pub handler: &'static str,
    /// First release whose targets of this type take messages; see [`Verb::since`].
    pub since: Option<&'static str>,
    /// The messages it takes.
    pub verbs: &'static [Verb],
    /// What its errors mean, whatever the verb.
    pub failures: &'static [Failure],
}

impl Target {
    /// The entry of a canonical verb.
    pub fn verb(&self, tag: &[u8]) -> Option<&'static Verb> {
        self.verbs.iter().find(|verb| verb.tag.as_bytes() == tag)
    }
}

/// A message that a target takes.
#[derive(Debug)]
pub struct Verb {
    /// The canonical verb.
    pub tag: &'static str,
    /// What it does.
    pub class: Class,
    /// Grammar of its arguments; empty where it takes none.
    pub arguments: &'static str,
    /// How many words the kernel takes behind the verb: at least, and at most.
    pub words: (usize, usize),
    /// First release that has it, where that is younger than 5.10, the oldest that was read.
    ///
    /// The sources read say between which two of them it came; the release is from the kernel's
    /// history.
    pub since: Option<&'static str>,
    /// What its errors mean; goes before [`Target::failures`].
    pub failures: &'static [Failure],
}

/// An error number, positive, and what it means.
pub type Failure = (i32, &'static str);

/// Number of words where the kernel does not count them.
const ANY: usize = usize::MAX;

impl Verb {
    /// A verb that takes no further words.
    const fn new(tag: &'static str, class: Class) -> Self {
        Self { tag, class, arguments: "", words: (0, 0), since: None, failures: &[] }
    }

    const fn takes(mut self, least: usize, most: usize, arguments: &'static str) -> Self {
        self.words = (least, most);
        self.arguments = arguments;
        self
    }

    const fn since(mut self, release: &'static str) -> Self {
        self.since = Some(release);
        self
    }

    const fn fails(mut self, failures: &'static [Failure]) -> Self {
        self.failures = failures;
        self
    }
}

/// The entry of a target type that takes messages.
pub fn find(type_name: &[u8]) -> Option<&'static Target> {
    types().find(|target| target.type_name.as_bytes() == type_name)
}

/// The entry of a canonical verb, sent to a target of this type.
///
/// Device-mapper's own messages, which start with `@`, reach any device, with or without a table.
pub fn known(target_type: Option<&[u8]>, tag: &[u8]) -> Option<&'static Verb> {
    if tag.first() == Some(&b'@') {
        return core::CORE.verb(tag);
    }
    find(target_type?)?.verb(tag)
}
