//! [`LimitArgs`]: how much a file may ask for, where the defaults do not fit; what its bytes alone do not say.

use clap::{Args, ValueEnum};
use ndferry::{ByteOrder, OpenOptions};

/// Before a file that asks for more is refused.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Limits, for files that ask for much")]
pub(crate) struct LimitArgs {
    /// Arrays of one file (1048576).
    #[arg(long, global = true, hide_short_help = true, value_name = "N")]
    limit_members: Option<usize>,
    /// Bytes of an NPY header (1MiB).
    #[arg(long, global = true, hide_short_help = true, value_name = "SIZE", value_parser = crate::size::parse)]
    limit_header: Option<u64>,
    /// How deep an array may be nested in a pickle (1000).
    #[arg(long, global = true, hide_short_help = true, value_name = "N")]
    limit_depth: Option<usize>,
    /// Values in a pickle, each use counted (67108864).
    #[arg(long, global = true, hide_short_help = true, value_name = "N")]
    limit_values: Option<usize>,
    /// Values that a pickle remembers under a number (67108864).
    #[arg(long, global = true, hide_short_help = true, value_name = "N")]
    limit_memo: Option<usize>,
    /// Classes and functions that a pickle refers to, each time (1048576).
    #[arg(long, global = true, hide_short_help = true, value_name = "N")]
    limit_globals: Option<usize>,
    /// Digits of a number in a pickle that is spelled as text (10000).
    #[arg(long, global = true, hide_short_help = true, value_name = "N")]
    limit_digits: Option<usize>,
    /// Bytes that a compressed pickle may become (1TiB, at most 1GiB of one).
    #[arg(long, global = true, hide_short_help = true, value_name = "SIZE", value_parser = crate::size::parse)]
    limit_expanded: Option<u64>,
    /// Bytes of standard input or a pipe that are kept in memory: pickles, and what is small (4GiB).
    #[arg(long, global = true, hide_short_help = true, value_name = "SIZE", value_parser = crate::size::parse)]
    limit_stream: Option<u64>,
    /// Bytes of standard input or a pipe that go into a temporary file: arrays and archives of more than 16 MiB (1TiB).
    #[arg(long, global = true, hide_short_help = true, value_name = "SIZE", value_parser = crate::size::parse)]
    limit_spooled: Option<u64>,
    /// Byte order of an array.array that is pickled as a string of bytes: Jython writes big-endian, Python 2.6 its
    /// machine's order.
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        value_name = "ORDER",
        default_value = "big",
        help_heading = "Pickles"
    )]
    array_order: ArrayOrder,
}

/// Which byte comes first.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ArrayOrder {
    /// The most significant one.
    #[default]
    Big,
    /// The least significant one.
    Little,
}

impl LimitArgs {
    /// Sets those that were given.
    pub(crate) fn apply(self, options: &mut OpenOptions) {
        options.array_order = match self.array_order {
            ArrayOrder::Big => ByteOrder::Big,
            ArrayOrder::Little => ByteOrder::Little,
        };
        let limits = &mut options.limits;
        fn set<T>(to: &mut T, from: Option<T>) {
            if let Some(from) = from {
                *to = from;
            }
        }
        let header = self
            .limit_header
            .map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        set(&mut limits.members, self.limit_members);
        set(&mut limits.header_nbytes, header);
        set(&mut limits.depth, self.limit_depth);
        set(&mut limits.nodes, self.limit_values);
        set(&mut limits.memo, self.limit_memo);
        set(&mut limits.globals, self.limit_globals);
        set(&mut limits.digits, self.limit_digits);
        set(&mut limits.expanded_nbytes, self.limit_expanded);
        set(&mut limits.stream_nbytes, self.limit_stream);
        set(&mut limits.spooled_nbytes, self.limit_spooled);
    }
}
