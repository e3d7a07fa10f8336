//! Where the running kernel keeps the fields that the probes read.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Byte offsets (and one size) of kernel structs, resolved from the running kernel's BTF.
///
/// Handed to the probes as a read-only global, so that the verifier sees constants. Each is 64 bits
/// wide for that reason: the verifier keeps what it knows of a value only at that width.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct KernelLayout {
    /// `struct hash_cell::md`.
    pub hash_cell_md: u64,
    /// `struct hash_cell::name`, a pointer.
    pub hash_cell_name: u64,
    /// `struct hash_cell::uuid`, a pointer or null.
    pub hash_cell_uuid: u64,
    /// `struct mapped_device::interface_ptr`, the `struct hash_cell` or null.
    pub md_interface: u64,
    /// `struct mapped_device::flags`.
    pub md_flags: u64,
    /// `struct mapped_device::map`, the live table or null.
    pub md_map: u64,
    /// `struct mapped_device::disk`.
    pub md_disk: u64,
    /// `struct gendisk::major`.
    pub disk_major: u64,
    /// `struct gendisk::first_minor`.
    pub disk_first_minor: u64,
    /// `struct gendisk::private_data`, the `struct mapped_device` of a dm device.
    pub disk_private: u64,
    /// `struct block_device::bd_disk`.
    pub bdev_disk: u64,
    /// `struct block_device::bd_dev`.
    pub bdev_dev: u64,
    /// `struct dm_table::num_targets`.
    pub table_num_targets: u64,
    /// `struct dm_table::targets`, a pointer to an array ordered by `begin`.
    pub table_targets: u64,
    /// `sizeof(struct dm_target)`.
    pub target_size: u64,
    /// `struct dm_target::type`.
    pub target_type: u64,
    /// `struct dm_target::begin`, in sectors.
    pub target_begin: u64,
    /// `struct dm_target::len`, in sectors.
    pub target_len: u64,
    /// `struct target_type::name`, a pointer to the type's name.
    pub type_name: u64,
    /// `struct task_struct::tgid`.
    pub task_tgid: u64,
    /// `struct task_struct::pid`.
    pub task_pid: u64,
    /// `struct task_struct::comm`.
    pub task_comm: u64,
    /// `struct task_struct::cred`.
    pub task_cred: u64,
    /// `struct cred::uid`.
    pub cred_uid: u64,
    /// `struct task_struct::stack`, where the task's kernel stack ends.
    pub task_stack: u64,
    /// Where a task's `struct pt_regs` stands, from there.
    pub stack_regs: u64,
    /// Where `struct pt_regs` keeps a system call's third argument.
    pub regs_third: u64,
    /// BTF id of a struct that is nothing but words, by which `bpf_rdonly_cast` lets a program
    /// read where it knows no type; 0 where the kernel has no such function.
    pub words_type: u64,
}

const _: () = assert!(size_of::<KernelLayout>().is_multiple_of(8));

/// The helper number that stands for `bpf_rdonly_cast` in a compiled object; the loader puts the
/// kernel's function in its place.
///
/// Source: `kernel/bpf/helpers.c`, `bpf_rdonly_cast`, since 6.2.
pub const RDONLY_CAST: u32 = 0x0d0c_ca57;
