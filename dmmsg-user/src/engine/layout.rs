//! Resolves the fields that the probes read from the kernel's BTF.

use dmmsg_common::layout::KernelLayout;

use super::btf::{Btf, BtfError};

/// Finds every offset of [`KernelLayout`].
///
/// # Errors
/// A struct or a member is missing: this kernel's device-mapper is not one we know.
pub fn resolve(btf: &Btf<'_>) -> Result<KernelLayout, BtfError> {
    Ok(KernelLayout {
        hash_cell_md: btf.module_offset("hash_cell", "md")?,
        hash_cell_name: btf.module_offset("hash_cell", "name")?,
        hash_cell_uuid: btf.module_offset("hash_cell", "uuid")?,
        md_interface: btf.module_offset("mapped_device", "interface_ptr")?,
        md_flags: btf.module_offset("mapped_device", "flags")?,
        md_map: btf.module_offset("mapped_device", "map")?,
        md_disk: btf.module_offset("mapped_device", "disk")?,
        disk_major: btf.kernel_offset("gendisk", "major")?,
        disk_first_minor: btf.kernel_offset("gendisk", "first_minor")?,
        disk_private: btf.kernel_offset("gendisk", "private_data")?,
        bdev_disk: btf.kernel_offset("block_device", "bd_disk")?,
        bdev_dev: btf.kernel_offset("block_device", "bd_dev")?,
        table_num_targets: btf.module_offset("dm_table", "num_targets")?,
        table_targets: btf.module_offset("dm_table", "targets")?,
        target_size: btf.module_size("dm_target")?,
        target_type: btf.module_offset("dm_target", "type")?,
        target_begin: btf.module_offset("dm_target", "begin")?,
        target_len: btf.module_offset("dm_target", "len")?,
        type_name: btf.module_offset("target_type", "name")?,
        task_tgid: btf.kernel_offset("task_struct", "tgid")?,
        task_pid: btf.kernel_offset("task_struct", "pid")?,
        task_comm: btf.kernel_offset("task_struct", "comm")?,
        task_cred: btf.kernel_offset("task_struct", "cred")?,
        cred_uid: btf.kernel_offset("cred", "uid")?,
        // x86-64 only, as the kernels we know.
        regs_third: btf.kernel_offset("pt_regs", "dx")?,
        words_type: words_type(btf).unwrap_or(0).into(),
    })
}

/// BTF id of the kernel's `bpf_rdonly_cast`, which the probes use where there is one.
pub fn rdonly_cast(btf: &Btf<'_>) -> Option<u32> {
    words_type(btf).and(btf.function("bpf_rdonly_cast"))
}

/// BTF id of a struct of vmlinux that is one long array of words, where it can be cast to.
///
/// Source: `include/linux/vmstat.h`, `struct vm_event_state`, 6.1 to 7.3.
fn words_type(btf: &Btf<'_>) -> Option<u32> {
    btf.function("bpf_rdonly_cast").and(btf.kernel_struct("vm_event_state"))
}
