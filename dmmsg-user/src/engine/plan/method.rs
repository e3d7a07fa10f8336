//! The message methods of targets, where the time of a target's own work is measured.

/// A target's message method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// The module it is in, as `/sys/module` names it.
    pub module: &'static str,
    /// The function.
    pub function: &'static str,
}

impl Method {
    /// All methods of targets in Linux.
    ///
    /// Source: `drivers/md`, `struct target_type::message`, 5.10 to 7.3.
    pub const ALL: &'static [Self] = &[
        Self { module: "dm_thin_pool", function: "pool_message" },
        Self { module: "dm_crypt", function: "crypt_message" },
        Self { module: "dm_cache", function: "cache_message" },
        Self { module: "dm_clone", function: "clone_message" },
        Self { module: "dm_era", function: "era_message" },
        Self { module: "dm_raid", function: "raid_message" },
        Self { module: "dm_multipath", function: "multipath_message" },
        Self { module: "dm_switch", function: "switch_message" },
        Self { module: "dm_writecache", function: "writecache_message" },
        Self { module: "dm_log_writes", function: "log_writes_message" },
        Self { module: "dm_dust", function: "dust_message" },
        Self { module: "dm_vdo", function: "vdo_message" },
        Self { module: "dm_zoned", function: "dmz_message" },
        Self { module: "dm_pcache", function: "dm_pcache_message" },
    ];
}
