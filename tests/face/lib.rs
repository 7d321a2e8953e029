//! Nothing here: see tests/ and fail/.
