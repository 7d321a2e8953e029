//! The library's `trace`: location dependencies.

weakenable!(history, "src-trace-history.rs");
