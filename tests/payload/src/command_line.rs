//! The kernel command line: a program's name, and its arguments as `key=value`.

use core::str::{self, FromStr};

use crate::io;

/// Longest command line of nicvmm.
const MAX: u64 = 0x1_0000;

/// The kernel command line.
#[derive(Debug)]
pub struct CommandLine(&'static str);

impl CommandLine {
    /// Finds it by `cmd_line_ptr` of the boot protocol's setup header.
    pub fn from_zero_page(zero_page: u64) -> Self {
        const CMD_LINE_PTR: u64 = 0x228;
        let address = u64::from(io::read::<u32>(zero_page + CMD_LINE_PTR));
        let length = (0..MAX).take_while(|at| io::read::<u8>(address + at) != 0).count();
        // SAFETY: the boot protocol promises a string ended by zero, and nothing writes to it.
        Self::from_bytes(unsafe { core::slice::from_raw_parts(address as *const u8, length) })
    }

    /// A line in the form of a command line.
    pub fn from_bytes(bytes: &'static [u8]) -> Self {
        Self(str::from_utf8(bytes).expect("the command line is UTF-8"))
    }

    /// Its words. Whoever boots the guest may put some of their own before the program's name.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.0.split(' ')
    }

    /// The value of argument `key`, if it is given.
    pub fn text(&self, key: &str) -> Option<&'static str> {
        self.words().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    /// The value of argument `key`, or `default` where it is not given.
    pub fn get<T: FromStr>(&self, key: &str, default: T) -> T {
        match self.text(key).map(str::parse) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(_)) => panic!("{key} has a value that makes no sense"),
        }
    }
}
