//! The kernel command line: a program's name, then its arguments as `key=value`.

use core::str::{self, FromStr};

use crate::io;

/// Longest command line of nicvmm.
const MAX: u64 = 0x1_0000;

/// The kernel command line.
pub struct CommandLine(&'static str);

impl CommandLine {
    /// Finds it by `cmd_line_ptr` of the boot protocol's setup header.
    pub fn from_zero_page(zero_page: u64) -> Self {
        const CMD_LINE_PTR: u64 = 0x228;
        let address = u64::from(io::read::<u32>(zero_page + CMD_LINE_PTR));
        let length = (0..MAX).take_while(|at| io::read::<u8>(address + at) != 0).count();
        // SAFETY: the boot protocol promises a string ended by zero, and nothing writes to it.
        let text = unsafe { core::slice::from_raw_parts(address as *const u8, length) };
        Self(str::from_utf8(text).expect("the command line is UTF-8"))
    }

    /// The first word.
    pub fn program(&self) -> &'static str {
        self.0.split(' ').next().unwrap_or_default()
    }

    /// The value of argument `key`, or `default` where it is not given.
    pub fn get<T: FromStr>(&self, key: &str, default: T) -> T {
        let found = self.0.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        match found.map(str::parse) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(_)) => panic!("{key} has a value that makes no sense"),
        }
    }
}
