//! Names of the kernel's error numbers.

/// The name of an errno, as in `EBUSY`.
///
/// `errno` is positive. Where two names share a number, the kernel's own spelling is given
/// (`EAGAIN`, not `EWOULDBLOCK`). Numbers that user space should never see, from 512 on, have no
/// name here.
///
/// Source: `include/uapi/asm-generic/errno-base.h` and `errno.h`, equal in 5.10 to 7.3.
pub fn errno_name(errno: i32) -> Option<&'static str> {
    let index = usize::try_from(errno).ok()?.checked_sub(1)?;
    NAMES.get(index).copied().filter(|name| !name.is_empty())
}

/// All names.
pub fn errno_names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().filter(|name| !name.is_empty())
}

/// Names by number, from 1; the numbers 41 and 58 are not used.
#[rustfmt::skip]
const NAMES: [&str; 133] = [
    "EPERM", "ENOENT", "ESRCH", "EINTR", "EIO", "ENXIO", "E2BIG", "ENOEXEC", "EBADF", "ECHILD",
    "EAGAIN", "ENOMEM", "EACCES", "EFAULT", "ENOTBLK", "EBUSY", "EEXIST", "EXDEV", "ENODEV",
    "ENOTDIR", "EISDIR", "EINVAL", "ENFILE", "EMFILE", "ENOTTY", "ETXTBSY", "EFBIG", "ENOSPC",
    "ESPIPE", "EROFS", "EMLINK", "EPIPE", "EDOM", "ERANGE", "EDEADLK", "ENAMETOOLONG", "ENOLCK",
    "ENOSYS", "ENOTEMPTY", "ELOOP", "", "ENOMSG", "EIDRM", "ECHRNG", "EL2NSYNC", "EL3HLT",
    "EL3RST", "ELNRNG", "EUNATCH", "ENOCSI", "EL2HLT", "EBADE", "EBADR", "EXFULL", "ENOANO",
    "EBADRQC", "EBADSLT", "", "EBFONT", "ENOSTR", "ENODATA", "ETIME", "ENOSR", "ENONET", "ENOPKG",
    "EREMOTE", "ENOLINK", "EADV", "ESRMNT", "ECOMM", "EPROTO", "EMULTIHOP", "EDOTDOT", "EBADMSG",
    "EOVERFLOW", "ENOTUNIQ", "EBADFD", "EREMCHG", "ELIBACC", "ELIBBAD", "ELIBSCN", "ELIBMAX",
    "ELIBEXEC", "EILSEQ", "ERESTART", "ESTRPIPE", "EUSERS", "ENOTSOCK", "EDESTADDRREQ",
    "EMSGSIZE", "EPROTOTYPE", "ENOPROTOOPT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EOPNOTSUPP",
    "EPFNOSUPPORT", "EAFNOSUPPORT", "EADDRINUSE", "EADDRNOTAVAIL", "ENETDOWN", "ENETUNREACH",
    "ENETRESET", "ECONNABORTED", "ECONNRESET", "ENOBUFS", "EISCONN", "ENOTCONN", "ESHUTDOWN",
    "ETOOMANYREFS", "ETIMEDOUT", "ECONNREFUSED", "EHOSTDOWN", "EHOSTUNREACH", "EALREADY",
    "EINPROGRESS", "ESTALE", "EUCLEAN", "ENOTNAM", "ENAVAIL", "EISNAM", "EREMOTEIO", "EDQUOT",
    "ENOMEDIUM", "EMEDIUMTYPE", "ECANCELED", "ENOKEY", "EKEYEXPIRED", "EKEYREVOKED",
    "EKEYREJECTED", "EOWNERDEAD", "ENOTRECOVERABLE", "ERFKILL", "EHWPOISON",
];

#[cfg(test)]
mod tests {
    use super::errno_name;

    #[test]
    fn names_stand_at_their_numbers() {
        let known = [
            (1, Some("EPERM")),
            (11, Some("EAGAIN")),
            (22, Some("EINVAL")),
            (35, Some("EDEADLK")),
            (41, None),
            (58, None),
            (61, Some("ENODATA")),
            (95, Some("EOPNOTSUPP")),
            (110, Some("ETIMEDOUT")),
            (133, Some("EHWPOISON")),
        ];
        for (errno, name) in known {
            assert_eq!(errno_name(errno), name, "{errno}");
        }
    }

    #[test]
    fn other_numbers_have_no_name() {
        for errno in [i32::MIN, -22, 0, 134, 524, i32::MAX] {
            assert_eq!(errno_name(errno), None, "{errno}");
        }
    }
}
