//! The library's `pools`: shards of manual pools.

weakenable!(shards, "src-pools-manual-shards.rs");
