//! Makes the tracing programs of a compiled object ready for the kernel.

use std::{
    collections::HashSet,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Map, MapData},
};
use aya_obj::generated::{bpf_attach_type, bpf_insn};
use dmmsg_common::layout::RDONLY_CAST;

use super::bpf::{self, Tracing};

/// A compiled object whose code refers to maps that aya has made.
pub struct Object {
    inner: aya_obj::Object,
    btf: OwnedFd,
}

impl Object {
    /// Parses the object and joins it to the maps of `ebpf`, which was loaded from the same bytes.
    ///
    /// `rdonly_cast` is the BTF id of the kernel's `bpf_rdonly_cast`, if it has one.
    ///
    /// # Errors
    /// The object is damaged, or the kernel refuses its BTF.
    pub fn prepare(bytes: &[u8], ebpf: &Ebpf, rdonly_cast: Option<u32>) -> Result<Self> {
        let mut inner = aya_obj::Object::parse(bytes).context("parse the object")?;
        let features = aya::features();
        let btf_features = features.btf().context("the kernel has no BTF support")?;
        let btf = inner
            .fixup_and_sanitize_btf(btf_features)
            .context("adapt the object's BTF")?
            .context("the object has no BTF")?
            .to_bytes();
        let btf = bpf::load_btf(&btf).context("load the object's BTF")?;
        relocate(&mut inner, ebpf)?;
        inner.sanitize_functions(features);
        for function in inner.functions.values_mut() {
            resolve_casts(&mut function.instructions, rdonly_cast);
        }
        Ok(Self { inner, btf })
    }

    /// Loads one program for a function, given by its BTF id.
    ///
    /// # Errors
    /// The object has no such program, or the kernel refuses it.
    pub fn load(
        &self,
        name: &str,
        attach_type: bpf_attach_type,
        module_btf: Option<&OwnedFd>,
        function_id: u32,
    ) -> Result<OwnedFd> {
        let function = self
            .inner
            .programs
            .get(name)
            .and_then(|program| self.inner.functions.get(&program.function_key()))
            .with_context(|| format!("the object has no program {name}"))?;
        Tracing {
            name,
            attach_type,
            instructions: &function.instructions,
            own_btf: self.btf.as_fd(),
            func_info: (&function.func_info.func_info_bytes(), function.func_info_rec_size),
            module_btf: module_btf.map(OwnedFd::as_fd),
            function_id,
        }
        .load()
    }
}

/// Puts the maps' descriptors and the addresses of called functions into the code.
fn relocate(object: &mut aya_obj::Object, ebpf: &Ebpf) -> Result<()> {
    let maps: Vec<_> = object
        .maps
        .iter()
        .map(|(name, map)| {
            // A map that is missing here would be taken for another.
            let made = ebpf.map(name).and_then(data).with_context(|| format!("find map {name}"))?;
            Ok((name.clone(), made.fd().as_fd().as_raw_fd(), map.clone()))
        })
        .collect::<Result<_>>()?;
    let text_sections: HashSet<_> = object.functions.keys().map(|(section, _)| *section).collect();
    let maps = maps.iter().map(|(name, fd, map)| (name.as_str(), *fd, map));
    object.relocate_maps(maps, &text_sections).context("relocate the object's maps")?;
    object.relocate_calls(&text_sections).context("relocate the object's calls")
}

/// Puts calls of `bpf_rdonly_cast` in their places, or nothing where the kernel has none.
///
/// Source: `include/uapi/linux/bpf.h`, `BPF_PSEUDO_KFUNC_CALL`.
fn resolve_casts(instructions: &mut [bpf_insn], rdonly_cast: Option<u32>) {
    const CALL: u8 = 0x85;
    const MOVE: u8 = 0xb7;
    const KFUNC: u8 = 2;
    for instruction in instructions {
        if instruction.code != CALL || instruction.imm != RDONLY_CAST.cast_signed() {
            continue;
        }
        if let Some(function) = rdonly_cast {
            instruction.set_src_reg(KFUNC);
            instruction.imm = function.cast_signed();
        } else {
            // The code behind it is never reached: it asks for the type first.
            instruction.code = MOVE;
            instruction.imm = 0;
        }
    }
}

/// What is common to the kinds of map that our objects have.
const fn data(map: &Map) -> Option<&MapData> {
    match map {
        Map::Array(data)
        | Map::HashMap(data)
        | Map::LruHashMap(data)
        | Map::PerCpuArray(data)
        | Map::RingBuf(data) => Some(data),
        _ => None,
    }
}
