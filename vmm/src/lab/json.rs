//! Results as JSON that a person can read, too: pretty down to the records of a run, and each record
//! (a packet, a moment) on one line.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// Containers within so many others are on one line; in a comparison those are the records of its
/// runs: document, variants, variant, runs, run, records.
const DEPTH: usize = 6;

/// The text of a document in which a comparison lies within `outer` containers.
pub fn to_text(document: &impl Serialize, outer: usize) -> serde_json::Result<String> {
    let mut text = Vec::new();
    let lines = Lines { pretty: PrettyFormatter::new(), depth: 0, limit: outer + DEPTH };
    document.serialize(&mut Serializer::with_formatter(&mut text, lines))?;
    text.push(b'\n');
    String::from_utf8(text).map_err(serde::ser::Error::custom)
}

struct Lines {
    pretty: PrettyFormatter<'static>,
    depth: usize,
    limit: usize,
}

impl Lines {
    fn is_deep(&self) -> bool {
        self.depth > self.limit
    }
}

/// Both formatters keep what they need to know of the containers they began themselves.
macro_rules! by_depth {
    ($lines:expr, $method:ident($($argument:expr),*)) => {
        if $lines.is_deep() {
            CompactFormatter.$method($($argument),*)
        } else {
            $lines.pretty.$method($($argument),*)
        }
    };
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        by_depth!(self, begin_array(writer))
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let ended = by_depth!(self, end_array(writer));
        self.depth -= 1;
        ended
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        by_depth!(self, begin_array_value(writer, first))
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        by_depth!(self, end_array_value(writer))
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        by_depth!(self, begin_object(writer))
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let ended = by_depth!(self, end_object(writer));
        self.depth -= 1;
        ended
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        by_depth!(self, begin_object_key(writer, first))
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        by_depth!(self, begin_object_value(writer))
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        by_depth!(self, end_object_value(writer))
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
