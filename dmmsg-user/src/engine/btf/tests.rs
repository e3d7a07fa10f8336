//! BTF made by hand.
#![expect(clippy::cast_possible_truncation, reason = "a blob by hand is small")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Btf, BtfError, HEADER_LEN, KIND_FUNC, KIND_STRUCT, KIND_UNION, MAGIC};
use crate::engine::layout;

const KIND_INT: u32 = 1;
const KIND_CONST: u32 = 10;

/// A blob under construction.
#[derive(Default)]
struct Maker {
    types: Vec<u8>,
    strings: Vec<u8>,
    /// Where this blob's strings start: behind those of vmlinux for a module.
    first_string: u32,
    next_id: u32,
}

impl Maker {
    fn vmlinux() -> Self {
        Self { strings: vec![0], next_id: 1, ..Self::default() }
    }

    /// A module's blob, whose ids and strings go on where vmlinux's end.
    fn module_of(vmlinux: &Self) -> Self {
        let first_string = vmlinux.strings.len() as u32;
        Self { first_string, next_id: vmlinux.next_id, ..Self::default() }
    }

    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let offset = self.first_string + self.strings.len() as u32;
        self.strings.extend(text.bytes().chain([0]));
        offset
    }

    /// Adds a type; `info` is as in the kernel's `struct btf_type`.
    fn add(&mut self, name: &str, info: u32, size_or_id: u32, rest: &[u32]) -> u32 {
        let words = [self.string(name), info, size_or_id];
        self.types.extend(words.iter().chain(rest).flat_map(|word| word.to_le_bytes()));
        self.next_id += 1;
        self.next_id - 1
    }

    fn int(&mut self) -> u32 {
        self.add("int", KIND_INT << 24, 4, &[32])
    }

    fn function(&mut self, name: &str) -> u32 {
        self.add(name, KIND_FUNC << 24, 0, &[])
    }

    /// Adds a struct or union of members given by name, type and bit offset.
    fn composite(&mut self, kind: u32, name: &str, members: &[(&str, u32, u32)]) -> u32 {
        let rest = members.iter().flat_map(|(name, of, bits)| [self.string(name), *of, *bits]);
        let rest = rest.collect::<Vec<_>>();
        self.add(name, kind << 24 | members.len() as u32, 64, &rest)
    }

    fn blob(&self) -> Vec<u8> {
        let types_len = self.types.len() as u32;
        let version_1 = 1 << 16;
        let header = [
            MAGIC | version_1,
            HEADER_LEN as u32,
            0,
            types_len,
            types_len,
            self.strings.len() as u32,
        ];
        let mut blob = header.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        blob.extend(&self.types);
        blob.extend(&self.strings);
        blob
    }
}

fn error(vmlinux: &[u8], module: Option<&[u8]>) -> BtfError {
    match Btf::parse(vmlinux, module) {
        Ok(_) => panic!("it was taken"),
        Err(error) => error,
    }
}

#[test]
fn members_of_unnamed_structs_and_unions_are_found() {
    let mut vmlinux = Maker::vmlinux();
    let int = vmlinux.int();
    let inner = vmlinux.composite(KIND_STRUCT, "", &[("a", int, 0), ("b", int, 32)]);
    let qualified = vmlinux.add("", KIND_CONST << 24, inner, &[]);
    let union = vmlinux.composite(KIND_UNION, "", &[("c", int, 0), ("", qualified, 64)]);
    vmlinux.composite(KIND_STRUCT, "outer", &[("", int, 0), ("d", int, 32), ("", union, 128)]);
    let blob = vmlinux.blob();
    let btf = Btf::parse(&blob, None).unwrap();
    for (member, offset) in [("d", 4), ("c", 16), ("a", 24), ("b", 28)] {
        assert_eq!(btf.kernel_offset("outer", member), Ok(offset), "{member}");
    }
    let missing = BtfError::NoMember { name: "outer", member: "e" };
    assert_eq!(btf.kernel_offset("outer", "e"), Err(missing));
    assert_eq!(btf.module_size("outer"), Ok(64));
    assert_eq!(btf.module_size("other"), Err(BtfError::NoStruct("other")));
}

#[test]
fn a_struct_that_holds_itself_unnamed_ends_the_search() {
    let mut vmlinux = Maker::vmlinux();
    vmlinux.composite(KIND_STRUCT, "loop", &[("", 1, 0)]);
    let blob = vmlinux.blob();
    let missing = BtfError::NoMember { name: "loop", member: "a" };
    assert_eq!(Btf::parse(&blob, None).unwrap().kernel_offset("loop", "a"), Err(missing));
}

#[test]
fn bit_fields_do_not_hide_where_a_member_starts() {
    let mut vmlinux = Maker::vmlinux();
    let int = vmlinux.int();
    let names = [vmlinux.string("flag"), vmlinux.string("after")];
    let one_bit_at_3 = 1 << 24 | 3;
    let rest = [names[0], int, one_bit_at_3, names[1], int, 32];
    vmlinux.add("flags", 1 << 31 | KIND_STRUCT << 24 | 2, 8, &rest);
    let blob = vmlinux.blob();
    let btf = Btf::parse(&blob, None).unwrap();
    assert_eq!(btf.kernel_offset("flags", "flag"), Ok(0));
    assert_eq!(btf.kernel_offset("flags", "after"), Ok(4));
}

#[test]
fn a_module_goes_on_where_vmlinux_ends() {
    let mut vmlinux = Maker::vmlinux();
    let int = vmlinux.int();
    vmlinux.composite(KIND_STRUCT, "both", &[("x", int, 64)]);
    let in_vmlinux = vmlinux.function("target_message");
    let mut module = Maker::module_of(&vmlinux);
    module.composite(KIND_STRUCT, "both", &[("x", int, 96)]);
    module.composite(KIND_STRUCT, "hash_cell", &[("md", int, 320)]);
    let in_module = module.function("target_message");

    let (base, split) = (vmlinux.blob(), module.blob());
    let btf = Btf::parse(&base, Some(&split)).unwrap();
    assert_eq!(btf.module_offset("hash_cell", "md"), Ok(40));
    assert_eq!(btf.module_offset("both", "x"), Ok(12));
    assert_eq!(btf.kernel_offset("both", "x"), Ok(8));
    assert_eq!(btf.function("target_message"), Some(in_module));
    assert_eq!(btf.function("ctl_ioctl"), None);
    let alone = Btf::parse(&base, None).unwrap();
    assert_eq!(alone.function("target_message"), Some(in_vmlinux));
}

#[test]
fn data_that_cannot_be_read_is_refused() {
    let mut vmlinux = Maker::vmlinux();
    vmlinux.int();
    let good = vmlinux.blob();
    assert_eq!(error(&[], None), BtfError::NoHeader);
    assert_eq!(error(&good[..HEADER_LEN - 1], None), BtfError::NoHeader);
    let mut big_endian = good.clone();
    big_endian[..2].reverse();
    assert_eq!(error(&big_endian, None), BtfError::NoHeader);
    assert_eq!(error(&good, Some(b"")), BtfError::NoHeader);

    let cut = good.len() - 1;
    assert_eq!(error(&good[..cut], None), BtfError::Truncated(cut));
    let mut members_missing = Maker::vmlinux();
    members_missing.add("s", KIND_STRUCT << 24 | 3, 8, &[]);
    assert_eq!(error(&members_missing.blob(), None), BtfError::Truncated(12));
    let mut unknown = Maker::vmlinux();
    unknown.add("new", 20 << 24, 0, &[]);
    assert_eq!(error(&unknown.blob(), None), BtfError::UnknownKind(20));
}

/// Structs and members that the probes read, as `(in the module, struct, member)`.
const READ: [(bool, &str, &str); 25] = [
    (true, "hash_cell", "md"),
    (true, "mapped_device", "map"),
    (true, "mapped_device", "disk"),
    (false, "gendisk", "major"),
    (false, "gendisk", "first_minor"),
    (true, "dm_table", "num_targets"),
    (true, "dm_table", "targets"),
    (true, "dm_target", "type"),
    (true, "dm_target", "begin"),
    (true, "dm_target", "len"),
    (true, "target_type", "name"),
    (false, "task_struct", "tgid"),
    (false, "task_struct", "pid"),
    (false, "task_struct", "comm"),
    (false, "task_struct", "cred"),
    (false, "cred", "uid"),
    (false, "pt_regs", "dx"),
    (true, "hash_cell", "name"),
    (true, "hash_cell", "uuid"),
    (true, "mapped_device", "interface_ptr"),
    (true, "mapped_device", "flags"),
    (false, "gendisk", "private_data"),
    (false, "block_device", "bd_disk"),
    (false, "block_device", "bd_dev"),
    (false, "task_struct", "stack"),
];

/// A kernel where the offset of each member is 8 times its place in [`READ`].
fn kernel(without: Option<&str>) -> (Vec<u8>, Vec<u8>) {
    let mut vmlinux = Maker::vmlinux();
    let int = vmlinux.int();
    let mut structs = BTreeMap::<_, Vec<_>>::new();
    for (place, (in_module, name, member)) in READ.into_iter().enumerate() {
        let members = structs.entry((in_module, name)).or_default();
        if without != Some(member) {
            members.push((member, int, 64 * place as u32));
        }
    }
    let of = |in_module| structs.iter().filter(move |((place, _), _)| *place == in_module);
    for ((_, name), members) in of(false) {
        vmlinux.composite(KIND_STRUCT, name, members);
    }
    let mut module = Maker::module_of(&vmlinux);
    for ((_, name), members) in of(true) {
        module.composite(KIND_STRUCT, name, members);
    }
    (vmlinux.blob(), module.blob())
}

#[test]
fn the_layout_is_where_the_kernel_says() {
    let (vmlinux, module) = kernel(None);
    let layout = layout::resolve(&Btf::parse(&vmlinux, Some(&module)).unwrap(), None).unwrap();
    assert_eq!((layout.hash_cell_md, layout.md_disk, layout.disk_major), (0, 16, 24));
    assert_eq!((layout.target_size, layout.target_begin, layout.type_name), (64, 64, 80));
    assert_eq!((layout.task_comm, layout.cred_uid, layout.regs_third), (104, 120, 128));
    assert_eq!((layout.hash_cell_name, layout.md_interface, layout.bdev_dev), (136, 152, 184));
}

#[test]
fn a_kernel_without_a_member_is_refused_by_its_name() {
    let (vmlinux, module) = kernel(Some("num_targets"));
    let error = layout::resolve(&Btf::parse(&vmlinux, Some(&module)).unwrap(), None).unwrap_err();
    assert_eq!(error.to_string(), "no `dm_table::num_targets` in the kernel's BTF");
}

fn use_all_of(vmlinux: &[u8], module: Option<&[u8]>) {
    if let Ok(btf) = Btf::parse(vmlinux, module) {
        let _ = layout::resolve(&btf, None);
        let _ = (btf.function("target_message"), btf.module_size("dm_target"));
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(vmlinux: Vec<u8>, module: Option<Vec<u8>>) {
        use_all_of(&vmlinux, module.as_deref());
    }

    #[test]
    fn no_damage_panics(
        damage in prop::collection::vec(any::<(bool, prop::sample::Index, u8)>(), 1..8),
    ) {
        let (mut vmlinux, mut module) = kernel(None);
        for (in_module, at, byte) in damage {
            let blob = if in_module { &mut module } else { &mut vmlinux };
            let at = at.index(blob.len());
            blob[at] = byte;
        }
        use_all_of(&vmlinux, Some(&module));
    }
}
