//! Where device-mapper's own structs keep the fields that the probes read.

use crate::engine::btf::{Btf, BtfError};

/// Offsets in structs that are private to `dm_mod`, and one size; fields as in
/// [`KernelLayout`](dmmsg_common::layout::KernelLayout).
#[expect(missing_docs, reason = "each is named after struct and field, as in the layout")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmStructs {
    pub hash_cell_md: u64,
    pub hash_cell_name: u64,
    pub hash_cell_uuid: u64,
    pub md_interface: u64,
    pub md_flags: u64,
    pub md_map: u64,
    pub md_disk: u64,
    pub table_num_targets: u64,
    pub table_targets: u64,
    pub target_size: u64,
    pub target_type: u64,
    pub target_begin: u64,
    pub target_len: u64,
    pub type_name: u64,
}

impl DmStructs {
    /// Linux 5.10, whose modules have no BTF.
    ///
    /// Source: debug information of Debian's 5.10.223-1, `dm-mod.ko`, x86-64. Before these fields stand
    /// locks, whose size depends on the kernel's configuration: see [`DmStructs::MUTEX_BYTES`].
    pub const LINUX_5_10: Self = Self {
        hash_cell_md: 48,
        hash_cell_name: 32,
        hash_cell_uuid: 40,
        md_interface: 280,
        md_flags: 88,
        md_map: 80,
        md_disk: 184,
        table_num_targets: 208,
        table_targets: 224,
        target_size: 88,
        target_type: 8,
        target_begin: 16,
        target_len: 24,
        type_name: 8,
    };

    /// Bytes of a `struct mutex` in a kernel that keeps fields where [`DmStructs::LINUX_5_10`] says.
    pub const MUTEX_BYTES: u64 = 32;

    /// Those of a kernel that describes them.
    ///
    /// # Errors
    /// A struct or a member is missing: this kernel's device-mapper is not one we know.
    pub fn find(btf: &Btf<'_>) -> Result<Self, BtfError> {
        Ok(Self {
            hash_cell_md: btf.module_offset("hash_cell", "md")?,
            hash_cell_name: btf.module_offset("hash_cell", "name")?,
            hash_cell_uuid: btf.module_offset("hash_cell", "uuid")?,
            md_interface: btf.module_offset("mapped_device", "interface_ptr")?,
            md_flags: btf.module_offset("mapped_device", "flags")?,
            md_map: btf.module_offset("mapped_device", "map")?,
            md_disk: btf.module_offset("mapped_device", "disk")?,
            table_num_targets: btf.module_offset("dm_table", "num_targets")?,
            table_targets: btf.module_offset("dm_table", "targets")?,
            target_size: btf.module_size("dm_target")?,
            target_type: btf.module_offset("dm_target", "type")?,
            target_begin: btf.module_offset("dm_target", "begin")?,
            target_len: btf.module_offset("dm_target", "len")?,
            type_name: btf.module_offset("target_type", "name")?,
        })
    }
}
