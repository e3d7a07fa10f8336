//! Resolves the fields that the probes read from the kernel's BTF.

mod dm_structs;

use dmmsg_common::layout::KernelLayout;

pub use self::dm_structs::DmStructs;
use super::btf::{Btf, BtfError};

/// Bytes of a task's kernel stack on x86-64 (`THREAD_SIZE`), unless the kernel has KASAN.
///
/// Source: `arch/x86/include/asm/page_64_types.h`, 5.10 to 7.3.
const THREAD_SIZE: u64 = 16 << 10;

/// Finds every offset of [`KernelLayout`]; those of device-mapper's own structs only if they are not
/// known already.
///
/// # Errors
/// A struct or a member is missing: this kernel's device-mapper is not one we know.
pub fn resolve(btf: &Btf<'_>, known: Option<DmStructs>) -> Result<KernelLayout, BtfError> {
    let dm = match known {
        Some(dm) => dm,
        None => DmStructs::find(btf)?,
    };
    Ok(KernelLayout {
        hash_cell_md: dm.hash_cell_md,
        hash_cell_name: dm.hash_cell_name,
        hash_cell_uuid: dm.hash_cell_uuid,
        md_interface: dm.md_interface,
        md_flags: dm.md_flags,
        md_map: dm.md_map,
        md_disk: dm.md_disk,
        disk_major: btf.kernel_offset("gendisk", "major")?,
        disk_first_minor: btf.kernel_offset("gendisk", "first_minor")?,
        disk_private: btf.kernel_offset("gendisk", "private_data")?,
        bdev_disk: btf.kernel_offset("block_device", "bd_disk")?,
        bdev_dev: btf.kernel_offset("block_device", "bd_dev")?,
        table_num_targets: dm.table_num_targets,
        table_targets: dm.table_targets,
        target_size: dm.target_size,
        target_type: dm.target_type,
        target_begin: dm.target_begin,
        target_len: dm.target_len,
        type_name: dm.type_name,
        task_tgid: btf.kernel_offset("task_struct", "tgid")?,
        task_pid: btf.kernel_offset("task_struct", "pid")?,
        task_comm: btf.kernel_offset("task_struct", "comm")?,
        task_cred: btf.kernel_offset("task_struct", "cred")?,
        cred_uid: btf.kernel_offset("cred", "uid")?,
        task_stack: btf.kernel_offset("task_struct", "stack")?,
        stack_regs: THREAD_SIZE.saturating_sub(btf.kernel_size("pt_regs")?),
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
