//! Reads the kernel's type information (BTF), a module's split part included.
//!
//! Source: `include/uapi/linux/btf.h` and `Documentation/bpf/btf.rst`, 6.1 to 7.3. A module's ids
//! and string offsets go on where vmlinux's end.

use thiserror::Error;

/// Why BTF could not be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BtfError {
    /// The data does not start with a little-endian BTF header.
    #[error("no BTF header")]
    NoHeader,
    /// A section or a type reaches past the end of the data.
    #[error("BTF ends at byte {0} in the middle of a type")]
    Truncated(usize),
    /// A kind of type that this reader does not know, so that it cannot tell its size.
    #[error("unknown BTF kind {0}")]
    UnknownKind(u32),
    /// No struct of that name has that member.
    #[error("no `{name}::{member}` in the kernel's BTF")]
    NoMember {
        /// Name of the struct.
        name: &'static str,
        /// Name of the member.
        member: &'static str,
    },
    /// No struct of that name.
    #[error("no `struct {0}` in the kernel's BTF")]
    NoStruct(&'static str),
}

const HEADER_LEN: usize = 24;
const MAGIC: u32 = 0xeb9f;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_FUNC: u32 = 12;
/// Kinds that only qualify or rename another type: typedef, volatile, const, restrict, type tag.
const KINDS_TRANSPARENT: [u32; 5] = [8, 9, 10, 11, 18];

/// One blob of BTF, cut into its sections.
struct Blob<'a> {
    types: &'a [u8],
    strings: &'a [u8],
}

impl<'a> Blob<'a> {
    fn parse(data: &'a [u8]) -> Result<Self, BtfError> {
        if data.len() < HEADER_LEN || word(data, 0)? & 0xffff != MAGIC {
            return Err(BtfError::NoHeader);
        }
        let base = word(data, 4)?;
        let section = |at: usize| {
            let start = base as usize + word(data, at)? as usize;
            let end = start + word(data, at + 4)? as usize;
            data.get(start..end).ok_or(BtfError::Truncated(data.len()))
        };
        Ok(Self { types: section(8)?, strings: section(16)? })
    }
}

fn word(data: &[u8], at: usize) -> Result<u32, BtfError> {
    data.get(at..at + 4)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u32::from_le_bytes)
        .ok_or(BtfError::Truncated(data.len()))
}

/// A type's fixed part and what follows it.
struct Type<'a> {
    name: u32,
    info: u32,
    size_or_id: u32,
    rest: &'a [u8],
}

impl Type<'_> {
    const fn kind(&self) -> u32 {
        self.info >> 24 & 0x1f
    }

    const fn members(&self) -> usize {
        (self.info & 0xffff) as usize
    }

    /// Whether member offsets carry a bit-field's size in their top byte.
    const fn has_bit_fields(&self) -> bool {
        self.info >> 31 != 0
    }
}

/// vmlinux's BTF with a module's behind it, in one id space.
pub struct Btf<'a> {
    base: Blob<'a>,
    module: Option<Blob<'a>>,
    /// Byte offset of each type in its blob's types, by id; id 0 is void.
    offsets: Vec<u32>,
    first_module_id: usize,
}

impl<'a> Btf<'a> {
    /// Indexes vmlinux's BTF and, where there is one, a module's split BTF.
    ///
    /// # Errors
    /// Data that is not BTF, is cut short, or holds a kind this reader does not know.
    pub fn parse(vmlinux: &'a [u8], module: Option<&'a [u8]>) -> Result<Self, BtfError> {
        let base = Blob::parse(vmlinux)?;
        let module = module.map(Blob::parse).transpose()?;
        let mut offsets = vec![0];
        index(base.types, &mut offsets)?;
        let first_module_id = offsets.len();
        if let Some(module) = &module {
            index(module.types, &mut offsets)?;
        }
        Ok(Self { base, module, offsets, first_module_id })
    }

    /// The id of a function, the module's before vmlinux's.
    pub fn function(&self, name: &str) -> Option<u32> {
        self.ids_module_first()
            .find(|id| self.is(*id, KIND_FUNC, name))
            .and_then(|id| id.try_into().ok())
    }

    /// Byte offset of a member in a struct of the module, else of vmlinux.
    ///
    /// # Errors
    /// No struct of that name has that member.
    pub fn module_offset(&self, name: &'static str, member: &'static str) -> Result<u64, BtfError> {
        self.offset_in(self.ids_module_first(), name, member)
    }

    /// Byte offset of a member in a struct of vmlinux, else of the module.
    ///
    /// Some modules carry copies of kernel-wide structs, which must not be taken for the original.
    ///
    /// # Errors
    /// No struct of that name has that member.
    pub fn kernel_offset(&self, name: &'static str, member: &'static str) -> Result<u64, BtfError> {
        self.offset_in(1..self.offsets.len(), name, member)
    }

    /// Size in bytes of a struct of the module, else of vmlinux.
    ///
    /// # Errors
    /// No struct of that name.
    pub fn module_size(&self, name: &'static str) -> Result<u64, BtfError> {
        self.size_in(self.ids_module_first(), name)
    }

    /// Size in bytes of a struct of vmlinux, else of the module.
    ///
    /// # Errors
    /// No struct of that name.
    pub fn kernel_size(&self, name: &'static str) -> Result<u64, BtfError> {
        self.size_in(1..self.offsets.len(), name)
    }

    fn size_in(
        &self,
        mut ids: impl Iterator<Item = usize>,
        name: &'static str,
    ) -> Result<u64, BtfError> {
        ids.find(|id| self.is(*id, KIND_STRUCT, name))
            .and_then(|id| self.get(id))
            .map(|found| u64::from(found.size_or_id))
            .ok_or(BtfError::NoStruct(name))
    }

    /// The id of a struct of vmlinux.
    pub fn kernel_struct(&self, name: &str) -> Option<u32> {
        let id = (1..self.first_module_id).find(|id| self.is(*id, KIND_STRUCT, name))?;
        u32::try_from(id).ok()
    }

    fn ids_module_first(&self) -> impl Iterator<Item = usize> {
        (self.first_module_id..self.offsets.len()).chain(1..self.first_module_id)
    }

    fn offset_in(
        &self,
        mut ids: impl Iterator<Item = usize>,
        name: &'static str,
        member: &'static str,
    ) -> Result<u64, BtfError> {
        ids.find_map(
            |id| {
                if self.is(id, KIND_STRUCT, name) { self.member(id, member, 4) } else { None }
            },
        )
        .map(|bits| u64::from(bits / 8))
        .ok_or(BtfError::NoMember { name, member })
    }

    /// Bit offset of a member, which may stand in an unnamed struct or union, `depth` levels deep.
    fn member(&self, id: usize, wanted: &str, depth: u32) -> Option<u32> {
        let of = self.get(id)?;
        (0..of.members()).find_map(|nth| {
            let at = nth * 12;
            let name = word(of.rest, at).ok()?;
            let offset = word(of.rest, at + 8).ok()?;
            let bits = if of.has_bit_fields() { offset & 0xff_ffff } else { offset };
            if name != 0 {
                return (self.string(name) == wanted.as_bytes()).then_some(bits);
            }
            let inner = self.unqualified(word(of.rest, at + 4).ok()? as usize)?;
            let inner_bits = self.member(inner, wanted, depth.checked_sub(1)?)?;
            bits.checked_add(inner_bits)
        })
    }

    /// The struct or union behind qualifiers.
    fn unqualified(&self, mut id: usize) -> Option<usize> {
        for _ in 0..8 {
            let found = self.get(id)?;
            if matches!(found.kind(), KIND_STRUCT | KIND_UNION) {
                return Some(id);
            }
            if !KINDS_TRANSPARENT.contains(&found.kind()) {
                return None;
            }
            id = found.size_or_id as usize;
        }
        None
    }

    fn is(&self, id: usize, kind: u32, name: &str) -> bool {
        self.get(id)
            .is_some_and(|found| found.kind() == kind && self.string(found.name) == name.as_bytes())
    }

    fn get(&self, id: usize) -> Option<Type<'a>> {
        let types = match &self.module {
            Some(module) if id >= self.first_module_id => module.types,
            _ => self.base.types,
        };
        let bytes = types.get(*self.offsets.get(id)? as usize..)?;
        Some(Type {
            name: word(bytes, 0).ok()?,
            info: word(bytes, 4).ok()?,
            size_or_id: word(bytes, 8).ok()?,
            rest: bytes.get(12..)?,
        })
    }

    fn string(&self, offset: u32) -> &'a [u8] {
        let base = self.base.strings;
        let from = match (base.get(offset as usize..), &self.module) {
            (Some(text), _) if !text.is_empty() => text,
            (_, Some(module)) => module.strings.get(offset as usize - base.len()..).unwrap_or(&[]),
            _ => &[],
        };
        from.split(|byte| *byte == 0).next().unwrap_or(&[])
    }
}

/// Appends the offset of each type.
fn index(types: &[u8], offsets: &mut Vec<u32>) -> Result<(), BtfError> {
    let mut at = 0;
    while at < types.len() {
        offsets.push(u32::try_from(at).map_err(|_| BtfError::Truncated(at))?);
        let info = word(types, at + 4)?;
        at += 12 + rest_len(info >> 24 & 0x1f, (info & 0xffff) as usize)?;
    }
    if at == types.len() { Ok(()) } else { Err(BtfError::Truncated(types.len())) }
}

/// Bytes that follow the fixed part of a type.
fn rest_len(kind: u32, count: usize) -> Result<usize, BtfError> {
    Ok(match kind {
        // Pointer, forward, typedef, volatile, const, restrict, function, float, type tag.
        2 | 7..=12 | 16 | 18 => 0,
        // Integer, variable, declaration tag.
        1 | 14 | 17 => 4,
        // Array.
        3 => 12,
        // Struct, union, data section, 64-bit enum.
        4 | 5 | 15 | 19 => count * 12,
        // Enum, function prototype.
        6 | 13 => count * 8,
        unknown => return Err(BtfError::UnknownKind(unknown)),
    })
}

#[cfg(test)]
mod tests;
