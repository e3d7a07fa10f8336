//! Error numbers that messages return, by the kernel's names.
//!
//! Source: `include/uapi/asm-generic/errno-base.h` and `errno.h`, equal in 5.10 to 7.3.

macro_rules! errnos {
    ($($name:ident = $number:literal),* $(,)?) => {
        $(pub const $name: i32 = $number;)*

        #[cfg(test)]
        pub const ALL: &[(i32, &str)] = &[$(($number, stringify!($name))),*];
    };
}

errnos! {
    EPERM = 1,
    ENOENT = 2,
    EINTR = 4,
    EIO = 5,
    ENXIO = 6,
    ENOMEM = 12,
    ENOTBLK = 15,
    EBUSY = 16,
    EEXIST = 17,
    EINVAL = 22,
    ENOSPC = 28,
    ENODATA = 61,
    EOVERFLOW = 75,
    EOPNOTSUPP = 95,
    ENOKEY = 126,
    EKEYEXPIRED = 127,
    EKEYREVOKED = 128,
}
