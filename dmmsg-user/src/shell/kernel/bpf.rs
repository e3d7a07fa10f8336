//! The bpf(2) calls that aya 0.14 does not make for us.
//!
//! aya cannot load a tracing program for a function of a module: it has no way to name the
//! module's BTF.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what we load is smaller than 4 GiB, and a descriptor is a number that is not negative"
)]

use std::{
    ffi::CStr,
    io,
    mem::{self, size_of},
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use anyhow::{Result, bail};
use aya_obj::generated::{
    bpf_attach_type, bpf_attr, bpf_btf_info, bpf_cmd, bpf_insn, bpf_prog_info, bpf_prog_type,
};

/// Bytes of verifier log that are asked for when a program is refused.
const LOG_BYTES: usize = 1 << 20;
/// Last lines of the verifier's log that an error carries.
const LOG_LINES: usize = 6;

/// A tracing program, ready to be loaded.
pub struct Tracing<'a> {
    /// Name shown by `bpftool prog`; cut at 15 bytes.
    pub name: &'a str,
    /// `BPF_TRACE_FENTRY` or `BPF_TRACE_FEXIT`.
    pub attach_type: bpf_attach_type,
    /// The instructions, relocated.
    pub instructions: &'a [bpf_insn],
    /// BTF of the object that the program comes from.
    pub own_btf: BorrowedFd<'a>,
    /// `func_info` records, which callbacks need, and the size of each.
    pub func_info: (&'a [u8], usize),
    /// BTF that `function_id` belongs to; `None` for vmlinux.
    pub module_btf: Option<BorrowedFd<'a>>,
    /// BTF id of the function to attach to.
    pub function_id: u32,
}

impl Tracing<'_> {
    /// Loads the program.
    ///
    /// # Errors
    /// The kernel refuses it; the error ends with the last lines of the verifier's log.
    pub fn load(&self) -> Result<OwnedFd> {
        let refusal = match self.try_load(&mut []) {
            Ok(program) => return Ok(program),
            Err(refusal) => refusal,
        };
        let mut log = vec![0; LOG_BYTES];
        // The log is only written on a second try, since it costs time.
        if let Ok(program) = self.try_load(&mut log) {
            return Ok(program);
        }
        bail!("load program {}: {refusal}{}", self.name, last_lines(&log))
    }

    fn try_load(&self, log: &mut [u8]) -> io::Result<OwnedFd> {
        let mut attr = zeroed();
        // SAFETY: all of a union's variants are plain numbers; zeroes are valid in each.
        let load = unsafe { &mut attr.__bindgen_anon_3 };
        load.prog_type = bpf_prog_type::BPF_PROG_TYPE_TRACING as u32;
        load.expected_attach_type = self.attach_type as u32;
        load.insns = self.instructions.as_ptr() as u64;
        load.insn_cnt = self.instructions.len() as u32;
        load.license = c"GPL".as_ptr() as u64;
        load.prog_btf_fd = self.own_btf.as_raw_fd() as u32;
        let (records, record_size) = self.func_info;
        load.func_info = records.as_ptr() as u64;
        load.func_info_rec_size = record_size as u32;
        load.func_info_cnt = (records.len() / record_size.max(1)) as u32;
        load.attach_btf_id = self.function_id;
        if let Some(module) = self.module_btf {
            load.__bindgen_anon_1.attach_btf_obj_fd = module.as_raw_fd() as u32;
        }
        let room = load.prog_name.len() - 1;
        for (to, from) in load.prog_name[..room].iter_mut().zip(self.name.bytes()) {
            *to = from.cast_signed();
        }
        if !log.is_empty() {
            load.log_level = 1;
            load.log_size = log.len() as u32;
            load.log_buf = log.as_mut_ptr() as u64;
        }
        fd(bpf(bpf_cmd::BPF_PROG_LOAD, &mut attr))
    }
}

/// Attaches a tracing program; it stays attached as long as the returned link is open.
///
/// # Errors
/// Those of `BPF_RAW_TRACEPOINT_OPEN`.
pub fn attach(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut attr = zeroed();
    attr.raw_tracepoint.prog_fd = program.as_raw_fd() as u32;
    fd(bpf(bpf_cmd::BPF_RAW_TRACEPOINT_OPEN, &mut attr))
}

/// Reads a value of a map; key and value must be as long as the map's.
///
/// # Errors
/// Those of `BPF_MAP_LOOKUP_ELEM`.
pub fn lookup<K>(map: BorrowedFd<'_>, key: &K, value: &mut [u8]) -> io::Result<()> {
    let mut attr = zeroed();
    // SAFETY: all of a union's variants are plain numbers; zeroes are valid in each.
    let lookup = unsafe { &mut attr.__bindgen_anon_2 };
    lookup.map_fd = map.as_raw_fd() as u32;
    lookup.key = std::ptr::from_ref(key) as u64;
    lookup.__bindgen_anon_1.value = value.as_mut_ptr() as u64;
    bpf(bpf_cmd::BPF_MAP_LOOKUP_ELEM, &mut attr).map(drop)
}

/// Removes a value from a map; the key must be as long as the map's.
///
/// # Errors
/// Those of `BPF_MAP_DELETE_ELEM`.
pub fn delete<K>(map: BorrowedFd<'_>, key: &K) -> io::Result<()> {
    let mut attr = zeroed();
    // SAFETY: all of a union's variants are plain numbers; zeroes are valid in each.
    let delete = unsafe { &mut attr.__bindgen_anon_2 };
    delete.map_fd = map.as_raw_fd() as u32;
    delete.key = std::ptr::from_ref(key) as u64;
    bpf(bpf_cmd::BPF_MAP_DELETE_ELEM, &mut attr).map(drop)
}

/// The key behind `key` in a map, or the first; `None` where there is none. Keys must be as long as the
/// map's.
pub fn next_key<K: Default>(map: BorrowedFd<'_>, key: Option<&K>) -> Option<K> {
    let mut next = K::default();
    let mut attr = zeroed();
    // SAFETY: all of a union's variants are plain numbers; zeroes are valid in each.
    let ask = unsafe { &mut attr.__bindgen_anon_2 };
    ask.map_fd = map.as_raw_fd() as u32;
    ask.key = key.map_or(0, |key| std::ptr::from_ref(key) as u64);
    ask.__bindgen_anon_1.next_key = (&raw mut next) as u64;
    bpf(bpf_cmd::BPF_MAP_GET_NEXT_KEY, &mut attr).ok().map(|_| next)
}

/// Loads BTF into the kernel.
///
/// # Errors
/// Those of `BPF_BTF_LOAD`.
pub fn load_btf(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut attr = zeroed();
    // SAFETY: all of a union's variants are plain numbers; zeroes are valid in each.
    let load = unsafe { &mut attr.__bindgen_anon_7 };
    load.btf = bytes.as_ptr() as u64;
    load.btf_size = bytes.len() as u32;
    fd(bpf(bpf_cmd::BPF_BTF_LOAD, &mut attr))
}

/// The kernel's own BTF of a module, which `/sys/kernel/btf` shows but cannot hand out.
///
/// # Errors
/// No such module BTF, or no `CAP_SYS_ADMIN`.
pub fn module_btf(module: &CStr) -> io::Result<OwnedFd> {
    let mut id = 0;
    loop {
        id = next_btf(id)?;
        let mut attr = zeroed();
        attr.__bindgen_anon_6.__bindgen_anon_1.btf_id = id;
        // It may be gone again: go on with the next.
        let Ok(btf) = fd(bpf(bpf_cmd::BPF_BTF_GET_FD_BY_ID, &mut attr)) else { continue };
        if is_kernel_btf(&btf, module)? {
            return Ok(btf);
        }
    }
}

fn next_btf(after: u32) -> io::Result<u32> {
    let mut attr = zeroed();
    attr.__bindgen_anon_6.__bindgen_anon_1.start_id = after;
    bpf(bpf_cmd::BPF_BTF_GET_NEXT_ID, &mut attr)?;
    // SAFETY: the call above succeeded, so that the kernel has set this variant.
    Ok(unsafe { attr.__bindgen_anon_6.next_id })
}

fn is_kernel_btf(btf: &OwnedFd, name: &CStr) -> io::Result<bool> {
    let mut found = [0; 64];
    let mut info = bpf_btf_info {
        btf: 0,
        btf_size: 0,
        id: 0,
        name: found.as_mut_ptr() as u64,
        name_len: found.len() as u32,
        kernel_btf: 0,
    };
    object_info(btf, &mut info)?;
    let found = CStr::from_bytes_until_nul(&found).unwrap_or_default();
    Ok(info.kernel_btf != 0 && found == name)
}

/// Times the kernel skipped a program, since one of its runs was not over on that CPU.
///
/// # Errors
/// Those of `BPF_OBJ_GET_INFO_BY_FD`.
pub fn recursion_misses(program: &OwnedFd) -> io::Result<u64> {
    // SAFETY: the struct is made of plain numbers, for which zeroes are valid.
    let mut info = unsafe { mem::zeroed::<bpf_prog_info>() };
    object_info(program, &mut info)?;
    Ok(info.recursion_misses)
}

/// How often a program ran, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// Runs; 0 where the kernel keeps no account.
    pub count: u64,
    /// Time they took, in ns.
    pub time_ns: u64,
}

impl Runs {
    /// Together with those of another program.
    pub const fn and(self, other: Self) -> Self {
        Self { count: self.count + other.count, time_ns: self.time_ns + other.time_ns }
    }
}

/// How often a program ran, as far as the kernel has kept account.
///
/// Source: `Documentation/admin-guide/sysctl/kernel.rst`, `bpf_stats_enabled`.
///
/// # Errors
/// Those of `BPF_OBJ_GET_INFO_BY_FD`.
pub fn runs(program: &OwnedFd) -> io::Result<Runs> {
    // SAFETY: the struct is made of plain numbers, for which zeroes are valid.
    let mut info = unsafe { mem::zeroed::<bpf_prog_info>() };
    object_info(program, &mut info)?;
    Ok(Runs { count: info.run_cnt, time_ns: info.run_time_ns })
}

fn object_info<T>(object: &OwnedFd, info: &mut T) -> io::Result<()> {
    let mut attr = zeroed();
    attr.info.bpf_fd = object.as_raw_fd() as u32;
    attr.info.info_len = size_of::<T>() as u32;
    attr.info.info = std::ptr::from_mut(info) as u64;
    bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attr).map(drop)
}

/// Gives freed memory back to the kernel.
///
/// Reading the kernel's BTF takes some 20 MiB for a moment, of which the allocator would keep most.
pub fn trim_heap() {
    // SAFETY: takes no pointer, and may be called at any time.
    unsafe { libc::malloc_trim(0) };
}

fn zeroed() -> bpf_attr {
    // SAFETY: all of the union's variants are plain numbers; zeroes are valid in each.
    unsafe { mem::zeroed() }
}

fn bpf(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<i64> {
    let attr = std::ptr::from_mut(attr);
    // SAFETY: `attr` is a whole `bpf_attr`, and the pointers in it outlive the call.
    match unsafe { libc::syscall(libc::SYS_bpf, command as u32, attr, size_of::<bpf_attr>()) } {
        result if result < 0 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}

fn fd(result: io::Result<i64>) -> io::Result<OwnedFd> {
    // SAFETY: every caller passes the result of a call that returns a new descriptor.
    result.map(|raw| unsafe { OwnedFd::from_raw_fd(raw as RawFd) })
}

fn last_lines(log: &[u8]) -> String {
    let log = CStr::from_bytes_until_nul(log).unwrap_or_default().to_string_lossy();
    let lines: Vec<_> = log.lines().rev().take(LOG_LINES).collect();
    lines.iter().rev().fold(String::new(), |text, line| text + "\n  " + line)
}
