//! Where elements lie: one file per kind of place, all behind [`crate::lazy::Stored`].

#[cfg(feature = "npb")]
pub(crate) mod grid_reader;
pub(crate) mod one_pass;
pub(crate) mod plain;
#[cfg(feature = "npb")]
pub(crate) mod tile_cache;
#[cfg(feature = "npb")]
pub(crate) mod tile_overlap;
#[cfg(feature = "npb")]
pub(crate) mod tiles;
