//! The one error type.

/// Why an operation could not be done. The numbers are the C codes; 0 is
/// success and therefore not here. On `Err` nothing has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Res {
    /// Something no other code describes.
    Fail = 1,
    /// A resource other than memory ran out, notably address space.
    Resource = 2,
    /// Memory could not be had.
    Memory = 3,
    /// An internal limit was reached.
    Limit = 4,
    /// Not implemented, for this class or at all.
    Unimpl = 5,
    /// Input or output failed.
    Io = 6,
    /// It would have taken committed memory over the commit limit.
    CommitLimit = 7,
    /// A parameter was invalid.
    Param = 8,
}

/// A result in the library's terms.
pub type Result<T = ()> = core::result::Result<T, Res>;

impl Res {
    /// Success, as C spells it.
    pub const OK: i32 = 0;

    /// The error a C code stands for, `None` for success. Codes a client made
    /// up (a scanner's own) become [`Res::Fail`].
    #[inline]
    pub fn from_code(code: i32) -> Option<Res> {
        Some(match code {
            0 => return None,
            2 => Res::Resource,
            3 => Res::Memory,
            4 => Res::Limit,
            5 => Res::Unimpl,
            6 => Res::Io,
            7 => Res::CommitLimit,
            8 => Res::Param,
            _ => Res::Fail,
        })
    }

    /// The C code.
    #[inline]
    pub fn code(self) -> i32 {
        self as i32
    }
}

/// The C code of a result.
#[inline]
pub fn code_of(r: Result) -> i32 {
    match r {
        Ok(()) => Res::OK,
        Err(e) => e.code(),
    }
}

/// The result a C code stands for.
#[inline]
pub fn of_code(code: i32) -> Result {
    match Res::from_code(code) {
        None => Ok(()),
        Some(e) => Err(e),
    }
}
